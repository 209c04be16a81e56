"""One loan before the checks: its records in force, its life, and what they are asked under."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from ledger.audit.findings import Evidence, Notes
from ledger.audit.rules import PoolRules, Versions
from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.changes import FeeCharged
from ledger.domain.events.files import BalanceReported
from ledger.domain.events.loans import LoanOpened
from ledger.domain.events.terms import Terms
from ledger.domain.fold import Indexed, Standing, principal_after, state_of, unsuperseded
from ledger.domain.loans import LoanState
from ledger.domain.position import Life, Position, opening_day
from ledger.domain.schedule import annual_cost, costs_more, planned_flows
from ledger.errors import UndeterminedError

Told = TypeVar("Told")


class Move(NamedTuple):
    """One change of what a pool holds of a claim: effective day (ordinal), index of the record, holder, ppm.

    ``recorded`` is the day (ordinal) of the ledger's clock where a transfer was recorded too late, else 0.
    """

    day: int
    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    holder: str
    change: int
    recorded: int = 0


class PoolClaim(NamedTuple):
    """A claim that is, or was, in the audited pool; ``share`` is its part of the loan in ppm.

    ``others`` are the shares that other pools hold of it now: (pool, ppm). ``until`` is the audit's day (ordinal), 0
    where that is after all moves.
    """

    name: str
    asset_key: bytes
    creditor: str
    share: int
    weak: bool
    moves: tuple[Move, ...]
    others: tuple[tuple[str, int], ...] = ()
    until: int = 0

    @property
    def been(self) -> bool:
        """Whether the pool has held any of it by the audit's day."""
        return not self.until or any(move.day <= self.until for move in self.moves)

    def held(self, day: int | None = None) -> dict[str, int]:
        """Holder → ppm of the claim, at the close of a day (ordinal), by default the audit's."""
        if day is None and self.until:
            day = self.until
        if len(self.moves) == 1:  # nearly every claim: asked for each payment
            only = self.moves[0]
            return {only.holder: only.change} if only.change > 0 and (day is None or only.day <= day) else {}
        holders: dict[str, int] = {}
        for move in self.moves:
            if day is None or move.day <= day:
                holders[move.holder] = holders.get(move.holder, 0) + move.change
        return {holder: share for holder, share in holders.items() if share > 0}


