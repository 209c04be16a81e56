from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pypdf
import pytest

from ledger.audit import reportfile
from ledger.audit.catalogue import PROCEDURES
from ledger.audit.render import fonts, pdf, words
from ledger.audit.report import AuditReport
from ledger.errors import UnavailableError
from tests.audit.render import samples

# One letter of 2018: no font of ours has it.
UNKNOWN = "\U0001f9ff"


def opened(report: Any, **options: Any) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf.render(report, **options)), strict=True)


@cache
def sample(make: Any, language: Any) -> tuple[AuditReport, pypdf.PdfReader]:
    """A sample and its PDF, set once for all tests that look at it."""
    report = make()
    return report, opened(report, language=language)


@cache
def text_of(reader: pypdf.PdfReader) -> str:
    """All text, without white space: lines and places to break are the page's, not the report's."""
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in reader.pages))


def fonts_of(reader: pypdf.PdfReader) -> list[Any]:
    found = []
    for page in reader.pages:
        for font in page["/Resources"].get_object().get("/Font", {}).values():
            one = font.get_object()
            below = one.get("/DescendantFonts")
            found.append(below.get_object()[0].get_object() if below is not None else one)
    return found


@pytest.mark.parametrize(
    ("make", "language"),
    [
        *(
            (samples.eventful, "en"),
            (samples.chinese, "zh"),
            (samples.hostile, "en"),
            (samples.hostile, "zh"),
        ),
        *((samples.bare, "en"), (samples.clean, "zh")),
    ],
)
def test_it_is_what_an_archive_asks_for(make: Any, language: Any) -> None:
    report, reader = sample(make, language)
    root = reader.trailer["/Root"]
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfaid:part(=\"|>)2\b", metadata)
    assert re.search(r"pdfaid:conformance(=\"|>)A\b", metadata)
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - a PDF's boolean
    assert root["/Lang"].startswith(language)
    assert not {"/Encrypt"} & set(reader.trailer)
    assert not {"/OpenAction", "/AA", "/JavaScript", "/EmbeddedFiles"} & (
        set(root) | set(root.get("/Names", {}))
    )
    embedded = fonts_of(reader)
    assert embedded
    for font in embedded:
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(font["/FontDescriptor"])
    assert reportfile.digest(report) in text_of(reader)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert pdf.render(samples.eventful()) == pdf.render(samples.eventful())


def test_every_finding_stands_there_with_its_evidence() -> None:
    report = samples.every()
    text = text_of(opened(report, language="zh"))
    for one in report.findings:
        assert re.sub(r"\s", "", one.text("zh")) in text, one.code
        for record in one.evidence:
            assert f"{record.index}{record.digest}" in text
    # Each procedure under its question, and beside each finding the one that it was found under.
    for name, question in PROCEDURES.items():
        assert re.sub(r"\s", "", question.zh) + name in text
    for one in report.findings:
        assert f"{one.code}程序{one.entry.procedure}{one.subject[:12]}" in text, one.code


@pytest.mark.parametrize(
    ("make", "language", "shown"),
    [
        (samples.eventful, "en", "Tolerancesoftherulesversion3:days_past_due1day·interest0.01currencyunits"),
        (samples.chinese, "zh", "规则容差第3版：days_past_due1天·interest0.01货币单位"),
        (samples.bare, "en", "Tolerancesoftherulesversion3setsnone"),
    ],
)
def test_what_the_rules_let_pass_is_shown(make: Any, language: Any, shown: str) -> None:
    assert shown in text_of(sample(make, language)[1])


def test_a_long_report_has_a_page_for_everything() -> None:
    report = samples.many(90)
    reader = opened(report)
    assert len(reader.pages) > 6
    text = text_of(reader)
    assert all(one.evidence[-1].digest in text for one in report.findings)


def test_markup_in_records_stays_text() -> None:
    text = text_of(sample(samples.hostile, "en")[1])
    for name in ("<script>alert(1)</script>", '#eval("1")$x$[U+202E]dlrow', "*_`#[]<>@\\", "[U+20BB7]"):
        assert name in text


def test_every_character_that_is_promised_can_be_set() -> None:
    """PDF/A refuses a character that no font has: one that were missing would end in an error."""
    known = "".join(sorted(fonts.latin() | fonts.chinese()))
    assert fonts.spelled(known) == known
    report = samples.report(
        title="x", sees=(" ".join(known[at : at + 12] for at in range(0, len(known), 12)),)
    )
    text = text_of(opened(report, language="zh"))
    assert [one for one in known if not one.isspace() and one not in text and one != "\u00ad"] == []
    with pytest.raises(UnavailableError, match="cannot be set"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "spelled", lambda text: text)
        pdf.render(samples.report(title=UNKNOWN))


def test_our_own_words_need_no_other_character() -> None:
    own = words.all_chinese() + "".join(one.zh for one in PROCEDURES.values())
    assert fonts.spelled(own) == own


def test_a_character_that_the_fonts_lack_is_spelled_out() -> None:
    report = samples.report(title=f"A {UNKNOWN} B")
    text = text_of(opened(report))
    assert "A[U+1F9FF]B" in text
    note = "Charactersthatthisdocument'sfontslack"
    assert note in text
    assert note not in text_of(opened(replace(report, title="A B")))


def test_a_font_that_is_absent_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FOLDER", tmp_path)
    with pytest.raises(UnavailableError, match="the font Poolproof Song of the PDF report cannot be read"):
        pdf.render(samples.bare())
