"""Report files: read as they were printed, refused after any change that does not follow; codes of papers."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from string import Formatter
from typing import Any
from unicodedata import normalize

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.audit import reportfile
from ledger.audit.catalogue import CATALOGUE, PROCEDURES
from ledger.audit.findings import Evidence, Finding, Procedure
from ledger.audit.report import Asked, AuditReport
from ledger.audit.reportfile import ReportCode
from ledger.audit.rules import PoolRules
from ledger.errors import MalformedError, VerificationError
from tests.audit.render import samples

ALL = [
    samples.clean,
    samples.eventful,
    samples.many,
    samples.every,
    samples.hostile,
    samples.chinese,
    samples.bare,
]

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12).map(
    lambda text: normalize("NFC", text)
)
counts = st.integers(0, 2**53 - 1)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    entry = CATALOGUE[draw(st.sampled_from(sorted(CATALOGUE)))]
    names = {name for text in (entry.en, entry.zh) for _, name, _, _ in Formatter().parse(text) if name}
    return Finding(
        code=entry.code,
        subject=draw(texts),
        claim=draw(st.none() | texts),
        facts={name: draw(texts if name in entry.said else texts | integers) for name in sorted(names)},
        evidence=tuple(draw(st.lists(st.builds(Evidence, counts, digests), max_size=3))),
    )


procedures = st.builds(
    Procedure,
    name=st.sampled_from(sorted(PROCEDURES)),
    unit=texts,
    asked=counts,
    undetermined=counts,
    reasons=st.dictionaries(texts, counts, max_size=3),
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
decimals = st.integers(-(10**20), 10**20).map(
    lambda units: PoolRules(tolerances={"x": units}).stated_tolerances()["x"]
)


def counted(report: AuditReport) -> AuditReport:
    """With the findings counted under their procedures, as audits do."""
    named = {one.name: one for one in report.procedures}
    for finding in report.findings:
        if finding.entry.procedure in named:
            named[finding.entry.procedure].found(finding)
    return report


reports = st.builds(
    AuditReport,
    pool=texts,
    title=texts,
    rules_version=counts,
    tolerances=st.dictionaries(names, decimals, max_size=3),
    made_by=texts,
    sees=st.lists(texts, max_size=2).map(tuple),
    basis=st.builds(
        lambda **changes: replace(samples.BASIS, **changes),
        origin=texts,
        size=counts,
        root=digests,
        as_of=st.dates().map(lambda day: day.isoformat()),
        grade=st.sampled_from((None, "devnet", "operator", "consortium", "public")),
        steps=st.lists(texts, max_size=2).map(tuple),
    ),
    asked=st.builds(Asked, since=counts, tapes=st.lists(digests, max_size=2).map(tuple)),
    procedures=st.lists(procedures, max_size=3).map(tuple),
    findings=st.lists(findings(), max_size=3).map(tuple),
    numbers=st.dictionaries(names, counts | texts, max_size=3),
    totals=st.dictionaries(
        texts,
        st.dictionaries(names, texts | st.dictionaries(texts, texts, max_size=3), max_size=3),
        max_size=2,
    ),
).map(counted)


@settings(max_examples=60)
@given(reports)
def test_what_was_printed_is_read(report: AuditReport) -> None:
    data = reportfile.encode(report)
    again = reportfile.decode(data)
    assert again == report
    assert reportfile.encode(again) == data
    assert reportfile.read(json.loads(data)) == report
    code = ReportCode.of(report)
    assert ReportCode.parse(str(code)) == code


@pytest.mark.parametrize("make", ALL)
def test_the_digest_is_of_what_was_found(make: Any) -> None:
    report = make()
    data, found = reportfile.encode(report), reportfile.found(report)
    assert hashlib.sha256(found).hexdigest() == reportfile.digest(report) == ReportCode.of(report).sha256
    assert found == rfc8785.dumps(without_words(json.loads(data))) + b"\n"
    spread = json.dumps(json.loads(data), indent=2, ensure_ascii=False).encode()
    assert reportfile.digest(reportfile.decode(spread)) == reportfile.digest(report)


def without_words(file: dict[str, Any]) -> dict[str, Any]:
    """What docs/formats.md says that the digest is over, by hand."""
    del file["made_by"], file["sees"], file["basis"]["steps"], file["basis"]["not_checked"]
    for one in file["procedures"]:
        del one["reasons"]
    for one in file["findings"]:
        del one["text"], one["text_zh"], one["said"]
    return file


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a value in a document."""
    if isinstance(value, dict):
        return [one for key in value for one in paths(value[key], (*path, key))] or [path]
    if isinstance(value, list):
        return [one for at, item in enumerate(value) for one in paths(item, (*path, at))] or [path]
    return [path]


