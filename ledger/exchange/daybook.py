"""What the log says of business dates, and whose it is: read once, for reconciliation files and for closes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from ledger.domain import calendar, dayclose, fold, loans, record
from ledger.domain.calendar import parse_effective
from ledger.domain.dayclose import Counted, Flow, Owned
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.fold import Indexed
from ledger.domain.loans import LoanState
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.subjects import EncumbranceRow

_CORRECTION: Final = "correction.made"
_READ: Final = frozenset({*dayclose.TYPES, _CORRECTION})
#: Records whose loans are looked up together: few queries, little memory.
_TOGETHER: Final = 5_000


@dataclass(slots=True, kw_only=True)
class DayBook:
    """What the records with an index below ``before`` say of a business date.

    ``flows`` are the parts of parties. ``corrections`` took effect on the date, of whatever date's records: what each
    changes is in no sum. ``erased`` records may have been of the date: nobody can tell any more.
    """

    day: date
    before: int
    records: list[Counted] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    corrections: list[Flow] = field(default_factory=list)
    contracts: dict[tuple[str, str], str] = field(default_factory=dict)
    erased: int = 0

    def lines(self) -> list[dict[str, Any]]:
        """The lines of a close of the date."""
        return dayclose.lines(self.records, self.flows)


def lines_of(lines: Iterable[dict[str, Any]], party: str) -> list[dict[str, Any]]:
    """Those of a close's lines that are one party's."""
    return [line for line in lines if line["holder"] == party]


def touched(connection: ReadConnection, log: LogRow, start: int, stop: int) -> Counter[str]:
    """How many records with start ≤ index < stop tell something of each business date."""
    found: Counter[str] = Counter()
    for row in records.between(connection, log.id, start, stop):
        if row.record is not None and record.type_of(raw := bytes(row.record)) in _READ:
            found[record.effective_of(raw)] += 1
    return Counter({day: count for day, count in found.items() if len(day) == len("YYYY-MM-DD")})


def read(
    connection: ReadConnection, log: LogRow, days: Collection[date], *, before: int
) -> dict[date, DayBook]:
    """What the records below ``before`` say of each of these dates, in one pass over those that can."""
    books = {day: DayBook(day=day, before=before) for day in days}
    if not books:
        return books
    by_text = {day.isoformat(): book for day, book in books.items()}
    # No record is effective after the day on which it was posted, so none of a date stands before its morning.
    morning = calendar.end_of_business_day(min(books) - timedelta(days=1), log.zone, log.day_cut)
    start = records.first_posted_from(connection, log.id, calendar.format_instant(morning))
    waiting: list[tuple[int, Indexed]] = []
    for row in records.between(connection, log.id, before if start is None else start, before):
        if row.record is None:
            for book in books.values():
                book.erased += 1
            continue
        raw = bytes(row.record)
        if record.type_of(raw) in _READ and record.effective_of(raw) in by_text:
            waiting.append((row.subject_id, (row.index, record.parse(raw))))
            if len(waiting) == _TOGETHER:
                _divide(connection, log, by_text, waiting, before=before)
                waiting = []
    _divide(connection, log, by_text, waiting, before=before)
    for book in books.values():
        book.flows.sort()
        book.corrections.sort()
    return books


def _divide(
    connection: ReadConnection,
    log: LogRow,
    books: dict[str, DayBook],
    found: list[tuple[int, Indexed]],
    *,
    before: int,
) -> None:
    """Write records down in the books of their dates, with whose they are; each found with its subject's id."""
    places = _Places(connection, log, {subject for subject, _ in found}, before=before)
    for subject, (index, one) in found:
        book, state = books[one.effective], places.states.get(subject)
        if state is not None:
            book.contracts |= places.contracts(subject)
        if isinstance(one.event, CorrectionMade):
            assert state is not None  # only loans' records can be corrected
            book.corrections += places.corrected(subject, state, index)
            continue
        book.records.append(dayclose.counted(index, one))
        claims = [] if state is None else places.owned(subject, state, one.when.ordinal)
        book.flows += dayclose.flows(index, one, claims, 0 if state is None else state.remainder)


