"""One run over a place: files in, replies out, reconciliation files out, and what there is to act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.domain import calendar
from ledger.domain.events.base import HOLDING
from ledger.errors import RefusedError
from ledger.exchange import close as closes
from ledger.exchange import daybook, layout, recon
from ledger.exchange import plan as plans
from ledger.exchange.close import Closed, Standing
from ledger.exchange.daybook import DayBook
from ledger.exchange.intake import Intake, Outcome, Progress
from ledger.exchange.layout import Inbound
from ledger.exchange.place import Place
from ledger.exchange.plan import Plan
from ledger.exchange.states import Book, Kind, Problem, State, slot_of
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import exchange, logs
from ledger.store.exchange import DayRow, ExchangeRow, FileRow
from ledger.store.logs import LogRow

#: Records whose dates are told in one pass over the log: some hundred MiB of memory at most, unless a date has more.
_RECORDS_TOGETHER = 200_000


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did, and what is left to act on. ``strays`` are flags that lie where no file can."""

    files: list[Outcome] = field(default_factory=list)
    late: list[FileRow] = field(default_factory=list)
    withdrawn: list[FileRow] = field(default_factory=list)
    told: list[date] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.files or self.withdrawn or self.told)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "files": [_file(one) for one in self.files],
            "late": [str(slot_of(row)) for row in self.late],
            "withdrawn": [str(slot_of(row)) for row in self.withdrawn],
            "told": [day.isoformat() for day in self.told],
            "strays": self.strays,
            "problems": [one.to_json() for one in self.problems],
        }


