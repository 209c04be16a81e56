"""The Patricia map."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import mpt
from ledger.proofs.canonical import sha256
from tests.oracles import patricia

KEYS = [sha256(b"key %d" % i) for i in range(200)]
MAP = {key: sha256(b"value" + key) * 2 for key in KEYS}
ROOT = mpt.root(MAP)
ABSENT = [sha256(b"absent %d" % i) for i in range(50)]


def test_known_answers() -> None:
    assert (
        mpt.root({b"\x12": b"\xaa", b"\x12\x34": b"\xbb"}).hex()
        == "fdc14c0c7b5792f43d902121bad7c3adac246ce0ae9278745ecb0843e6324b45"
    )
    assert mpt.root({b"": b""}).hex() == "709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c"
    assert mpt.root({}) == mpt.EMPTY_ROOT == sha256(b"")
    assert mpt.first_difference(b"\x12", b"\x12\x34") == 10


def test_the_root_is_the_definition_s_and_order_does_not_matter() -> None:
    assert ROOT == patricia.root(MAP) == mpt.root(dict(reversed(MAP.items())))


def test_presence_and_absence() -> None:
    for key in KEYS:
        proof = mpt.prove(MAP, key)
        assert proof.other is None
        assert list(proof.steps) == patricia.way(MAP, key)[1]
        mpt.verify_presence(ROOT, key, MAP[key], proof)
        with pytest.raises(VerificationError, match="names no leaf"):
            mpt.verify_absence(ROOT, key, proof)
    for key in ABSENT:
        proof = mpt.prove(MAP, key)
        assert (proof.other, list(proof.steps)) == patricia.way(MAP, key)
        mpt.verify_absence(ROOT, key, proof)
        with pytest.raises(VerificationError, match="ends at another key"):
            mpt.verify_presence(ROOT, key, b"", proof)


def test_no_key_is_absent_by_way_of_another_leaf() -> None:
    """Every leaf's own path, offered as proof that some present key is absent."""
    small = dict(list(MAP.items())[:12])
    root = mpt.root(small)
    for key in small:
        for other, value in small.items():
            proof = mpt.Proof(mpt.prove(small, other).steps, (other, value))
            with pytest.raises(VerificationError):
                mpt.verify_absence(root, key, proof)


def test_the_empty_map() -> None:
    proof = mpt.prove({}, b"key")
    assert proof == mpt.Proof(())
    mpt.verify_absence(mpt.EMPTY_ROOT, b"key", proof)
    with pytest.raises(VerificationError, match="empty but the proof is not"):
        mpt.verify_absence(mpt.EMPTY_ROOT, b"key", mpt.Proof((), (b"other", b"")))
    with pytest.raises(VerificationError, match="empty but the proof is not"):
        mpt.verify_absence(mpt.EMPTY_ROOT, b"key", mpt.Proof(((0, bytes(32)),)))
    with pytest.raises(VerificationError, match="names no leaf"):
        mpt.verify_absence(ROOT, b"key", proof)
    with pytest.raises(VerificationError, match="another root"):
        mpt.verify_presence(mpt.EMPTY_ROOT, b"key", b"", proof)


def test_one_key() -> None:
    root = mpt.root({b"k": b"v"})
    assert root == mpt.leaf_hash(b"k", b"v")
    mpt.verify_presence(root, b"k", b"v", mpt.prove({b"k": b"v"}, b"k"))
    mpt.verify_absence(root, b"", mpt.prove({b"k": b"v"}, b""))
    with pytest.raises(VerificationError, match="the key is in the map"):
        mpt.verify_absence(root, b"k", mpt.Proof((), (b"k", b"v")))


def test_an_unread_leaf_cannot_be_passed_off_as_an_inner_node() -> None:
    """Leaf and inner hashes are kept apart by their first byte."""
    steps = mpt.prove(MAP, KEYS[0]).steps
    with pytest.raises(VerificationError):
        mpt.verify_presence(ROOT, KEYS[0], MAP[KEYS[0]], mpt.Proof(steps[1:]))
    with pytest.raises(VerificationError):
        mpt.verify_presence(ROOT, KEYS[0], MAP[KEYS[0]], mpt.Proof(()))


def test_long_varints() -> None:
    assert [mpt.uvarint(n).hex() for n in (0, 127, 128, 300, 8192)] == ["00", "7f", "8001", "ac02", "8040"]
    for bit in (127, 128, 263, 264, 8192):
        assert mpt.inner_hash(bit, KEYS[0], KEYS[1]) == sha256(b"\x01" + mpt.uvarint(bit) + KEYS[0] + KEYS[1])


