"""When a loan may be erased, and what is left of it: where its claims are, and what was outstanding on them."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.corrections import SubjectErased
from ledger.domain.loans import ClaimPart, LoanState
from ledger.errors import RefusedError
from ledger.proofs.encumbrance import weak_asset_key


def check_erasable(subject: str, state: LoanState, *, today: date, retention_years: int) -> date:
    """The day on which the loan ended. Raises :class:`RefusedError` while it is live or its retention runs.

    ``today`` is the business date in the log's zone. No ground for an erasure shortens the retention: a duty to keep
    stands against a right to be forgotten until its time is over.
    """
    if not state.ended:
        raise RefusedError(
            "subject",
            f"{subject} is live ({state.status}): only a loan that has ended is erased",
            rule="live",
        )
    end = date.fromordinal(state.status_day)
    until = years_after(end, retention_years)
    if today < until:
        raise RefusedError(
            "subject",
            f"{subject} ended on {end.isoformat()} and is kept until {until.isoformat()}, {retention_years} years",
            rule="retention",
            details={"until": until.isoformat()},
        )
    return end


def told(state: LoanState) -> dict[str, Any]:
    """What subject.erased says of the loan's state."""
    return {
        "status": state.status,
        "currency": state.currency,
        "claims": [
            {
                "claim": part.name,
                "share": part.share,
                "asset_key": part.asset_key.hex() or None,
                "principal": money.format(part.principal, state.currency),
            }
            for part in state.claims
        ],
    }


def left(event: SubjectErased, origin: str) -> LoanState:
    """The state that is kept of an erased loan: what its subject.erased tells, and nothing else."""
    loan = event.subject.removeprefix("loan:")
    claims = []
    for one, units in zip(event.claims, event.check(), strict=True):
        key = bytes.fromhex(one.asset_key or "")
        weak = key == weak_asset_key(origin, loan, one.claim)
        claims.append(ClaimPart(one.claim, "", one.share, units, key, weak))
    return LoanState(
        currency=event.currency,
        claims=claims,
        status=event.status,
        status_day=parse_effective(event.ended, "data.ended").ordinal,
        events=len(event.records),
    )


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 1 March for a 29 February that does not exist."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
