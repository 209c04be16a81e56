"""What :mod:`msgspec` finds wrong with an event, in our words and with the member's path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ledger.errors import RefusedError
from ledger.quotes import in_quotes

# The forms of msgspec's messages.
_PATH = re.compile(r"(.*) - at (`.*`)", re.DOTALL).fullmatch
_MEMBER = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL).fullmatch
_TYPES = re.compile(r"Expected `(.*)`, got `(.*)`").fullmatch
_INVALID = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL).fullmatch
_WORDS: Final = {
    "str": "a string", "int": "an integer", "bool": "a boolean", "null": "null", "array": "a list",
    "object": "an object", "float": "a floating-point number",
}  # fmt: skip


def refusal(error: msgspec.ValidationError, kind: object, base: str = "") -> RefusedError:
    """The refusal that says it, of an event whose type is told to be ``kind``.

    ``base`` is the path of what was read, where that is not the whole event.
    """
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
        shown = in_quotes(_bare(invalid[1]), 80)
        if path == "type":
            return RefusedError("type", f"unknown type {shown}", rule="unknown_type")
        return RefusedError(path, f"{shown} is none of the values allowed{_allowed(path, kind)}")
    return RefusedError(path, text[0].lower() + text[1:])


def _bare(shown: str) -> str:
    """A value without the quotes in which msgspec shows strings."""
    return shown[1:-1] if len(shown) > 1 and shown[0] == shown[-1] == "'" else shown


def _allowed(path: str, kind: object) -> str:
    """The values of the member at the end of a path; nothing where members of this name do not agree on them."""
    from msgspec import inspect

    from ledger.domain.events.base import EVENTS  # declared by modules that read events with this one

    name = path.rpartition(".")[2].partition("[")[0]
    declared = EVENTS.get(kind) if isinstance(kind, str) else None
    found = set() if declared is None else _literals(inspect.type_info(declared.data), name)
    return ": " + ", ".join(next(iter(found))) if len(found) == 1 else ""


def _literals(one: Any, name: str) -> set[tuple[str, ...]]:
    """What the literals of all members of this name allow, in a struct and in those within it."""
    from msgspec import inspect

    found: set[tuple[str, ...]] = set()
    if isinstance(one, inspect.StructType):
        for field in one.fields:
            for part in _parts(field.type):
                if field.encode_name == name and isinstance(part, inspect.LiteralType):
                    found.add(tuple(map(str, part.values)))
                found |= _literals(part, name)
    return found


def _parts(one: Any) -> Iterator[Any]:
    """A member's type without what is around it: descriptions, alternatives, lists."""
    from msgspec import inspect

    if isinstance(one, inspect.Metadata):
        yield from _parts(one.type)
    elif isinstance(one, inspect.UnionType):
        for alternative in one.types:
            yield from _parts(alternative)
    elif isinstance(one, inspect.ListType):
        yield from _parts(one.item_type)
    else:
        yield one


def _wrong_type(wanted: str, got: str) -> tuple[str, str]:
    words = " or ".join(_WORDS.get(word, word) for word in wanted.split(" | "))
    if got == "float":
        return 'a floating-point number; amounts and rates are strings such as "12.50"', "float"
    if got == "int" and "str" in wanted:
        return 'a number; write it as a string, such as "12.50"', "wrong_type"
    return f"{_WORDS.get(got, got)} where {words} is wanted", "wrong_type"
