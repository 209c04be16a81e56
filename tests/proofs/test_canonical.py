"""Canonical JSON: what the vectors cannot say as data."""

from __future__ import annotations

import enum
import sys
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.proofs import canonical


class Code(int):
    """A number that would print as it likes."""


class Name(enum.StrEnum):
    LOAN = "loan"


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), b"b", {1}, object(), Code(1), Name.LOAN, {1: 2}, {None: 1}, {"a": 1.5}, [{"c": {0}}]],
    ids=lambda value: type(value).__name__,
)
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(MalformedError, match="canonical JSON"):
        canonical.encode(value)


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), "\ud800", "a\udfff", "e\u0301", {"A": 1}, {"a b": 1}, {"": 1}, {"é": 1}, {"a\n": 1}],
    ids=ascii,
)
def test_values_outside_the_profile_are_refused(value: Any) -> None:
    with pytest.raises(MalformedError):
        canonical.encode(value)


def test_a_tuple_is_a_list() -> None:
    assert canonical.encode((1, (2, ()))) == b"[1,[2,[]]]"


@pytest.mark.parametrize(
    "text", ["[" * 900_000, '{"a":' * 100_000, '["[[[[",' * 90_000], ids=["lists", "objects", "mixed"]
)
def test_depth_is_bounded_whatever_the_recursion_limit(text: str) -> None:
    # Libraries raise it: an import of eth_account does, and a C parser then runs off the stack.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000_000)
    try:
        with pytest.raises(MalformedError, match="nested deeper"):
            canonical.decode(text)
    finally:
        sys.setrecursionlimit(before)


def test_brackets_in_strings_and_side_by_side_are_no_depth() -> None:
    flat = [["[" * 500, '\\"{{[['] for _ in range(500)]
    assert canonical.decode(canonical.encode(flat)) == flat


def test_depth() -> None:
    def nested(depth: int) -> Any:
        value: Any = 0
        for _ in range(depth):
            value = [value]
        return value

    assert canonical.decode(canonical.encode(nested(canonical.MAX_DEPTH))) == nested(canonical.MAX_DEPTH)
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.encode(nested(canonical.MAX_DEPTH + 1))
    deep = sys.getrecursionlimit() * 50
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.decode("[" * deep)


def test_a_value_inside_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.encode(value)


def test_size_cap_comes_before_parsing() -> None:
    with pytest.raises(MalformedError, match="receipt: more than 10 bytes"):
        canonical.decode("[" * 11, what="receipt", limit=10)
    assert canonical.decode("[[[[[]]]]]", limit=10) == [[[[[]]]]]


def test_the_error_names_the_format_and_the_member() -> None:
    with pytest.raises(MalformedError) as caught:
        canonical.decode('{"amount":1,"amount":2}', what="record")
    assert str(caught.value) == "malformed record: duplicate key 'amount'"
    assert (caught.value.what, caught.value.exit_code) == ("record", 2)


@pytest.mark.parametrize("data", [b"\xff", b'"\xed\xa0\x80"', b"\xfe\xff\x00{\x00}", b'"\xc0\x80"'])
def test_bytes_that_are_not_utf8(data: bytes) -> None:
    with pytest.raises(MalformedError, match="not UTF-8"):
        canonical.decode(data)


def test_files_end_in_one_newline() -> None:
    data = canonical.encode_file({"b": 1, "a": "é"})
    assert data == '{"a":"é","b":1}\n'.encode()
    assert canonical.decode_file(data, what="file") == {"a": "é", "b": 1}
    for bad in (data[:-1], data + b"\n", b" " + data, data.replace(b",", b", "), data[:-1] + b"\r\n", b""):
        with pytest.raises(MalformedError):
            canonical.decode_file(bad, what="file")


class TestBase64:
    def test_round_trip(self) -> None:
        for length in range(40):
            data = bytes(range(length))
            assert canonical.b64decode(canonical.b64encode(data), length) == data

    @pytest.mark.parametrize(
        "text",
        [
            "AB==",
            "AAB=",
            "AA",
            "AA=",
            "AA===",
            " AAA",
            "AAA\n",
            "AA_-",
            "é",
            "====",
            "=",
            "A===",
            None,
            1,
            b"AAAA",
        ],
    )
    def test_other_spellings(self, text: object) -> None:
        with pytest.raises(MalformedError):
            canonical.b64decode(text)

    def test_length(self) -> None:
        with pytest.raises(MalformedError, match="root: 3 bytes, not 32"):
            canonical.b64decode("AAAA", 32, what="root")


class TestHexadecimal:
    def test_round_trip(self) -> None:
        assert canonical.hex_decode("00ff10", 3) == b"\x00\xff\x10"
        assert canonical.hex_decode("") == b""

    @pytest.mark.parametrize("text", ["0", "0F", "0x00", "00 ", "00\n", "gg", "٠٠", None, 0, b"00"])
    def test_other_spellings(self, text: object) -> None:
        with pytest.raises(MalformedError):
            canonical.hex_decode(text)

    def test_length(self) -> None:
        with pytest.raises(MalformedError, match="2 bytes, not 3"):
            canonical.hex_decode("0000", 3)
