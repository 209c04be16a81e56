"""The readers that all files share: exact members, one spelling, signatures under named keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.documents import DetachedSignature, Form, check_signature, decode, sign, signed_part
from tests.samples import SERVICE, STRANGER


def form(value: Any) -> Form:
    return Form({"m": value}, "thing", "at", {"m"})


def test_members_are_exact() -> None:
    with pytest.raises(MalformedError, match="a is missing; b is unknown"):
        Form({"b": 1}, "thing", "", {"a"})
    with pytest.raises(MalformedError, match="where is not an object"):
        Form([], "thing", "where", set())


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (lambda f: f.text("m"), ["", "x"], [1, None, []]),
        (lambda f: f.choice("m", ["a", "b"]), ["a", "b"], ["c", 1]),
        (lambda f: f.integer("m", least=1, most=3), [1, 3], [0, 4, True, "1", 1.0]),
        (lambda f: f.boolean("m"), [True, False], [0, 1, None]),
        (lambda f: f.hex("m", 2), ["00ff"], ["00FF", "00f", "00ff00", "0x00", 3]),
        (lambda f: f.chain_hex("m", 2), ["0x00ff"], ["00ff", "0X00ff", "0x00FF", "0x00", 3]),
        (lambda f: f.base64("m"), ["", "AA==", "AQI="], ["AA", "AB==", "AA==\n", "A-==", " AA==", 3]),
        (lambda f: f.base64("m", 1), ["AA=="], ["AAA=", ""]),
        (
            lambda f: f.proof("m"),
            [[], ["A" * 43 + "="]],
            [["A" * 44], ["A" * 42 + "B="], ["AA=="], [1], "A", {}],
        ),
        (lambda f: f.items("m", lambda v, _: v, most=2), [[], [1, 2]], [[1, 2, 3], "ab", None]),
    ],
)
def test_readers(read: Any, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        read(form(value))
    for value in bad:
        with pytest.raises(MalformedError, match=r"at\.m"):
            read(form(value))


def test_optional() -> None:
    assert form(None).optional("m", lambda _: 3) is None
    assert form(1).optional("m", lambda _: 3) == 3


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=64))
def test_proofs_are_read_as_printed(hashes: list[bytes]) -> None:
    assert form([canonical.b64encode(item) for item in hashes]).proof("m") == tuple(hashes)


@given(st.text("ABQZabz0189+/=-_ ", min_size=42, max_size=46))
def test_hashes_have_one_spelling(text: str) -> None:
    try:
        (value,) = form([text]).proof("m")
    except MalformedError:
        return
    assert canonical.b64encode(value) == text


def test_files() -> None:
    assert decode(b'{"a":1}\n', "thing") == {"a": 1}
    for data in (b'{"a":1}', b'{"a":1}\n\n', b'{"a": 1}\n', b'{"a":1,"a":1}\n', b'{"a":1.0}\n', b"\xff\n"):
        with pytest.raises(MalformedError):
            decode(data, "thing")


@given(st.dictionaries(st.from_regex(r"[a-r][a-z]{0,5}", fullmatch=True), st.text(max_size=30), max_size=4))
def test_the_signed_part_is_all_but_the_signature(members: dict[str, str]) -> None:
    rest = {**members, "note": ',"signature":{"key":"x","value":""}', "media_type": "m"}
    try:
        body = canonical.encode(rest)
    except MalformedError:
        return  # not in NFC
    signature = DetachedSignature.from_json({"key": 'a",b+00000000', "value": "A" * 86 + "=="}, "t", "s")
    data = canonical.encode_file(rest | {"signature": signature.to_json()})
    assert signed_part(data, "m") == b"m\n" + body


def test_signatures_name_their_key() -> None:
    signature = sign(b"message", SERVICE)
    assert signature.key == SERVICE.verifier.reference
    keys = [STRANGER.verifier, SERVICE.verifier]
    assert check_signature(signature, b"message", keys, step="s") == SERVICE.verifier
    for message, known in ((b"other", keys), (b"message", [STRANGER.verifier]), (b"message", [])):
        with pytest.raises(VerificationError) as caught:
            check_signature(signature, message, known, step="s")
        assert caught.value.step == "s"
        assert caught.value.evidence["key"] == signature.key
