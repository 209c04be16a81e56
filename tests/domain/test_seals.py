from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import pools, seals
from ledger.domain.events import read_submission
from ledger.domain.pools import PoolState
from ledger.errors import RefusedError, TakenError
from tests.domain.examples import World, raw, submission

SUBJECT = "pool:P"


@pytest.fixture
def world() -> World:
    """A pool in a log that published the sizes 12 and 20."""
    result = World().with_pool()
    result.book.sizes = {12, 20}
    return result


def data(**changes: Any) -> dict[str, Any]:
    """A seal whose digest fits its members, unless the change is of the seal itself."""
    event = submission("pool.sealed").event
    members = {name: getattr(event, name) for name in event.__struct_fields__} | changes
    if "seal" not in changes:
        header = seals.header_of("P", type(event)(**members))
        members["seal"] = header.seal.hex()
    return members


def sealed(world: World, members: dict[str, Any], **more: Any) -> None:
    """Admit a seal with exactly these members."""
    world.admit(read_submission({**raw("pool.sealed", **more), "data": members}))


def state(world: World) -> PoolState:
    return world.book.pools[SUBJECT]


def test_a_seal_is_taken_into_the_pools_state(world: World) -> None:
    world.admit("pool.sealed")
    seal = bytes.fromhex(data()["seal"])
    assert state(world).seals == {"CNY": pools.Sealed(12, seal, 1)}
    assert state(world).last_seal == seal
    assert pools.decode(pools.encode(state(world))) == state(world)


def test_a_pool_without_seals_reads_as_before() -> None:
    older = pools.encode(PoolState(1, "{}"))
    assert pools.decode(older).last_seal == bytes(32)
    assert pools.decode(b"\x97" + older[1:-1]) == PoolState(1, "{}")  # as it was stored before there were any


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"seal": "00" * 32}, "data.seal", "wrong_seal"),
        ({"size": 13}, "data.size", "unknown_size"),
        ({"rules_version": 2}, "data.rules_version", "wrong_rules_version"),
        ({"restates": "00" * 32}, "data.restates", "unknown_seal"),
        ({"as_of": "2026-07-01"}, "data.as_of", "wrong_form"),
        ({"as_of": "2026-06"}, "data.as_of", "wrong_date"),
        ({"receivable": "773.5"}, "data.receivable", "wrong_money"),
        ({"credit": "-1.00"}, "data.credit", "wrong_money"),
        ({"root": "AB" * 32}, "data.root", "wrong_form"),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], field: str, rule: str) -> None:
    fits = rule not in {"wrong_money", "wrong_form", "wrong_date"} or field == "data.as_of"
    members = data() | changes
    if fits and rule not in {"wrong_seal", "wrong_date"}:
        members = data(**changes)
    with pytest.raises(RefusedError) as caught:
        sealed(world, members)
    assert (caught.value.field, caught.value.rule) == (field, rule)
    assert state(world).seals == {}


@pytest.mark.parametrize(
    "changed", ["currency", "size", "as_of", "root", "count", "receivable", "credit", "restates", "pool"]
)
def test_every_member_is_in_the_digest(world: World, changed: str) -> None:
    """The digest is of all members and of the pool's name: none can be another."""
    other: dict[str, Any] = {
        "currency": "USD", "size": 20, "as_of": "2026-06-29", "root": "11" * 32, "count": 2,
        "receivable": "773.51", "credit": "0.01", "restates": None,
    }  # fmt: skip
    members = data()
    subject = SUBJECT
    if changed == "pool":
        world.with_pool("Q")
        subject = "pool:Q"
    elif changed == "restates":
        world.admit("pool.sealed")
        members = {**data(size=20), "restates": data()["seal"]}
    else:
        members[changed] = other[changed]
    with pytest.raises(RefusedError) as caught:
        sealed(world, members, id="e2", subject=subject)
    assert caught.value.rule == "wrong_seal"


def test_an_unknown_pool_has_no_seal(world: World) -> None:
    with pytest.raises(RefusedError) as caught:
        world.admit("pool.sealed", subject="pool:Z")
    assert caught.value.rule == "unknown_subject"


def test_one_size_has_one_seal_unless_it_is_restated(world: World) -> None:
    sealed(world, data(size=20))
    first = data(size=20)["seal"]
    for again in (data(size=20), data(size=20, count=2), data(size=12), data(size=12, restates=first)):
        with pytest.raises(TakenError) as caught:
            sealed(world, again)
        assert (caught.value.rule, caught.value.details) == ("sealed", {"index": 1, "size": 20})
    second = data(size=20, count=2, restates=first)
    sealed(world, second)
    with pytest.raises(RefusedError) as refused:  # the first one is no longer the last
        sealed(world, data(size=20, count=3, restates=first))
    assert refused.value.rule == "unknown_seal"
    assert state(world).seals["CNY"].seal.hex() == second["seal"]


def test_each_currency_has_its_own_seals(world: World) -> None:
    sealed(world, data(size=20))
    sealed(world, data(size=12, currency="USD"))
    assert {currency: sealed.size for currency, sealed in state(world).seals.items()} == {
        "CNY": 20,
        "USD": 12,
    }
    assert state(world).last_seal not in {sealed.seal for sealed in state(world).seals.values()}


@pytest.mark.parametrize(
    ("principal", "share", "currency", "expected"),
    [
        (1_805_383_199, 1_000_000, "CNY", (1_805_383_199, 0)),
        (1_805_383_199, 999_999, "CNY", (1_805_000_000, 0)),
        (1_000_000, 500_000, "CNY", (0, 0)),  # half of a fen
        (-1_805_383_199, 500_000, "CNY", (0, 902_000_000)),
        (-5, 1_000_000, "CNY", (0, 5)),
        (0, 1_000_000, "CNY", (0, 0)),
        (100 * 10**8, 333_333, "JPY", (33 * 10**8, 0)),
    ],
)
def test_what_a_held_share_amounts_to(
    principal: int, share: int, currency: str, expected: tuple[int, int]
) -> None:
    assert seals.held(principal, share, currency) == expected


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.integers(1, 400_000), min_size=2, max_size=5).filter(lambda shares: sum(shares) <= 10**6),
)
def test_pools_together_never_count_more_than_there_is(principal: int, shares: list[int]) -> None:
    parts = [seals.held(principal, share, "CNY") for share in shares]
    assert sum(receivable for receivable, _ in parts) <= max(principal, 0)
    assert sum(credit for _, credit in parts) <= max(-principal, 0)
