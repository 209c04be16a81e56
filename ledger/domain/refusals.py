"""What admission says when it refuses: one function a reason, each returning the error to raise."""

from __future__ import annotations

from typing import Any

from ledger.domain.claims import ClaimPlace, Holdings
from ledger.domain.events.transfers import ClaimShare
from ledger.domain.loans import LoanState
from ledger.domain.pools import Sealed
from ledger.errors import RefusedError, TakenError


def unknown_subject(subject: str, path: str = "subject") -> RefusedError:
    """Nothing has begun this loan or pool."""
    begins = "loan.opened or loan.originated" if subject.startswith("loan:") else "pool.created"
    return RefusedError(path, f'"{subject}" is unknown; {begins} comes first', rule="unknown_subject")


def begun(subject: str, state: LoanState) -> RefusedError:
    """A loan begins once, and not again after its end."""
    if state.ended:
        return ended("subject", subject, state)
    return RefusedError("subject", f"{subject} has begun already", rule="already_exists")


def ended(path: str, subject: str, state: LoanState) -> RefusedError:
    """What may not come after the end of a loan."""
    return RefusedError(
        path, f"{subject} has ended: {state.status}", rule="ended", details={"status": state.status}
    )


def erased(path: str, subject: str) -> RefusedError:
    """Of an erased loan nothing is known any more, so nothing is added to it, taken or given back."""
    return RefusedError(path, f"{subject} is erased: its claims stay where they are", rule="erased")


def closed(pool: str) -> RefusedError:
    """Nothing is pledged or sold into a pool after its end."""
    return RefusedError("subject", f"{pool} is closed", rule="ended", details={"status": "closed"})


def sealed(size: int, last: Sealed) -> TakenError:
    """One size has one seal, and seals do not go back; a replacement names what it replaces."""
    if size < last.size:
        reason = f"{size} is below {last.size}, the size that was sealed last"
    else:
        reason = f"{size} was sealed by record {last.index}; a seal in its place restates {last.seal.hex()}"
    return TakenError("data.size", reason, rule="sealed", details={"index": last.index, "size": last.size})


def taken_key(path: str, key: bytes, standing: ClaimPlace, claim: str) -> TakenError:
    """A second claim with an asset key that stands at another."""
    return TakenError(
        path,
        f'the asset key of "{claim}" is the one of {standing.loan}/{standing.claim}, taken by record {standing.index}',
        rule="taken_asset_key",
        details={
            "index": standing.index, "asset_key": key.hex(), "loan": standing.loan, "claim": standing.claim,
        },
    )  # fmt: skip


def taken_share(path: str, item: ClaimShare, *, asked: int, free: int, holdings: Holdings) -> TakenError:
    """``holdings`` are those before the record; without any, earlier items of the same record took the claim."""
    details: dict[str, Any] = {"loan": item.loan, "claim": item.claim, "free": free, "asked": asked}
    by = "this very record"
    if holdings:
        details["index"] = max(holding.at for holding in holdings.values())
        by = f"record {details['index']}"
    return TakenError(
        path,
        f"{asked} ppm of {item.loan}/{item.claim} asked, {free} ppm free: it is taken by {by}",
        rule="taken",
        details=details,
    )
