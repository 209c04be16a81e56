"""What a pool holds of a loan against the loan's own state: held beyond its end, or shared with other pools."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.audit.checks.case import Case

#: Holders release what ended with the month's batch; until then it says nothing that it is still held.
RELEASED_WITHIN: Final = 31


def check(case: Case) -> None:
    """Perform the part of the procedure encumbrance that a loan and its claims show."""
    state = case.state
    for claim in case.claims:
        if not claim.held():
            continue
        over = state.ended and case.as_of.toordinal() - state.status_day > RELEASED_WITHIN
        if over:
            case.find(
                "pledge.ended", case.held[-1], claim=claim.name, status=state.status,
                day=date.fromordinal(state.status_day).isoformat(),
            )  # fmt: skip
        if claim.others:
            case.find(
                "pledge.shared", case.held[0], claim=claim.name, share=sum(share for _, share in claim.others),
                # How many, not which: the report goes to parties that do not see those pools.
                others=len({pool for pool, _ in claim.others}),
            )  # fmt: skip
