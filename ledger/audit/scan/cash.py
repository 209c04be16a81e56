"""The cash chain: what account banks settled, recomputed over all payments of an account, value date and currency.

A cash.settled names these three and the payments it covers: all of them among the records before an index, by count,
sum (reversals taken off) and root of the RFC 9162 tree over their records' digests. A void payment is none, a corrected
one counts with its record's digest and what it said below that index. An account may take several currencies; each is
settled by itself.

This crosses pools, so it is a scan of the log's records, in ranges: the settlements are known beforehand (they are
few), :class:`CashScan` takes each record with its index, and ranges are added in ascending order to the one that begins
at 0. Digests are kept only for what some settlement covers, and until the scan has passed it. What is found stands in a
:class:`CashBook`, small enough to be handed to every worker: :mod:`ledger.audit.collectors.confirmation` asks it
payment by payment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple, Self

from ledger.audit.findings import Evidence, Notes
from ledger.audit.sight import Others, Outside
from ledger.domain import calendar, money, proceeds
from ledger.domain.calendar import Effective
from ledger.domain.events.base import Data
from ledger.domain.events.cash import CashSettled
from ledger.domain.events.changes import LoanRefunded
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.money_in import LoanPrepaid, RepaymentReceived, RepaymentReversed
from ledger.domain.fold import Indexed
from ledger.domain.record import Record
from ledger.proofs import merkle

#: What comes in on a collection account, and what goes back from it. A recovery names no account.
PAYMENTS: Final = (RepaymentReceived, LoanPrepaid, LoanRefunded, RepaymentReversed)
#: An effective day that is none: a flow that has its till without one has it by its value date.
_NEVER: Final = Effective("", date.min, None, 0)
_NO_OTHERS: Final = Others((), 0)
#: Types of the records that a scan has to be shown.
SCANNED: Final = frozenset(
    {"repayment.received", "loan.prepaid", "loan.refunded", "repayment.reversed", "correction.made"}
)


class Purse(NamedTuple):
    """The money of one currency on an account, of which amounts can be added up."""

    account: str
    currency: str


class Till(NamedTuple):
    """An account, a value date (ordinal) and a currency: what one settlement is about."""

    account: str
    day: int
    currency: str

    @property
    def purse(self) -> Purse:
        """What is settled day by day."""
        return Purse(self.account, self.currency)


class Flow(NamedTuple):
    """A payment as a settlement sees it. ``till`` is None where account or day are not told."""

    till: Till | None
    when: Effective
    units: int


def flow_of(event: Data, amounts: Any, effective: Effective) -> Flow | None:
    """The cash of a payment (``amounts``: what its check parsed); None for an event that is no payment."""
    if not isinstance(event, PAYMENTS):
        return None
    amount = amounts[0]
    when = proceeds.day_of(effective, event.value_date)
    till = None
    if isinstance(event.account, str) and when.day is not None:
        till = Till(event.account, when.ordinal, event.currency)
    return Flow(till, when, -amount if isinstance(event, RepaymentReversed) else amount)


class Payment(NamedTuple):
    """A payment that some settlement covers: index and digest of its record, and what it says."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    digest: bytes
    units: int
    effective: Effective


