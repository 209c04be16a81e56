"""The loans of a pool, page by page in the order of their names, with where each stands.

A name's beginning and a holder are looked up. Status and delinquency are not: a filter by them goes through the loans
in order and stops after :data:`MOST_EXAMINED` of them, however large the pool: the page then says how far it has
looked, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.audit.chains import read_records
from ledger.audit.findings import Notes
from ledger.audit.run import last_day
from ledger.domain import loans, money, seals
from ledger.domain import pools as states
from ledger.domain.delinquency import UNDETERMINED, Measure
from ledger.domain.fold import unsuperseded
from ledger.domain.position import Life
from ledger.errors import RefusedError
from ledger.log import Ledger
from ledger.quotes import in_quotes
from ledger.store import ReadConnection, logs, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.subjects import SubjectRow

#: Loans on a page of the portal.
PAGE: Final = 50
#: Loans that are looked at for one page at most: about a second's work where they are folded.
MOST_EXAMINED: Final = 1_000
#: Loans that are read at a time where most will not fit: a query for each part of them, and some megabytes of records.
_AT_A_TIME: Final = 250
#: The statuses that may be asked for.
STATUSES: Final = ("originated", "active", "settled", "charged_off", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which loans are wanted: by the beginning of the name, status, bucket, least days past due, holder of a share.

    A loan whose days are undetermined has the bucket ``undetermined`` and no number of them; one that has ended has no
    bucket.
    """

    name: str = ""
    status: str = ""
    bucket: str = ""
    min_days: int | None = None
    holder: str = ""

    @property
    def ages(self) -> bool:
        """Whether it asks for what depends on the day, so that loans have to be folded."""
        return bool(self.bucket) or self.min_days is not None

    @property
    def derives(self) -> bool:
        """Whether a loan has to be looked at to know."""
        return bool(self.status) or self.ages


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A loan in the list; amounts of its whole, as decimal strings. ``held`` is principal on the pool's ``shares`` (ppm
    by claim). Bucket and days are told where they were asked for.
    """

    name: str
    status: str
    erased: bool
    currency: str = ""
    principal: str = ""
    held: str = ""
    bucket: str = ""
    days_past_due: int | None = None
    undetermined: bool = False
    records: int = 0
    shares: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of loans. ``after`` leads to the next one; ``examined`` loans were looked at for it."""

    rows: tuple[Row, ...]
    after: str | None
    examined: int
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be asked for of one pool."""

    buckets: tuple[str, ...]
    holders: tuple[str, ...]


def choices(ledger: Ledger, pool: str) -> Choices:
    """Buckets by the pool's rules, and who holds a share in it now."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"])[f"pool:{pool}"]
        holders = subjects.holders_in(connection, log.id, row.id)
    return Choices(buckets=_buckets(Measure.of(states.decode(row.state).rules_data)), holders=tuple(holders))


def page(
    ledger: Ledger, pool: str, wanted: Filter, *, after: str, limit: int | None = None, aged: bool = True
) -> Page:
    """The loans of a pool that the reader was found to see, after a name; ``aged`` tells their days past due too.

    Raises :class:`RefusedError` for a word that no loan of the pool can have, naming those that there are.
    """
    limit = PAGE if limit is None else limit
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"])[f"pool:{pool}"]
        measure, day = Measure.of(states.decode(row.state).rules_data), last_day(connection, log, log.size)
        look = _Look(connection, log, row.id, measure, day, aged=aged or wanted.ages)
        _check(wanted, look)
        found: list[Row] = []
        examined, last = 0, after
        piece = _AT_A_TIME if wanted.derives else limit
        more = True
        while more and len(found) < limit and examined < MOST_EXAMINED:
            ids = look.names(wanted, after=last, limit=min(piece, MOST_EXAMINED - examined))
            more = bool(ids)
            for one in look.rows(ids):
                examined, last = examined + 1, one.name
                if _fits(one, wanted):
                    found.append(one)
                if len(found) == limit:
                    break
        more = more and bool(look.names(wanted, after=last, limit=1))
    return Page(
        rows=tuple(found), after=last if more else None, examined=examined, as_of=look.day.isoformat()
    )


