"""Vectors of RFC 9162 trees: hashes, roots, inclusion and consistency proofs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.proofs import merkle
from scripts.vector_sets import Case, flip, hexes, leaf_hashes, vectors


def bad_proofs(proof: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Every way to spoil a list of hashes that a careless verifier might accept."""
    stray = merkle.leaf_hash(b"stray")
    yield "a hash too many at the end", [*proof, stray]
    yield "a hash too many at the start", [stray, *proof]
    yield "an empty hash too many", [*proof, b""]
    for i, value in enumerate(proof):
        yield f"hash {i} changed in its first bit", [*proof[:i], flip(value), *proof[i + 1 :]]
        yield f"hash {i} left out", [*proof[:i], *proof[i + 1 :]]
        yield f"hash {i} twice", [*proof[:i], value, *proof[i:]]
        yield f"hash {i} one byte short", [*proof[:i], value[:-1], *proof[i + 1 :]]
        yield f"hash {i} one byte long", [*proof[:i], value + b"\x00", *proof[i + 1 :]]
    if len(proof) > 1:
        yield "the first two hashes swapped", [proof[1], proof[0], *proof[2:]]
        yield "the hashes in reverse", proof[::-1]
        yield "no hashes", []


@vectors("merkle")
def merkle_vectors() -> Any:
    """Roots, inclusion and consistency proofs of RFC 9162 trees."""
    hashes = leaf_hashes(300)
    sizes = [*range(18), 31, 32, 33, 64, 100, 255, 256, 257, 300]
    return {
        "leaves": 'leaf i is the ASCII text "leaf i"',
        "hashes": [
            {"entry": entry.hex(), "leaf_hash": merkle.leaf_hash(entry).hex()}
            for entry in (b"", b"\x00", b"L123456", bytes(range(53)))
        ],
        "nodes": [
            {"left": b"N123".hex(), "right": b"N456".hex(), "hash": merkle.node_hash(b"N123", b"N456").hex()}
        ],
        "roots": [{"size": size, "root": merkle.root(hashes[:size]).hex()} for size in sizes],
        "inclusion": list(inclusion_cases(hashes)),
        "consistency": list(consistency_cases(hashes)),
    }


def inclusion_cases(hashes: list[bytes]) -> Iterator[Case]:
    """Good proofs, and some of them spoiled."""

    def case(
        name: str, at: tuple[int, int], leaf: bytes, proof: list[bytes], root: bytes, *, good: bool = False
    ) -> Case:
        return {
            "case": name,
            "index": at[0],
            "size": at[1],
            "leaf_hash": leaf.hex(),
            "proof": hexes(proof),
            "root": root.hex(),
            "good": good,
        }

    pairs = [(0, 1), (0, 2), (1, 2), (2, 3), (3, 7), (6, 7), (0, 8), (5, 8), (255, 256), (256, 257)]
    for index, size in [*pairs, (299, 300), (17, 300)]:
        proof = merkle.inclusion_proof(hashes[:size], index)
        yield case("good", (index, size), hashes[index], proof, merkle.root(hashes[:size]), good=True)
    for index, size in [(0, 1), (5, 7), (6, 7)]:
        at = (index, size)
        proof = merkle.inclusion_proof(hashes[:size], index)
        root, leaf = merkle.root(hashes[:size]), hashes[index]
        for name, bad in bad_proofs(proof):
            yield case(name, at, leaf, bad, root)
        yield case("index equal to size", (size, size), leaf, proof, root)
        yield case("index above size", (size + 1, size), leaf, proof, root)
        yield case("negative index", (-1, size), leaf, proof, root)
        yield case("index and size moved by 2^64", (index + 2**64, size + 2**64), leaf, proof, root)
        yield case("size 0", (0, 0), leaf, [], merkle.EMPTY_ROOT)
        yield case("another leaf", at, hashes[index + 1], proof, root)
        yield case("leaf hash one byte short", at, leaf[:-1], proof, root)
        yield case("another root", at, leaf, proof, flip(root))
        yield case("empty root", at, leaf, proof, b"")
        if size > 1:
            yield case("the root as its own proof", at, root, [], root)
            yield case("a neighbour's index", (index - 1, size), leaf, proof, root)
    inner, sibling = merkle.root(hashes[:2]), merkle.root(hashes[2:4])
    yield case("an inner node as the leaf", (0, 4), inner, [sibling], merkle.root(hashes[:4]))


def consistency_cases(hashes: list[bytes]) -> Iterator[Case]:
    """Good proofs, and some of them spoiled."""

    def case(
        name: str,
        sizes: tuple[int, int],
        roots: tuple[bytes, bytes],
        proof: list[bytes],
        *,
        good: bool = False,
    ) -> Case:
        return {
            "case": name,
            "size1": sizes[0],
            "size2": sizes[1],
            "root1": roots[0].hex(),
            "root2": roots[1].hex(),
            "proof": hexes(proof),
            "good": good,
        }

    def made(size1: int, size2: int) -> tuple[tuple[int, int], tuple[bytes, bytes], list[bytes]]:
        roots = merkle.root(hashes[:size1]), merkle.root(hashes[:size2])
        return (size1, size2), roots, merkle.consistency_proof(hashes[:size2], size1)

    pairs = [(1, 1), (1, 2), (2, 3), (3, 4), (3, 7), (4, 7), (4, 8), (6, 8), (7, 7), (7, 8), (8, 300)]
    for pair in [*pairs, (255, 256), (256, 257), (257, 300)]:
        yield case("good", *made(*pair), good=True)
    for pair in [(3, 7), (4, 7), (6, 8), (7, 7)]:
        (size1, size2), (root1, root2), proof = sizes, roots, _ = made(*pair)
        for name, bad in bad_proofs(proof):
            yield case(name, sizes, roots, bad)
        yield case("another first root", sizes, (flip(root1), root2), proof)
        yield case("another second root", sizes, (root1, flip(root2)), proof)
        spoiled = [flip(value) for value in proof] or [flip(root1)]
        yield case("everything changed alike", sizes, (flip(root1), flip(root2)), spoiled)
        yield case("a size too small", (size1 - 1, size2), roots, proof)
        yield case("sizes moved by 2^64", (size1 + 2**64, size2 + 2**64), roots, proof)
        if size1 < size2:
            yield case("the sizes swapped", (size2, size1), (root2, root1), proof)
            yield case("the roots swapped", sizes, (root2, root1), proof)
            yield case("the first root in front once more", sizes, roots, [root1, *proof])
            yield case("one root for both sizes, no proof", sizes, (root1, root1), [])
    empty, (_, (root6, root7), _) = merkle.EMPTY_ROOT, made(6, 7)
    yield case("from size 0, no proof", (0, 7), (empty, root7), [])
    yield case("from size 0, the root as proof", (0, 7), (empty, root7), [root7])
    yield case("from size 0 to size 0", (0, 0), (empty, empty), [])
    yield case("negative size", (-1, 7), (empty, root7), [])
    yield case("equal sizes, two roots", (7, 7), (root7, root6), [])
