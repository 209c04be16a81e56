"""The words of the pages in English and Simplified Chinese: ``texts/*.toml``, ``section.name = [English, Chinese]``.

Sections are unique over all files, so that a key has one place. A key that is not there is a fault of ours and raises
:class:`KeyError`; a test holds the templates to that.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
#: As ``<html lang>`` has them.
TAGS: Final[dict[Language, str]] = {"en": "en", "zh": "zh-Hans"}


@cache
def texts() -> dict[str, tuple[str, str]]:
    """Every text by ``section.name``; raises :class:`ValueError` for a section that stands in two files."""
    found: dict[str, tuple[str, str]] = {}
    sections: set[str] = set()
    for file in sorted(resources.files("api.portal").joinpath("texts").iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".toml"):
            continue
        for section, entries in tomllib.loads(file.read_text("utf-8")).items():
            if section in sections:
                raise ValueError(f"{file.name}: the section {section} stands in another file too")
            sections.add(section)
            found.update({f"{section}.{name}": (en, zh) for name, (en, zh) in entries.items()})
    return found


class Words:
    """The words in one language; what templates know as ``t``, ``count`` and ``term``."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._at = LANGUAGES.index(language)

    def t(self, key: str, **facts: Any) -> str:
        """The text of a key with its ``{facts}`` filled in."""
        text = texts()[key][self._at]
        return text.format_map(facts) if facts else text

    def count(self, key: str, number: int) -> str:
        """The text of a key for a number of things: ``one|several``, each with ``{n}``."""
        one, _, several = texts()[key][self._at].partition("|")
        return (one if number == 1 or not several else several).format_map({"n": f"{number:,}"})

    def term(self, section: str, name: object) -> str:
        """The word for a value of a known set (its dots are underscores); another value stands for itself."""
        entry = texts().get(f"{section}.{str(name).replace('.', '_')}")
        return str(name).replace("_", " ") if entry is None else entry[self._at]
