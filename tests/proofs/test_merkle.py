"""The tree: known answers, every proof of every small tree, and the verifiers' rules."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import merkle
from tests.oracles import rfc9162

HASHES = [rfc9162.leaf(bytes([i])) for i in range(70)]
ROOTS = [rfc9162.mth(HASHES[:n]) for n in range(71)]


def test_known_answers() -> None:
    leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hashes[0].hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert (
        merkle.leaf_hash(b"L123456").hex()
        == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert (
        merkle.node_hash(b"N123", b"N456").hex()
        == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )
    assert merkle.root(hashes[:4]).hex() == "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    assert merkle.root(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_small_root() -> None:
    assert [merkle.root(HASHES[:size]) for size in range(71)] == ROOTS


def test_every_inclusion_proof_of_small_trees() -> None:
    for size in range(1, 70):
        for index in range(size):
            proof = merkle.inclusion_proof(HASHES[:size], index)
            assert proof == rfc9162.path(index, HASHES[:size])
            merkle.verify_inclusion(index, size, HASHES[index], proof, ROOTS[size])


def test_every_consistency_proof_of_small_trees() -> None:
    for size2 in range(1, 70):
        for size1 in range(1, size2 + 1):
            proof = merkle.consistency_proof(HASHES[:size2], size1)
            assert proof == rfc9162.proof(size1, HASHES[:size2])
            merkle.verify_consistency(size1, size2, ROOTS[size1], ROOTS[size2], proof)


def test_no_proof_shows_anything_else_about_small_trees() -> None:
    """A proof for one (index, size) verifies for no other pair, whatever the roots at hand."""
    for size in range(1, 12):
        for index in range(size):
            proof = merkle.inclusion_proof(HASHES[:size], index)
            for other_size in range(1, 14):
                for other in range(other_size):
                    if (other, other_size) == (index, size):
                        continue
                    with pytest.raises(VerificationError):
                        merkle.verify_inclusion(other, other_size, HASHES[index], proof, ROOTS[other_size])


class TestInclusionRules:
    """Bounds and the exact length come first; each rule with its own message."""

    def refused(self, match: str, *arguments: Any) -> None:
        with pytest.raises(VerificationError, match=match) as caught:
            merkle.verify_inclusion(*arguments)
        assert caught.value.step == "inclusion"

    def test_index_must_be_below_size(self) -> None:
        self.refused("index 3 is not below the size 3", 3, 3, HASHES[2], [], ROOTS[3])

    def test_size_zero_is_refused(self) -> None:
        self.refused("not below", 0, 0, HASHES[0], [], merkle.EMPTY_ROOT)

    def test_negative_and_huge_numbers(self) -> None:
        self.refused("index is not a number", -1, 3, HASHES[0], [], ROOTS[3])
        self.refused("size is not a number", 0, 2**63, HASHES[0], [], ROOTS[3])
        self.refused("index is not a number", 2**200, 2**201, HASHES[0], [], ROOTS[3])

    @pytest.mark.parametrize("index", [True, 0.0, "0", None])
    def test_numbers_are_integers(self, index: Any) -> None:
        self.refused("index is not a number", index, 1, HASHES[0], [], ROOTS[1])

    def test_length_is_exact(self) -> None:
        proof = merkle.inclusion_proof(HASHES[:7], 6)
        self.refused("has 1 hashes, not 2", 6, 7, HASHES[6], proof[:1], ROOTS[7])
        self.refused("has 3 hashes, not 2", 6, 7, HASHES[6], [*proof, proof[0]], ROOTS[7])

    @pytest.mark.parametrize("bad", [b"", b"\x00" * 31, b"\x00" * 33, "0" * 32, None, 7, bytearray(32)])
    def test_hashes_are_32_bytes(self, bad: Any) -> None:
        proof = merkle.inclusion_proof(HASHES[:7], 5)
        self.refused("leaf hash is not 32", 5, 7, bad, proof, ROOTS[7])
        self.refused("root is not 32", 5, 7, HASHES[5], proof, bad)
        self.refused("proof hash is not 32", 5, 7, HASHES[5], [*proof[:-1], bad], ROOTS[7])

    @pytest.mark.parametrize("bad", [None, b"\x00" * 32, "proof", {}, iter([])])
    def test_a_proof_is_a_list(self, bad: Any) -> None:
        self.refused("not a list", 0, 1, HASHES[0], bad, ROOTS[1])

    def test_the_root_decides(self) -> None:
        self.refused(
            "leads to another root", 5, 7, HASHES[5], merkle.inclusion_proof(HASHES[:7], 5), ROOTS[6]
        )


class TestConsistencyRules:
    def refused(self, match: str, *arguments: Any) -> None:
        with pytest.raises(VerificationError, match=match) as caught:
            merkle.verify_consistency(*arguments)
        assert caught.value.step == "consistency"

    def test_from_size_zero_is_refused(self) -> None:
        self.refused("from size 0", 0, 5, merkle.EMPTY_ROOT, ROOTS[5], [])
        self.refused("from size 0", 0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])

    def test_a_tree_does_not_shrink(self) -> None:
        self.refused("size 4 is below size 5", 5, 4, ROOTS[5], ROOTS[4], [])

    def test_equal_sizes_need_equal_roots_and_no_proof(self) -> None:
        merkle.verify_consistency(5, 5, ROOTS[5], ROOTS[5], [])
        self.refused("two roots for size 5", 5, 5, ROOTS[5], ROOTS[4], [])
        self.refused("not empty", 5, 5, ROOTS[5], ROOTS[5], [ROOTS[5]])

    def test_power_of_two_takes_the_first_root_as_seed(self) -> None:
        proof = merkle.consistency_proof(HASHES[:7], 4)
        assert ROOTS[4] not in proof
        merkle.verify_consistency(4, 7, ROOTS[4], ROOTS[7], proof)
        self.refused("has 2 hashes, not 1", 4, 7, ROOTS[4], ROOTS[7], [ROOTS[4], *proof])

    def test_which_root_is_wrong_is_said(self) -> None:
        proof = merkle.consistency_proof(HASHES[:7], 3)
        self.refused("root of size 3", 3, 7, ROOTS[4], ROOTS[7], proof)
        self.refused("root of size 7", 3, 7, ROOTS[3], ROOTS[6], proof)

    def test_numbers_and_hashes(self) -> None:
        self.refused("size2 is not a number", 1, 2**63, ROOTS[1], ROOTS[2], [])
        self.refused("size1 is not a number", -1, 2, ROOTS[1], ROOTS[2], [])
        self.refused("root1 is not 32", 1, 2, b"", ROOTS[2], [HASHES[1]])
        self.refused("root2 is not 32", 1, 2, ROOTS[1], b"", [HASHES[1]])
        self.refused("has 0 hashes, not 1", 1, 2, ROOTS[1], ROOTS[2], [])
        self.refused("has 0 hashes, not 3", 3, 4, ROOTS[3], ROOTS[4], [])


def test_provers_refuse_what_cannot_be_proved() -> None:
    for index, size in [(0, 0), (3, 3), (-1, 3)]:
        with pytest.raises(MalformedError):
            merkle.inclusion_nodes(index, size)
    for size1, size2 in [(0, 3), (4, 3), (-1, 3), (1, 2**63)]:
        with pytest.raises(MalformedError):
            merkle.consistency_nodes(size1, size2)


def test_the_largest_tree() -> None:
    """2^63 − 1 leaves are the most, for provers, verifiers and stored edges alike."""
    most = 2**63 - 1
    assert len(merkle.inclusion_nodes(0, most)) == 63
    assert len(merkle.consistency_nodes(2**62, most)) == 1
    assert merkle.CompactRange(most, [HASHES[0]] * 63).size == most
    proof = HASHES[:63]
    root = merkle.root_from_inclusion(0, most, HASHES[0], proof)
    merkle.verify_inclusion(0, most, HASHES[0], proof, root)
    with pytest.raises(MalformedError):
        merkle.inclusion_nodes(0, most + 1)
    with pytest.raises(MalformedError):
        merkle.consistency_nodes(most, most + 1)
    with pytest.raises(VerificationError, match="size is not a number"):
        merkle.verify_inclusion(0, most + 1, HASHES[0], proof, root)


def test_node_plans_of_a_huge_tree_are_short() -> None:
    covers = merkle.inclusion_nodes(12_345_678_901, 2**50 + 12_345)
    assert len(covers) == 51
    assert sum(map(len, covers)) < 120
    assert len(merkle.consistency_nodes(2**50 - 1, 2**50 + 12_345)) <= 52


class TestCompactRange:
    def test_append_and_extend_give_the_roots(self) -> None:
        one, many = merkle.CompactRange(), merkle.CompactRange()
        assert one.root() == merkle.EMPTY_ROOT
        for size, leaf in enumerate(HASHES, start=1):
            one.append(leaf)
            assert (one.size, one.root()) == (size, ROOTS[size])
        many.extend(HASHES[:13])
        many.extend([])
        many.extend(iter(HASHES[13:]))
        assert (many.size, many.frontier) == (one.size, one.frontier)

    def test_restore(self) -> None:
        for size in range(70):
            first = merkle.CompactRange()
            first.extend(HASHES[:size])
            again = merkle.CompactRange(first.size, first.frontier)
            again.extend(HASHES[size:])
            assert again.root() == ROOTS[70]

    @pytest.mark.parametrize(
        ("size", "frontier"),
        [(1, []), (0, [ROOTS[1]]), (3, [ROOTS[1]]), (1, [b"short"]), (-1, []), (2**63, [ROOTS[1]])],
    )
    def test_a_frontier_that_does_not_fit(self, size: int, frontier: list[bytes]) -> None:
        with pytest.raises(MalformedError, match="compact range"):
            merkle.CompactRange(size, frontier)


@pytest.mark.parametrize("size", range(1, 41))
def test_the_root_without_each_leaf(size: int) -> None:
    leaves = HASHES[:size]
    found = merkle.without_one(leaves, range(size), join=merkle.node_hash, empty=merkle.EMPTY_ROOT)
    assert list(found) == [rfc9162.mth(leaves[:place] + leaves[place + 1 :]) for place in range(size)]
