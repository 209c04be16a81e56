"""One pass over the log's records for what crosses pools: settlements, loans and references twice, day closes.

The work is a map over ranges of entries, like the hashing of the tree: each range is read and scanned in whatever
process, and the ranges are added in ascending order to the one that begins at 0. What a record has to be known for
beforehand, the settlements and day closes, is read first (:func:`known`); they are few.

A record that cannot be read (erased, missing, or not of this ledger's form) is *lost* to the scan: what it could have
been part of is undetermined, not contradicted.

No register commits to how many settlements and day closes there are, and the database finds them by an index of its
own. So the scan, which sees every record of the tree, also says which of them were not filed where they are looked up.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple, Self

from ledger.audit.chains import read_records
from ledger.audit.findings import Evidence, Notes
from ledger.audit.scan import cash, duplicates
from ledger.audit.scan.cash import CashBook, CashScan
from ledger.audit.scan.days import DayScan
from ledger.audit.scan.duplicates import Concerns, DuplicateScan, ReadLoans
from ledger.audit.sight import Outside
from ledger.audit.statements import Signers
from ledger.domain import record
from ledger.domain.events import EVENTS
from ledger.domain.events.base import SubjectKind
from ledger.domain.fold import Indexed, unsuperseded
from ledger.domain.record import Record
from ledger.errors import MalformedError
from ledger.proofs.canonical import sha256
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.subjects import SubjectRow

#: Types of the records that are known beforehand: they are about accounts and about the log.
_TOLD: Final = frozenset(name for name, kind in EVENTS.items() if kind.subject in ("account", "log"))
_SETTLEMENTS: Final = (
    "a settlement may be missing: an entry is not there, cannot be read or is filed elsewhere"
)
_NONE_SHOWN: Final = "no settlement is shown of an account to which a loan of the pool was paid"
_CLOSES: Final = "a day close may be missing: an entry is not there, cannot be read or is filed elsewhere"


@dataclass(frozen=True, slots=True)
class Known:
    """Records that say something of others: all settlements of accounts, all day closes.

    ``read`` are the indexes of all records that are filed under accounts and under the log; ``broken`` says of which
    of the two some record does not hold and is left out. ``outside`` says of payments that are not shown what the
    settlements need; None: every record is there or erased.
    """

    settlements: tuple[Indexed, ...] = ()
    closes: tuple[Indexed, ...] = ()
    read: frozenset[int] = frozenset()
    broken: frozenset[SubjectKind] = frozenset()
    outside: Outside | None = None


class Misfiled(NamedTuple):
    """A record that the database has under another subject than its own."""

    subject: str
    type: str
    evidence: Evidence


class LogScan:
    """Scans records in ascending order; picklable."""

    def __init__(self, before: Known, *, start: int = 0) -> None:
        self.cash = CashScan(before.settlements, start=start, outside=before.outside)
        self._told = before.outside is not None
        self.days = DayScan(before.closes)
        self.duplicates = DuplicateScan()
        self.misfiled: list[Misfiled] = []
        self._read, self._broken = before.read, before.broken
        self._missed = False
        self._wanted = cash.SCANNED | duplicates.SCANNED | self.days.types

    def take(self, index: int, raw: bytes | None) -> None:
        """Take the next record's bytes in; None where they are gone. Types that nobody asks for cost nothing."""
        kind = "" if raw is None else record.type_of(raw)
        if raw is not None and kind in _TOLD and index not in self._read:
            one = _readable(raw)
            subject = "log" if one is None else one.subject
            self.misfiled.append(Misfiled(subject, kind, Evidence(index, sha256(raw).hex())))
        if kind in EVENTS and kind not in self._wanted:
            return
        one = None if raw is None else _readable(raw)
        if one is None:
            self._lose(index, erased=raw is None)
            return
        self.cash.take(index, one)
        self.days.take(index, one)
        self.duplicates.take(index, one)

    def miss(self, index: int) -> None:
        """An entry of the tree is not there: it may have been anything."""
        self._missed = True
        self._lose(index, erased=False)

    def _lose(self, index: int, *, erased: bool) -> None:
        """A record cannot be read; ``erased``: with its loan, of which nothing is left that could stand there twice.

        One that this reader is not shown is the same but for settlements, which are told what they need of it.
        """
        if not (self._told and erased):
            self.cash.lose(index)
        self.days.lose(index)
        if not erased:
            self.duplicates.lose()

    def add(self, other: Self) -> None:
        """Take in what the next range gave."""
        self.cash.add(other.cash)
        self.days.add(other.days)
        self.duplicates.add(other.duplicates)
        self.misfiled += other.misfiled
        self._missed |= other._missed

    def book(self) -> CashBook:
        """What the settlements say, once all ranges are added."""
        found = self.cash.finish()
        if self._told and not found.settled:
            found = replace(found, gap=_NONE_SHOWN)
        return replace(found, gap=_SETTLEMENTS) if self._lacks("account") else found

    def check(self, notes: Notes) -> None:
        """Write down which records are not filed under their subjects, and what that leaves open of the day closes."""
        for one in self.misfiled:
            notes.find("record.misfiled", one.subject, evidence=[one.evidence], type=one.type)
        if self._lacks("log"):
            notes.procedure("days").undecided(_CLOSES)

    def _lacks(self, kind: SubjectKind) -> bool:
        """Whether some record about such a subject is not among those that were known beforehand."""
        misfiled = any(EVENTS[one.type].subject == kind for one in self.misfiled)
        return self._missed or kind in self._broken or misfiled


