"""Seals of random pools against the recursive definition; leaves dropped, doubled, swapped and changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import sumtree
from ledger.proofs.sumtree import Leaf, Sibling
from tests.oracles import sumtree as oracle
from tests.proofs.test_sumtree import plain

KEYS = [hashlib.sha256(b"%d" % n).digest() for n in range(60)]
AMOUNTS = st.one_of(st.integers(0, 10), st.integers(0, 10**18), st.just(2**120))


@st.composite
def leaf_lists(draw: st.DrawFn, least: int = 0) -> list[Leaf]:
    keys = sorted(draw(st.sets(st.sampled_from(KEYS), min_size=least, max_size=24)))
    leaves = []
    for key in keys:
        units, credit = draw(AMOUNTS), draw(st.booleans())
        leaves.append(
            Leaf(
                key=key,
                share=draw(st.integers(1, 1_000_000)),
                receivable=0 if credit else units,
                credit=units if credit else 0,
                state=hashlib.sha256(key).digest(),
            )
        )
    return leaves


@given(leaf_lists())
def test_roots_and_sums_are_those_of_the_definition(leaves: list[Leaf]) -> None:
    total = sumtree.root(leaves)
    assert tuple(total) == oracle.tree([plain(one) for one in leaves])
    assert total.count == len(leaves)
    assert total.receivable == sum(one.receivable for one in leaves)
    assert total.credit == sum(one.credit for one in leaves)


@given(leaf_lists(least=1))
def test_every_claim_has_a_place(leaves: list[Leaf]) -> None:
    total = sumtree.root(leaves)
    for index, one in enumerate(leaves):
        path = sumtree.prove(leaves, index, len(leaves))
        assert [tuple(step) for step in path] == oracle.path(index, [plain(one) for one in leaves])
        sumtree.verify_place(total, one, index, path)
        assert oracle.place_holds(tuple(total), plain(one), index, list(path))


@given(leaf_lists(least=2), st.data())
def test_leaves_out_of_order_or_twice_are_refused(leaves: list[Leaf], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 2))
    swapped = [*leaves[:at], leaves[at + 1], leaves[at], *leaves[at + 2 :]]
    doubled = [*leaves[: at + 1], *leaves[at:]]
    for wrong in (swapped, doubled):
        with pytest.raises(MalformedError):
            sumtree.root(wrong)
        with pytest.raises(MalformedError):
            sumtree.prove(wrong, 0, len(wrong))
        with pytest.raises(ValueError, match="order"):
            oracle.tree([plain(one) for one in wrong])


@given(leaf_lists(least=1), st.data())
def test_a_pool_with_one_change_has_another_seal(leaves: list[Leaf], data: st.DataObject) -> None:
    """A claim dropped, added, or changed in anything: another root, and no place under the old one."""
    total = sumtree.root(leaves)
    at = data.draw(st.integers(0, len(leaves) - 1))
    one = leaves[at]
    kind = data.draw(st.sampled_from(["drop", "share", "amount", "side", "state", "key"]))
    if kind == "drop":
        assert sumtree.root(leaves[:at] + leaves[at + 1 :]) != total
        return
    changed = {
        "share": replace(one, share=one.share % 1_000_000 + 1),
        "amount": replace(one, receivable=one.receivable + 1, credit=0),
        "side": replace(one, receivable=one.credit, credit=one.receivable),
        "state": replace(one, state=bytes(32)),
        "key": replace(one, key=one.key[:-1] + bytes([one.key[-1] ^ 1])),
    }[kind]
    if changed == one:
        return
    others = sorted([*leaves[:at], changed, *leaves[at + 1 :]], key=lambda leaf: leaf.key)
    assert sumtree.root(others).hash != total.hash
    with pytest.raises(VerificationError, match="place"):
        sumtree.verify_place(total, changed, at, sumtree.prove(leaves, at, len(leaves)))


@settings(max_examples=200)
@given(leaf_lists(least=1), leaf_lists(least=1), st.data())
def test_verifier_and_definition_agree_on_spoiled_paths(
    leaves: list[Leaf], strangers: list[Leaf], data: st.DataObject
) -> None:
    """Also with leaves, paths and totals of another pool mixed in."""
    total = data.draw(st.sampled_from([sumtree.root(leaves), sumtree.root(strangers)]))
    of = data.draw(st.sampled_from([leaves, strangers]))
    index = data.draw(st.integers(0, len(of) - 1))
    path = list(sumtree.prove(of, index, len(of)))
    one = data.draw(st.sampled_from([of[index], leaves[0], strangers[-1]]))
    if path and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(path) - 1))
        path[at] = Sibling(
            data.draw(st.sampled_from([path[at].hash, KEYS[0], path[0].hash])),
            data.draw(st.sampled_from([path[at].receivable, path[at].receivable + 1, 0, 2**128 - 1])),
            data.draw(st.sampled_from([path[at].credit, 1])),
        )
    index = data.draw(st.sampled_from([index, index + 1, 0]))
    try:
        sumtree.verify_place(total, one, index, path)
        accepted = True
    except VerificationError:
        accepted = False
    assert accepted == oracle.place_holds(tuple(total), plain(one), index, path)
    if accepted:
        pool = leaves if total == sumtree.root(leaves) else strangers
        assert pool[index] == one
