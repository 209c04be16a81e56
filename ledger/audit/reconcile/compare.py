"""One loan of a file against the records: which figures disagree, and which cannot be compared.

======================  ==========================================  ==============================================
item                    the file's figure                           what the records give
======================  ==========================================  ==============================================
balance                 principal at the cut-off                    principal folded from the flows
status                  over or going on, by code or by status      the folded status
days_past_due           days past due                               derived by the pool's rules
bucket                  the bucket, where the status names one      derived by the pool's rules
rate                    current yearly rate                         the newest rate agreed in force
remaining_instalments   instalments left                            instalments of the plan after the cut-off
currency                currency                                    currency of the loan
extra_in_tape           the loan                                    the pool does not hold it
absent_in_tape          nothing                                     the pool holds it, and it goes on
======================  ==========================================  ==============================================

Of a loan that is over by the records only balance, status and days past due are compared: files leave the rest as it
stood last.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from msgspec import UNSET

from ledger.audit.reconcile.breaks import ABSENT, EXTRA
from ledger.audit.reconcile.poolloans import PoolLoan
from ledger.audit.rules import PoolRules
from ledger.domain import money
from ledger.domain.events.changes import ScheduleChanged
from ledger.domain.events.loans import LoanOpened
from ledger.domain.fold import state_of
from ledger.domain.loans import ACTIVE, CANCELLED, CHARGED_OFF, ORIGINATED, SETTLED, LoanState
from ledger.domain.position import Life, Position
from ledger.domain.seals import held as part_held
from ledger.errors import UndeterminedError
from ledger.tapes.positions import Reported

#: What a file's balance is of: the whole loan, or the shares of its claims that the pool holds.
Basis = Literal["loan", "held"]

_STATUSES: Final = frozenset({ORIGINATED, ACTIVE, SETTLED, CHARGED_OFF, CANCELLED})
#: Tolerances of the pool's rules that are used here; the first is for amounts, of totals too where the third is unset.
AMOUNTS, DAYS, TOTALS = "tapes", "days_past_due", "tapes_total"


class Difference(NamedTuple):
    """A figure on which file and records disagree beyond the tolerance; ``units`` is reported less derived."""

    item: str
    reported: str | None
    derived: str | None
    units: int | None = None


class Undecided(NamedTuple):
    """A figure of the file that the records cannot be asked for, and why."""

    item: str
    reason: str


class Standing(NamedTuple):
    """A loan of the pool at the cut-off, worked out once."""

    loan: PoolLoan
    life: Life
    position: Position
    balance: int

    @property
    def state(self) -> LoanState:
        """The folded state."""
        return self.position.state

    @property
    def currency(self) -> str:
        """The loan's currency."""
        return self.life.terms.currency

    def before(self, day: date) -> LoanState:
        """The state before ``day``; of a loan that begins or is opened on it, its first record's."""
        first, last = self.life.held[0], day.toordinal()
        earlier = [one for one in self.life.held if one is first or one.record.when.ordinal < last]
        return state_of(earlier, count=self.life.count)


def stand(loan: PoolLoan, life: Life, *, position: Position, basis: Basis) -> Standing:
    """The loan with its balance on ``basis``."""
    state = position.state
    if basis == "loan":
        return Standing(loan, life, position, state.principal)
    balance = 0
    for part in state.claims:
        receivable, credit = part_held(part.principal, loan.held.get(part.name, 0), state.currency)
        balance += receivable - credit
    return Standing(loan, life, position, balance)


def compare(row: Reported, standing: Standing, rules: PoolRules) -> Iterator[Difference | Undecided]:
    """Every figure of the row that disagrees, or cannot be decided."""
    if row.currency != standing.currency:
        yield Difference("currency", row.currency, standing.currency)
        return
    if row.balance is not None and not rules.within(AMOUNTS, row.balance - standing.balance):
        shown = [money.format(units, row.currency) for units in (row.balance, standing.balance)]
        yield Difference("balance", shown[0], shown[1], row.balance - standing.balance)
    yield from _status(row, standing)
    yield from _delinquency(row, standing, rules)
    if not standing.state.ended:
        yield from _rate(row, standing.life)
        yield from _remaining(row, standing)


def not_held(row: Reported) -> Difference:
    """The file has a loan that the pool does not hold."""
    reported = f"balance {money.format(row.balance, row.currency)}" if row.balance is not None else "the loan"
    return Difference(EXTRA, reported, None, row.balance)


def left_out(standing: Standing) -> Difference:
    """The pool holds a loan that goes on, and the file does not have it."""
    derived = f"balance {money.format(standing.balance, standing.currency)}"
    return Difference(ABSENT, None, derived, -standing.balance)


def _status(row: Reported, standing: Standing) -> Iterator[Difference]:
    state = standing.state
    if row.over is not None:
        if row.over != state.ended:
            reported = f"over ({row.status})" if row.over else "going on"
            yield Difference("status", reported, state.status)
    elif row.status in _STATUSES and row.status != state.status:
        yield Difference("status", row.status, state.status)


def _delinquency(row: Reported, standing: Standing, rules: PoolRules) -> Iterator[Difference | Undecided]:
    measure = rules.measure
    named = row.status if row.status in measure.buckets else None
    if row.days_past_due is None and named is None:
        return
    derived = measure.days(standing.position)
    if derived is None:
        yield Undecided("days_past_due", standing.position.undetermined)
        return
    bucket = measure.bucket(derived)
    if row.days_past_due is not None and not rules.within(DAYS, (row.days_past_due - derived) * money.UNIT):
        shown = f"{row.days_past_due} ({measure.bucket(row.days_past_due)})"
        yield Difference("days_past_due", shown, f"{derived} ({bucket})")
    elif named is not None and named != bucket:
        yield Difference("bucket", named, bucket)


def _rate(row: Reported, life: Life) -> Iterator[Difference | Undecided]:
    if row.rate is None:
        return
    agreed = current_rate(life)
    if agreed is None:
        yield Undecided("rate", "the loan's records do not tell its rate")
    elif Decimal(agreed) != Decimal(row.rate):
        yield Difference("rate", row.rate, agreed)


def current_rate(life: Life) -> str | None:
    """The newest rate that the records give: of a change, of the opening, of the terms."""
    changed = [
        one.event.annual_rate
        for one in life.held
        if isinstance(one.event, ScheduleChanged) and isinstance(one.event.annual_rate, str)
    ]
    if changed:
        return changed[-1]
    terms = life.terms
    if isinstance(terms, LoanOpened) and isinstance(terms.current_rate, str):
        return terms.current_rate
    return None if terms.annual_rate is UNSET else str(terms.annual_rate)


def _remaining(row: Reported, standing: Standing) -> Iterator[Difference | Undecided]:
    if row.remaining is None:
        return
    day = standing.position.day
    try:
        left = sum(due.date > day for due in standing.life.plan(day))
    except UndeterminedError as error:
        yield Undecided("remaining_instalments", str(error))
        return
    if left != row.remaining:
        yield Difference("remaining_instalments", str(row.remaining), str(left))