def _buckets(measure: Measure) -> tuple[str, ...]:
    return (*measure.buckets, UNDETERMINED)


def _check(wanted: Filter, look: _Look) -> None:
    allowed: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("status", wanted.status, STATUSES),
        ("bucket", wanted.bucket, _buckets(look.measure)),
    )
    if wanted.holder:
        holders = subjects.holders_in(look.connection, look.log.id, look.pool_id)
        allowed += (("holder", wanted.holder, holders),)
    for field, given, words in allowed:
        if given and given not in words:
            there = ", ".join(words) if words else "nobody"
            raise RefusedError(field, f"{in_quotes(given)} is none of this pool's: {there}", rule="unknown")


def _fits(one: Row, wanted: Filter) -> bool:
    if wanted.status and one.status != wanted.status:
        return False
    if wanted.bucket and one.bucket != wanted.bucket:
        return False
    return wanted.min_days is None or (one.days_past_due is not None and one.days_past_due >= wanted.min_days)


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of a pool's loans, on one snapshot."""

    connection: ReadConnection
    log: LogRow
    pool_id: int
    measure: Measure
    day: date
    aged: bool

    def names(self, wanted: Filter, *, after: str, limit: int) -> list[int]:
        """Ids of the next loans that are looked up by name and holder."""
        return subjects.loans_held(
            self.connection, self.log.id, self.pool_id, after=f"loan:{after}", prefix=f"loan:{wanted.name}",
            limit=limit, holder=wanted.holder or None,
        )  # fmt: skip

    def rows(self, ids: Sequence[int]) -> Iterator[Row]:
        """These loans in their order."""
        rows = subjects.by_id(self.connection, ids)
        own: dict[int, list[RecordRow]] = {one: [] for one in ids}
        if self.aged:
            for record in records.of_subjects(self.connection, ids, before=self.log.size):
                own[record.subject_id].append(record)
        shares = self._shares(ids)
        for one in ids:
            yield self._row(rows[one], own[one], shares[one])

    def _shares(self, ids: Sequence[int]) -> dict[int, dict[str, int]]:
        """Loan → claim → ppm that the pool holds."""
        claims = {bytes(one.asset_key): one for one in subjects.claims_of(self.connection, ids)}
        found: dict[int, dict[str, int]] = {one: {} for one in ids}
        for step in subjects.encumbrances_of(self.connection, self.log.id, claims):
            if step.pool_id == self.pool_id:
                claim = claims[bytes(step.asset_key)]
                mine = found[claim.subject_id]
                mine[claim.name] = mine.get(claim.name, 0) + step.change
        return found

    def _row(self, row: SubjectRow, own: Sequence[RecordRow], shares: dict[str, int]) -> Row:
        name = row.name.removeprefix("loan:")
        mine = tuple((claim, share) for claim, share in sorted(shares.items()) if share)
        if row.secret is None:
            return Row(name=name, status="", erased=True, records=row.count, shares=mine)
        state = loans.decode(row.state)
        held = sum(
            seals.held(part.principal, shares.get(part.name, 0), state.currency)[0] for part in state.claims
        )
        bucket, days, undetermined = (
            self._age(row, own, ended=state.ended) if self.aged else ("", None, False)
        )
        return Row(
            name=name, status=state.status, erased=False, currency=state.currency,
            principal=money.format(state.principal, state.currency), held=money.format(held, state.currency),
            bucket=bucket, days_past_due=days, undetermined=undetermined, records=row.count, shares=mine,
        )  # fmt: skip

    def _age(self, row: SubjectRow, own: Sequence[RecordRow], *, ended: bool) -> tuple[str, int | None, bool]:
        standing = unsuperseded(read_records(row.name, self.log.origin, own, Notes()), until=self.day)
        days, undetermined = None, True
        if standing and standing[0].record.kind.begins:
            position = Life(standing, count=row.count).at(self.day)
            days, undetermined = self.measure.days(position), bool(position.undetermined)
        return "" if ended else self.measure.bucket(days), days, undetermined
