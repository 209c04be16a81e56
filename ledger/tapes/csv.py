"""Events out of anyone's own delimited file, by a mapping (:mod:`ledger.tapes.mapping`).

A row goes in whole or not at all: all events that the mapping makes of it, or one reject that names every
column at fault. Each submission is held against the domain's own rules for its type before it is yielded,
so that a reject names line and column, not a place in some later batch.

The header is checked before the first row: a column that the mapping uses and the file lacks, or has twice,
refuses the file; that is also how a wrong encoding shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ledger.domain.events import read_submission
from ledger.errors import RefusedError
from ledger.tapes import rows
from ledger.tapes.compile import Cells, Event, compile_events, guarded
from ledger.tapes.mapping import MappingForm
from ledger.tapes.model import FieldError, Progress, Reject, Submission, Tape, TapeSummary

#: Stands for a field where the row as a whole is meant.
_ROW = "(row)"


def read(
    path: Path | str,
    mapping: MappingForm,
    *,
    party: str,
    progress: Progress | None = None,
    name: str | None = None,
) -> Tape:
    """Open a delimited file: checks all of it, then yields submissions and rejects row by row.

    ``party`` is the submitter where an event of the mapping names none. ``name`` is what the summary and
    ``@file`` call the file (default: its name without the folder).

    Raises:
        ConfigurationError: the mapping cannot work (unknown type, member, unit, …).
        MalformedError: the file's structure, encoding or header does not fit; nothing of it goes in.

    """
    path = Path(path)
    form = mapping.file
    dialect = rows.Dialect(form.encoding, form.delimiter, form.quote, form.skip_lines, form.header)
    compile_events(mapping, None)  # a mapping that cannot work is said before a big file is read
    total = path.stat().st_size if path.is_file() else 0
    checked = rows.check(path, dialect, progress and (lambda done: progress(done, 2 * total)))
    header = checked.header or list(form.columns)
    summary = TapeSummary(form="csv", source=name or path.name, sha256=checked.sha256, size=checked.size)
    reader = _Reader(mapping, header, summary, party)
    source = rows.rows(path, dialect, checked, progress and (lambda done: progress(total + done, 2 * total)))
    return Tape(summary, reader.items(source))


class _Reader:
    """Turns rows into items."""

    def __init__(self, mapping: MappingForm, header: list[str], summary: TapeSummary, party: str) -> None:
        self._events = compile_events(mapping, header)
        self._width = len(header)
        self._footers = tuple(mapping.file.footers)
        self._skip_unmatched = mapping.file.unmatched == "skip"
        self._built_in = {"@sha256": summary.sha256, "@file": summary.source}
        self._summary = summary
        self._party = party

    def items(self, source: Iterator[rows.Row]) -> Iterator[Submission | Reject]:
        """The submissions of each row in the order of the mapping's events, or its reject."""
        summary = self._summary
        for row in source:
            if self._footers and not row.fault and row.cells[0].strip().startswith(self._footers):
                summary.flag(_ROW, "skipped as a footer", record=row.number, line=row.line)
                continue
            summary.records += 1
            summary.line = row.line
            cells = Cells(row.cells, {"@line": str(row.line), "@row": str(row.number), **self._built_in})
            submissions = self._submissions(row, cells)
            if cells.faults:
                subjects = [found for one in submissions if isinstance(found := one["subject"], str)]
                yield summary.reject(_rejected(row, cells.faults, subjects[0] if subjects else ""))
                continue
            for kind, path, currency, units in cells.sums:
                summary.add(kind, path, currency, units)
            for submission in submissions:
                yield summary.count(submission)

    def _submissions(self, row: rows.Row, cells: Cells) -> list[Submission]:
        """What the mapping makes of a row; what is wrong goes to ``cells.faults``."""
        fault = row.fault
        if fault is None and len(row.cells) != self._width:
            fault = f"has {len(row.cells)} cells where the header has {self._width}"
        if fault is not None:
            cells.faults.append(FieldError(_ROW, fault))
            return []
        try:
            chosen = [event for event in self._events if event.applies(cells)]
        except FieldError as error:
            cells.faults.append(error)
            return []
        if not chosen:
            reason = "no event of the mapping takes this row"
            if self._skip_unmatched:
                self._summary.flag(_ROW, reason, record=row.number, line=row.line)
            else:
                cells.faults.append(FieldError(_ROW, reason))
        return [self._submission(event, cells) for event in chosen]

    def _submission(self, event: Event, cells: Cells) -> Submission:
        """One event of one row, held against the domain's rules for its type."""
        before = len(cells.faults)
        submission: Submission = {
            "id": guarded(event.id, cells),
            "type": event.type,
            "subject": guarded(event.subject, cells),
            "effective": guarded(event.effective, cells),
            "party": event.party or self._party,
            "data": event.data(cells),
        }
        private = event.private(cells)
        if private:
            submission["private"] = private
        if len(cells.faults) == before:
            try:
                read_submission(submission)
            except RefusedError as error:
                column = _column_of(error.field, event.columns)
                shown = f"{column} ({error.field})" if column else error.field
                cells.faults.append(FieldError(shown, error.reason))
        return submission


def _rejected(row: rows.Row, faults: list[FieldError], subject: str) -> Reject:
    """One reject for all faults of a row, each field named once."""
    unique = list({(fault.field, fault.reason): fault for fault in faults}.values())
    first = unique[0]
    if len(unique) == 1:
        return Reject(row.number, row.line, first.field, first.reason, first.value, subject)
    names = ", ".join(dict.fromkeys(fault.field for fault in unique))
    reason = "; ".join(f"{fault.field} {fault.reason}" for fault in unique)
    return Reject(row.number, row.line, names, reason, first.value, subject)


def _column_of(path: str, columns: dict[str, str]) -> str:
    """The column that feeds the member at ``path``, or the nearest one above it."""
    while path:
        if path in columns:
            return columns[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return ""
