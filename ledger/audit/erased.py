"""Erased or missing: a loan whose bytes are gone is erased where the log says so, and missing everywhere else.

A record ``subject.erased`` names index and digest of each record that went. Only what it names by the committed digest
counts as erased; the rest is withheld, whoever took it out of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.domain import record
from ledger.domain.events.corrections import SubjectErased
from ledger.errors import PoolproofError
from ledger.proofs.canonical import sha256
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow

#: Why an audit below the size of an erasure does not know of it.
LATER = "what says that the loan is erased came later"


@dataclass(frozen=True, slots=True)
class Erasures:
    """Subject → index of the record that erased it, and what that record names."""

    told: dict[str, tuple[int, frozenset[tuple[int, str]]]]

    @classmethod
    def read(cls, connection: ReadConnection, log: LogRow) -> Erasures:
        """Every erasure that the log's own records tell, as far as these can be read."""
        row = subjects.by_name(connection, log.id, ["log"]).get("log")
        told: dict[str, tuple[int, frozenset[tuple[int, str]]]] = {}
        for one in records.of_subject(connection, row.id) if row else ():
            if (event := _read(one)) is not None:
                told[event.subject] = (one.index, frozenset(event.records))
        return cls(told)

    def of(self, subject: str, own: Sequence[RecordRow], *, before: int) -> int | None:
        """Index of the record that erased these, all that a subject has below an index; None where none did."""
        index, named = self.told.get(subject, (None, frozenset()))
        gone = {(one.index, bytes(one.digest).hex()) for one in own if one.record is None}
        return index if len(gone) == len(own) and gone == {one for one in named if one[0] < before} else None


def _read(row: RecordRow) -> SubjectErased | None:
    """What the record erased, if it did; bytes that are not the committed ones say nothing."""
    raw = bytes(row.record or b"")
    if b'"type":"subject.erased"' not in raw or sha256(raw) != bytes(row.digest):
        return None
    try:
        event = record.parse(raw).event
    except PoolproofError:  # among the findings of whoever reads the log's own records
        return None
    return event if isinstance(event, SubjectErased) else None
