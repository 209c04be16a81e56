"""Did the account bank confirm the cash? A pool's payments, one by one, against what the bank settled and confirmed.

A payment is *confirmed* by a settlement that fits the records, or by its own repayment.confirmed. It is *unconfirmed*
where the bank had the occasion and does not know it: its settlement does without it, was made before it was recorded,
or never came while later value dates were settled. Where no bank speaks for the account, where the settlement does not
fit for another reason, or is not to be expected yet, it is undetermined and counted with the reason.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Final, Self

from ledger.audit.checks.case import Case
from ledger.audit.findings import Notes
from ledger.audit.scan.cash import PAYMENTS, CashBook, Flow, Till, flow_of
from ledger.domain import calendar, money, proceeds
from ledger.domain.events.cash import RepaymentConfirmed
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.fold import Indexed, Standing
from ledger.domain.position import opening_day
from ledger.domain.record import Record
from ledger.proofs.encumbrance import WHOLE

#: A bank settles a value date within so many days of the next ones: files of holidays come late.
SETTLED_WITHIN: Final = 10
#: An account that no bank settles, and that takes at most this part (ppm) of all payments of the log, is a stray one:
#: its payments are unconfirmed. Above it a second bank is likelier, which does not take part.
STRAY: Final = 50_000

_NO_BANK: Final = "no account bank has settled anything in this log"
_NO_ACCOUNT: Final = "the payment tells no account, or no day"
_NOT_YET: Final = "the account bank has not settled this value date yet"
_OTHER_BANK: Final = "no bank of this log settles the account"
_OTHER_CURRENCY: Final = "the bank settles the account in other currencies only"
_DISPUTED: Final = "the settlement of its account and value date does not fit the records"
_UNPLACED: Final = "the settlement of its account and value date could not be recomputed"


class Answer(enum.Enum):
    """What the bank says of a payment."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    #: The bank's word and the record differ.
    CONTRADICTED = "contradicted"


def settlement_of(book: CashBook, till: Till | None, index: int) -> Answer | str:
    """What the settlements say of the payment recorded at ``index``; a reason where they say nothing."""
    said = _settled(book, till, index)
    return book.gap if book.gap and said is Answer.UNCONFIRMED else said


def _settled(book: CashBook, till: Till | None, index: int) -> Answer | str:
    if book.blind or not book.settled:
        return book.blind or book.gap or _NO_BANK
    if till is None:
        return _NO_ACCOUNT
    rows = book.settled.get(till)
    if rows is None:
        return _left_out(book, till)
    newest = rows[-1]
    if newest.fits is None:
        return _UNPLACED
    if index in book.too_many or index >= newest.before:
        return Answer.UNCONFIRMED
    return Answer.CONFIRMED if newest.fits else _DISPUTED


def _left_out(book: CashBook, till: Till) -> Answer | str:
    """What it says that no settlement is of this account, day and currency."""
    through = book.through.get(till.purse)
    if through is None:
        if any(purse.account == till.account for purse in book.through):
            return _OTHER_CURRENCY
        if book.seen.get(till.account, 0) * WHOLE > STRAY * sum(book.seen.values()):
            return _OTHER_BANK
        through = max(book.through.values())
    return Answer.UNCONFIRMED if till.day + SETTLED_WITHIN <= through else _NOT_YET


@dataclass(slots=True)
class Tally:
    """Payments of one kind: how many, and the sum of their magnitudes in units."""

    count: int = 0
    units: int = 0

    def add(self, count: int, units: int) -> None:
        """Add so many."""
        self.count += count
        self.units += units


