"""Random maps with awkward keys against the definition, and proofs spoiled at random."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import mpt
from tests.oracles import patricia

#: Few different bytes and all lengths: prefixes of each other, and padding that decides.
KEYS = st.binary(max_size=4).map(lambda key: bytes(b"\x00\xff\xab\x01"[b % 4] for b in key)) | st.binary(
    min_size=32, max_size=32
)
MAPS = st.dictionaries(KEYS, st.binary(max_size=5), max_size=12)


@settings(max_examples=200)
@given(mapping=MAPS, key=KEYS)
def test_roots_and_proofs_are_the_definition_s(mapping: dict[bytes, bytes], key: bytes) -> None:
    root = mpt.root(mapping)
    assert root == patricia.root(mapping)
    for one in [*mapping, key]:
        proof = mpt.prove(mapping, one)
        end, steps = patricia.way(mapping, one)
        assert list(proof.steps) == steps
        if one in mapping:
            assert end == (one, mapping[one])
            mpt.verify_presence(root, one, mapping[one], proof)
        else:
            assert proof.other == end
            mpt.verify_absence(root, one, proof)
        assert mpt.Proof.from_json(proof.to_json()) == proof


@settings(max_examples=300)
@given(mapping=MAPS, key=KEYS, data=st.data())
def test_a_proof_of_one_thing_shows_no_other(
    mapping: dict[bytes, bytes], key: bytes, data: st.DataObject
) -> None:
    """Any root, key, value, leaf and steps taken from honest ones: accepted exactly when it is true."""
    claims = data.draw(st.sampled_from([*mapping, key]))
    source = data.draw(st.sampled_from([*mapping, key]))
    steps = list(mpt.prove(mapping, source).steps)
    if steps and data.draw(st.booleans()):
        steps.pop(data.draw(st.integers(0, len(steps) - 1)))
    other = data.draw(st.sampled_from([None, *mapping.items()]))
    value = data.draw(st.sampled_from([None, b"", *mapping.values()]))
    root = mpt.root(mapping)
    proof = mpt.Proof(tuple(steps), other)
    accepted = True
    try:
        if value is None:
            mpt.verify_absence(root, claims, proof)
        else:
            mpt.verify_presence(root, claims, value, proof)
    except VerificationError:
        accepted = False
    assert accepted == patricia.holds(root, claims, value, other, steps)
    if accepted:
        assert mapping.get(claims) == value


@given(mapping=MAPS, key=KEYS, value=st.binary(max_size=3))
def test_one_change_changes_the_root(mapping: dict[bytes, bytes], key: bytes, value: bytes) -> None:
    changed = {**mapping, key: value}
    assert (mpt.root(changed) == mpt.root(mapping)) == (changed == mapping)


@given(a=KEYS, b=KEYS)
def test_first_difference(a: bytes, b: bytes) -> None:
    if a == b:
        with pytest.raises(MalformedError):
            mpt.first_difference(a, b)
        return
    at = mpt.first_difference(a, b)
    assert mpt.first_difference(b, a) == at
    assert [patricia.bit(a, i) for i in range(at)] == [patricia.bit(b, i) for i in range(at)]
    assert mpt.key_bit(a, at) != mpt.key_bit(b, at)
    assert str(mpt.key_bit(a, at)) == patricia.bit(a, at)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["steps", "other", "x"]), inner, max_size=3)
        ),
    )
)
def test_any_json_is_a_proof_or_malformed(value: object) -> None:
    try:
        proof = mpt.Proof.from_json(value)
    except MalformedError:
        return
    assert proof.to_json() == value
