"""Every word of the pages stands in both languages, and templates name no other."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from api.portal.viewer import preferred
from api.portal.words import Words, texts

TEMPLATES = sorted(
    (
        file
        for file in resources.files("api.portal").joinpath("templates").iterdir()
        if file.name.endswith(".html")
    ),
    key=lambda file: file.name,
)
_PLAIN = re.compile(r"""\b(?:t|count)\(\s*["']([a-z0-9_]+\.[a-z0-9_]+)["']\s*[,)]""")
_MADE = re.compile(r"""\b(?:t|count)\(\s*["']([a-z0-9_]+\.[a-z0-9_]*)["']\s*~""")
_MADE_IN_PYTHON = re.compile(r"""f["']([a-z0-9_]+\.[a-z0-9_]*)\{""")
_TERM = re.compile(r"""\bterm\(\s*["']([a-z0-9_]+)["']""")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z_]+)\}", text))


def test_both_languages_say_the_same() -> None:
    for key, (english, chinese) in texts().items():
        assert english.strip(), key
        assert chinese.strip(), key
        assert fields(english) == fields(chinese), key
        assert not _CHINESE.search(english), key


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_templates_name_only_words_that_there_are(file) -> None:  # type: ignore[no-untyped-def]
    source = file.read_text("utf-8")
    known = texts()
    assert set(_PLAIN.findall(source)) <= known.keys()
    for beginning in _MADE.findall(source):
        assert any(key.startswith(beginning) for key in known), beginning
    for section in _TERM.findall(source):
        assert any(key.startswith(f"{section}.") for key in known), section


def test_no_word_is_left_over() -> None:
    used = "".join(file.read_text("utf-8") for file in TEMPLATES)
    for folder in ("models", "routes", ""):
        for file in resources.files("api.portal").joinpath(folder).iterdir():
            used += file.read_text("utf-8") if file.name.endswith(".py") else ""
    beginnings = (
        *_MADE.findall(used),
        *_MADE_IN_PYTHON.findall(used),
        *(f"{section}." for section in _TERM.findall(used)),
    )
    left = [key for key in texts() if key not in used and not key.startswith(beginnings)]
    assert left == []


def test_a_template_writes_no_words_itself() -> None:
    for file in TEMPLATES:
        bare = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&[a-z]+;", " ", file.read_text("utf-8"), flags=re.DOTALL
        )
        words = set(re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", bare)) - {
            "Poolproof",
            "English",
            "简体中文",
            "doctype",
            "html",
        }
        assert words == set(), file.name


def test_words_and_numbers_of_things() -> None:
    english, chinese = Words("en"), Words("zh")
    assert english.count("age.days", 1) == "1 day ago"
    assert english.count("age.days", 1200) == "1,200 days ago"
    assert chinese.count("age.days", 3) == "3 天前"
    assert english.term("role", "funding_partner") == "Funding partner"
    assert chinese.term("role", "some_other") == "some other"
    with pytest.raises(KeyError):
        english.t("frame.nowhere")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE, zh-TW;q=0.4, en;q=0.3", "zh"),
        ("fr", "en"),
        ("zh;q=x, en", "en"),
        ("zh;q=0", "en"),
    ],
)
def test_the_browser_says_the_language(header: str, language: str) -> None:
    assert preferred(header) == language
