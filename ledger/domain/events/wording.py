"""What :mod:`msgspec` finds wrong with an event, in our words and with the member's path."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ledger.errors import RefusedError

# The forms of msgspec's messages.
_PATH = re.compile(r"(.*) - at (`.*`)", re.DOTALL).fullmatch
_MEMBER = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL).fullmatch
_TYPES = re.compile(r"Expected `(.*)`, got `(.*)`").fullmatch
_INVALID = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL).fullmatch
_WORDS: Final = {
    "str": "a string", "int": "an integer", "bool": "a boolean", "null": "null", "array": "a list",
    "object": "an object", "float": "a floating-point number",
}  # fmt: skip


def refusal(error: msgspec.ValidationError, base: str = "") -> RefusedError:
    """The refusal that says it; ``base`` is the path of what was read, where that is not the whole event."""
    found = _PATH(str(error))
    text, where = (found[1], found[2]) if found else (str(error), "`$`")
    path = (base + where.replace("`key` in ", "").strip("`").removeprefix("$")).removeprefix(".")
    if member := _MEMBER(text):
        name = member[2][:80]
        rule = "missing_member" if member[1] == "missing required" else "unknown_member"
        reason = "missing" if rule == "missing_member" else "unknown member"
        return RefusedError(f"{path}.{name}" if path else name, reason, rule=rule)
    if types := _TYPES(text):
        reason, rule = _wrong_type(types[1], types[2])
        return RefusedError(path, reason, rule=rule)
    if invalid := _INVALID(text):
        shown = invalid[1][:80]
        if path == "type":
            return RefusedError("type", f"unknown type {shown}", rule="unknown_type")
        return RefusedError(path, f"{shown} is none of the values allowed")
    return RefusedError(path, text[0].lower() + text[1:])


def _wrong_type(wanted: str, got: str) -> tuple[str, str]:
    words = " or ".join(_WORDS.get(word, word) for word in wanted.split(" | "))
    if got == "float":
        return 'a floating-point number; amounts and rates are strings such as "12.50"', "float"
    if got == "int" and "str" in wanted:
        return 'a number; write it as a string, such as "12.50"', "wrong_type"
    return f"{_WORDS.get(got, got)} where {words} is wanted", "wrong_type"
