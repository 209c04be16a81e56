"""What one caller is shown of a log: events, a claim's place, a loan's records.

:class:`Reader` stands on one snapshot of the store. What its caller may not see (:mod:`ledger.access`) raises the
:class:`NotFoundError` of what is not there, word for word. Of a claim that others hold too it tells that they do and
how much, never who or in which pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.access import PRIVATE, Caller, View
from ledger.domain import calendar, loans, money
from ledger.errors import IntegrityError, NotFoundError, RefusedError, UnauthorisedError
from ledger.proofs.encumbrance import WHOLE
from ledger.store import records, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from ledger.store import ReadConnection
    from ledger.store.logs import LogRow
    from ledger.store.records import RecordRow
    from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A share (ppm) that somebody holds of a claim in a pool; both are None where the reader may not know them."""

    pool: str | None
    holder: str | None
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlace:
    """Where a claim stands now. ``share`` (ppm) is its part of the loan, ``free`` (ppm) what nobody holds of it.

    ``index`` is of the record that brought its asset key; ``version`` counts the changes of its holders.
    """

    loan: str
    claim: str
    asset_key: str
    weak: bool
    creditor: str | None
    share: int
    status: str
    currency: str
    principal: str
    index: int
    version: int
    free: int
    holdings: tuple[Holding, ...]


def log_day(log: LogRow, now: datetime) -> date:
    """The log's business date at ``now``, by its own clock where that is ahead."""
    today = calendar.business_date(now, log.zone, log.day_cut)
    if not log.posted:
        return today
    return max(today, calendar.business_date(calendar.parse_instant(log.posted), log.zone, log.day_cut))


def past_day(log: LogRow, text: str | None, field: str, *, now: datetime) -> date | None:
    """The day (``YYYY-MM-DD``) that ``field`` names; None where it names none.

    Raises :class:`RefusedError` for a day that has not come, by the log's clock or ``now``: payments of the days until
    then are not recorded yet, and everybody would look late.
    """
    if text is None:
        return None
    day, today = calendar.parse_day(text, field), log_day(log, now)
    if day > today:
        raise RefusedError(field, f"{day} has not come: the log's day is {today}", rule="future")
    return day


class Reader:
    """One caller's reading of a log, on one snapshot."""

    def __init__(self, connection: ReadConnection, log: LogRow, caller: Caller) -> None:
        self.connection = connection
        self.log = log
        self.caller = caller
        self.view = View(connection, log, caller)

    # -- events ------------------------------------------------------------------------------------------------

    def event(self, event_id: str, party: str | None = None) -> RecordRow:
        """The record of a party's event (default: the caller's own). Raises :class:`NotFoundError`."""
        by = party or self.caller.party
        row = records.find_ids(self.connection, self.log.id, [(by, event_id)]).get((by, event_id))
        if row is None or not (by == self.caller.party or self.view.sees(self._subject(row))):
            raise NotFoundError(f"no event {event_id!r} of party {by!r}")
        return row

    def subject_of(self, row: RecordRow) -> str:
        """What a record is about, as ``loan:…``, ``pool:…``, ``account:…`` or ``log``."""
        return self._subject(row).name

    def opens(self, row: RecordRow) -> bool:
        """Whether the caller may have the private fields of a record that it sees."""
        kind, _, name = self._subject(row).name.partition(":")
        if kind == "loan":
            return self.view.private(name, posted_by=row.party)
        granted = self.caller.grants
        return row.party == self.caller.party or PRIVATE in granted or f"private:{name}" in granted

    def _subject(self, row: RecordRow) -> SubjectRow:
        return subjects.by_id(self.connection, [row.subject_id])[row.subject_id]

    # -- loans and claims --------------------------------------------------------------------------------------

    def records_of(self, loan: str) -> list[RecordRow]:
        """A loan's records in the order of its chain. Raises :class:`NotFoundError`."""
        return records.of_subject(self.connection, self.view.loan(loan).id)

    def claim(self, claim: str) -> ClaimRow:
        """A claim by its asset key (64 hex digits) or ``LOAN/CLAIM``. Raises :class:`NotFoundError`."""
        loan, slash, name = claim.partition("/")
        if slash:
            of = subjects.claims_of(self.connection, [self.view.loan(loan).id])
            row = next((one for one in of if one.name == name), None)
            if row is None:
                raise NotFoundError(f"no claim {name!r} of a loan {loan!r} in this log")
            return row
        try:
            key = bytes.fromhex(claim)
        except ValueError:
            key = b""
        row = subjects.claims_by_key(self.connection, self.log.id, [key]).get(key)
        if row is None or not self.view.sees(
            subjects.by_id(self.connection, [row.subject_id])[row.subject_id]
        ):
            raise NotFoundError(f"no claim with the asset key {claim} in this log")
        return row

    def place(self, claim: str) -> ClaimPlace:
        """Where a claim stands now, with the holdings that the caller may know. Raises :class:`NotFoundError`."""
        row = self.claim(claim)
        loan = subjects.by_id(self.connection, [row.subject_id])[row.subject_id]
        state = loans.decode(loan.state)
        part = state.claim(row.name)
        if part is None:
            raise IntegrityError(f"{loan.name} has no claim {row.name!r}")
        holdings = self._holdings(row)
        return ClaimPlace(
            loan=loan.name.removeprefix("loan:"),
            claim=row.name,
            asset_key=bytes(row.asset_key).hex(),
            weak=part.weak,
            creditor=part.creditor or None,
            share=part.share,
            status=state.status,
            currency=state.currency,
            principal=money.format(part.principal, state.currency),
            index=row.index,
            version=row.version,
            free=WHOLE - sum(one.share for one in holdings),
            holdings=holdings,
        )

    def check_told(self, claim: str) -> None:
        """Raise :class:`UnauthorisedError` where a claim's history has a holder that the caller may not know.

        A proof of the claim's place opens that history, names and all. An asset key that the log never met has none.
        """
        row = self.claim(claim)
        steps = subjects.encumbrances_of(self.connection, self.log.id, [bytes(row.asset_key)])
        if not all(self._told(pool, step.holder) for step, pool in self._with_pools(steps)):
            raise UnauthorisedError(
                "a proof of this claim's place would name holders in pools that this party may not see"
            )

    def _holdings(self, row: ClaimRow) -> tuple[Holding, ...]:
        steps = subjects.encumbrances_of(self.connection, self.log.id, [bytes(row.asset_key)])
        shares: dict[tuple[str, str], int] = {}
        for step, pool in self._with_pools(steps):
            shares[pool, step.holder] = shares.get((pool, step.holder), 0) + step.change
        return tuple(
            Holding(pool=pool, holder=holder, share=share)
            if self._told(pool, holder)
            else Holding(pool=None, holder=None, share=share)
            for (pool, holder), share in sorted(shares.items())
            if share
        )

    def _told(self, pool: str, holder: str) -> bool:
        return holder == self.caller.party or self.view.sees_pool(pool)

    def _with_pools(self, steps: Iterable[EncumbranceRow]) -> list[tuple[EncumbranceRow, str]]:
        known = list(steps)
        names = subjects.by_id(self.connection, {step.pool_id for step in known})
        return [(step, names[step.pool_id].name.removeprefix("pool:")) for step in known]
