"""Vectors of the Patricia map: roots, proofs of presence and of absence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.proofs import canonical, mpt
from scripts.vector_sets import Case, flip, vectors


@vectors("mpt")
def mpt_vectors() -> Any:
    """Roots and proofs of Patricia maps."""
    few = {bytes([i]) * 4: bytes([i]) for i in (0, 1, 2, 128, 129, 255)}
    register = {
        canonical.sha256(f"key {i}".encode()): canonical.sha256(f"value {i}".encode()) * 2 for i in range(50)
    }
    nested = {
        b"\xab": b"1",
        b"\xab\x00": b"2",
        b"\xab\x00\xfe": b"3",
        b"\xab\x00\xff": b"4",
        b"\xab\x01": b"5",
        b"": b"6",
    }
    maps = [{}, {b"": b""}, {b"\x12": b"\xaa", b"\x124": b"\xbb"}, {b"k": b"v"}, few, nested, register]
    return {
        "maps": [
            {"map": {key.hex(): value.hex() for key, value in one.items()}, "root": mpt.root(one).hex()}
            for one in maps
        ],
        "proofs": [
            *(case for one in (few, nested) for case in mpt_cases(one)),
            *mpt_cases({b"k": b"v"}),
            *mpt_cases({}),
        ],
    }


def mpt_cases(mapping: dict[bytes, bytes]) -> Iterator[Case]:
    """Presence and absence of some keys, and spoiled proofs of both."""
    root = mpt.root(mapping)

    def case(
        name: str,
        key: bytes,
        value: bytes | None,
        steps: Any,
        other: Any,
        *,
        good: bool = False,
        at: bytes = root,
    ) -> Case:
        return {
            "case": name,
            "root": at.hex(),
            "key": key.hex(),
            "value": None if value is None else value.hex(),
            "other": None if other is None else [part.hex() for part in other],
            "steps": [[bit, sibling.hex()] for bit, sibling in steps],
            "good": good,
        }

    absent = [b"\x03" * 4, b"\xab\x02", b"\xff" * 32, b"z"]
    for key in [*mapping, *(key for key in absent if key not in mapping)]:
        proof = mpt.prove(mapping, key)
        value = mapping.get(key)
        steps, other = proof.steps, proof.other
        yield case("good", key, value, steps, other, good=True)
        yield case("another root", key, value, steps, other, at=flip(root))
        if value is not None:
            yield case("another value", key, value + b"\x00", steps, other)
            yield case("called absent, without a leaf", key, None, steps, None)
            yield case("called absent by its own leaf", key, None, steps, (key, value))
        else:
            yield case("called present", key, b"", steps, other)
            yield case("called present, without a leaf", key, b"", steps, None)
        if steps:
            yield case("the last step left out", key, value, steps[:-1], other)
            yield case("the first step left out", key, value, steps[1:], other)
            yield case("a step twice", key, value, [steps[0], *steps], other)
            (bit, sibling), (top, last) = steps[0], steps[-1]
            yield case("a sibling changed", key, value, [(bit, flip(sibling)), *steps[1:]], other)
            yield case("a bit changed", key, value, [*steps[:-1], (top + 1, last)], other)
        if len(steps) > 1:
            yield case("the steps in reverse", key, value, steps[::-1], other)
        if value is None and mapping:
            for wrong, content in mapping.items():
                if other is not None and wrong != other[0]:
                    detour = mpt.prove(mapping, wrong)
                    yield case("the leaf of another way", key, None, detour.steps, (wrong, content))
