"""The words of reports in two languages, read from ``words.toml`` beside this."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any, Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final = ("en", "zh")


def _read() -> dict[str, dict[str, tuple[str, str]]]:
    text = resources.files("ledger.audit.render").joinpath("words.toml").read_text(encoding="utf-8")
    return {
        section: {name: (en, zh) for name, (en, zh) in entries.items()}
        for section, entries in tomllib.loads(text).items()
    }


_WORDS: Final = _read()
#: What stands for any text in a sentence.
_ANY: Final = ("x", "y")
_BRACES: Final = re.compile(r"\{([xy])\}").split
#: After which known name the others stand; elsewhere they are last. Buckets come after ``current``.
_UNKNOWN: Final = {"part": 0}


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = (f"(?P<{part}>.*)" if part in _ANY else re.escape(part) for part in _BRACES(sentence))
    return re.compile("".join(parts), re.DOTALL)


_SENTENCES: Final = [(_pattern(en), zh) for en, zh in _WORDS["sentence"].values()]


def word(section: str, name: str, language: Language, **facts: Any) -> str:
    """The word of this name; a name that ``words.toml`` does not have stands for itself, with spaces."""
    entry = _WORDS[section].get(name)
    if entry is None:
        return name.replace("_", " ")
    return entry[LANGUAGES.index(language)].format_map(facts)


def rank(section: str, name: str) -> tuple[int, str]:
    """Where a name stands among others: in the order of ``words.toml``, names that it does not have where it says."""
    names = list(_WORDS[section])
    known = names.index(name) if name in names else _UNKNOWN.get(section, len(names))
    return (2 * known + (name not in names), name)


def counted(section: str, name: str, language: Language, count: int) -> str:
    """The word for ``count`` of it."""
    one, _, several = word(section, name, language).partition("|")
    return one if count == 1 or not several else several


def labels(language: Language) -> dict[str, str]:
    """All fixed labels; those with facts in them still have their braces."""
    return {name: entry[LANGUAGES.index(language)] for name, entry in _WORDS["label"].items()}


def sentence(text: str, language: Language) -> tuple[str, Language]:
    """An English sentence in ``language`` where its translation is known, and the language that it is in now.

    A member or item that stands before the sentence, with a colon, stays before it.
    """
    if language == "zh":
        for pattern, chinese in _SENTENCES:
            if found := pattern.fullmatch(text):
                inner = {name: sentence(part, language)[0] for name, part in found.groupdict().items()}
                return chinese.format_map(inner), "zh"
        member, colon, rest = text.partition(": ")
        if colon and (translated := sentence(rest, language))[1] == "zh":
            return f"{member}：{translated[0]}", "zh"
    return text, "en"


def all_chinese() -> str:
    """Every Chinese word, for the font that sets them."""
    return "".join(zh for entries in _WORDS.values() for _, zh in entries.values())