class Correction(NamedTuple):
    """A payment corrected from ``index`` on: its event then with its amount, or None where it is void."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    event: Data | None = None
    amounts: Any = None


class Settled(NamedTuple):
    """What became of one settlement. ``fits`` is None where it could not be recomputed."""

    before: int
    fits: bool | None


@dataclass(frozen=True, slots=True)
class CashBook:
    """What all settlements say. ``too_many`` are indexes of payments that a root does without.

    ``through`` is the last value date settled of each purse; ``seen`` counts payments by account, settled or not.
    ``blind`` says why the settlements could not be recomputed at all, where that is so; ``gap`` why there may be others
    than these: then no payment is unconfirmed.
    """

    settled: Mapping[Till, tuple[Settled, ...]] = field(default_factory=dict)
    too_many: frozenset[int] = frozenset()
    through: Mapping[Purse, int] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    blind: str = ""
    gap: str = ""

    @property
    def proven(self) -> bool:
        """Whether some settlement fits its records."""
        return any(row.fits for rows in self.settled.values() for row in rows)


@dataclass(slots=True)
class _Plan:
    """The settlements of one till, by ascending ``before``."""

    settlements: list[tuple[int, int, Record]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """No payment from this index on is covered."""
        return self.settlements[-1][0]


class CashScan:
    """Recomputes settlements over records in ascending order; picklable.

    ``settlements`` are all records of accounts with an index below the audited size; ``start`` is the first index of
    the range. A range that begins at 0 settles as it goes; others only collect until they are added to it. ``outside``
    tells of the payments that the scan is not shown.
    """

    def __init__(
        self, settlements: Sequence[Indexed], *, start: int = 0, outside: Outside | None = None
    ) -> None:
        self.start = start
        told = outside or Outside()
        self._others = told.settlements if start == 0 else {}
        self.notes: dict[Till, Notes] = {}
        self.too_many: set[int] = set()
        self.seen: Counter[str] = Counter(told.seen if start == 0 else {})
        self._settled: dict[Till, tuple[Settled, ...]] = {}
        self._plans = _plans(settlements)
        self._through = {till.purse: till.day for till in sorted(self._plans)}
        self._due = sorted(((plan.last, till) for till, plan in self._plans.items()), reverse=True)
        self._payments: dict[Till, list[Payment]] = {}
        self._corrections: dict[bytes, list[Correction]] = {}
        #: till → digests of the records that a correction put there
        self._moved: dict[Till, set[bytes]] = {}
        self.lost: int | None = told.lost

    def __getstate__(self) -> dict[str, Any]:
        """A range that is to be added travels without the settlements, which the first one has."""
        state = self.__dict__.copy()
        if self.start:
            state |= {"_plans": {}, "_due": [], "_through": {}}
        return state

    @property
    def waiting(self) -> int:
        """Payments whose settlement is still to come: what the scan holds in memory."""
        return sum(map(len, self._payments.values()))

    def take(self, index: int, one: Record) -> None:
        """Take the next record in; any type may come, :data:`SCANNED` are looked at."""
        if self.start == 0 and self._due and self._due[-1][0] <= index:
            self._settle(upto=index)
        if isinstance(one.event, CorrectionMade):
            self._correct(index, one)
            return
        flow = flow_of(one.event, one.amounts, one.when)
        if flow is None or flow.till is None:
            return
        self.seen[flow.till.account] += 1
        plan = self._plans.get(flow.till)
        if plan is not None and index < plan.last:
            self._payments.setdefault(flow.till, []).append(Payment(index, one.digest, flow.units, one.when))

    def lose(self, index: int) -> None:
        """A record that cannot be read, such as an erased one: a settlement beyond it may be of that one too."""
        if self.lost is None:
            self.lost = index

    def add(self, other: Self) -> None:
        """Take in what the next range gave."""
        self._settle(upto=other.start)
        self.seen.update(other.seen)
        for till, payments in other._payments.items():
            self._payments.setdefault(till, []).extend(payments)
        for record, corrections in other._corrections.items():
            self._corrections.setdefault(record, []).extend(corrections)
        for till, records in other._moved.items():
            self._moved.setdefault(till, set()).update(records)
        if self.lost is None:
            self.lost = other.lost

    def finish(self) -> CashBook:
        """Settle what is left, and say what was found; :attr:`notes` has the findings of each till."""
        self._settle(upto=None)
        return CashBook(
            settled=dict(self._settled), too_many=frozenset(self.too_many), through=self._through,
            seen=dict(self.seen),
        )  # fmt: skip

    def _correct(self, index: int, one: Record) -> None:
        event, replacement = one.event, one.amounts
        assert isinstance(event, CorrectionMade)
        if event.type not in SCANNED:
            return
        record = bytes.fromhex(event.record)
        correction = Correction(index)
        if replacement is not None:
            correction = Correction(index, replacement.event, replacement.amounts)
            # The effective day stays that of the corrected record, which is not at hand: a value date tells the till.
            told = flow_of(replacement.event, replacement.amounts, _NEVER)
            if told is not None and told.till is not None:
                self._moved.setdefault(told.till, set()).add(record)
        self._corrections.setdefault(record, []).append(correction)

    # -- settling ------------------------------------------------------------------------------------------

    def _settle(self, *, upto: int | None) -> None:
        """Recompute every till whose payments are all known once the records below ``upto`` are."""
        while self._due and (upto is None or self._due[-1][0] <= upto):
            _, till = self._due.pop()
            payments = self._payments.pop(till, [])
            notes = self.notes[till] = Notes()
            rows = []
            for before, index, one in self._plans[till].settlements:
                rows.append(Settled(before, self._check(notes, till, index, one, payments)))
            self._settled[till] = tuple(rows)

    def _check(
        self, notes: Notes, till: Till, index: int, one: Record, payments: Sequence[Payment]
    ) -> bool | None:
        """Whether a settlement is over these payments."""
        event = one.event
        assert isinstance(event, CashSettled)
        net, charges, items, total = one.amounts
        evidence = [Evidence(index, one.digest.hex())]
        subject, currency = one.subject, event.currency
        if total - charges - items != net:
            notes.find(
                "settlement.identity", subject, evidence=evidence, sum=event.covered.sum, net=event.amount,
                deducted=money.format(charges + items, currency), day=event.value_date, currency=currency,
            )  # fmt: skip
        covered = self._covered(till, event.covered.before, payments)
        others = self._others.get(index, _NO_OTHERS)
        if covered is None or not others.placed:
            return None
        covered = _with_others(covered, others)
        recorded = sum(payment.units for payment in covered)
        if _fits(covered, event, total):
            return True
        extra = _too_many(covered, event, recorded - total, others)
        if extra is not None:
            self.too_many.add(extra.index)
            rest = [payment for payment in covered if payment is not extra]
            told = any(extra.index == at for at, _ in others.payments)
            if _fits(rest, event, None if told else total):
                return True
        if self.lost is not None and self.lost < event.covered.before:
            return None
        notes.find(
            "settlement.contradicts", subject, evidence=evidence, day=event.value_date, currency=currency,
            bank=event.covered.sum, bank_count=event.covered.count, recorded=money.format(recorded, currency),
            count=len(covered),
        )  # fmt: skip
        return False

    def _covered(self, till: Till, before: int, payments: Sequence[Payment]) -> list[Payment] | None:
        """The payments of a till as they stood below ``before``; None where a corrected one cannot be placed."""
        known = {payment.digest: payment for payment in payments if payment.index < before}
        for record in self._moved.get(till, set()) - known.keys():
            correction = self._correction(record, before)
            if correction is not None and correction.event is not None:
                return None  # it came here from another till, and its place among these is not known
        for record in known.keys() & self._corrections.keys():
            correction = self._correction(record, before)
            if correction is None:
                continue
            payment = known.pop(record)
            flow = correction.event and flow_of(correction.event, correction.amounts, payment.effective)
            if flow and flow.till == till:
                known[record] = payment._replace(units=flow.units)
        return sorted(known.values(), key=lambda payment: payment.index)

    def _correction(self, record: bytes, before: int) -> Correction | None:
        """The newest correction of a record below ``before``."""
        return next((one for one in reversed(self._corrections[record]) if one.index < before), None)


def _plans(settlements: Iterable[Indexed]) -> dict[Till, _Plan]:
    plans: dict[Till, _Plan] = {}
    for index, one in settlements:
        event = one.event
        if isinstance(event, CashSettled):
            day = calendar.parse_effective(event.value_date).ordinal
            till = Till(one.subject.removeprefix("account:"), day, event.currency)
            plans.setdefault(till, _Plan()).settlements.append((event.covered.before, index, one))
    for plan in plans.values():
        plan.settlements.sort(key=lambda row: row[:2])
    return plans


def _fits(covered: Sequence[Payment], event: CashSettled, total: int | None) -> bool:
    """Whether count, sum (``total`` None: it is not known) and root are those of the settlement."""
    return (
        len(covered) == event.covered.count
        and total in (None, sum(payment.units for payment in covered))
        and merkle.root(_leaves(covered)).hex() == event.covered.root
    )


def _leaves(covered: Sequence[Payment]) -> list[bytes]:
    return [merkle.leaf_hash(payment.digest) for payment in covered]


def _with_others(covered: Sequence[Payment], others: Others) -> list[Payment]:
    """The payments shown and those told of: of these the sum is known, which the first one stands for."""
    if not others.payments:
        return list(covered)
    told = [Payment(index, digest, 0, _NEVER) for index, digest in others.payments]
    told[0] = told[0]._replace(units=others.units)
    return sorted([*covered, *told], key=lambda payment: payment.index)


def _too_many(covered: Sequence[Payment], event: CashSettled, excess: int, others: Others) -> Payment | None:
    """The one payment that the bank's root does without; where the bank's count says one, its amount is known.

    Of a payment that is told of the amount is not known: then it is the one that is over.
    """
    wanted = bytes.fromhex(event.covered.root)
    named = len(covered) == event.covered.count + 1
    told = {index for index, _ in others.payments}
    roots = merkle.without_one(
        _leaves(covered), range(len(covered)), join=merkle.node_hash, empty=merkle.EMPTY_ROOT
    )
    for payment, root in zip(covered, roots, strict=True):
        if root == wanted and (not named or payment.units == excess or payment.index in told):
            return payment
    return None
