"""Pools out of tapes: the events that put the loans of a tape into a pool.

A tape says which loans back a trust, not when each was sold or who signed for it. So these events are the
platform's claim (no acceptance by the holder, unless one is given by other means), in batches that one record
can hold. Their ids derive from what they transfer: the same batch again is the same event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.domain.events.base import MAX_CLAIMS
from ledger.proofs import canonical
from ledger.tapes.model import Known, Submission

#: Claims in one transfer at most: the domain's limit for one record.
BATCH = MAX_CLAIMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the loans of a tape go: the pool (name without ``pool:``), its holder, and by sale or pledge.

    ``placed`` tells which loans of a set are in their place already. Without it the loans that this tape
    opens are placed. With it every loan of the tape that has no place yet is: an import that was interrupted
    between opening and placing then finishes what it began.
    """

    pool: str
    holder: str
    kind: Literal["sold", "pledged"] = "sold"
    placed: Known | None = None


def pool_created(
    pool: str,
    *,
    party: str,
    effective: str,
    rules: dict[str, Any] | None = None,
    title: str | None = None,
    structure: str = "abs",
    currency: str = "USD",
) -> Submission:
    """The ``pool.created`` of a pool; for a pool that the ledger has already, do not ask again.

    ``rules`` defaults to a first version that promises nothing yet.
    """
    data: dict[str, Any] = {"rules": rules or {"version": 1}, "structure": structure, "currency": currency}
    if title is not None:
        data["title"] = title
    return {
        "id": _identified("pool", pool, data),
        "type": "pool.created",
        "subject": f"pool:{pool}",
        "effective": effective,
        "party": party,
        "data": data,
    }


def transfers(
    claims: Iterable[tuple[str, str]], placement: Placement, *, party: str, effective: str
) -> Iterator[Submission]:
    """``claim.sold`` or ``claim.pledged`` of whole claims, (loan, claim) pairs; at most :data:`BATCH` a record."""
    batch: list[tuple[str, str]] = []
    for claim in claims:
        batch.append(claim)
        if len(batch) == BATCH:
            yield _transfer(batch, placement, party, effective)
            batch = []
    if batch:
        yield _transfer(batch, placement, party, effective)


def _transfer(
    batch: Sequence[tuple[str, str]], placement: Placement, party: str, effective: str
) -> Submission:
    data = {
        "holder": placement.holder,
        "claims": [{"loan": loan, "claim": claim} for loan, claim in batch],
    }
    return {
        "id": _identified(placement.kind, placement.pool, data),
        "type": f"claim.{placement.kind}",
        "subject": f"pool:{placement.pool}",
        "effective": effective,
        "party": party,
        "data": data,
    }


def _identified(kind: str, pool: str, data: dict[str, Any]) -> str:
    """An event id from what the event says: ``sold:`` and 32 hex digits of the digest of (pool, data)."""
    return f"{kind}:{hashlib.sha256(canonical.encode([pool, data])).hexdigest()[:32]}"
