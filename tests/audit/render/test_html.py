from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from ledger.audit import reportfile
from ledger.audit.catalogue import PROCEDURES
from ledger.audit.render import html
from ledger.audit.reportfile import ReportCode
from tests.audit.render import samples
from tests.audit.test_reportfile import ALL

VOID = {"meta", "path", "rect", "link", "br", "img"}


class Page(HTMLParser):
    """A page taken apart: tags with attributes, text by tag; asserts that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))

    def words(self) -> str:
        return "".join(data for tag, data in self.text if tag != "style")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("make", ALL)
def test_the_page_is_whole_and_asks_for_nothing(make: Any, language: Any) -> None:
    report = make()
    text = html.render(report, language=language)
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "form", "a", "base", "embed"})
    attributes = {(tag, name) for tag, attrs in page.tags for name in attrs}
    assert not any(name.startswith("on") or name in {"style", "src", "href"} for _, name in attributes)
    style = next(data for tag, data in page.text if tag == "style")
    assert "url(" not in style
    assert "@import" not in style
    policy = next(attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs)
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert reportfile.digest(report) in page.words()
    assert str(ReportCode.of(report)) in page.words()


def test_markup_in_records_stays_text() -> None:
    text = html.render(samples.hostile())
    page = Page(text)
    # Title, pool, maker, what the reader sees, the finding's words and its place.
    isolated = [data for tag, data in page.text if tag == "bdi" and samples.HOSTILE in data]
    assert len(isolated) == 6


def test_every_finding_stands_there_with_its_evidence() -> None:
    report = samples.every()
    words = Page(html.render(report)).words()
    for one in report.findings:
        assert one.text() in words
        assert one.code in words
        for record in one.evidence:
            assert f"record {record.index} {record.digest}" in " ".join(words.split())
    chinese = Page(html.render(report, language="zh")).words()
    assert all(one.text("zh") in chinese for one in report.findings)


@pytest.mark.parametrize(("language", "label"), [("en", "procedure"), ("zh", "程序")])
def test_procedures_and_findings_refer_to_each_other_by_name(language: Any, label: str) -> None:
    report = samples.every()
    page = Page(html.render(report, language=language))
    codes = [data for tag, data in page.text if tag == "code"]
    assert [one for one in codes if one in PROCEDURES] == list(PROCEDURES)
    spans = [data for tag, data in page.text if tag == "span"]
    under = [one for one in spans if one.startswith(f"{label} ") and one.partition(" ")[2] in PROCEDURES]
    assert under == [
        f"{label} {one.entry.procedure}" for one in sorted(report.findings, key=lambda one: one.order)
    ]


@pytest.mark.parametrize(
    ("language", "label", "value"),
    [
        ("en", "Tolerances of the rules", "version 3: days_past_due 1 day · interest 0.01 currency units"),
        ("zh", "规则容差", "第 3 版：days_past_due 1 天 · interest 0.01 货币单位"),
    ],
)
def test_what_the_rules_let_pass_is_shown(language: Any, label: str, value: str) -> None:
    page = Page(html.render(samples.eventful(), language=language))
    assert ("dt", label) in page.text
    assert any(tag == "bdi" and data.startswith(value) for tag, data in page.text)


def test_what_is_left_out_is_counted() -> None:
    report = samples.report(*(samples.finding("cash.parts", at) for at in range(12)))
    words = Page(html.render(report, most=10)).words()
    assert "… and 2 more of cash.parts; the JSON report lists them." in words
    assert "Errors 12" in words


def test_headings_and_tables_mean_what_they_look_like() -> None:
    page = Page(html.render(samples.eventful()))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert [attrs["lang"] for tag, attrs in page.tags if tag == "html"] == ["en"]


def test_a_long_unit_does_not_take_the_room_of_the_questions() -> None:
    """What was asked may break its line, so that one unit of many words does not set the width of its column."""
    text = html.render(samples.eventful())
    cells = [attrs for tag, attrs in Page(text).tags if tag == "td" and attrs.get("data-label") == "Asked"]
    assert {attrs["class"] for attrs in cells} == {"number asked"}
    assert re.search(r"\.procedures \.asked \{[^}]*white-space: normal", text)


def test_chinese_pages_say_what_is_english() -> None:
    page = Page(html.render(samples.chinese(), language="zh"))
    languages = [attrs.get("lang") for _, attrs in page.tags if "lang" in attrs]
    assert languages[0] == "zh-Hans"
    assert set(languages[1:]) == {"en"}
    assert "各签署方相互独立" in page.words()


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_of_text_can_be_read_in_the_light_and_in_the_dark() -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    schemes = re.findall(r":root \{(.*?)\}", html.render(samples.bare()), re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]+);", scheme))
        for name in ("ink", "soft", "accent", "error", "warning", "info", "passed"):
            high, low = sorted((luminance(colours[name]), luminance(colours["paper"])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, name


def test_a_report_from_its_file_looks_like_the_one_that_was_made() -> None:
    for make in ALL:
        assert html.render(reportfile.decode(reportfile.encode(make()))) == html.render(make())