class _Places:
    """Whose the claims of some loans were on a morning, by the records below an index."""

    def __init__(
        self, connection: ReadConnection, log: LogRow, subject_ids: Collection[int], *, before: int
    ) -> None:
        self._connection = connection
        self._before = before
        rows = subjects.by_id(connection, subject_ids)
        #: loans only; a pool has no claims of its own
        self.states: dict[int, LoanState] = {
            row.id: loans.decode(row.state) for row in rows.values() if row.name.startswith("loan:")
        }
        self._names = {row.id: row.name.removeprefix("loan:") for row in rows.values()}
        self._firsts = records.first_of(connection, self.states)
        keys = {
            bytes(claim.asset_key): (claim.subject_id, claim.name)
            for claim in subjects.claims_of(connection, self.states)
        }
        steps = subjects.encumbrances_of(connection, log.id, keys, before=before)
        self._days = _effective(connection, log, {step.index for step in steps})
        pools = subjects.by_id(connection, {step.pool_id for step in steps})
        self._pools = {row.id: row.name.removeprefix("pool:") for row in pools.values()}
        self._steps: dict[tuple[int, str], list[EncumbranceRow]] = {}
        for step in steps:
            self._steps.setdefault(keys[bytes(step.asset_key)], []).append(step)
        self._known: dict[int, list[Indexed]] = {}

    def owned(self, subject: int, state: LoanState, ordinal: int) -> list[Owned]:
        """The claims of a loan as they were when the day began."""
        creditors = self._creditors(subject, state, ordinal)
        return [
            Owned(part.name, part.share, creditor, self._holders(subject, part.name, ordinal))
            for part, creditor in zip(state.claims, creditors, strict=True)
        ]

    def corrected(self, subject: int, state: LoanState, index: int) -> list[Flow]:
        """What the correction at ``index`` changes of each party's part; nothing where no close counts the type."""
        known = self._records(subject)
        correction = next(one for at, one in known if at == index)
        assert isinstance(correction.event, CorrectionMade)
        if correction.event.type not in dayclose.TYPES:
            return []
        name = correction.event.record
        was, now = (
            next(
                (one for one in fold.unsuperseded(known, before=stop) if one.record.digest.hex() == name),
                None,
            )
            for stop in (index, index + 1)
        )
        original = next(one for _, one in known if one.digest.hex() == name)
        claims = self.owned(subject, state, original.when.ordinal)
        return list(
            dayclose.difference(index, correction, was, now, claims=claims, remainder=state.remainder)
        )

    def contracts(self, subject: int) -> dict[tuple[str, str], str]:
        """(loan, claim) → the creditor's own number of it (借据号), as the loan began."""
        raw = self._firsts.get(subject)
        if raw is None:
            return {}
        claims = msgspec.json.decode(raw)["data"]["claims"]
        return {(self._names[subject], claim["claim"]): claim.get("contract", "") for claim in claims}

    def _holders(self, subject: int, claim: str, ordinal: int) -> tuple[tuple[str, str, int], ...]:
        shares: dict[tuple[str, str], int] = {}
        for step in self._steps.get((subject, claim), ()):
            if self._days[step.index] < ordinal:
                place = (self._pools[step.pool_id], step.holder)
                shares[place] = shares.get(place, 0) + step.change
        return tuple((pool, holder, share) for (pool, holder), share in sorted(shares.items()) if share > 0)

    def _creditors(self, subject: int, state: LoanState, ordinal: int) -> list[str]:
        """Each claim's creditor on that morning: as the state has it, unless one was ever bought back."""
        if all(part.bought[1] < 0 for part in state.claims):
            return [part.creditor for part in state.claims]
        first, *rest = fold.unsuperseded(self._records(subject))
        then = [first, *(one for one in rest if one.record.when.ordinal < ordinal)]
        return [part.creditor for part in fold.state_of(then, count=len(then)).claims]

    def _records(self, subject: int) -> list[Indexed]:
        if subject not in self._known:
            rows = records.of_subject(self._connection, subject, before=self._before)
            self._known[subject] = [
                (row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None
            ]
        return self._known[subject]


def _effective(connection: ReadConnection, log: LogRow, indexes: Iterable[int]) -> dict[int, int]:
    """Index → effective day (ordinal) of records that moved shares; pools' records are never erased."""
    found = records.raw_at(connection, log.id, indexes)
    return {
        index: parse_effective(record.effective_of(raw)).ordinal
        for index, raw in found.items()
        if raw is not None
    }
