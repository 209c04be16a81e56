"""A loan's course: what happens after its end, how it ended, what was corrected, what names something not there."""

from __future__ import annotations

from ledger.audit.checks.case import Case
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.creditors import ClaimBoughtBack, GuarantorCompensated
from ledger.domain.events.loans import LoanOpened, LoanSettled
from ledger.domain.events.money_in import LoanPrepaid, RepaymentReceived, RepaymentReversed
from ledger.domain.fold import Standing
from ledger.domain.loans import CANCELLED, CHARGED_OFF, SETTLED

#: What a servicer still says, and may still receive, about a loan that has ended.
_EXPECTED = {
    SETTLED: {"balance.reported", "repayment.confirmed", "loan.reinstated", "amount.waived", "loan.settled"},
    CHARGED_OFF: {
        "balance.reported", "repayment.confirmed", "recovery.received", "loan.reinstated", "loan.settled",
        "guarantor.compensated", "claim.bought_back", "loan.charged_off",
    },
    CANCELLED: {"balance.reported", "repayment.confirmed", "loan.refunded", "loan.reinstated", "amount.waived"},
}  # fmt: skip


def check(case: Case) -> None:
    """Perform the procedure life."""
    case.answered("life")
    state = case.state
    for one in case.held:
        if one.correction is not None:
            correction = one.correction[1].event
            case.find(
                "life.corrected",
                one,
                type=one.record.kind.name,
                reason=str(getattr(correction, "reason", "")),
            )
        if isinstance(one.event, LoanSettled):
            case.find(
                "life.settled", one, reason=one.event.reason.replace("_", " "), day=one.record.effective
            )
        ended = (state.status_day, state.status_rank, state.status_seq)
        if state.ended and one.moment > ended and one.record.kind.name not in _EXPECTED[state.status]:
            case.find(
                "life.after_end",
                one,
                type=one.record.kind.name,
                day=one.record.effective,
                status=state.status,
            )
    _voids(case)
    _reversals(case)
    _claims(case)
    last = case.held[-1]
    if state.ended and state.principal > 0 and not case.rules.within("life", state.principal):
        case.find(
            "life.ended_with_balance", last, status=state.status, balance=case.money(state.principal),
            currency=case.currency,
        )  # fmt: skip
    if state.principal < 0:
        case.find("life.overpaid", last, credit=case.money(-state.principal), currency=case.currency)


def _voids(case: Case) -> None:
    """Records that a correction made void: nothing else of the audit shows them."""
    if len(case.held) == len(case.records):
        return
    held = {one.index for one in case.held}
    reasons = {
        one.event.record: one.event.reason for _, one in case.records if isinstance(one.event, CorrectionMade)
    }
    for index, one in case.records:
        if index not in held and one.digest.hex() in reasons and one.when.last_day <= case.as_of:
            void = Standing(index, one, one.event, one.amounts)
            reason = reasons[one.digest.hex()]
            case.find("life.void", void, type=one.kind.name, day=one.effective, reason=reason)


def _reversals(case: Case) -> None:
    """A reversal takes back a payment of the loan, once, and in the parts that it had."""
    reversals = [one for one in case.held if isinstance(one.event, RepaymentReversed)]
    if not reversals:
        return
    left = {
        one.record.id: one.amounts
        for one in case.held
        if isinstance(one.event, RepaymentReceived | LoanPrepaid)
    }
    for one in reversals:
        assert isinstance(one.event, RepaymentReversed)
        name = one.event.repayment
        if name not in left and isinstance(case.terms, LoanOpened):
            case.undecided("life", "the payment that is taken back may have come before the opening")
            continue
        rest = left.get(name, (0,) * len(one.amounts))
        left[name] = tuple(have - taken for have, taken in zip(rest, one.amounts, strict=True))
        if any(left[name]):
            case.find(
                "life.reversal_differs", one, payment=name, taken=case.money(one.amounts[0]), left=case.money(rest[0]),
                currency=case.currency,
            )  # fmt: skip


def _claims(case: Case) -> None:
    """A guarantor pays, and a buyer buys, claims that the loan has."""
    known = {part.name for part in case.state.claims}
    for one in case.held:
        if isinstance(one.event, GuarantorCompensated):
            named = {claim.claim for claim in one.event.claims}
        elif isinstance(one.event, ClaimBoughtBack):
            named = {one.event.claim}
        else:
            continue
        for name in sorted(named - known):
            case.find(
                "life.unknown_claim", one, type=one.record.kind.name, day=one.record.effective, named=name
            )
