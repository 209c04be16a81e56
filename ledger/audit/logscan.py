"""One pass over the log's records for what crosses pools: settlements, loans and references twice, day closes.

The work is a map over ranges of entries, like the hashing of the tree: each range is read and scanned in whatever
process, and the ranges are added in ascending order to the one that begins at 0. What a record has to be known for
beforehand, the settlements and day closes, is read first (:func:`known`); they are few.

A record that cannot be read (erased, or not of this ledger's form) is *lost* to the scan: what it could have been part
of is undetermined, not contradicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ledger.audit import cash, duplicates
from ledger.audit.cash import CashScan
from ledger.audit.days import DayScan
from ledger.audit.duplicates import Concerns, DuplicateScan, ReadLoans
from ledger.domain import record
from ledger.domain.events import EVENTS
from ledger.domain.fold import Indexed, unsuperseded
from ledger.errors import MalformedError
from ledger.store import ReadConnection, Store, records, subjects
from ledger.store.logs import LogRow


@dataclass(frozen=True, slots=True)
class Known:
    """Records that say something of others: all settlements of accounts, all day closes."""

    settlements: tuple[Indexed, ...] = ()
    closes: tuple[Indexed, ...] = ()


class LogScan:
    """Scans records in ascending order; picklable."""

    def __init__(self, before: Known, *, start: int = 0) -> None:
        self.cash = CashScan(before.settlements, start=start)
        self.days = DayScan(before.closes)
        self.duplicates = DuplicateScan()
        self._wanted = cash.SCANNED | duplicates.SCANNED | self.days.types

    def take(self, index: int, raw: bytes | None) -> None:
        """Take the next record's bytes in; None where they are erased. Types that nobody asks for cost nothing."""
        if raw is not None and (kind := record.type_of(raw)) in EVENTS and kind not in self._wanted:
            return
        try:
            one = None if raw is None else record.parse(raw)
        except MalformedError:
            one = None
        if one is None:
            self.cash.lose(index)
            self.days.lose(index)
            return
        self.cash.take(index, one)
        self.days.take(index, one)
        self.duplicates.take(index, one)

    def add(self, other: Self) -> None:
        """Take in what the next range gave."""
        self.cash.add(other.cash)
        self.days.add(other.days)
        self.duplicates.add(other.duplicates)


def known(connection: ReadConnection, log: LogRow, *, before: int) -> Known:
    """Read the settlements and day closes with an index below ``before``."""
    accounts = subjects.accounts(connection, log.id)
    days = subjects.by_name(connection, log.id, ["log"])
    return Known(
        _parsed(connection, accounts, before),
        _parsed(connection, [row.id for row in days.values()], before),
    )


def _parsed(connection: ReadConnection, ids: Sequence[int], before: int) -> tuple[Indexed, ...]:
    rows = records.of_subjects(connection, ids, before=before)
    found = [(row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None]
    return tuple(sorted(found, key=lambda pair: pair[0]))


def scan(store: Store, log: LogRow, before: Known, start: int, stop: int) -> LogScan:
    """Scan the records with start ≤ index < stop."""
    found = LogScan(before, start=start)
    with store.read() as connection:
        for row in records.between(connection, log.id, start, stop):
            found.take(row.index, None if row.record is None else bytes(row.record))
    return found


def reader(connection: ReadConnection, log: LogRow, *, before: int) -> ReadLoans:
    """How the candidates of :meth:`DuplicateScan.check` are read again."""

    def read(indexes: Sequence[int]) -> dict[str, list[Indexed]]:
        ids = records.subjects_at(connection, log.id, indexes)
        loans: dict[str, list[Indexed]] = {}
        for row in records.of_subjects(connection, ids, before=before):
            if row.record is not None:
                one = record.parse(bytes(row.record))
                loans.setdefault(one.subject, []).append((row.index, one))
        return {subject: own for subject, own in loans.items() if unsuperseded(own)}

    return read


def of_pool(connection: ReadConnection, log: LogRow, loan_ids: Sequence[int]) -> Concerns:
    """Findings are wanted of the loans with these ids."""
    ids = frozenset(loan_ids)

    def wanted(names: set[str]) -> set[str]:
        return {row.name for row in subjects.by_name(connection, log.id, names).values() if row.id in ids}

    return wanted
