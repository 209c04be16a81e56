"""Random pledges, sales and releases against a naive book of who holds what."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import admission, statements
from ledger.domain.claims import ClaimPlace
from ledger.domain.events import Submission
from ledger.errors import RefusedError
from ledger.proofs.encumbrance import ZERO, advance, holder_id
from tests.domain.examples import BANK, FUND, ORIGIN, TODAY, World, submission

SIGNERS = {"bank": BANK, "fund": FUND}
ITEMS = st.lists(
    st.tuples(
        st.sampled_from(["L1", "L2"]),
        st.sampled_from(["a", "b"]),
        st.none() | st.sampled_from([1, 400_000, 500_000, 600_000, 1_000_000]),
    ),
    min_size=1,
    max_size=4,
)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["claim.pledged", "claim.sold", "claim.released"]),
        st.sampled_from(["P", "Q"]),
        st.sampled_from(["bank", "fund"]),
        ITEMS,
    ),
    max_size=12,
)

Held = dict[tuple[str, str, str, str], int]  # (loan, claim, pool, holder) → ppm


def expected(
    held: Held, kind: str, pool: str, holder: str, items: list[tuple[str, str, int | None]]
) -> Held | None:
    """The naive rule, on a copy; None if it refuses."""
    after = dict(held)
    for loan, claim, share in items:
        key = (loan, claim, pool, holder)
        if kind == "claim.released":
            part = after.get(key, 0) if share is None else share
            if part == 0 or part > after.get(key, 0):
                return None
            after[key] -= part
        else:
            part = 1_000_000 if share is None else share
            if part + sum(v for (one, c, _, _), v in after.items() if (one, c) == (loan, claim)) > 1_000_000:
                return None
            after[key] = after.get(key, 0) + part
    return {key: value for key, value in after.items() if value}


def event(kind: str, pool: str, holder: str, items: list[tuple[str, str, int | None]]) -> Submission:
    claims = [
        {"loan": loan, "claim": claim, **({"share": share} if share else {})} for loan, claim, share in items
    ]
    if kind == "claim.released":
        one = submission(kind, subject=f"pool:{pool}", party=holder, data={"claims": claims})
        return statements.sign_submission(SIGNERS[holder], ORIGIN, one)
    return submission(kind, subject=f"pool:{pool}", data={"holder": holder, "claims": claims})


@settings(max_examples=120)
@given(ACTIONS)
def test_places_agree_with_the_naive_book(
    actions: list[tuple[str, str, str, list[tuple[str, str, int | None]]]],
) -> None:
    world = World().with_loan("L1").with_loan("L2").with_pool("P").with_pool("Q")
    book = world.book
    held: Held = {}
    steps: dict[bytes, list[tuple[str, str, int, int]]] = {key: [] for key in book.places}
    histories = dict.fromkeys(book.places, ZERO)
    for index, (kind, pool, holder, items) in enumerate(actions, start=10):
        after = expected(held, kind, pool, holder, items)
        before = copy.deepcopy(book)
        try:
            admitted = admission.admit(event(kind, pool, holder, items), book, today=TODAY, index=index)
        except RefusedError:
            assert after is None
            assert book == before
            continue
        assert after is not None
        assert admitted is not None
        held = after
        digest = index.to_bytes(32, "big")
        for step in admitted.encumber(digest):
            change = step.change
            histories[change.asset_key] = advance(histories[change.asset_key], digest, step.holders)
            assert step.history == histories[change.asset_key]
            steps[change.asset_key].append((change.pool, change.holder, change.change, index))
    for key, place in book.places.items():
        mine = {
            (p, h): v for (loan, claim, p, h), v in held.items() if (loan, claim) == (place.loan, place.claim)
        }
        assert {pair: holding.share for pair, holding in place.holdings.items()} == mine
        assert place.taken == sum(mine.values()) <= 1_000_000
        sums = {holder_id(h): sum(v for (_, other), v in mine.items() if other == h) for _, h in mine}
        assert place.holders == tuple(sorted(sums.items()))
        assert place.version == len(steps[key])
        restored = ClaimPlace.restore(
            loan=place.loan, claim=place.claim, index=place.index, version=place.version,
            history=histories[key], steps=steps[key],
        )  # fmt: skip
        assert restored == place
    for name in ("P", "Q"):
        mine = {(loan, claim) for (loan, claim, pool, _) in held if pool == name}
        assert book.pools[f"pool:{name}"].claims == len(mine), "a claim with two holders is one claim"
