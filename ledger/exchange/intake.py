"""One file in: held against its manifest and against what was seen before, then its lines into the log.

Nothing of a file is stored before all of it was looked at: it is copied first, hashed on the way, counted and summed
as its manifest says, and only then handed to the ledger line by line. What was done is remembered before the first line
goes in (*taking*) and after the last (*taken*), and event ids are the file's own, so a run that ends anywhere can be
repeated: nothing is doubled, and the reply comes out the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ledger.batches import BatchWriter
from ledger.domain import calendar
from ledger.errors import MalformedError
from ledger.exchange import manifest as manifests
from ledger.exchange import plan as plans
from ledger.exchange import replies
from ledger.exchange.layout import Inbound, Slot
from ledger.exchange.manifest import Manifest
from ledger.exchange.place import Place
from ledger.exchange.plan import ExpectedFile
from ledger.exchange.replies import ReplyWriter
from ledger.exchange.states import BAD, State, slot_of
from ledger.log import Ledger
from ledger.quotes import in_quotes
from ledger.store import exchange, logs
from ledger.store.exchange import FileRow
from ledger.tapes import csv, ndjson
from ledger.tapes.mapping import MappingForm
from ledger.tapes.model import Reject

#: Called with (what is done, units done, units in all).
Progress = Callable[[str, int, int], None]
_NOTHING: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run made of a file.

    ``again``: a content that was taken in before was sent again; it changes nothing. ``as_before``: a bad one was
    looked at once more, and is bad for the same reason.
    """

    row: FileRow
    again: bool = False
    as_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A file under way: where its copy is and where its reply is written; ``known`` are all rows of its party."""

    file: Inbound
    expected: ExpectedFile | None
    known: Sequence[FileRow]
    copy: Path
    reply: Path


class _BadFile(Exception):  # noqa: N818 - a verdict on the file; it ends in its row
    """Nothing of the file is to be stored, and why."""

    def __init__(self, state: State, detail: str, *, rows: int = 0) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = detail
        self.rows = rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What taking files in works with."""

    place: Place
    ledger: Ledger
    batch: int
    progress: Progress
    #: mappings that were read, by name: the files of a run share them
    mappings: dict[str, MappingForm] = field(default_factory=dict)

    def take(self, file: Inbound, expected: ExpectedFile | None, known: Sequence[FileRow]) -> Outcome:
        """Judge a file that is new, changed or to be tried again; ``known`` are all rows of its party so far."""
        arrived = calendar.format_instant(min(file.ok.modified, self._now()))
        row = FileRow(
            party=file.slot.party, day=file.slot.day.isoformat(), name=file.slot.name, sha256=_NOTHING,
            state=State.WRONG, tag=file.tag, detail="", arrived=arrived, begun=self.ledger.row().size,
            rows=0, accepted=0, repeated=0, refused=0,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="poolproof-exchange-") as folder:
            job = _Job(
                file=file, expected=expected, known=known,
                copy=Path(folder) / "file", reply=Path(folder) / "reply.csv",
            )  # fmt: skip
            try:
                if file.data is not None:
                    digest = self.place.fetch(file.data.path, job.copy, self._stage(f"fetch {file.slot}"))
                    row = replace(row, sha256=bytes.fromhex(digest))
                outcome = self._judge(job, row)
            except _BadFile as bad:
                outcome = Outcome(row=replace(row, state=bad.state, detail=bad.detail, rows=bad.rows))
            if any(_is_as_before(one, outcome.row) for one in known):
                return replace(outcome, as_before=True)
            if not outcome.again:
                replies.send(self.place, file.slot, outcome.row, job.reply if job.reply.exists() else None)
            self._remember(outcome.row)
        return outcome

    def _judge(self, job: _Job, row: FileRow) -> Outcome:
        """What becomes of a file; raises :class:`_BadFile` where nothing of it is to be stored."""
        slot = job.file.slot
        before = next(
            (one for one in job.known if slot_of(one) == slot and one.state in {State.TAKEN, State.TAKING}),
            None,
        )
        if before is not None and before.sha256 == row.sha256:
            if before.state == State.TAKEN and not before.refused:
                return Outcome(row=replace(before, tag=job.file.tag), again=True)
            row = replace(row, begun=before.begun, arrived=before.arrived)
        elif before is not None:
            taken, further = before.sha256.hex(), f"{slot.base}.{slot.number + 1}"
            raise _BadFile(
                State.ALTERED,
                f"what was taken in has SHA-256 {taken}; a correction comes as a further file, such as {further}",
            )
        form, rows = self._check(job, row)
        row = replace(row, rows=rows)
        twin = next((one for one in job.known if _is_twin(one, row)), None)
        if twin is not None:
            row = self._hand_in(job, row, form, dry_run=True)
            detail = f"the same bytes as {slot_of(twin)}, taken in before"
            return Outcome(row=replace(row, state=State.REPEATED, detail=detail))
        row = self._hand_in(job, self._start(row), form, dry_run=False)
        if row.repeated and not (row.accepted or row.refused):
            return Outcome(
                row=replace(row, state=State.REPEATED, detail="every line of it was accepted before")
            )
        lines = row.accepted + row.repeated + row.refused
        detail = f"{row.refused} of {lines} lines refused; the reply names them" if row.refused else ""
        return Outcome(row=replace(row, state=State.TAKEN, detail=detail))

    # -- checks, before anything is stored -----------------------------------------------------------------

    def _check(self, job: _Job, row: FileRow) -> tuple[MappingForm | None, int]:
        """Its mapping and number of rows; raises for a file of which nothing is to be stored."""
        file, expected = job.file, job.expected
        if expected is None:
            raise _BadFile(
                State.UNEXPECTED, f"the plan has no file {in_quotes(file.slot.base)} of {file.slot.party}"
            )
        if file.data is None or file.manifest is None:
            absent = "file" if file.data is None else "manifest"
            raise _BadFile(State.WRONG, f"its flag is there, its {absent} is not")
        if file.is_events == (expected.mapping is not None):
            wanted = "rows: .csv" if expected.mapping is not None else "events: .ndjson"
            raise _BadFile(State.WRONG, f"the plan expects a file of {wanted}")
        form = None if expected.mapping is None else self._mapping(expected.mapping)
        try:
            stated = manifests.parse(self.place.read(file.manifest.path, limit=manifests.MAX_BYTES))
            _check_names(stated, file.slot, expected)
            found = manifests.count(job.copy, None if form is None else form.file, list(stated.sums))
        except MalformedError as error:
            raise _BadFile(State.WRONG, f"{error.what}: {error.reason}") from None
        if said := manifests.differences(stated, found):
            raise _BadFile(State.SHORT, "; ".join(said), rows=found.rows)
        if stated.sha256 != row.sha256.hex():
            detail = f"SHA-256: {stated.sha256} stated, {row.sha256.hex()} there"
            raise _BadFile(State.ALTERED, detail, rows=found.rows)
        return form, found.rows

    def _mapping(self, name: str) -> MappingForm:
        if name not in self.mappings:
            self.mappings[name] = plans.mapping(self.place, name)
        return self.mappings[name]

    # -- lines into the log --------------------------------------------------------------------------------

    def _hand_in(self, job: _Job, row: FileRow, form: MappingForm | None, *, dry_run: bool) -> FileRow:
        """Hand every line to the ledger and write the reply; the row with its counts."""
        writer = ReplyWriter(job.reply, begun=row.begun)
        try:
            batches = BatchWriter(
                self.ledger,
                party=row.party,
                on_error="report",
                dry_run=dry_run,
                batch=self.batch,
                told=writer.tell,
            )
            for item, line in self._items(job.file.slot, form, job.copy):
                if isinstance(item, Reject):
                    writer.reject(item)
                else:
                    batches.add(item, line)
            batches.finish()
        except MalformedError as error:
            raise _BadFile(State.WRONG, f"{error.what}: {error.reason}", rows=row.rows) from None
        finally:
            writer.close()
        told = writer.outcomes
        return replace(row, accepted=told["accepted"], repeated=told["repeated"], refused=told["refused"])

    def _items(
        self, slot: Slot, form: MappingForm | None, copy: Path
    ) -> Iterator[tuple[dict[str, Any] | bytes | Reject, int]]:
        """What a file's lines are, each with the number of its line."""
        stage = self._stage(f"take in {slot}")
        if form is None:
            size, done = copy.stat().st_size, 0
            with copy.open("rb") as stream:
                for number, line in ndjson.lines(stream):
                    done += len(line) + 1
                    stage(done, size)
                    yield line, number
            return
        tape = csv.read(copy, form, party=slot.party, name=f"{slot.name}.csv", progress=stage)
        for item in tape:
            yield item, tape.summary.line

    def _stage(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self.progress(what, done, total)

    # -- memory --------------------------------------------------------------------------------------------

    def withdraw(self, rows: Iterable[FileRow], there: set[Slot]) -> list[FileRow]:
        """Bad contents that do not lie there any more, remembered as withdrawn."""
        gone = [
            replace(row, state=State.WITHDRAWN)
            for row in rows
            if row.state in BAD and slot_of(row) not in there
        ]
        for row in gone:
            self._put(row)
        return gone

    def _start(self, row: FileRow) -> FileRow:
        """Remember that a file's lines go in from now on; the row with the size of the log when they first did.

        Another run may have begun the same file meanwhile: what that one puts in is this file's as well.
        """
        with self.ledger.store.write() as connection:
            log = logs.lock(connection, self.ledger.origin)
            begun = min(row.begun, log.size)
            for other in exchange.files(connection, log.id, first=row.day, last=row.day):
                same = slot_of(other) == slot_of(row) and other.sha256 == row.sha256
                if same and other.state in {State.TAKING, State.TAKEN}:
                    begun = min(begun, other.begun)
            row = replace(row, begun=begun)
            exchange.put_file(connection, log.id, replace(row, state=State.TAKING))
        return row

    def _remember(self, row: FileRow) -> None:
        """Put a row; other bad contents under the same name have given way to it."""
        with self.ledger.store.write() as connection:
            log = logs.lock(connection, self.ledger.origin)
            for other in exchange.files(connection, log.id, first=row.day, last=row.day):
                if slot_of(other) == slot_of(row) and other.sha256 != row.sha256 and other.state in BAD:
                    exchange.put_file(connection, log.id, replace(other, state=State.WITHDRAWN))
            exchange.put_file(connection, log.id, row)

    def _put(self, row: FileRow) -> None:
        with self.ledger.store.write() as connection:
            exchange.put_file(connection, logs.lock(connection, self.ledger.origin).id, row)

    def _now(self) -> datetime:
        return self.ledger.clock()


def _is_as_before(one: FileRow, row: FileRow) -> bool:
    """Whether a bad content that was looked at again is what it was."""
    return row.state in BAD and replace(row, begun=one.begun) == one


def _is_twin(one: FileRow, row: FileRow) -> bool:
    """Whether a file that was taken in under another name has the same bytes; files without rows look alike."""
    same = one.sha256 == row.sha256 and one.rows and one.state == State.TAKEN
    return bool(same) and slot_of(one) != slot_of(row)


def _check_names(stated: Manifest, slot: Slot, expected: ExpectedFile) -> None:
    """Raise :class:`MalformedError` where a manifest is not of this file."""
    wanted = {
        "party": slot.party, "date": slot.day, "name": slot.name, "mapping": expected.mapping,
    }  # fmt: skip
    for name, value in wanted.items():
        said = getattr(stated, name)
        if said != value:
            raise MalformedError("manifest", f"{name}: {said} stated, it lies under {value}")
