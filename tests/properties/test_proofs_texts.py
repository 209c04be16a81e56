"""Canonical JSON against RFC 8785's reference, and notes and checkpoints under random edits."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical, checkpoint, entries, note
from tests.oracles import signed_note

TEXTS = st.text(max_size=30).map(lambda text: unicodedata.normalize("NFC", text))
SCALARS = st.none() | st.booleans() | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), inner, max_size=5)
    ),
    max_leaves=30,
)


@settings(max_examples=300)
@given(value=VALUES)
def test_the_bytes_are_those_of_rfc8785(value: Any) -> None:
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert canonical.decode_canonical(data) == value
    assert canonical.decode(json.dumps(value, indent=2)) == value
    assert canonical.decode_file(canonical.encode_file(value), what="file") == value


@settings(max_examples=300)
@given(value=VALUES, data=st.data())
def test_an_edited_text_is_refused_or_says_something_else(value: Any, data: st.DataObject) -> None:
    """No two texts are canonical for one value."""
    text = canonical.encode(value).decode()
    at = data.draw(st.integers(0, len(text)))
    insert = data.draw(
        st.sampled_from([*' \n\t"0123456789-+.eE{}[],:\\/\u0000', "\\u0061", "é", "null", "1.0", '""'])
    )
    edited = text[:at] + insert + text[at + data.draw(st.integers(0, 2)) :]
    try:
        found = canonical.decode_canonical(edited)
    except MalformedError:
        return
    # Sorted, because a value drawn may have its keys in another order than its canonical text.
    assert (edited == text) == (json.dumps(found, sort_keys=True) == json.dumps(value, sort_keys=True))
    assert canonical.encode(found).decode() == edited


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@settings(max_examples=300)
@given(value=JSON)
def test_any_json_is_in_the_profile_or_malformed(value: Any) -> None:
    text = json.dumps(value)
    try:
        decoded = canonical.decode(text)
    except MalformedError:
        with pytest.raises(MalformedError):
            canonical.encode(value)
        return
    assert canonical.encode(decoded) == canonical.encode(value) == rfc8785.dumps(value)


@given(data=st.binary(max_size=60) | st.text(max_size=60))
def test_anything_is_json_or_malformed(data: bytes | str) -> None:
    for decode in (canonical.decode, canonical.decode_canonical):
        with contextlib.suppress(MalformedError):
            decode(data)


@given(data=st.binary(max_size=60), text=st.text(max_size=12))
def test_base64_has_one_spelling(data: bytes, text: str) -> None:
    assert canonical.b64decode(canonical.b64encode(data)) == data
    try:
        decoded = canonical.b64decode(text)
    except MalformedError:
        return
    assert canonical.b64encode(decoded) == text


@given(entry=st.binary(max_size=60))
def test_an_entry_is_what_it_prints(entry: bytes) -> None:
    try:
        found = entries.parse_entry(entry)
    except MalformedError:
        return
    assert (
        found.encode() if isinstance(found, entries.RegisterEntry) else entries.record_entry(found)
    ) == entry


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1
)
BODIES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=5
).map(lambda lines: "\n".join(lines) + "\n")
SEEDS = st.binary(min_size=32, max_size=32)


@given(name=NAMES, seed=SEEDS, body=BODIES)
def test_notes_round_trip(name: str, seed: bytes, body: str) -> None:
    signer = note.Signer.from_seed(name, seed)
    assert note.parse_verifier(signer.verifier.vkey) == signer.verifier
    witness = note.Cosigner.from_seed(name, seed)
    data = note.add_signatures(body, [witness.sign(body, time=7), signer.sign(body)])
    opened = note.open_note(data, [signer.verifier, witness.verifier])
    assert opened.body == body
    assert [key for key, _ in opened.verified] == [witness.verifier, signer.verifier]
    # The second reader splits it in the same way.
    assert signed_note.split(data)[0] == body


SIGNER = note.Signer.from_seed("fenqile.example/consumer-2026", b"\x01" * 32)
STRANGER = note.Signer.from_seed("stranger.example", b"\x02" * 32)
POINT = checkpoint.Checkpoint(SIGNER.name, 12_345, bytes(range(32)))
SIGNED = POINT.sign([SIGNER])


@settings(max_examples=500)
@given(at=st.integers(0, len(SIGNED)), cut=st.integers(0, 3), insert=st.binary(max_size=3))
def test_an_edited_checkpoint_is_refused(at: int, cut: int, insert: bytes) -> None:
    edited = SIGNED[:at] + insert + SIGNED[at + cut :]
    if edited == SIGNED:
        return
    with pytest.raises((MalformedError, VerificationError)):
        checkpoint.open_checkpoint(edited, SIGNER.name, [SIGNER.verifier])


@settings(max_examples=300)
@given(data=st.binary(max_size=80) | st.text(max_size=80))
def test_anything_is_a_note_or_malformed(data: bytes | str) -> None:
    try:
        body, signatures = note.parse_note(data)
    except MalformedError:
        return
    raw = data.encode() if isinstance(data, str) else data
    assert (body + "\n" + "".join(line.line for line in signatures)).encode() == raw


@given(origin=st.text(max_size=8), size=st.integers(-1, 2**64), root=st.binary(min_size=31, max_size=33))
def test_checkpoints_print_what_they_parse(origin: str, size: int, root: bytes) -> None:
    try:
        point = checkpoint.Checkpoint(origin, size, root)
    except MalformedError:
        return
    assert checkpoint.parse_body(point.body()) == point


@settings(max_examples=300)
@given(body=st.text(st.sampled_from("a+ \n019=A\u0660"), max_size=60) | st.text(max_size=60))
def test_any_text_is_a_checkpoint_or_malformed(body: str) -> None:
    try:
        point = checkpoint.parse_body(body)
    except MalformedError:
        return
    assert point.body() == body
