"""The events as a page, drawn from their structs: ``python -m ledger.domain.events.describe > docs/events.md``.

A test compares the page with what this prints, so that the two cannot drift apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from ledger.domain.events import EVENTS, ROLES, EventType
from ledger.domain.events.base import Part

_HEAD = """\
# Events

Generated from the structs in `ledger/domain/events`; do not edit by hand
(`python -m ledger.domain.events.describe > docs/events.md`).

An event is submitted as one JSON object, one a line in a batch:

| member | meaning |
|---|---|
| `id` | the submitter's own name of the event: 1 to 64 of `A-Za-z0-9._:-`, unique per log and party |
| `type` | one of the types below |
| `subject` | `loan:NAME`, `pool:NAME`, `account:NAME` or `log`, as the type says |
| `effective` | when it took effect: `YYYY-MM-DD`, or `YYYY-MM` where the source tells a month only |
| `party` | who submits; may be left out where the caller is known |
| `data` | the members of the type's table; absent is not the same as null, and unknown members are refused |
| `private` | optional: fields whose salted digests alone enter the record; no name of `data` is repeated |
| `sig` | optional unless the type says so: `{"key", "value"}`, Ed25519 by a published key of the party |
| `origin` | optional: the log meant; another one refuses the event |

*money* is a decimal string in the one spelling of its currency: exactly the minor digits (`"207.10"`), or more only
where needed, up to 8 (`"18.05383199"`). Rates and ratios are decimal strings without trailing zeros (`"0.1066"`).
*ppm* are parts per million. *party*, *claim*, *loan* and *event id* are names of 1 to 64 of `A-Za-z0-9._:-`.
A date is `YYYY-MM-DD` or `YYYY-MM`; no day is invented, and a month is ordered as its last day.

Names in other vocabularies: ACTUS event types and terms, elements of SEC EX-102 (auto loans), ESMA underlying
exposures (consumer, Annex VI; by field name). They are given where the meaning is the same.

Of the ESMA names these were compared with published texts: CMRL1 to CMRL7 with Annex VI of the Delegated Regulation
(EU) 2020/1224; Original and Current Principal Balance (CMRL27, CMRL28), Payment Due (CMRL36), Account Status (CMRL55)
with ESMA's questions and answers on the disclosure templates. The others, among them Currency Denomination (CMRL26) and
Redemption Date, were not compared, because no more of the annex than its beginning was at hand: look at your edition.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts: dict[str, type[msgspec.Struct]] = {}
    blocks = [_HEAD, _overview()]
    blocks += [_section(kind, parts) for kind in EVENTS.values()]
    shared = "".join(
        f"\n### {name}\n\n{_sentence(struct)}\n\n{_table(struct, {})}"
        for name, struct in sorted(parts.items())
    )
    return "\n".join([*blocks, f"## Structured members\n{shared}"])


def _overview() -> str:
    rows = ["| type | subject | rank | signature | what it says |", "|---|---|---|---|---|"]
    for kind in EVENTS.values():
        signed = "required" if kind.signed else "optional"
        rows.append(
            f"| [`{kind.name}`](#{_anchor(kind.name)}) | {kind.subject} | {kind.rank} | {signed} | {kind.title} |"
        )
    note = (
        "Events of one day fold in the order of *rank*: ten times the ACTUS sequence number of the event that it stands"
        "\nfor; what ACTUS has no event for stands between, or after."
    )
    return "\n".join([*rows, "", note, ""])


def _section(kind: EventType, parts: dict[str, type[msgspec.Struct]]) -> str:
    posters = "any registered party" if kind.posted_by == ROLES else ", ".join(sorted(kind.posted_by))
    facts = [f"posted by {posters}", f"signature {'required' if kind.signed else 'optional'}"]
    if kind.begins:
        facts.append("begins its subject")
    if kind.live or kind.takes > 0:
        facts.append("refused after the end of the loan")
    for label, names in (("ACTUS", kind.actus), ("EX-102", kind.ex102), ("ESMA", kind.esma)):
        if names:
            facts.append(f"{label}: {names}")
    intro = f"{kind.title} {_sentence(kind.data)}"
    named = "log" if kind.subject == "log" else f"{kind.subject}:…"
    subject = f"Subject `{named}`; {'; '.join(facts)}."
    return f"## {kind.name}\n\n{intro}\n\n{subject}\n\n{_table(kind.data, parts)}"


def _table(struct: type[msgspec.Struct], parts: dict[str, type[msgspec.Struct]]) -> str:
    rows = ["| member | type | unit | meaning | names |", "|---|---|---|---|---|"]
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    # Required ones first; within each, the order of the struct.
    for field in sorted(info.fields, key=lambda field: not field.required):
        meta, inner = _unwrap(field.type)
        nullable = any(isinstance(one, inspect.NoneType) for one in _options(inner))
        for nested in _structs(inner):
            parts.setdefault(nested.__name__, nested)
            _collect(nested, parts)
        names = "; ".join(
            f"{label} {meta[key]}"
            for key, label in (("actus", "ACTUS"), ("ex102", "EX-102"), ("esma", "ESMA"))
            if meta.get(key)
        )
        optional = "" if field.required else ", optional"
        null = ", or null" if nullable else ""
        unit, meaning = meta.get("unit", ""), meta.get("meaning", "")
        rows.append(f"| `{field.name}` | {_type(inner)}{null}{optional} | {unit} | {meaning} | {names} |")
    return "\n".join(rows) + "\n"


def _collect(struct: type[msgspec.Struct], parts: dict[str, type[msgspec.Struct]]) -> None:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        for nested in _structs(_unwrap(field.type)[1]):
            if nested.__name__ not in parts:
                parts[nested.__name__] = nested
                _collect(nested, parts)


def _unwrap(kind: inspect.Type) -> tuple[dict[str, Any], inspect.Type]:
    """The documentation on a member, and its type without it."""
    meta: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata):
        meta = {**(kind.extra or {}), **meta}
        if kind.extra_json_schema and "description" in kind.extra_json_schema:
            meta.setdefault("meaning", kind.extra_json_schema["description"])
        kind = kind.type
    return meta, kind


def _options(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        yield from _options(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _options(one)
    else:
        yield kind


def _structs(kind: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    for one in _options(kind):
        if isinstance(one, inspect.StructType) and issubclass(one.cls, Part):
            yield one.cls
        elif isinstance(one, inspect.ListType):
            yield from _structs(one.item_type)


def _type(kind: inspect.Type) -> str:
    return " or ".join(text for text in map(_one, _options(kind)) if text)


def _one(kind: inspect.Type) -> str:  # noqa: PLR0911 - one line for each kind of type
    match kind:
        case inspect.StrType():
            return "string"
        case inspect.IntType():
            return "integer"
        case inspect.BoolType():
            return "boolean"
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case inspect.StructType():
            return f"[{kind.cls.__name__}](#{_anchor(kind.cls.__name__)})"
        case inspect.ListType():
            return f"list of {_type(kind.item_type)}"
        case inspect.TupleType():
            return f"[{', '.join(_type(item) for item in kind.item_types)}]"
        case inspect.DictType():
            return f"object of {values}" if (values := _type(kind.value_type)) else "object"
        case _:
            return ""


def _sentence(struct: type[msgspec.Struct]) -> str:
    return " ".join((struct.__doc__ or "").split()).replace("``", "`")


def _anchor(name: str) -> str:
    return name.lower().replace(".", "")


if __name__ == "__main__":
    sys.stdout.write(page())