class Case:
    """A loan under examination; what several checks need is worked out once.

    ``records`` are all of the loan's records below the audited size with their indexes, superseded ones too;
    ``held`` those in force on the audit's day; ``claims`` those of its claims that are or were in the pool. ``notes``
    are those of the range that the loan is examined in, ``state`` its folded state if it is at hand; ``versions`` are
    the pool's rules by the day from which they are in force.
    """

    def __init__(
        self,
        loan: str,
        records: Sequence[Indexed],
        held: Sequence[Standing],
        claims: Sequence[PoolClaim],
        *,
        as_of: date,
        rules: PoolRules,
        versions: Versions = (),
        notes: Notes | None = None,
        state: LoanState | None = None,
    ) -> None:
        self.loan = loan
        self.subject = f"loan:{loan}"
        self.records = records
        self.held = held
        self.claims = claims
        self._caps: dict[Decimal, bool] = {}
        self._told: dict[Callable[[Case], Any], Any] = {}
        self.as_of: date = as_of
        self.rules: PoolRules = rules
        self.versions: Versions = versions
        self.notes = Notes() if notes is None else notes
        if state is not None:
            self.state = state
        self.life: Life = Life(held, count=len(records))
        self.terms: Terms = self.life.terms
        self.currency: str = self.terms.currency
        self.reports: list[tuple[Standing, BalanceReported]] = [
            (one, one.event) for one in held if isinstance(one.event, BalanceReported)
        ]

    def on(self, ordinal: int, *, before: int) -> Case | None:
        """The loan at the close of an earlier day, by what is known now and under the rules of that day.

        Rules that were not recorded below the index ``before`` were not those of the day, whatever day they name. None
        where the loan had not begun, or no rules were in force.
        """
        day = date.fromordinal(ordinal)
        rules = [
            version for since, version in self.versions if since <= ordinal and version.recorded < before
        ]
        held = unsuperseded(self.records, until=day)
        if not rules or not held or not held[0].record.kind.begins:
            return None
        return Case(
            self.loan, self.records, held, self.claims, as_of=day, rules=rules[-1], versions=self.versions,
            notes=self.notes,
        )  # fmt: skip

    @cached_property
    def state(self) -> LoanState:
        """The folded state as of the audit's day."""
        return state_of(self.held, count=self.life.count)

    @cached_property
    def position(self) -> Position:
        """Where the loan stands on the audit's day."""
        return self.life.at(self.as_of, state=self.state)

    def once(self, ask: Callable[[Case], Told]) -> Told:
        """What a question about this loan gives; it is asked once, whoever wants to know."""
        if ask not in self._told:
            self._told[ask] = ask(self)
        told: Told = self._told[ask]
        return told

    @cached_property
    def _flows(self) -> list[tuple[date, int]]:
        """What the borrower got and is to pay, to all payees, as agreed. Raises :class:`UndeterminedError`."""
        if isinstance(self.terms, LoanOpened):
            raise UndeterminedError("the payout and the fees before the opening were not told")
        principal, start = self.life.payout
        flows = planned_flows(self.life.plan(start), principal=principal, start=start)
        for one in self.held:
            if isinstance(one.event, FeeCharged) and one.event.component == "fee":
                due = one.event.due
                when = parse_effective(due) if isinstance(due, str) else one.record.when
                if when.day is None:
                    raise UndeterminedError("a fee names a month and no day")
                flows.append((when.day, -one.amounts))
        return flows

    @cached_property
    def annual_cost(self) -> Decimal:
        """The borrower's whole cost a year, over all payees. Raises :class:`UndeterminedError`."""
        return annual_cost(self._flows, self.rules.cost_measure)

    def costs_more(self, cap: Decimal) -> bool:
        """Whether that is above a cap. Raises :class:`UndeterminedError`."""
        if cap not in self._caps:
            self._caps[cap] = costs_more(self._flows, self.rules.cost_measure, cap)
        return self._caps[cap]

    @cached_property
    def _path(self) -> tuple[list[int], list[int]]:
        """(days on which principal moved, principal after each), ascending."""
        days: list[int] = []
        after: list[int] = []
        opened = opening_day(self.terms)
        for one, principal in principal_after(self.held):
            if one.event.volume(one.amounts):
                # A position opened with its history stands at the close of the day that it names.
                days.append(opened if opened and one is self.held[0] else one.record.when.ordinal)
                after.append(principal)
        return days, after

    def principal_on(self, ordinal: int) -> int:
        """Principal outstanding at the close of a day, in units; zero before the loan began."""
        days, after = self._path
        place = bisect_right(days, ordinal)
        return after[place - 1] if place else 0

    def principals_until(self, ordinal: int) -> list[int]:
        """All that was outstanding on some day until one, nothing before the loan or its opening position stood."""
        days, after = self._path
        known = after[: bisect_right(days, ordinal)]
        return known if known and opening_day(self.terms) else [0, *known]

    def money(self, units: int) -> str:
        """An amount as it is written."""
        return money.format(units, self.currency)

    def rounded(self, units: int) -> str:
        """An amount that is a bound, cut to the currency's minor unit."""
        return self.money(units - units % 10 ** (money.SCALE - money.minor_digits(self.currency)))

    def find(self, code: str, *records: Standing, claim: str | None = None, **facts: str | int) -> None:
        """Write a finding about this loan down."""
        evidence = [Evidence(one.index, one.record.digest.hex()) for one in records]
        self.notes.find(code, self.subject, claim=claim, evidence=evidence, **facts)

    def answered(self, procedure: str, times: int = 1) -> None:
        """A procedure could be performed on this loan."""
        self.notes.procedure(procedure).answered(times)

    def undecided(self, procedure: str, reason: str, times: int = 1) -> None:
        """A procedure could not be performed on this loan, and why."""
        self.notes.procedure(procedure).undecided(reason, times)
