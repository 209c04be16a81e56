from __future__ import annotations

import hashlib

from ledger.domain import claims
from ledger.domain.claims import Change, ClaimPlace, Holding
from ledger.proofs.encumbrance import ZERO, advance, holder_id

KEY = bytes(32)


def test_moves_make_new_holdings() -> None:
    first = claims.moved({}, "P", "bank", 600_000, 3)
    second = claims.moved(first, "P", "bank", 100_000, 5)
    third = claims.moved(second, "P", "bank", -200_000, 7)
    assert first == {("P", "bank"): Holding(600_000, 3)}
    assert second == {("P", "bank"): Holding(700_000, 5)}
    assert third == {("P", "bank"): Holding(500_000, 5)}  # still by the record that last took
    assert claims.moved(third, "P", "bank", -500_000, 8) == {}
    assert claims.room(second) == 300_000


def test_a_place_is_restored_from_its_steps() -> None:
    steps = [("P", "bank", 600_000, 3), ("Q", "fund", 400_000, 4), ("P", "bank", -600_000, 9)]
    place = ClaimPlace.restore(loan="L1", claim="a", index=1, version=3, history=b"h" * 32, steps=steps)
    assert place.holdings == {("Q", "fund"): Holding(400_000, 4)}
    assert place.holders == ((holder_id("fund"), 400_000),)
    assert place.taken == 400_000


def test_each_change_is_a_version_with_the_record_worked_in() -> None:
    place = ClaimPlace("L1", "a", 1)
    digest = hashlib.sha256(b"record").digest()
    place.holdings = claims.moved(place.holdings, "P", "bank", 1_000_000, 3)
    step = claims.encumber(place, Change(KEY, "L1", "a", "P", "bank", 1_000_000), digest)
    assert (step.version, place.version) == (1, 1)
    assert step.holders == ((holder_id("bank"), 1_000_000),)
    assert step.history == place.history == advance(ZERO, digest, step.holders)
    place.holdings = {}
    later = claims.encumber(place, Change(KEY, "L1", "a", "P", "bank", -1_000_000), digest)
    assert (later.version, later.holders) == (2, ())
    assert later.history == advance(step.history, digest, ())


def test_places_do_not_share_holdings() -> None:
    one, other = ClaimPlace("L1", "a", 1), ClaimPlace("L1", "b", 1)
    one.holdings[("P", "bank")] = Holding(1, 1)
    assert other.holdings == {}
