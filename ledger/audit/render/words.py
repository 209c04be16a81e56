"""The words of reports in two languages, read from ``words.toml`` beside this."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Formatter
from typing import Any, Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final = ("en", "zh")


def _read() -> dict[str, Any]:
    text = resources.files("ledger.audit.render").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


_READ: Final = _read()
_WORDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    section: {name: (en, zh) for name, (en, zh) in entries.items()}
    for section, entries in _READ.items()
    if section != "phrase"
}
#: What stands for any text in a sentence.
_ANY: Final = ("x", "y", "z", "w", "v")
_BRACES: Final = re.compile(r"\{([xyzwv])\}").split
#: After which known name the others stand; elsewhere they are last. Buckets come after ``current``.
_UNKNOWN: Final = {"part": 0}
#: Characters of a fact that has words of ours: more is what somebody else has written, and is shown as it is.
_LONGEST: Final = 1_000


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = (f"(?P<{part}>.*)" if part in _ANY else re.escape(part) for part in _BRACES(sentence))
    return re.compile("".join(parts), re.DOTALL)


_SENTENCES: Final = [(_pattern(en), zh) for en, zh in _WORDS["sentence"].values()]
#: Kind of phrase → how it stands in a fact, and its English and Chinese.
_PHRASES: Final[dict[str, list[tuple[re.Pattern[str], tuple[str, str]]]]] = {
    kind: [(_pattern(stands), (en, zh)) for stands, en, zh in phrases]
    for kind, phrases in _READ["phrase"].items()
}
#: Facts of findings in which words of ours stand, and of which kinds; ``value`` are single words. In the others there
#: are names and figures only: a party may be called "platform".
_SPOKEN: Final[dict[str, tuple[str, ...]]] = {
    "status": ("value",), "measure": ("value",), "field": ("value",), "attribute": ("value",), "resolution": ("value",),
    "payers": ("value",), "leaf": ("value",), "item": ("value", "item"), "reported": ("value", "over", "days"),
    "derived": ("value", "events", "component", "days"), "stated": ("events",), "answered": ("events",),
    "applied": ("component",), "criterion": ("criterion",), "others": ("others",), "first": ("entry",),
    "last": ("entry",), "usual": ("part",), "old": ("size",), "found": ("sums", "typed"), "sealed": ("sums",),
    "place": ("row",), "age": ("seconds",), "allowed": ("seconds",),
}  # fmt: skip


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
            known = _WORDS["value"].get(member)
            return f"{known[1] if known else member}：{translated[0]}", "zh"
    return text, "en"


def fact(name: str, value: str | int, language: Language) -> str | int:
    """The fact of a finding as its sentence says it: names and figures as they are, words of ours in ``language``."""
    if not isinstance(value, str):
        return value
    if name == "reason":
        return sentence(value, language)[0]
    kinds = _SPOKEN.get(name)
    return value if kinds is None else _spoken(value, kinds, LANGUAGES.index(language))


def filled(sentence: str, facts: Mapping[str, str | int], language: Language) -> str:
    """The sentence of a finding with its facts. Raises :class:`KeyError` where one is missing."""
    said = ""
    for literal, name, _, _ in Formatter().parse(sentence):
        said = _joined(said, literal)
        if name is not None:
            said = _joined(said, str(fact(name, facts[name], language)))
    return said


def _joined(left: str, right: str) -> str:
    """Our Chinese sentences have a space around what may be a name or a figure; between ideographs there is none."""
    if left.endswith(" ") and is_wide(left[-2:-1]) and is_wide(right[:1]):
        return left[:-1] + right
    if right.startswith(" ") and is_wide(left[-1:]) and is_wide(right[1:2]):
        return left + right[1:]
    return left + right


def is_wide(one: str) -> bool:
    """Whether a character is an ideograph, or a stop that goes with them; false for none."""
    return one != "" and unicodedata.east_asian_width(one) in "WF"


def _spoken(text: str, kinds: Sequence[str], at: int) -> str:
    """``text`` in the language ``at``, as far as these kinds of words stand in it."""
    if len(text) > _LONGEST:
        return text
    if "value" in kinds and text in _WORDS["value"]:
        return _WORDS["value"][text][at]
    for kind in kinds:
        for pattern, wordings in _PHRASES.get(kind, ()):
            if found := pattern.fullmatch(text):
                inner = {name: _spoken(part, kinds, at) for name, part in found.groupdict().items()}
                return wordings[at].format_map(inner)
    parts = text.split(", ")
    said = [_spoken(part, kinds, at) for part in parts] if len(parts) > 1 else parts
    return ("，" if LANGUAGES[at] == "zh" else ", ").join(said) if said != parts else text


def all_chinese() -> str:
    """Every Chinese word, for the font that sets them."""
    words = [zh for entries in _WORDS.values() for _, zh in entries.values()]
    return "".join(words + [zh for phrases in _PHRASES.values() for _, (_, zh) in phrases])