def test_longest_keys_differ_in_their_padding_only() -> None:
    mapping = {b"\xab" * 1023: b"1", b"\xab" * 1023 + b"\x00": b"2"}
    assert mpt.root(mapping) == patricia.root(mapping)
    for key, value in mapping.items():
        proof = mpt.prove(mapping, key)
        assert [bit for bit, _ in proof.steps] == [8192]
        mpt.verify_presence(mpt.root(mapping), key, value, proof)


def test_caps() -> None:
    longest = {bytes(1024): bytes(1024)}
    mpt.verify_presence(mpt.root(longest), bytes(1024), bytes(1024), mpt.prove(longest, bytes(1024)))
    for mapping in ({bytes(1025): b""}, {b"": bytes(1025)}):
        with pytest.raises(MalformedError, match="too long"):
            mpt.root(mapping)
    with pytest.raises(MalformedError, match="too long"):
        mpt.Proof((), (bytes(1025), b""))
    with pytest.raises(VerificationError, match="no key of this map"):
        mpt.verify_presence(ROOT, bytes(1025), b"", mpt.Proof(()))
    with pytest.raises(VerificationError, match="no value of this map"):
        mpt.verify_presence(ROOT, b"", bytes(1025), mpt.Proof(()))


@pytest.mark.parametrize(
    "steps",
    [
        ((0, bytes(32)), (0, bytes(32))),
        ((0, bytes(32)), (1, bytes(32))),
        ((-1, bytes(32)),),
        ((mpt.MAX_BIT, bytes(32)),),
        ((True, bytes(32)),),
        ((1.0, bytes(32)),),
        ((1, bytes(31)),),
        ((1, "0" * 32),),
    ],
    ids=repr,
)
def test_proofs_that_cannot_be(steps: Any) -> None:
    with pytest.raises(MalformedError, match="map proof"):
        mpt.Proof(steps)


@pytest.mark.parametrize("bad", [b"", bytes(31), None, "0" * 32])
def test_roots_are_32_bytes(bad: Any) -> None:
    with pytest.raises(VerificationError, match="root is not 32 bytes"):
        mpt.verify_presence(bad, KEYS[0], MAP[KEYS[0]], mpt.prove(MAP, KEYS[0]))
    with pytest.raises(VerificationError, match="root is not 32 bytes"):
        mpt.verify_absence(bad, ABSENT[0], mpt.prove(MAP, ABSENT[0]))


def test_a_proof_of_another_type() -> None:
    with pytest.raises(VerificationError, match="no proof of this map"):
        mpt.verify_presence(ROOT, KEYS[0], MAP[KEYS[0]], mpt.prove(MAP, KEYS[0]).steps)  # type: ignore[arg-type]


def test_one_key_twice_differs_nowhere() -> None:
    with pytest.raises(MalformedError, match="same key twice"):
        mpt.first_difference(b"k", b"k")


@pytest.mark.parametrize("keys", [(b"k", b"k"), (b"l", b"k"), (b"k", b"k\x00"), (b"", b"")])
def test_keys_must_rise(keys: tuple[bytes, bytes]) -> None:
    with pytest.raises(MalformedError, match="rise strictly"):
        mpt.fold_sorted([(key, KEYS[0]) for key in keys])
    if keys[0] != keys[1]:
        mpt.fold_sorted([(key, KEYS[0]) for key in reversed(keys)])


class TestJson:
    def test_round_trip(self) -> None:
        for key in (KEYS[0], ABSENT[0]):
            proof = mpt.prove(MAP, key)
            assert mpt.Proof.from_json(proof.to_json()) == proof

    @pytest.mark.parametrize(
        "value",
        [
            None,
            [],
            {},
            {"steps": []},
            {"steps": [], "other": None, "more": 1},
            {"steps": None, "other": None},
            {"steps": [1], "other": None},
            {"steps": [[1]], "other": None},
            {"steps": [[1, "AA=="]], "other": None},
            {"steps": [["1", "A" * 43 + "="]], "other": None},
            {"steps": [[1, "A" * 43 + "=", 2]], "other": None},
            {"steps": [], "other": []},
            {"steps": [], "other": ["AA=="]},
            {"steps": [], "other": ["AA==", "AA"]},
            {"steps": [], "other": "AA"},
            {"steps": [], "other": ["AB==", "AA=="]},
        ],
        ids=repr,
    )
    def test_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(MalformedError):
            mpt.Proof.from_json(value)
