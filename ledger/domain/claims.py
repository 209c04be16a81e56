"""A claim's one place: its asset key, who holds shares of it, and the rules of taking and giving back.

A place comes into being with the claim's asset key (loan.opened, loan.disbursed) and never goes. Shares are
parts per million of the claim; all that is held of it sums to at most 1,000,000. Each change makes the next
version of the encumbrance (:mod:`ledger.proofs.encumbrance` fixes the bytes and the chained history digest).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ledger.proofs.encumbrance import MAX_HOLDERS, WHOLE, ZERO, Holders, advance, holder_id, sorted_holders


class Holding(NamedTuple):
    """What a holder has of a claim through a pool: ppm, and ``at``, the last record that took some."""

    share: int
    at: int


#: (pool, holder), both by name without prefix → what is held
Holdings = dict[tuple[str, str], Holding]


class ClaimPlace(msgspec.Struct):
    """The place of one claim: ``loan`` without prefix, ``index`` of the record that brought the key."""

    loan: str
    claim: str
    index: int
    version: int = 0
    history: bytes = ZERO
    holdings: Holdings = {}

    @classmethod
    def restore(
        cls,
        *,
        loan: str,
        claim: str,
        index: int,
        version: int,
        history: bytes,
        steps: Iterable[tuple[str, str, int, int]],
    ) -> ClaimPlace:
        """The place as stored; ``steps`` in order: (pool, holder, change in ppm, index)."""
        holdings: Holdings = {}
        for pool, holder, change, at in steps:
            holdings = moved(holdings, pool, holder, change, at)
        return cls(loan, claim, index, version, history, holdings)

    @property
    def taken(self) -> int:
        """Sum of the shares held, ppm."""
        return sum(holding.share for holding in self.holdings.values())

    @property
    def holders(self) -> Holders:
        """(SHA-256 of the holder's name, ppm) in the one order, a holder's pools together."""
        return holders_of(self.holdings)


def moved(holdings: Holdings, pool: str, holder: str, change: int, index: int) -> Holdings:
    """Holdings after ``change`` ppm, as a new dict; nothing left leaves no entry."""
    result = dict(holdings)
    before = result.pop((pool, holder), None)
    share = change + (before.share if before else 0)
    if share:
        result[(pool, holder)] = Holding(share, index if change > 0 or before is None else before.at)
    return result


def holders_of(holdings: Holdings) -> Holders:
    """The holders part of an encumbrance."""
    sums: dict[bytes, int] = {}
    for (_, holder), holding in holdings.items():
        key = holder_id(holder)
        sums[key] = sums.get(key, 0) + holding.share
    return sorted_holders(sums.items())


def room(holdings: Holdings) -> int:
    """The share that is still free, ppm."""
    return WHOLE - sum(holding.share for holding in holdings.values())


def holds(holdings: Holdings, pool: str) -> bool:
    """Whether the pool holds a share, through whomever."""
    return any(name == pool for name, _ in holdings)


def crowded(holdings: Holdings) -> bool:
    """Whether there are more holders than an encumbrance can list."""
    return len({holder for _, holder in holdings}) > MAX_HOLDERS


class Change(NamedTuple):
    """What one record changes of one claim: ``change`` ppm taken (positive) or given back (negative)."""

    asset_key: bytes
    loan: str
    claim: str
    pool: str
    holder: str
    change: int


class Step(NamedTuple):
    """One version of an encumbrance, with the record's digest worked in."""

    change: Change
    version: int
    history: bytes
    holders: Holders


class NewKey(NamedTuple):
    """An asset key that a record brings; ``weak`` where it is the fallback."""

    asset_key: bytes
    loan: str
    claim: str
    weak: bool


def encumber(place: ClaimPlace, change: Change, digest: bytes) -> Step:
    """Advance the place to its next version after the record ``digest``, whose change it shows already."""
    holders = place.holders
    place.version += 1
    place.history = advance(place.history, digest, holders)
    return Step(change, place.version, place.history, holders)
