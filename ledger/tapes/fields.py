"""The elements of one tape record, read by name; faults are gathered, so that a reject names them all.

Absent, empty and "nothing" spellings read as None. An element that stands twice with different texts, where
the schema has it once, is a fault when somebody reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from ledger.quotes import in_quotes
from ledger.tapes import forms
from ledger.tapes import schedule_al as al
from ledger.tapes.model import FieldError
from ledger.tapes.xmlstream import RawRecord

_T = TypeVar("_T")
_NAME = re.compile(r"[A-Za-z0-9._:-]+")

#: The domain's limit for days and for numbers of instalments.
_MAX_COUNT = 100_000


class Fields:
    """One record by element name. ``used`` grows by the elements whose value was read without loss."""

    __slots__ = ("_repeated", "_texts", "faults", "flags", "raw")

    def __init__(self, raw: RawRecord) -> None:
        self.raw = raw
        self.faults: list[FieldError] = []
        self.flags: list[tuple[str, str]] = []
        texts: dict[str, str] = {}
        repeated: dict[str, list[str]] | None = None
        for name, text in raw.elements:
            if not text.isascii() and not unicodedata.is_normalized("NFC", text):
                self.fault(name, "is not in Unicode NFC", text)
            if name in texts:
                repeated = repeated or {}
                repeated.setdefault(name, [texts[name]]).append(text)
            else:
                texts[name] = text
        self._texts = texts
        self._repeated = repeated or {}
        if raw.fault is not None:
            self.fault(raw.fault[0], raw.fault[1])

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def fault(self, name: str, reason: str, text: str = "") -> None:
        """Note that element ``name`` makes the record unfit. A borrower's fact is not quoted."""
        self.faults.append(FieldError(name, reason, "" if al.is_private(name) else text))

    def flag(self, name: str, reason: str) -> None:
        """Note something about element ``name`` that deserves a look; the record goes in."""
        self.flags.append((name, reason))

    def text(self, name: str) -> str | None:
        """The element's text without surrounding white space, or None."""
        text = self._texts.get(name)
        if text is None:
            return None
        texts = self._repeated.get(name)
        if texts is not None and name not in al.REPEATABLE:
            if len(set(texts)) > 1:
                self.fault(name, f"stands {len(texts)} times with different values", " | ".join(texts))
            else:
                self.flag(name, "stands more than once with the same value")
        text = text.strip()
        if text in al.NOTHING:
            if text:
                self.flag(name, f"reads {in_quotes(text)}: taken as absent")
            return None
        return text

    def texts(self, name: str) -> list[str]:
        """All texts of an element that may repeat."""
        return [
            text
            for text in map(str.strip, self._repeated.get(name) or self._one(name))
            if text not in al.NOTHING
        ]

    def _one(self, name: str) -> list[str]:
        text = self._texts.get(name)
        return [] if text is None else [text]

    def read(self, name: str, convert: Callable[[str], _T]) -> _T | None:
        """The element converted; a ValueError becomes a fault."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return convert(text)
        except ValueError as error:
            self.fault(name, str(error), text)
            return None

    def look(self, name: str, convert: Callable[[str], _T]) -> _T | None:
        """The element converted if that works; else it is flagged, and what it said stays verbatim only."""
        texts = self.texts(name)
        try:
            return convert(texts[0]) if len(texts) == 1 else None
        except ValueError as error:
            self.flag(name, f"{error}; kept verbatim only")
            return None

    def money(self, name: str) -> int | None:
        """An amount in units of 1e-8."""
        return self.read(name, forms.units)

    def count(self, name: str) -> int | None:
        """A whole number from 0 to 100,000; anything else is flagged and stays verbatim only."""
        return self.look(name, _count)

    def date(self, name: str) -> str | None:
        """A day or a month."""
        return self.read(name, forms.us_date)

    def boolean(self, name: str) -> bool | None:
        """``true`` or ``false`` (also 1, 0 as xs:boolean has it); anything else stays verbatim only."""
        return self.look(name, _boolean)

    def rate(self, name: str, percent: bool) -> str | None:
        """A yearly rate as a decimal fraction. One of 1 or more reads as a percentage: flagged, left out."""
        value = self.read(name, forms.number)
        if value is None:
            return None
        if percent:
            value = value.scaleb(-2)
        if not Decimal(-1) < value < 1:
            self.flag(
                name, "is 100 % or more as a fraction: does this file state percentages? kept verbatim only"
            )
            return None
        return forms.plain(value)

    def required(self, name: str, value: _T | None) -> _T | None:
        """``value``, noting a fault where the element is absent."""
        if value is None and not any(fault.field == name for fault in self.faults):
            self.fault(name, "is missing")
        return value

    def private(self) -> dict[str, Any]:
        """The borrower's facts verbatim, under their names in snake case; a repeated one is a list."""
        members: dict[str, Any] = {}
        for name, text in self._texts.items():
            if al.is_private(name):
                key = al.snake(name)
                while key in members:  # two names of another schema that differ in capitals only
                    key += "_"
                members[key] = self._repeated.get(name, text)
        return members

    def remaining(self, used: set[str]) -> list[tuple[str, str]]:
        """All other elements verbatim and in order, but for ``used`` ones that stand once."""
        left = {name for name in self._texts if not al.is_private(name)} - (used - self._repeated.keys())
        return [pair for pair in self.raw.elements if pair[0] in left]


def is_name(text: str) -> bool:
    """Whether ``text`` consists of the characters that names may have."""
    return _NAME.fullmatch(text) is not None


def _count(text: str) -> int:
    value = forms.integer(text)
    if not 0 <= value <= _MAX_COUNT:
        raise ValueError(f"is not within 0 and {_MAX_COUNT}")
    return value


def _boolean(text: str) -> bool:
    if text in {"true", "1"}:
        return True
    if text in {"false", "0"}:
        return False
    raise ValueError("is neither true nor false")
