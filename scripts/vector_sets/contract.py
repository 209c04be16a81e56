"""Vectors for the AnchorRegistry: proofs as its verifying views take them, made by the Python prover.

Hashes carry ``0x``, bytes of a claim are split into its 32-byte words, and the bits of a way are one string,
because Solidity reads them into arrays of fixed types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ledger.proofs import canonical, merkle, mpt
from ledger.proofs.entries import RegisterEntry, record_entry
from scripts.vector_sets import Case, flip, vectors

SIZES = (1, 2, 3, 8, 13, 100)
LEAVES = [merkle.leaf_hash(record_entry(canonical.sha256(f"record {i}".encode()))) for i in range(100)]


def _x(data: bytes) -> str:
    return "0x" + data.hex()


@vectors("contract")
def contract_vectors() -> Any:
    """Consistency and inclusion of small trees, presence and absence in registers at their size."""
    return {
        "consistency": list(_consistency()),
        "inclusion": list(_inclusion()),
        "register": [case for keys in (0, 1, 40) for case in _register(keys)],
    }


def _consistency() -> Iterator[Case]:
    roots = {size: merkle.root(LEAVES[:size]) for size in SIZES}
    for size1 in SIZES:
        for size2 in (size for size in SIZES if size >= size1):
            proof = merkle.consistency_proof(LEAVES[:size2], size1)

            def case(name: str, proof: list[bytes], root2: bytes, size1: int, size2: int) -> Case:
                return {
                    "case": name,
                    "good": name == "good",
                    "size1": size1,
                    "size2": size2,
                    "root1": _x(roots[size1]),
                    "root2": _x(root2),
                    "proof": [_x(item) for item in proof],
                }

            yield case("good", proof, roots[size2], size1, size2)
            yield case("another root", proof, flip(roots[size2]), size1, size2)
            yield case("a hash too many", [*proof, roots[size1]], roots[size2], size1, size2)
            if proof:
                yield case("a hash left out", proof[:-1], roots[size2], size1, size2)
                yield case("a hash changed", [flip(proof[0], 31), *proof[1:]], roots[size2], size1, size2)
            if len(proof) > 1:
                yield case("in reverse", proof[::-1], roots[size2], size1, size2)


def _inclusion() -> Iterator[Case]:
    for size in SIZES:
        root = merkle.root(LEAVES[:size])
        for index in sorted({0, size // 2, size - 1}):
            proof = merkle.inclusion_proof(LEAVES[:size], index)

            def case(
                name: str,
                proof: list[bytes],
                index: int,
                leaf: bytes,
                *,
                size: int = size,
                root: bytes = root,
            ) -> Case:
                return {
                    "case": name,
                    "good": name == "good",
                    "index": index,
                    "size": size,
                    "leaf_hash": _x(leaf),
                    "root": _x(root),
                    "proof": [_x(item) for item in proof],
                }

            leaf = LEAVES[index]
            yield case("good", proof, index, leaf)
            yield case("index behind the end", proof, index + size, leaf)
            yield case("another leaf", proof, index, flip(leaf))
            yield case("a hash too many", [*proof, leaf], index, leaf)
            if proof:
                yield case("a hash left out", proof[1:], index, leaf)
                yield case("a hash changed", [*proof[:-1], flip(proof[-1])], index, leaf)


@dataclass(frozen=True, slots=True)
class _Claim:
    """One call of verifyPresence (``absent`` false) or verifyAbsence (``absent`` true)."""

    absent: bool
    size: int
    tree_root: bytes
    key: bytes
    value: bytes  # of the key, or of the leaf met in its place
    other: bytes
    entry: RegisterEntry
    inclusion: tuple[bytes, ...]
    steps: tuple[tuple[int, bytes], ...]

    def case(self, name: str) -> Case:
        return {
            "case": name,
            "good": name == "good",
            "absent": self.absent,
            "size": self.size,
            "tree_root": _x(self.tree_root),
            "key": _x(self.key),
            "value": [_x(self.value[:32]), _x(self.value[32:])],
            "other": _x(self.other),
            "count": self.entry.count,
            "register_root": _x(self.entry.root),
            "inclusion": [_x(item) for item in self.inclusion],
            "bits": _x(bytes(bit for bit, _ in self.steps)),
            "siblings": [_x(sibling) for _, sibling in self.steps],
        }


def _register(keys: int) -> Iterator[Case]:
    mapping = {
        canonical.sha256(f"key {i}".encode()): canonical.sha256(f"encumbrance {i}".encode())
        + canonical.sha256(f"state {i}".encode())
        for i in range(keys)
    }
    records = 10 + keys
    entry = RegisterEntry(index=records, count=keys, root=mpt.root(mapping))
    tree = [*LEAVES[:records], merkle.leaf_hash(entry.encode())]
    inclusion = tuple(merkle.inclusion_proof(tree, records))
    # The last one shares 31 bytes with a key: its way turns at the lowest bits.
    absent = [canonical.sha256(f"absent {i}".encode()) for i in range(2)]
    absent += [flip(key, 31) for key in list(mapping)[:1]]
    for key in [*list(mapping)[:2], *absent]:
        proof = mpt.prove(mapping, key)
        missing = key not in mapping
        other, value = proof.other or (bytes(32), mapping.get(key, bytes(64)))
        claim = _Claim(
            absent=missing,
            size=len(tree),
            tree_root=merkle.root(tree),
            key=key,
            value=value,
            other=other,
            entry=entry,
            inclusion=inclusion,
            steps=proof.steps,
        )
        yield claim.case("good")
        yield from _spoiled(claim)


def _spoiled(claim: _Claim) -> Iterator[Case]:
    steps, entry = claim.steps, claim.entry
    yield replace(claim, entry=replace(entry, count=entry.count + 1)).case("another count")
    yield replace(claim, entry=replace(entry, root=flip(entry.root))).case("another register root")
    yield replace(claim, inclusion=claim.inclusion[1:]).case("the register entry not shown")
    yield replace(claim, value=flip(claim.value, 63)).case("another value")
    yield replace(claim, steps=(*steps, (0, bytes(32)))).case("a step too many")
    if claim.absent:
        yield replace(claim, absent=False).case("called present")
        yield replace(claim, other=claim.key).case("the key met itself")
    else:
        yield replace(claim, absent=True, other=claim.key).case("called absent by its own leaf")
        yield replace(claim, absent=True).case("called absent by the zero key")
        yield replace(claim, key=flip(claim.key, 31)).case("another key")
    if steps:
        (bit, sibling), rest = steps[0], steps[1:]
        yield replace(claim, steps=rest).case("a step left out")
        yield replace(claim, steps=((bit, flip(sibling)), *rest)).case("a sibling changed")
        yield replace(claim, steps=((bit ^ 1, sibling), *rest)).case("a bit changed")
        yield replace(claim, steps=(steps[0], *steps)).case("a step twice")
    if len(steps) > 1:
        yield replace(claim, steps=steps[::-1]).case("the steps in reverse")