@dataclass(slots=True)
class Confirmations:
    """Collects over the pool's loans; ``book`` is what :meth:`CashScan.finish` gave."""

    book: CashBook
    #: currency → confirmed, unconfirmed, contradicted or undetermined → how much
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    #: tills on which the pool has payments: their settlements concern it
    tills: set[Till] = field(default_factory=set)

    def take(self, case: Case) -> None:
        """Ask for each payment of a loan while the pool held a share of it."""
        case.notes.procedure("confirmation")
        confirmed, versions = _Confirmed(case), _Versions(case)
        answers = []
        opened = opening_day(case.terms)
        for one in case.held:
            flow = flow_of(one.event, one.amounts, one.record.when)
            if flow is None or one.record.when.ordinal <= opened or not _concerns(case, flow):
                continue
            answer = self._ask(case, one, flow, confirmed, versions)
            answers.append(answer)
            self._count(case, flow, answer)
        self._voided(case, confirmed, versions)
        if answers and self.book.proven and all(one is Answer.UNCONFIRMED for one in answers):
            case.find("disbursement.unconfirmed", case.held[0])

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave."""
        self.tills |= other.tills
        for currency, kinds in other.tallies.items():
            for kind, tally in kinds.items():
                self._tally(currency, kind).add(tally.count, tally.units)

    def settlements(self, notes: dict[Till, Notes]) -> Notes:
        """Of the settlements' findings (:attr:`CashScan.notes`) those that concern the pool.

        A day of which nobody recorded a payment concerns each pool that is paid to the account: what was dropped may
        have been its own.
        """
        mine, accounts = Notes(), {till.account for till in self.tills}
        for till in sorted(notes):
            if till in self.tills or (till.account in accounts and _of_nothing(notes[till])):
                mine.add(notes[till])
        return mine

    def to_json(self) -> dict[str, Any]:
        """By currency: count and sum of each kind, and the share confirmed by amount, ppm."""
        shown: dict[str, Any] = {}
        for currency, kinds in sorted(self.tallies.items()):
            whole = sum(tally.units for tally in kinds.values())
            good = kinds.get(Answer.CONFIRMED.value, Tally()).units
            shown[currency] = {
                kind: {"payments": tally.count, "sum": money.format(tally.units, currency)}
                for kind, tally in sorted(kinds.items())
            } | {"confirmed_ppm": good * WHOLE // whole if whole else 0}
        return shown

    def _tally(self, currency: str, kind: str) -> Tally:
        return self.tallies.setdefault(currency, {}).setdefault(kind, Tally())

    def _count(self, case: Case, flow: Flow, answer: Answer | str) -> None:
        if flow.till is not None:
            self.tills.add(flow.till)
        if isinstance(answer, Answer):
            case.answered("confirmation")
            self._tally(case.currency, answer.value).add(1, abs(flow.units))
        else:
            case.undecided("confirmation", answer)
            self._tally(case.currency, "undetermined").add(1, abs(flow.units))

    def _ask(
        self, case: Case, one: Standing, flow: Flow, confirmed: _Confirmed, versions: _Versions
    ) -> Answer | str:
        own = confirmed.answer(case, one, flow)
        if own is not None:
            return own
        answer = settlement_of(self.book, flow.till, one.index)
        if one.correction is not None:
            answer = self._of_corrected(case, one, flow, answer, versions)
        if answer is Answer.UNCONFIRMED:
            case.find(
                "settlement.unconfirmed", one, amount=case.money(flow.units), currency=case.currency,
                day=flow.when.text,
            )  # fmt: skip
        return answer

    def _of_corrected(
        self, case: Case, one: Standing, flow: Flow, answer: Answer | str, versions: _Versions
    ) -> Answer | str:
        """What the settlements say of a corrected payment: they know it as it stood below their indexes.

        ``answer`` is what the settlement of its account and day says of one that was never corrected.
        """
        settled = self._settled(one.index, one.record, versions)
        if settled is None:  # the settlement of where it is now does without it
            return Answer.UNCONFIRMED if answer is Answer.CONFIRMED else answer
        if settled.when.day != flow.when.day:
            _other_day(
                case,
                one,
                confirmed=settled.when.text,
                recorded=flow.when.text,
                amount=case.money(settled.units),
            )
            return Answer.CONTRADICTED
        if settled.units != flow.units:
            _contradict(case, one, confirmed=case.money(settled.units), recorded=case.money(flow.units))
            return Answer.CONTRADICTED
        return Answer.UNCONFIRMED if answer is Answer.CONFIRMED and settled.till != flow.till else answer

    def _settled(self, index: int, payment: Record, versions: _Versions) -> Flow | None:
        """A payment as the newest settlement that covers it knows it; None where none does."""
        newest, found = 0, None
        for till in versions.tills(payment):
            if settlement_of(self.book, till, index) is Answer.CONFIRMED:
                before = self.book.settled[till][-1].before
                flow = versions.below(payment, before)
                if flow is not None and flow.till == till and before > newest:
                    newest, found = before, flow
        return found

    def _voided(self, case: Case, confirmed: _Confirmed, versions: _Versions) -> None:
        """Payments that the bank has settled or confirmed, and that were made void afterwards."""
        if not versions.corrected:
            return
        held = {one.index for one in case.held}
        for index, record in case.records:
            if index in held or record.when.last_day > case.as_of:
                continue
            flow = flow_of(record.event, record.amounts, record.when)
            if flow is None:
                continue
            known = self._settled(index, record, versions)
            if known is None and confirmed.knows(record):
                known = flow
            if known is not None and _concerns(case, known):
                one = Standing(index, record, record.event, record.amounts)
                _contradict(case, one, confirmed=case.money(known.units), recorded="void")


class _Versions:
    """What the payments of a loan said below an index: a correction counts from its own on."""

    def __init__(self, case: Case) -> None:
        #: digest of a record in hex → its corrections, in the order of the log
        self._corrections: dict[str, list[Indexed]] = {}
        if len(case.held) == len(case.records):  # nearly every loan: each of its records holds as it was made
            return
        for index, one in case.records:
            if isinstance(one.event, CorrectionMade):
                self._corrections.setdefault(one.event.record, []).append((index, one))

    @property
    def corrected(self) -> bool:
        """Whether anything was corrected at all."""
        return bool(self._corrections)

    def below(self, payment: Record, before: int) -> Flow | None:
        """A payment as it stood there; None where it was void."""
        return self._flows(payment, before)[-1]

    def tills(self, payment: Record) -> set[Till]:
        """Every account, day and currency that it has ever been of."""
        return {flow.till for flow in self._flows(payment) if flow is not None and flow.till is not None}

    def _flows(self, payment: Record, before: int | None = None) -> list[Flow | None]:
        """What was recorded first, and what each correction made of it."""
        flows = [flow_of(payment.event, payment.amounts, payment.when)]
        for index, one in self._corrections.get(payment.digest.hex(), ()):
            if before is None or index < before:
                new = one.amounts
                flows.append(None if new is None else flow_of(new.event, new.amounts, payment.when))
        return flows


class _Confirmed:
    """The bank's own confirmations of single payments of a loan, each held against the record that it names."""

    def __init__(self, case: Case) -> None:
        self._answers: dict[bytes, Answer] = {}
        named: dict[str, Indexed] = {record.digest.hex(): (index, record) for index, record in case.records}
        for one in case.held:
            event = one.event
            if isinstance(event, RepaymentConfirmed):
                found = named.get(event.repayment)
                if found is None or not isinstance(found[1].event, PAYMENTS):
                    _contradict(case, one, confirmed=event.amount, recorded="no such payment")
                else:
                    self._answers[found[1].digest] = self._compare(case, one, event, found)

    @staticmethod
    def _compare(case: Case, one: Standing, event: RepaymentConfirmed, named: Indexed) -> Answer:
        index, record = named
        payment = Standing(index, record, record.event, record.amounts)
        flow = flow_of(record.event, record.amounts, record.when)
        assert flow is not None
        answer = Answer.CONFIRMED
        if one.amounts != record.amounts[0]:
            _contradict(case, payment, one, confirmed=event.amount, recorded=case.money(record.amounts[0]))
            answer = Answer.CONTRADICTED
        told = calendar.parse_effective(event.value_date)
        if told.day != flow.when.day and flow.when.day is not None:
            _other_day(
                case, payment, one, confirmed=event.value_date, recorded=flow.when.text, amount=event.amount
            )
            answer = Answer.CONTRADICTED
        return answer

    def answer(self, case: Case, one: Standing, flow: Flow) -> Answer | None:
        """What the bank said of this payment alone. Another amount by a correction is not confirmed by it.

        Another day is contradicted: of what came in on one day no correction makes that it came on another.
        """
        answer = self._answers.get(one.record.digest) if self._answers else None
        if answer is not Answer.CONFIRMED or one.correction is None:
            return answer
        told = proceeds.day_of(one.record.when, one.record.event.value_date)  # type: ignore[attr-defined]  # payments have it
        if told.day != flow.when.day:
            _other_day(case, one, confirmed=told.text, recorded=flow.when.text, amount=case.money(flow.units))
            return Answer.CONTRADICTED
        return answer if one.amounts == one.record.amounts else None

    def knows(self, payment: Record) -> bool:
        """Whether the bank confirmed it as it was recorded first."""
        return self._answers.get(payment.digest) is Answer.CONFIRMED


def _concerns(case: Case, flow: Flow) -> bool:
    """Whether the pool held a share when the payment's day began, or took one on it."""
    day = flow.when.ordinal
    return any(claim.held(day - 1) or claim.held(day) for claim in case.claims)


def _of_nothing(notes: Notes) -> bool:
    """Whether a settlement covers payments where none is recorded."""
    return any(one.code == "settlement.contradicts" and one.facts["count"] == 0 for one in notes.findings)


def _other_day(case: Case, *records: Standing, confirmed: str, recorded: str, amount: str) -> None:
    case.find(
        "payment.other_day",
        *records,
        confirmed=confirmed,
        recorded=recorded,
        amount=amount,
        currency=case.currency,
    )


def _contradict(case: Case, *records: Standing, confirmed: str, recorded: str) -> None:
    case.find(
        "payment.contradicted", *records, confirmed=confirmed, recorded=recorded, currency=case.currency
    )
