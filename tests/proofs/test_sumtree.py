"""The tree under a seal: what builders refuse, and what a path shows."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import sumtree
from ledger.proofs.sumtree import EMPTY, Leaf, Node, Sibling
from tests.oracles import sumtree as oracle

MOST = 2**128 - 1


def leaf(n: int, receivable: int = 100, credit: int = 0, share: int = 1_000_000) -> Leaf:
    state = hashlib.sha256(b"state %d" % n).digest()
    return Leaf(key=n.to_bytes(32), share=share, receivable=receivable, credit=credit, state=state)


LEAVES = [leaf(n, receivable=n) for n in range(1, 8)]
TOTAL = sumtree.root(LEAVES)


def plain(one: Leaf) -> oracle.Leaf:
    return one.key, one.share, one.receivable, one.credit, one.state


def test_the_empty_tree() -> None:
    assert sumtree.root([]) == EMPTY == oracle.tree([])
    assert EMPTY.hash == hashlib.sha256(b"").digest()
    assert EMPTY[1:] == (0, 0, 0)


def test_a_leaf_has_a_hundred_bytes() -> None:
    data = leaf(1, receivable=0, credit=5, share=400_000).encode()
    assert len(data) == sumtree.LEAF_SIZE
    assert Leaf.parse(data) == leaf(1, receivable=0, credit=5, share=400_000)
    for other in (b"", data[:-1], data + b"\0"):
        with pytest.raises(MalformedError):
            Leaf.parse(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": bytes(31)}, {"state": bytes(33)}, {"share": 0}, {"share": 1_000_001}, {"receivable": -1},
        {"receivable": MOST + 1}, {"receivable": 0, "credit": MOST + 1}, {"receivable": 1, "credit": 1},
    ],
)  # fmt: skip
def test_what_is_no_leaf(wrong: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        replace(leaf(1), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [[2, 1], [1, 1], [1, 3, 2], [1, 2, 2, 3]])
def test_keys_that_do_not_rise_are_refused(order: list[int]) -> None:
    leaves = [leaf(n) for n in order]
    with pytest.raises(MalformedError, match="rise strictly"):
        sumtree.root(leaves)
    with pytest.raises(MalformedError, match="rise strictly"):
        sumtree.prove(leaves, 0, len(leaves))


def test_the_key_of_zeros_is_a_key_once() -> None:
    assert sumtree.root([leaf(0), leaf(1)]).count == 2
    with pytest.raises(MalformedError, match="rise strictly"):
        sumtree.root([leaf(0), leaf(0)])


@pytest.mark.parametrize("member", ["receivable", "credit"])
def test_a_sum_that_does_not_fit_is_refused(member: str) -> None:
    def amount(n: int, units: int) -> Leaf:
        return replace(leaf(n, receivable=0), **{member: units})  # type: ignore[arg-type]

    fits = [amount(1, MOST - 2), amount(2, 1), amount(3, 1)]
    assert getattr(sumtree.root(fits), member) == MOST
    with pytest.raises(MalformedError, match="does not fit"):
        sumtree.root([*fits, amount(4, 1)])
    path = (Sibling(bytes(32), MOST, 0) if member == "receivable" else Sibling(bytes(32), 0, MOST),)
    with pytest.raises(VerificationError, match="does not fit") as caught:
        sumtree.verify_place(Node(bytes(32), 2, 0, 0), amount(1, 1), 0, path)
    assert caught.value.step == "place"


@pytest.mark.parametrize("size", [6, 8, 0])
def test_a_path_of_another_number_of_claims_is_not_made(size: int) -> None:
    with pytest.raises(MalformedError):
        sumtree.prove(LEAVES, 0, size)


def refused(total: Node, one: Leaf, index: int, path: tuple[Sibling, ...]) -> str:
    """The reason at step ``place``; the oracle refuses the same."""
    assert not oracle.place_holds(tuple(total), plain(one), index, list(path))
    with pytest.raises(VerificationError) as caught:
        sumtree.verify_place(total, one, index, path)
    assert caught.value.step == "place"
    return caught.value.reason


@pytest.mark.parametrize("index", range(7))
def test_a_place_is_shown_and_no_other(index: int) -> None:
    path = sumtree.prove(LEAVES, index, 7)
    one = LEAVES[index]
    sumtree.verify_place(TOTAL, one, index, path)
    for other in set(range(-1, 9)) - {index}:
        refused(TOTAL, one, other, path)
    refused(TOTAL, one, index, path[:-1])
    refused(TOTAL, one, index, (*path, path[-1]))
    refused(TOTAL, replace(one, receivable=one.receivable + 1), index, path)
    refused(TOTAL, replace(one, receivable=0, credit=one.receivable), index, path)
    refused(TOTAL, replace(one, share=999_999), index, path)
    refused(TOTAL, replace(one, state=bytes(32)), index, path)
    for at, sibling in enumerate(path):
        for wrong in (
            sibling._replace(hash=bytes(32)),
            sibling._replace(receivable=sibling.receivable + 1),
            sibling._replace(credit=sibling.credit + 1),
        ):
            refused(TOTAL, one, index, (*path[:at], wrong, *path[at + 1 :]))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"hash": bytes(32)}, "another root"),
        ({"receivable": TOTAL.receivable + 1}, "other sums"),
        ({"credit": 1}, "other sums"),
        ({"count": 8}, "not 3"),
        ({"count": 6}, "root"),
        ({"count": 0}, "not in a seal of 0"),
        ({"count": 2**63}, "not in a seal"),
    ],
)
def test_wrong_totals_are_refused(wrong: dict[str, int], reason: str) -> None:
    index = 3 if reason != "not 3" else 6
    assert reason in refused(TOTAL._replace(**wrong), LEAVES[index], index, sumtree.prove(LEAVES, index, 7))


def test_one_side_cannot_lend_the_other() -> None:
    """A hash over the whole sum alone would let a claim look smaller and its neighbour larger."""
    path = sumtree.prove(LEAVES, 0, 7)
    smaller = replace(LEAVES[0], receivable=LEAVES[0].receivable - 1)
    larger = path[0]._replace(receivable=path[0].receivable + 1)
    assert refused(TOTAL, smaller, 0, (larger, *path[1:])) == (
        "the path of claim 0 of 7 leads to another root than the seal's"
    )


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 16, 21])
def test_a_path_may_be_made_subtree_by_subtree(count: int, width: int) -> None:
    leaves = [leaf(n, receivable=n) for n in range(count)]
    parts = [leaves[at : at + width] for at in range(0, count, width)]
    nodes = [sumtree.root(part) for part in parts]
    tree = sumtree.SumRange()
    for node in nodes:
        tree.add(Node.parse(node.encode()))
    assert tree.root() == sumtree.root(leaves)
    for index in range(count):
        n, at = divmod(index, width)
        below = sumtree.prove(parts[n], at, len(parts[n]))
        assert (*below, *sumtree.path(nodes, n, len(nodes))) == sumtree.prove(leaves, index, count)


def test_a_node_has_72_bytes() -> None:
    data = TOTAL.encode()
    assert len(data) == 72
    for other in (b"", data[:-1], data + b"\0"):
        with pytest.raises(MalformedError):
            Node.parse(other)


def test_building_needs_no_more_memory_for_more_claims() -> None:
    def many(count: int) -> Iterator[Leaf]:
        return (leaf(n) for n in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        assert sumtree.root(many(count)).count == count
        assert sumtree.prove(many(count), count // 3, count)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(8_000) < 4 * peak(500)
