"""A loan's course: what happens after its end, how it ended, what was corrected."""

from __future__ import annotations

from ledger.audit.checks.case import Case
from ledger.domain.events.loans import LoanSettled
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
    last = case.held[-1]
    if state.ended and state.principal > 0 and not case.rules.within("life", state.principal):
        case.find(
            "life.ended_with_balance", last, status=state.status, balance=case.money(state.principal),
            currency=case.currency,
        )  # fmt: skip
    if state.principal < 0:
        case.find("life.overpaid", last, credit=case.money(-state.principal), currency=case.currency)
