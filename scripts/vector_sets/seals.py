"""Vectors of seals: leaves, trees with sums, places good and bad, headers with their seals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ledger.proofs import sumtree
from ledger.proofs.seal import last_seal
from ledger.proofs.sumtree import Leaf, Node, Sibling
from scripts.vector_sets import Case, flip, vectors
from tests import samples as s

MOST = 2**128 - 1
SIZES = (0, 1, 2, 3, 5, 8, 13)


def _leaves(count: int) -> list[Leaf]:
    return sorted(s.sealed_claims(count).values(), key=lambda leaf: leaf.key)


def _leaf(leaf: Leaf) -> Case:
    """Amounts in units of 1e-8, as text: they are wider than the integers of JSON."""
    return {
        "key": leaf.key.hex(),
        "share": leaf.share,
        "receivable": str(leaf.receivable),
        "credit": str(leaf.credit),
        "state": leaf.state.hex(),
    }


def _total(total: Node) -> Case:
    return {
        "root": total.hash.hex(),
        "count": total.count,
        "receivable": str(total.receivable),
        "credit": str(total.credit),
    }


@vectors("sumtree")
def sumtree_vectors() -> Any:
    """Everything about seals but the files that show them."""
    return {
        "leaves": [
            {**_leaf(leaf), "bytes": leaf.encode().hex(), "hash": leaf.node().hash.hex()}
            for leaf in [*_leaves(6), replace(_leaves(1)[0], receivable=MOST, share=1)]
        ],
        "trees": [
            {"leaves": [_leaf(leaf) for leaf in _leaves(size)], **_total(sumtree.root(_leaves(size)))}
            for size in SIZES
        ],
        "bad_trees": list(_bad_trees()),
        "places": [case for size in SIZES[1:] for case in _places(size)],
        "headers": _headers(),
        "last_seals": _last_seals(),
    }


def _bad_trees() -> Iterator[Case]:
    leaves = _leaves(4)
    most = replace(leaves[0], receivable=MOST, credit=0)
    for name, wrong in {
        "two leaves swapped": [leaves[1], leaves[0], *leaves[2:]],
        "a leaf twice": [leaves[0], *leaves],
        "one key with two amounts": [leaves[0], replace(leaves[0], receivable=7, credit=0)],
        "a sum beyond 128 bits": [most, replace(leaves[1], receivable=1, credit=0)],
    }.items():
        yield {"case": name, "leaves": [_leaf(leaf) for leaf in wrong]}


def _places(size: int) -> Iterator[Case]:
    leaves = _leaves(size)
    total = sumtree.root(leaves)

    def case(
        name: str, leaf: Leaf, index: int, path: tuple[Sibling, ...], *, of: Node = total, good: bool = False
    ) -> Case:
        return {
            "case": name,
            **_total(of),
            "leaf": _leaf(leaf),
            "index": index,
            "path": [
                {"hash": one.hash.hex(), "receivable": str(one.receivable), "credit": str(one.credit)}
                for one in path
            ],
            "good": good,
        }

    for index in sorted({0, size // 2, size - 1}):
        leaf, path = leaves[index], sumtree.prove(leaves, index, size)
        units = leaf.receivable or leaf.credit
        yield case("good", leaf, index, path, good=True)
        yield case("another index", leaf, (index + 1) % size if size > 1 else 1, path)
        yield case("an index beyond the tree", leaf, size, path)
        yield case("more receivable", replace(leaf, receivable=units + 1, credit=0), index, path)
        yield case(
            "receivable and credit exchanged",
            replace(leaf, receivable=leaf.credit, credit=leaf.receivable),
            index,
            path,
        )
        yield case("another share", replace(leaf, share=1), index, path)
        yield case("another state", replace(leaf, state=flip(leaf.state)), index, path)
        yield case("another key", replace(leaf, key=flip(leaf.key, 31)), index, path)
        yield case("another root", leaf, index, path, of=total._replace(hash=flip(total.hash)))
        yield case("a total of one unit more", leaf, index, path, of=total._replace(receivable=total[2] + 1))
        yield case("a credit of one unit more", leaf, index, path, of=total._replace(credit=total[3] + 1))
        yield case("one claim more", leaf, index, path, of=total._replace(count=size + 1))
        yield case("a step too many", leaf, index, (*path, Sibling(bytes(32), 0, 0)))
        if path:
            first = path[0]
            yield case("a step left out", leaf, index, path[:-1])
            yield case(
                "a neighbour's amount changed",
                leaf,
                index,
                (first._replace(receivable=first.receivable + 1), *path[1:]),
            )
            yield case(
                "a neighbour's hash changed", leaf, index, (first._replace(hash=flip(first.hash)), *path[1:])
            )
            lent = replace(leaf, receivable=units - 1, credit=0)
            yield case(
                "one unit lent to the neighbour",
                lent,
                index,
                (first._replace(receivable=first.receivable + 1), *path[1:]),
            )


def _headers() -> list[Case]:
    first = s.seal_header(s.sealed_claims(5))
    headers = {
        "five claims": first,
        "no claim": s.seal_header({}),
        "one that restates": replace(first, size=9, rules_version=2, restates=first.seal),
        "yen": replace(first, currency="JPY"),
        "more than a payment can be": replace(first, total=first.total._replace(receivable=MOST)),
    }
    return [
        {"case": name, "header": header.encode().decode(), "seal": header.seal.hex()}
        for name, header in headers.items()
    ]


def _last_seals() -> list[Case]:
    one, two = (hashlib.sha256(name).digest() for name in (b"one", b"two"))
    return [
        {"seals": {name: seal.hex() for name, seal in seals.items()}, "last_seal": last_seal(seals).hex()}
        for seals in ({}, {"CNY": one}, {"USD": two, "CNY": one})
    ]