def _readable(raw: bytes) -> Record | None:
    try:
        return record.parse(raw)
    except MalformedError:
        return None


def known(
    connection: ReadConnection,
    log: LogRow,
    *,
    before: int,
    notes: Notes,
    outside: Outside | None = None,
    signers: Signers | None = None,
) -> Known:
    """Read the settlements and day closes with an index below ``before``; those that do not hold are findings.

    With ``signers`` a settlement that is not shown to be the account bank's word is left out, too.
    With ``outside`` the reader is not shown every record of the log's own, so that these are no whole chain.
    """
    accounts = subjects.by_id(connection, subjects.accounts(connection, log.id))
    whole = subjects.by_name(connection, log.id, ["log"])
    settlements = _read(connection, log, accounts.values(), before, notes)
    if outside is None:
        closes = _read(connection, log, whole.values(), before, notes)
    else:
        closes = _read_some(connection, whole.values(), before)
    if signers is not None:
        unproven = signers.unproven(log.origin, (*settlements.held, *closes.held), notes)
        settlements = settlements.without(unproven)
    lacking: dict[SubjectKind, _Told] = {"account": settlements, "log": closes}
    broken = {kind for kind, told in lacking.items() if len(told.held) < len(told.read)}
    return Known(
        tuple(settlements.held), tuple(closes.held), frozenset(settlements.read | closes.read),
        frozenset(broken if outside is None else {*broken, "log"}), outside,
    )  # fmt: skip


class _Told(NamedTuple):
    """Records of accounts or of the log: indexes of all, and those that hold, ascending."""

    read: set[int]
    held: list[Indexed]

    def without(self, indexes: Container[int]) -> _Told:
        """The same, less of those that hold."""
        return self._replace(held=[pair for pair in self.held if pair[0] not in indexes])


def _read(
    connection: ReadConnection, log: LogRow, rows: Iterable[SubjectRow], before: int, notes: Notes
) -> _Told:
    names = {row.id: row.name for row in rows}
    own = records.of_subjects(connection, names, before=before)
    held: list[Indexed] = []
    for subject_id, chain in groupby(own, key=lambda row: row.subject_id):
        held += read_records(names[subject_id], log.origin, list(chain), notes)
    return _Told({row.index for row in own}, sorted(held, key=lambda pair: pair[0]))


def _read_some(connection: ReadConnection, rows: Iterable[SubjectRow], before: int) -> _Told:
    """Records that are no whole chain, those that can be read."""
    own = records.of_subjects(connection, [row.id for row in rows], before=before)
    parsed = ((row.index, _readable(bytes(row.record))) for row in own if row.record is not None)
    held = [(index, one) for index, one in parsed if one is not None]
    return _Told({row.index for row in own}, sorted(held, key=lambda pair: pair[0]))


def reader(connection: ReadConnection, log: LogRow, *, before: int) -> ReadLoans:
    """How the candidates of :meth:`DuplicateScan.check` are read again, without the records that cannot be read."""

    def read(indexes: Sequence[int]) -> dict[str, list[Indexed]]:
        ids = records.subjects_at(connection, log.id, indexes)
        loans: dict[str, list[Indexed]] = {}
        for row in records.of_subjects(connection, ids, before=before):
            one = None if row.record is None else _readable(bytes(row.record))
            if one is not None:
                loans.setdefault(one.subject, []).append((row.index, one))
        return {subject: own for subject, own in loans.items() if unsuperseded(own)}

    return read


def of_pool(connection: ReadConnection, log: LogRow, loan_ids: Sequence[int]) -> Concerns:
    """Findings are wanted of the loans with these ids."""
    ids = frozenset(loan_ids)

    def wanted(names: set[str]) -> set[str]:
        return {row.name for row in subjects.by_name(connection, log.id, names).values() if row.id in ids}

    return wanted
