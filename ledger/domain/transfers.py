"""Admission of pledges, sales and releases: shares that are free are taken, shares that are held are given back.

A record takes or gives back all that it names, or is refused whole and nothing has changed.
"""

from __future__ import annotations

from ledger.domain import claims, refusals
from ledger.domain.book import Admitted, Book
from ledger.domain.claims import Change, ClaimPlace, Holdings
from ledger.domain.events import Submission
from ledger.domain.events.transfers import ClaimReleased, ClaimShare, Transfer
from ledger.domain.loans import LoanState
from ledger.domain.pools import PoolState
from ledger.errors import IntegrityError, RefusedError
from ledger.proofs.encumbrance import WHOLE


def take(submission: Submission, event: Transfer, book: Book, pool: PoolState, index: int) -> Admitted:
    """Pledge or sale: takes shares that are free, all of them or none."""
    name, holder = submission.name, event.holder
    after: dict[bytes, Holdings] = {}
    changes: dict[bytes, Change] = {}
    for i, item in enumerate(event.claims):
        path = f"data.claims[{i}]"
        state, key, place = _find_claim(item, book, path)
        if state.ended:
            raise refusals.ended(path, f"loan:{item.loan}", state)
        holdings = after.get(key, place.holdings)
        share = item.share if isinstance(item.share, int) else WHOLE
        free = claims.room(holdings)
        if share > free:
            raise refusals.taken_share(path, item, asked=share, free=free, holdings=place.holdings)
        after[key] = moved = claims.moved(holdings, name, holder, share, index)
        if claims.crowded(moved):
            raise RefusedError(path, "has more holders than the register can list", rule="too_large")
        before = changes[key].change if key in changes else 0
        changes[key] = Change(key, item.loan, item.claim, name, holder, before + share)
    return _commit(book, pool, after, changes)


def release(
    submission: Submission, event: ClaimReleased, book: Book, pool: PoolState, index: int
) -> Admitted:
    """The party that posts gives back what it holds through this pool."""
    name, holder = submission.name, submission.party
    after: dict[bytes, Holdings] = {}
    changes: dict[bytes, Change] = {}
    for i, item in enumerate(event.claims):
        path = f"data.claims[{i}]"
        _, key, place = _find_claim(item, book, path)
        holdings = after.get(key, place.holdings)
        held = holdings.get((name, holder))
        share = item.share if isinstance(item.share, int) else (held.share if held else WHOLE)
        if held is None or share > held.share:
            has = held.share if held else 0
            raise RefusedError(
                path,
                f"{holder} holds {has} ppm of {item.loan}/{item.claim} in pool:{name}, not {share}",
                rule="not_held",
                details={"loan": item.loan, "claim": item.claim, "held": has, "asked": share},
            )
        after[key] = claims.moved(holdings, name, holder, -share, index)
        before = changes[key].change if key in changes else 0
        changes[key] = Change(key, item.loan, item.claim, name, holder, before - share)
    return _commit(book, pool, after, changes)


def _find_claim(item: ClaimShare, book: Book, path: str) -> tuple[LoanState, bytes, ClaimPlace]:
    state = book.loans.get(f"loan:{item.loan}")
    if state is None:
        if f"loan:{item.loan}" in book.erased:
            raise refusals.erased(path, f"loan:{item.loan}")
        raise refusals.unknown_subject(f"loan:{item.loan}", f"{path}.loan")
    part = state.claim(item.claim)
    if part is None:
        raise RefusedError(
            f"{path}.claim", f'loan:{item.loan} has no claim "{item.claim}"', rule="unknown_claim"
        )
    if not part.asset_key:
        raise RefusedError(
            path, f"loan:{item.loan} is not disbursed: its claims have no place yet", rule="unknown_claim"
        )
    place = book.places.get(part.asset_key)
    if place is None:
        raise IntegrityError(
            f"loan:{item.loan} has claim {item.claim} with an asset key, but no place for it"
        )
    return state, part.asset_key, place


def _commit(
    book: Book, pool: PoolState, after: dict[bytes, Holdings], changes: dict[bytes, Change]
) -> Admitted:
    """Put the holdings of a whole record into force at once."""
    places = []
    for key, holdings in after.items():
        place = book.places[key]
        name = changes[key].pool
        # Another holder's share in a claim that the pool has already is no other claim.
        pool.claims += claims.holds(holdings, name) - claims.holds(place.holdings, name)
        place.holdings = holdings
        places.append(place)
    pool.events += 1
    return Admitted([], list(changes.values()), places)
