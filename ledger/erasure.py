"""Erasure: a loan's contents go, its digests stay, and a record of the log says so.

One transaction posts ``subject.erased``, which names index and digest of each of the loan's records, and takes out
their bytes, the disclosures, the secret, the stored receipts and the folded state (:mod:`ledger.store.erasure`). Of the
state stays what that record tells (:func:`ledger.domain.erasure.left`), so that a pool that has the loan can still be
counted and sealed. The register's values of the loan's claims stay as they were, and so do the claims' places: the
asset keys stay taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from ledger.append import Accepted
from ledger.domain import calendar, erasure, loans, record
from ledger.domain.events import read_submission
from ledger.domain.events.corrections import MAX_ERASED, SubjectErased
from ledger.errors import MalformedError, RefusedError
from ledger.sequence import Sequencer
from ledger.store import ReadConnection, WriteConnection, logs, records, subjects
from ledger.store import erasure as contents
from ledger.store.logs import LogRow
from ledger.store.subjects import SubjectRow

#: Years for which a loan's records are kept after its end (the setting `retention_years` says why).
RETENTION_YEARS = 5
#: The subject under which erasures stand.
_LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """What an erasure works with; ``retention_years`` are those after a loan's end."""

    sequencer: Sequencer
    retention_years: int

    def erase(self, loan: str, *, party: str, basis: str, note: str | None, now: datetime) -> Accepted:
        """Erase a loan in one transaction; see :meth:`ledger.log.Ledger.erase`."""
        subject = f"loan:{loan}"
        with self.sequencer.store.write() as connection:
            log = logs.lock(connection, self.sequencer.origin)
            row = subjects.by_name(connection, log.id, [subject]).get(subject)
            if row is None or row.head is None:
                raise RefusedError("subject", f'"{subject}" is unknown', rule="unknown_subject")
            if row.secret is None:
                raise RefusedError("subject", f"{subject} is erased already", rule="erased")
            now = max(now, calendar.parse_instant(log.posted))
            today = calendar.business_date(now, log.zone, log.day_cut)
            data = self._data(connection, log, row, today)
            data |= {"basis": basis} | ({} if note is None else {"note": note})
            submission = read_submission(
                {
                    # One erasure a loan, so its last digest names it; a loan's name may fill an id already.
                    "id": f"erased.{row.head.hex()[:32]}", "type": SubjectErased.kind.name, "subject": _LOG,
                    "effective": today.isoformat(), "party": party, "data": data,
                }
            )  # fmt: skip
            accepted = self.sequencer.take_erasure(connection, submission, now=now)
            assert isinstance(submission.event, SubjectErased)
            _take_out(connection, log, row, submission.event)
        return accepted

    def _data(self, connection: ReadConnection, log: LogRow, row: SubjectRow, today: date) -> dict[str, Any]:
        """What subject.erased says; raises :class:`RefusedError` where the loan may not be erased."""
        state = loans.decode(row.state)
        end = erasure.check_erasable(row.name, state, today=today, retention_years=self.retention_years)
        _check_published(connection, log, row)
        rows = records.of_subject(connection, row.id)
        if len(rows) > MAX_ERASED:
            raise RefusedError(
                "subject",
                f"{row.name} has {len(rows)} records, one erasure can name {MAX_ERASED}",
                rule="too_large",
            )
        return {
            "subject": row.name,
            "records": [[one.index, bytes(one.digest).hex()] for one in rows],
            "ended": end.isoformat(),
            **erasure.told(state),
        }

    def again(self) -> list[str]:
        """Take out what the log says is erased and is here all the same; returns these subjects."""
        with self.sequencer.store.write() as connection:
            log = logs.lock(connection, self.sequencer.origin)
            said = {event.subject: event for event in _erasures(connection, log)}
            rows = subjects.by_name(connection, log.id, said).values()
            again = [row for row in rows if contents.remains(connection, log.id, row.id)]
            for row in again:
                _take_out(connection, log, row, said[row.name])
        return [row.name for row in again]

    def returned(self, noted: Iterable[Noted]) -> list[Noted]:
        """Which of these erasures this database does not know, though it has the loan: it is an older backup."""
        wanted = {f"loan:{one.loan}": one for one in noted}
        with self.sequencer.store.read() as connection:
            log = logs.get(connection, self.sequencer.origin)
            rows = subjects.by_name(connection, log.id, wanted)
        return [one for name, one in wanted.items() if name in rows and rows[name].secret is not None]

    def rewrite(self) -> None:
        """Write the database's files anew, so that what was erased is in none of them."""
        contents.rewrite(self.sequencer.store)


def _check_published(connection: ReadConnection, log: LogRow, row: SubjectRow) -> None:
    """The register's last values of the loan's claims need its secret, so they must stand before it goes."""
    keys = [claim.asset_key for claim in subjects.claims_of(connection, [row.id])]
    steps = subjects.encumbrances_of(connection, log.id, keys)
    last = max([row.last_index, *(step.index for step in steps)])
    if last >= log.published:
        raise RefusedError(
            "subject",
            f"{row.name}: entry {last} about it is not published yet; try again after the next checkpoint",
            rule="not_published",
        )


def _take_out(connection: WriteConnection, log: LogRow, row: SubjectRow, event: SubjectErased) -> None:
    rest = loans.encode(erasure.left(event, log.origin))
    contents.erase(connection, log.id, row.id, rest=rest)


def _erasures(connection: ReadConnection, log: LogRow) -> Iterator[SubjectErased]:
    """Every subject.erased of the log, in its order."""
    row = subjects.by_name(connection, log.id, [_LOG]).get(_LOG)
    for one in records.of_subject(connection, row.id) if row else ():
        if one.record is not None:
            event = record.parse(bytes(one.record)).event
            if isinstance(event, SubjectErased):
                yield event


class Noted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the journal: an erasure, as it was asked for."""

    origin: str
    loan: str
    party: str
    basis: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Journal:
    """A file beside the database that remembers erasures, for the day on which an older backup is put back.

    Holds one JSON object a line: what was asked for, never what was erased.
    """

    path: Path

    def add(self, noted: Noted) -> None:
        """Note an erasure, durably."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(msgspec.json.encode(noted) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self, origin: str) -> list[Noted]:
        """The erasures of this log, in their order; raises :class:`MalformedError` for a line that is none."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        try:
            noted = [msgspec.json.decode(line, type=Noted) for line in lines]
        except msgspec.MsgspecError as error:
            raise MalformedError(str(self.path), str(error)) from None
        return [one for one in noted if one.origin == origin]
