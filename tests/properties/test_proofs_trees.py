"""Trees and tiles of random shape against the recursive definitions, and proofs spoiled at random."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import VerificationError
from ledger.proofs import merkle, tiles
from tests.oracles import rfc9162

HASHES = [rfc9162.leaf(b"%d" % i) for i in range(2000)]
SIZES = st.integers(1, 300)


@given(size=SIZES, data=st.data())
def test_inclusion(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(HASHES[:size], index)
    assert proof == rfc9162.path(index, HASHES[:size])
    merkle.verify_inclusion(index, size, HASHES[index], proof, rfc9162.mth(HASHES[:size]))


@given(size=SIZES, data=st.data())
def test_consistency(size: int, data: st.DataObject) -> None:
    older = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(HASHES[:size], older)
    assert proof == rfc9162.proof(older, HASHES[:size])
    merkle.verify_consistency(older, size, rfc9162.mth(HASHES[:older]), rfc9162.mth(HASHES[:size]), proof)


def spoil(hashes: list[bytes], data: st.DataObject) -> list[bytes]:
    """One change somewhere in a list of hashes."""
    at = data.draw(st.integers(0, len(hashes)))
    kind = data.draw(st.sampled_from(["insert", "remove", "flip", "swap", "cut"]))
    if kind == "insert" or at == len(hashes):
        return [*hashes[:at], data.draw(st.sampled_from(HASHES[:50])), *hashes[at:]]
    if kind == "remove":
        return [*hashes[:at], *hashes[at + 1 :]]
    if kind == "swap":
        other = data.draw(st.integers(0, len(hashes) - 1))
        changed = list(hashes)
        changed[at], changed[other] = changed[other], changed[at]
        return changed
    value = hashes[at]
    if kind == "cut":
        return [*hashes[:at], value[: data.draw(st.integers(0, 31))], *hashes[at + 1 :]]
    bit = data.draw(st.integers(0, 255))
    number = int.from_bytes(value) ^ 1 << bit
    return [*hashes[:at], number.to_bytes(32), *hashes[at + 1 :]]


@settings(max_examples=300)
@given(size=SIZES, data=st.data())
def test_a_spoiled_inclusion_proof_shows_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = rfc9162.mth(HASHES[:size])
    good = [HASHES[index], root, *merkle.inclusion_proof(HASHES[:size], index)]
    bad = spoil(good, data)
    if bad == good or len(bad) < 2:
        return
    assert not rfc9162.inclusion_holds(index, size, bad[0], bad[2:], bad[1])
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(index, size, bad[0], bad[2:], bad[1])


@settings(max_examples=300)
@given(size=SIZES, data=st.data())
def test_a_spoiled_consistency_proof_shows_nothing(size: int, data: st.DataObject) -> None:
    older = data.draw(st.integers(1, size))
    roots = [rfc9162.mth(HASHES[:older]), rfc9162.mth(HASHES[:size])]
    good = [*roots, *merkle.consistency_proof(HASHES[:size], older)]
    bad = spoil(good, data)
    if bad == good or len(bad) < 2:
        return
    # For equal sizes both roots may change together: that is no proof of anything but equality.
    if older == size and bad[0] == bad[1] and len(bad) == 2:
        return
    assert not rfc9162.consistency_holds(older, size, bad[0], bad[1], bad[2:])
    with pytest.raises(VerificationError):
        merkle.verify_consistency(older, size, bad[0], bad[1], bad[2:])


@settings(max_examples=300)
@given(
    numbers=st.tuples(st.integers(-2, 20), st.integers(-2, 20)),
    proof=st.lists(st.sampled_from(HASHES[:4]) | st.binary(max_size=33), max_size=6),
    roots=st.tuples(st.sampled_from(HASHES[:4]), st.sampled_from(HASHES[:4])),
)
def test_verifiers_agree_with_the_rfc_on_anything(
    numbers: tuple[int, int], proof: list[bytes], roots: tuple[bytes, bytes]
) -> None:
    def accepted(verify: object, *arguments: object) -> bool:
        try:
            verify(*arguments)  # type: ignore[operator]
        except VerificationError:
            return False
        return True

    expected = rfc9162.inclusion_holds(*numbers, roots[0], proof, roots[1])
    assert accepted(merkle.verify_inclusion, *numbers, roots[0], proof, roots[1]) == expected
    expected = rfc9162.consistency_holds(*numbers, *roots, proof)
    assert accepted(merkle.verify_consistency, *numbers, *roots, proof) == expected


@given(steps=st.lists(st.integers(0, 700), max_size=6))
def test_tiles_and_ranges_grow_in_any_steps(steps: list[int]) -> None:
    size, edge, stored = 0, dict[int, bytes](), dict[tuple[int, int], bytes]()
    range_ = merkle.CompactRange()
    for step in steps:
        added = HASHES[size : size + step]
        growth = tiles.extend(size, edge, added)
        for level, found in growth.tiles.items():
            for n, data in found.items():
                # A tile only ever grows at its end.
                assert data.startswith(stored.get((level, n), b""))
                stored[level, n] = data
        size, edge = growth.size, growth.edge
        range_ = merkle.CompactRange(range_.size, range_.frontier)
        range_.extend(added)
        assert growth.root() == range_.root() == rfc9162.mth(HASHES[:size])
        assert tiles.edge_frontier(size, edge).frontier == range_.frontier
    expected = {(tile.level, tile.n): tile.width * 32 for tile in tiles.tiles_for(size)}
    assert {key: len(data) for key, data in stored.items()} == expected


STORED = {
    (level, n): data
    for level, found in tiles.extend(0, {}, HASHES).tiles.items()
    for n, data in found.items()
}


@given(size=st.integers(1, 2000), data=st.data())
def test_a_tree_read_from_newer_tiles(size: int, data: st.DataObject) -> None:
    tree = tiles.TileTree(lambda level, n, _: STORED[level, n], size)
    index, older = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root() == rfc9162.mth(HASHES[:size])
    assert tree.inclusion_proof(index) == rfc9162.path(index, HASHES[:size])
    assert tree.consistency_proof(older) == rfc9162.proof(older, HASHES[:size])


@given(level=st.none() | st.integers(0, 63), n=st.integers(0, 2**63 - 1), width=st.integers(1, 256))
def test_tile_paths(level: int | None, n: int, width: int) -> None:
    tile = tiles.TilePath(level, n, width)
    assert tiles.parse_path(str(tile)) == tile


@given(entries=st.lists(st.binary(max_size=300), max_size=256))
def test_bundles(entries: list[bytes]) -> None:
    assert tiles.parse_bundle(tiles.bundle(entries), len(entries)) == entries