def place(document: Any, path: tuple[Any, ...]) -> Any:
    """What holds the value at the path."""
    for step in path[:-1]:
        document = document[step]
    return document


DOCUMENT = json.loads(reportfile.encode(samples.chinese()))
PATHS = paths(DOCUMENT)
#: Words: changing them changes no digest.
WORDS = {"made_by", "sees", "steps", "not_checked", "reasons", "said"}
#: Derived from the rest: they cannot be changed alone.
DERIVED = {
    *("media_type", "outcome", "severity", "text", "text_zh", "code", "error", "warning", "info"), "findings",
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_a_changed_value_is_refused_or_changes_the_digest(path: tuple[Any, ...]) -> None:
    changed = deepcopy(DOCUMENT)
    holder, name = place(changed, path), path[-1]
    holder[name] = holder[name] + 1 if isinstance(holder[name], int) else f"{holder[name]}0"
    try:
        report = reportfile.read(changed)
    except MalformedError:
        return
    assert name not in DERIVED
    same = reportfile.digest(report) == reportfile.digest(samples.chinese())
    assert same == (not WORDS.isdisjoint(path))


def reworded(**changes: Any) -> dict[str, Any]:
    """The document as another version would have written it."""
    document = deepcopy(DOCUMENT) | changes
    document["findings"][0] |= {"text": "Said better.", "text_zh": "措辞更好。"}
    return document


def test_a_report_of_another_version_is_read_with_its_digest_and_shown_in_our_words() -> None:
    report = reportfile.read(reworded(made_by="poolproof 9.9"))
    assert reportfile.digest(report) == reportfile.digest(samples.chinese())
    assert report.findings[0].text() == samples.chinese().findings[0].text()


def test_words_that_are_not_ours_are_refused_under_our_name() -> None:
    with pytest.raises(MalformedError, match=r"findings\[0\].text is not what this version derives"):
        reportfile.read(reworded())


def test_what_an_error_said_is_not_in_the_digest() -> None:
    first, second = (samples.report(samples.finding("record.malformed", reason=one)) for one in ("a", "b"))
    assert reportfile.digest(first) == reportfile.digest(second)
    corrected = (samples.report(samples.finding("life.corrected", reason=one)) for one in ("a", "b"))
    assert len({reportfile.digest(one) for one in corrected}) == 2, "there it is the record's own word"


def test_what_the_rules_let_pass_is_in_the_digest() -> None:
    strict, lax = samples.report(tolerances={}), samples.report(tolerances={"interest": "100"})
    assert reportfile.digest(strict) != reportfile.digest(lax)
    assert reportfile.decode(reportfile.encode(lax)) == lax


def test_what_was_asked_is_in_the_digest() -> None:
    asked = samples.report(asked=Asked(since=7, tapes=(samples.digest("tape"),)))
    assert reportfile.decode(reportfile.encode(asked)) == asked
    assert reportfile.digest(asked) != reportfile.digest(samples.report())


@pytest.mark.parametrize("path", PATHS[:: len(PATHS) // 60], ids=lambda path: ".".join(map(str, path)))
def test_a_value_of_another_type_or_a_missing_one_is_refused(path: tuple[Any, ...]) -> None:
    for wrong in (1.5, ["x"], True):
        changed = deepcopy(DOCUMENT)
        place(changed, path)[path[-1]] = wrong
        with pytest.raises(MalformedError):
            reportfile.read(changed)
    if (
        isinstance(path[-1], str)
        and path[0] not in {"numbers", "totals", "tolerances"}
        and "facts" not in path
    ):
        changed = deepcopy(DOCUMENT)
        del place(changed, path)[path[-1]]
        with pytest.raises(MalformedError):
            reportfile.read(changed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"media_type": "application/vnd.poolproof.receipt.v1+json"}, "media_type"),
        ({"extra": 1}, "extra is unknown"),
        ({"findings": [DOCUMENT["findings"][0] | {"code": "no.such"}]}, "findings\\[0\\].code is 'no.such'"),
        ({"findings": [DOCUMENT["findings"][0] | {"facts": {}}]}, "do not fill the words"),
        ({"basis": DOCUMENT["basis"] | {"as_of": "2026-02-30"}}, "basis.as_of is no day"),
        ({"tolerances": {"interest": "0.010"}}, "tolerances.interest is not a decimal in its one spelling"),
        ({"tolerances": {"interest": "-0"}}, "tolerances.interest is not a decimal in its one spelling"),
        ({"tolerances": {"interest": 1}}, "tolerances.interest is not str"),
        ({"tolerances": {"Interest": "1"}}, "tolerances names 'Interest'"),
        ({"tolerances": ["interest"]}, "tolerances is not an object"),
        ({"totals": DOCUMENT["totals"] * 2}, "totals is not what this version derives"),
        (
            {"procedures": [one | {"outcome": "undetermined"} for one in DOCUMENT["procedures"]]},
            "procedures\\[0\\].outcome is not what this version derives",
        ),
        (
            {"procedures": [one | {"findings": 0} for one in DOCUMENT["procedures"]]},
            "procedures\\[3\\].findings is not what this version derives",
        ),
        ({"outcome": "clean"}, "outcome is not what this version derives"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        reportfile.read(DOCUMENT | change)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'{"media_type":1}', b"\xff", b"{}"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        reportfile.decode(data)


CODE = str(ReportCode.of(samples.eventful()))


def test_the_code_names_what_the_report_stands_on() -> None:
    basis = samples.BASIS
    shown = (
        f"poolproof:report?origin=sdart.example/2026-1&pool=SDART-2026-1&size=1234568&root={basis.root}"
        f"&as_of=2026-07-31&trust={basis.fingerprint}&sha256={reportfile.digest(samples.eventful())}"
    )
    assert shown == CODE


def test_a_report_is_compared_with_a_paper() -> None:
    code = ReportCode.of(samples.eventful())
    code.compare(ReportCode.parse(CODE))
    with pytest.raises(VerificationError, match="size, sha256 differ") as caught:
        code.compare(ReportCode.parse(CODE.replace("size=1234568", "size=7").replace(code.sha256, "0" * 64)))
    assert caught.value.evidence["size"] == [1234568, 7]


VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "reports.json").read_text())


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["case"])
def test_the_files_of_the_vectors_are_those_that_the_specifications_give(case: dict[str, str]) -> None:
    """RFC 8785 by the reference implementation, RFC 3986 by hand; nothing of our own."""
    value = json.loads(case["file"])
    assert rfc8785.dumps(value) + b"\n" == case["file"].encode()
    assert rfc8785.dumps(without_words(json.loads(case["file"]))) + b"\n" == case["found"].encode()
    assert hashlib.sha256(case["found"].encode()).hexdigest() == case["sha256"]
    basis = value["basis"]
    members = [("origin", basis["origin"]), ("pool", value["pool"]), ("size", str(basis["size"]))]
    members += [("root", basis["root"]), ("as_of", basis["as_of"]), ("trust", basis["fingerprint"])]
    members += [("sha256", case["sha256"])]
    kept = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:")
    written = (
        name + "=" + "".join(chr(one) if one in kept else f"%{one:02X}" for one in text.encode())
        for name, text in members
    )
    assert case["code"] == "poolproof:report?" + "&".join(written)


@pytest.mark.parametrize("case", VECTORS["good"], ids=lambda case: case["case"])
def test_we_agree_with_the_vectors(case: dict[str, str]) -> None:
    report = reportfile.decode(case["file"].encode())
    assert reportfile.encode(report).decode() == case["file"]
    assert reportfile.found(report).decode() == case["found"]
    assert str(ReportCode.of(report)) == case["code"]
    assert ReportCode.parse(case["code"]) == ReportCode.of(report)


@pytest.mark.parametrize("case", VECTORS["bad_codes"], ids=lambda case: case["case"])
def test_other_spellings_of_a_code_are_refused(case: dict[str, str]) -> None:
    with pytest.raises(MalformedError, match="report code"):
        ReportCode.parse(case["code"])