class Exchange:
    """The exchange of a log's files at a place; ``batch`` events go into the log in one transaction.

    Raises :class:`ConfigurationError` for a plan or a mapping that cannot work.
    """

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        *,
        batch: int,
        progress: Progress = lambda _what, _done, _total: None,
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._text = plans.read(place)
        self.plan: Plan = plans.parse(self._text)
        self._intake = Intake(place=place, ledger=ledger, batch=batch, progress=progress)
        self._progress = progress

    def run(self) -> Report:
        """Take in what is new, answer it, tell the partners, and look what is missing."""
        self._begin()
        report = Report()
        ready, report.strays = layout.inbound(self._place.entries("in"))
        self._take_all(ready, report)
        report.withdrawn = self._intake.withdraw(self._rows(), {file.slot for file in ready})
        report.told = self._tell()
        book = self._book()
        report.late = [one.row for one in report.files if not one.again and book.is_late(one.row)]
        report.problems = self.problems()
        report.problems += [
            Problem(day="", party="", name=path, kind=Kind.UNEXPECTED, detail="no file can lie there")
            for path in report.strays
        ]
        return report

    def problems(self) -> list[Problem]:
        """What there is to act on as things stand, by date."""
        book = self._book()
        return [problem for day in book.days() for problem in book.problems(day)]

    def close(self, day: date, *, party: str, signer: Signer | None) -> Closed:
        """Close a date for a party and tell the partners so; see :func:`ledger.exchange.close.close`.

        Raises :class:`RefusedError` as long as its files are not all in.
        """
        self._begin()
        book = self._book()
        wrong = [one for one in book.problems(day) if one.kind != Kind.REOPENED and one.name != layout.CLOSE]
        if wrong or not book.is_complete(day):
            reason = "; ".join(str(one) for one in wrong) or "its files are not all there, and not due yet"
            raise RefusedError("date", f"{day} cannot be closed: {reason}", rule="day_incomplete")
        closed = closes.close(self._ledger, day, party=party, signer=signer)
        with self._ledger.store.read() as connection:
            log = logs.get(connection, self._ledger.origin)
            newest = closes.servicers_newest(connection, log)[
                day.isoformat()
            ]  # a partner's close answers one
            told = exchange.days(connection, log.id).get(day.isoformat())
            if told is not None and told.before == told.closed == newest.before:
                return closed
            books = daybook.read(connection, log, [day], before=newest.before)
        self._write(log, books[day], newest)
        return closed

    # -- files in ------------------------------------------------------------------------------------------

    def _take_all(self, ready: Sequence[Inbound], report: Report) -> None:
        """Take in what was not seen yet, by day, in the order of the plan.

        What a run began and did not end is taken up; what the plan or a mapping may have made wrong is looked at again.
        """
        known = {(slot_of(row), row.sha256): row for row in self._rows()}
        again = {State.TAKING, State.WRONG, State.UNEXPECTED}
        seen = {(slot, row.tag) for (slot, _), row in known.items() if row.state not in again}
        for file in sorted(ready, key=lambda file: (file.slot.day, self.plan.place_of(file.slot), file.slot)):
            if (file.slot, file.tag) in seen:
                continue
            of_party = [row for (slot, _), row in known.items() if slot.party == file.slot.party]
            outcome = self._intake.take(file, self.plan.find(file.slot), of_party)
            known[file.slot, outcome.row.sha256] = outcome.row
            if not outcome.as_before:
                report.files.append(outcome)

    # -- files out -----------------------------------------------------------------------------------------

    def _tell(self) -> list[date]:
        """Make the partners' files of dates that are complete and new, or of which new records came."""
        book = self._book()
        partners = self._partners()
        there = {entry.path for entry in self._place.entries("out")}
        with self._ledger.store.read() as connection:
            log = logs.get(connection, self._ledger.origin)
            row = exchange.get(connection, log.id)
            assert row is not None
            changed = daybook.touched(connection, log, row.scanned, log.size)
            newest = closes.servicers_newest(connection, log)
        days = []
        for day in book.days():
            text = day.isoformat()
            told, closed = book.told.get(text), newest.get(text)
            if told is None:
                days += [day] if book.is_complete(day) else []
            elif (
                text in changed
                or told.closed != (closed and closed.before)
                or not all(recon.is_there(there, partner, day) for partner in partners)
            ):
                days.append(day)
        done = 0
        for some in _together(days, changed):
            self._progress("reconciliation files", done, len(days))
            with self._ledger.store.read() as connection:
                books = daybook.read(connection, log, some, before=log.size)
            for day, one in books.items():
                self._write(log, one, newest.get(day.isoformat()))
            done += len(some)
        self._remember(scanned=log.size)
        return days

    def _write(self, log: LogRow, book: DayBook, newest: Standing | None) -> None:
        """Put the partners' files of a date there, and remember it; ``newest`` is the close that they answer."""
        lines = book.lines()
        if newest is not None and newest.before < book.before:
            with self._ledger.store.read() as connection:
                then = daybook.read(connection, log, [book.day], before=newest.before)[book.day]
            if then.lines() == lines:
                book.before = newest.before  # the records between are of other dates
        current = newest is not None and newest.before == book.before
        for partner in self._partners():
            ready = closes.answer(book.day, partner, book.before, lines) if current else None
            recon.write(self._place, log, book, partner, lines=lines, close=ready)
        row = DayRow(
            day=book.day.isoformat(), before=book.before, closed=None if newest is None else newest.before
        )
        with self._ledger.store.write() as connection:
            log = logs.lock(connection, self._ledger.origin)
            exchange.put_day(connection, log.id, row)

    def _partners(self) -> list[str]:
        """Who gets reconciliation files."""
        parties = self._ledger.parties()
        if self.plan.partners is None:
            return [one.name for one in parties if HOLDING & frozenset(one.roles)]
        unknown = set(self.plan.partners) - {one.name for one in parties}
        if unknown:
            raise RefusedError("partners", f"{', '.join(sorted(unknown))}: no party of this log")
        return self.plan.partners

    # -- memory --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        with self._ledger.store.read() as connection:
            row = exchange.get(connection, logs.get(connection, self._ledger.origin).id)
        self._remember(scanned=row.scanned if row else 0)

    def _remember(self, *, scanned: int) -> None:
        now = calendar.format_instant(self._ledger.clock())
        row = ExchangeRow(place=self._place.name, plan=self._text, ran=now, scanned=scanned)
        with self._ledger.store.write() as connection:
            exchange.put(connection, logs.lock(connection, self._ledger.origin).id, row)

    def _rows(self) -> list[FileRow]:
        with self._ledger.store.read() as connection:
            return exchange.files(connection, logs.get(connection, self._ledger.origin).id)

    def _book(self) -> Book:
        with self._ledger.store.read() as connection:
            log = logs.get(connection, self._ledger.origin)
            files, told = exchange.files(connection, log.id), exchange.days(connection, log.id)
        return Book(self.plan, files, told, zone=log.zone, now=self._ledger.clock())


def _together(days: Iterable[date], records: Counter[str]) -> Iterator[list[date]]:
    """Dates in groups of which one pass can hold the records; a date of which the number is not known goes alone."""
    group: list[date] = []
    total = 0
    for day in days:
        size = records.get(day.isoformat(), _RECORDS_TOGETHER)
        if group and total + size > _RECORDS_TOGETHER:
            yield group
            group, total = [], 0
        group.append(day)
        total += size
    if group:
        yield group


def _file(one: Outcome) -> dict[str, Any]:
    """A file that was handled, for ``--json``."""
    row = one.row
    return {
        "party": row.party, "day": row.day, "name": row.name, "state": str(row.state), "again": one.again,
        "rows": row.rows, "accepted": row.accepted, "repeated": row.repeated, "refused": row.refused,
        "detail": row.detail, "sha256": row.sha256.hex(),
    }  # fmt: skip
