"""Canonical JSON: one value has one spelling in bytes.

`RFC 8785 <https://www.rfc-editor.org/rfc/rfc8785>`_ in a profile that leaves nothing to interpretation:

* object keys are ``[a-z][a-z0-9_]*``, so that sorting by UTF-16 and by code point agree;
* strings are in Unicode NFC and hold no lone surrogates; they are refused otherwise, never repaired;
* numbers are integers within ±(2^53 − 1); there are no floats, exponents, ``-0``, ``NaN``;
* duplicate keys are refused.

The same holds for the other spellings in our JSON files: base64 is standard and padded, hexadecimal is
lowercase, and both are decoded, re-encoded and compared.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import unicodedata
from typing import Any, Final

from ledger.errors import MalformedError

#: Greatest magnitude of an integer: beyond it, JSON readers that use doubles disagree (RFC 7493).
MAX_INTEGER: Final = 2**53 - 1
#: Deepest nesting of lists and objects; records need six, the rest is room, and recursion stays bounded.
MAX_DEPTH: Final = 64
#: Default cap on the bytes of one document; a claim proof with a long history is far below it.
MAX_BYTES: Final = 16 * 1024 * 1024

_WHAT = "canonical JSON"
#: Strings, which may hold brackets, and the brackets outside them.
_structure = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL).finditer
_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII).fullmatch
#: Keys that were found to be of their form: the same few hundred come again in every record.
_known_keys: set[str] = set()
_MAX_KNOWN_KEYS: Final = 4096
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII).fullmatch
_dump = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_load = json.JSONDecoder().raw_decode


def encode(value: Any) -> bytes:
    """The canonical bytes of ``value``: dict, list or tuple, str, int, bool or None, nested.

    Raises :class:`MalformedError` for anything that the profile does not allow.
    """
    _check(value, 0, _WHAT)
    return _dump(value).encode()


def decode(data: bytes | str, *, what: str = "JSON", limit: int = MAX_BYTES) -> Any:
    """Read any spelling of a value of the profile (white space, key order and escapes are free).

    Raises :class:`MalformedError` naming ``what`` for broken JSON, duplicate keys, floats, integers out of
    range, strings that are not NFC, or more than ``limit`` bytes.
    """
    text = _text(data, what, limit)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    raise MalformedError(what, f"duplicate key {_show(key)}")
                seen.add(key)
        return result

    def integer(literal: str) -> int:
        # 2^53 has 16 digits: longer literals are never converted, which bounds the work.
        if literal == "-0" or len(literal) > 17:
            raise MalformedError(what, f"number {literal[:24]} is not an integer within ±(2^53 − 1)")
        return int(literal)

    def other(literal: str) -> Any:
        raise MalformedError(what, f"number {literal[:24]} is not an integer; amounts are strings")

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=integer, parse_float=other, parse_constant=other
        )
    except RecursionError:
        raise MalformedError(what, f"nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        raise MalformedError(what, f"no JSON: {error}") from None
    _check(value, 0, what)
    return value


def decode_canonical(data: bytes | str, *, what: str = "JSON", limit: int = MAX_BYTES) -> Any:
    """Read a value that is spelled exactly as :func:`encode` spells it; refuse every other spelling."""
    text = _text(data, what, limit)
    try:
        value, end = _load(text)
        _check(value, 0, what)
        if end == len(text) and _dump(value) == text:  # which also rules out duplicate keys
            return value
    except (MalformedError, RecursionError, ValueError):
        pass
    decode(text, what=what, limit=limit)  # names the defect, where there is another than the spelling
    raise MalformedError(what, "not in canonical form")


def encode_file(value: Any) -> bytes:
    """Canonical bytes and one newline: the form of all our JSON files."""
    return encode(value) + b"\n"


def decode_file(data: bytes, *, what: str, limit: int = MAX_BYTES) -> Any:
    """Read what :func:`encode_file` writes, and nothing else."""
    if not data.endswith(b"\n"):
        raise MalformedError(what, "does not end in a newline")
    return decode_canonical(data[:-1], what=what, limit=limit)


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def b64encode(data: bytes) -> str:
    """Standard padded base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def b64decode(text: object, length: int | None = None, *, what: str = "base64") -> bytes:
    """Decode standard padded base64 in its one spelling; ``length`` demands that many bytes."""
    if not isinstance(text, str):
        raise MalformedError(what, "not a string")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(what, "no standard base64") from None
    if base64.b64encode(data).decode() != text:
        raise MalformedError(what, "not the one spelling of its base64")
    if length is not None and len(data) != length:
        raise MalformedError(what, f"{len(data)} bytes, not {length}")
    return data


def hex_decode(text: object, length: int | None = None, *, what: str = "hexadecimal") -> bytes:
    """Decode lowercase hexadecimal; ``length`` demands that many bytes."""
    if not isinstance(text, str):
        raise MalformedError(what, "not a string")
    if not _HEX(text):
        raise MalformedError(what, "not lowercase hexadecimal")
    if length is not None and len(text) != 2 * length:
        raise MalformedError(what, f"{len(text) // 2} bytes, not {length}")
    return bytes.fromhex(text)


def check_nesting(text: str, what: str) -> None:
    """Raise :class:`MalformedError` for text nested deeper than any parser of ours is to follow.

    Before parsing, since parsers recurse: what stops them is the interpreter's recursion limit, which some
    libraries raise beyond what the stack can hold, and then a line of brackets ends the process.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _structure(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedError(what, f"nested deeper than {MAX_DEPTH}")
        elif mark != '"':
            depth -= 1


def _text(data: bytes | str, what: str, limit: int) -> str:
    if len(data) > limit:
        raise MalformedError(what, f"more than {limit} bytes")
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError:
        raise MalformedError(what, "not UTF-8") from None
    check_nesting(text, what)
    return text


def _check(value: Any, depth: int, what: str) -> None:
    """Walk ``value`` and raise unless it is in the profile. Exact types: a subclass may print otherwise."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            check_string(value, what)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise MalformedError(what, "integer beyond ±(2^53 − 1)")
    elif kind is dict or kind is list or kind is tuple:
        if depth >= MAX_DEPTH:
            raise MalformedError(what, f"nested deeper than {MAX_DEPTH}")
        if kind is dict:
            _check_keys(value, what)
            value = value.values()
        for member in value:
            # The commonest leaf without a call of its own: half of the time of a small document.
            if type(member) is str and member.isascii():
                continue
            _check(member, depth + 1, what)
    elif value is not None and kind is not bool:
        raise MalformedError(what, f"no place for a {kind.__name__}")


def _check_keys(value: dict[Any, Any], what: str) -> None:
    for key in value:
        if type(key) is str and key in _known_keys:
            continue
        if type(key) is not str or not _KEY(key):
            raise MalformedError(what, f"key {_show(key)} is not of the form [a-z][a-z0-9_]*")
        if len(_known_keys) < _MAX_KNOWN_KEYS and len(key) <= 64:
            _known_keys.add(key)


def check_string(value: str, what: str) -> None:
    """Raise :class:`MalformedError` unless ``value`` may stand in canonical JSON: NFC, no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MalformedError(what, "string with a lone surrogate") from None
    if not unicodedata.is_normalized("NFC", value):
        raise MalformedError(what, f"string {_show(value)} is not in Unicode NFC")


def _show(value: object) -> str:
    return ascii(value)[:64]
