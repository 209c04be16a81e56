"""What every form of a report shows, in one language, in the order of reading: plain values, nothing to decide.

Amounts and counts are grouped here (``1,234,567.89``); digests stay as they are. A list of findings is cut at ``most``
for each code, and says how many were left out: the JSON report has them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Final, TypeVar

from ledger.audit.catalogue import PROCEDURES, Severity
from ledger.audit.findings import Finding, Outcome, Procedure
from ledger.audit.render.words import Language, counted, rank, sentence, word
from ledger.audit.report import AuditReport
from ledger.audit.reportfile import ReportCode
from ledger.audit.rules import IN_DAYS

#: Findings of one code on paper: more than this nobody reads, and a file of them no viewer opens.
MOST_ON_PAPER: Final = 100
_T = TypeVar("_T")
#: What a procedure with findings is called: an honest book has explanations, and they must not look like errors.
_FOUND: Final = {Severity.ERROR: "findings", Severity.WARNING: "warned", Severity.INFO: "explained"}
_OUTCOMES: Final = {0: "clean", 1: "findings", 3: "undetermined"}
_AMOUNT: Final = re.compile(r"(-?)([0-9]+)(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its value. ``kind``: text, digest, number."""

    label: str
    value: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the language that it is in: not all have a translation."""

    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is undetermined, and how often."""

    times: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class ProcedureView:
    """One procedure. Counts are empty where nothing was asked.

    ``outcome`` is the report's own, but for findings that are no errors: ``warned``, or ``explained``.
    """

    name: str
    question: str
    asked: str
    undetermined: str
    findings: str
    outcome: str
    outcome_label: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A record: its index, without signs in it, so that it can be searched for, and its digest."""

    index: str
    digest: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding. ``number`` counts through the report; ``claim`` is empty where the finding is of no claim.

    ``procedure`` names the one that it was found under, by the name that stands among the procedures.
    """

    number: str
    code: str
    procedure: str
    place: str
    claim: str
    text: str
    evidence: tuple[EvidenceView, ...]
    #: after the last finding of this code: how many more there are, in words; else empty
    more: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one severity."""

    severity: str
    label: str
    count: str
    findings: tuple[FindingView, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a breakdown; ``permille`` of the whole, or None where that means nothing."""

    label: str
    amount: str
    permille: int | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Amounts by bucket or status."""

    label: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """The amounts of one currency."""

    label: str
    amounts: tuple[Row, ...]
    breakdowns: tuple[Breakdown, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """A count that stands at the head of the report."""

    name: str
    label: str
    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The whole report."""

    language: Language
    title: str
    pool: str
    head: tuple[Row, ...]
    outcome: str
    verdict: str
    tallies: tuple[Tally, ...]
    basis: tuple[Row, ...]
    procedures: tuple[ProcedureView, ...]
    groups: tuple[Group, ...]
    numbers: tuple[Row, ...]
    totals: tuple[Total, ...]
    steps: tuple[Sentence, ...]
    sees: tuple[Sentence, ...]
    not_checked: tuple[Sentence, ...]
    sha256: str
    code: str


def view(report: AuditReport, *, language: Language = "en", most: int = MOST_ON_PAPER) -> View:
    """The report in ``language``, with at most ``most`` findings of each code."""
    code = ReportCode.of(report)
    errors = report.count(Severity.ERROR)
    outcome = _OUTCOMES[report.exit_code]
    verdict = "one_finding" if errors == 1 else outcome
    basis, gravest = report.basis, _gravest(report.findings)
    return View(
        language=language,
        title=report.title or report.pool,
        pool=report.pool,
        head=_head(report, language),
        outcome=outcome,
        verdict=word("verdict", verdict, language, errors=grouped(errors)),
        tallies=_tallies(report, language),
        basis=_basis(report, language),
        procedures=tuple(
            _procedure(one, language, gravest.get(one.name)) for one in _ordered(report.procedures)
        ),
        groups=tuple(_groups(report.findings, language, most)),
        numbers=tuple(
            Row(word("figure", name, language), grouped(value), "number")
            for name, value in _in_order("figure", report.numbers)
        ),
        totals=tuple(_total(one, values, language) for one, values in sorted(report.totals.items())),
        steps=_sentences(basis.steps, language),
        sees=_sentences(report.sees, language),
        not_checked=_sentences(basis.not_checked, language),
        sha256=code.sha256,
        code=str(code),
    )


def grouped(value: int | str) -> str:
    """A count, or an amount in decimals, with its thousands apart; any other text as it is."""
    found = _AMOUNT.fullmatch(str(value))
    return str(value) if found is None else f"{found[1]}{int(found[2]):,}{found[3] or ''}"


def _head(report: AuditReport, language: Language) -> tuple[Row, ...]:
    rows = [
        Row(word("label", "pool", language), report.pool),
        Row(word("label", "as_of", language), report.basis.as_of),
        Row(
            word("label", "rules", language),
            word("label", "rules_version", language, version=report.rules_version),
        ),
        Row(word("label", "made_by", language), report.made_by),
    ]
    return tuple(rows)


def _tallies(report: AuditReport, language: Language) -> tuple[Tally, ...]:
    counts = {str(one): report.count(one) for one in Severity}
    counts["undetermined"] = report.undetermined
    return tuple(
        Tally(name, counted("tally", name, language, count), grouped(count)) for name, count in counts.items()
    )


def _basis(report: AuditReport, language: Language) -> tuple[Row, ...]:
    basis = report.basis
    missing = word("label", "none", language)
    values = {
        "origin": (basis.origin, "text"),
        "size": (word("label", "entries", language, size=grouped(basis.size)), "text"),
        "root": (basis.root, "digest"),
        "register_root": (basis.register_root, "digest"),
        "fingerprint": (basis.fingerprint, "digest"),
        "level": (word("level", basis.level, language), "text"),
        "grade": (word("grade", basis.grade, language) if basis.grade else missing, "text"),
        "contract": (basis.contract, "digest") if basis.contract else (missing, "text"),
        "chain_id": (missing if basis.chain_id is None else str(basis.chain_id), "text"),
        "anchored_at": (basis.anchored_at or missing, "text"),
    }
    rows = [Row(word("label", name, language), *value) for name, value in values.items()]
    rows.append(Row(word("label", "tolerances", language), _tolerances(report, language)))
    if report.asked.since:
        since = word("label", "entries", language, size=grouped(report.asked.since))
        rows.append(Row(word("label", "since", language), since))
    rows += [Row(word("label", "tape", language), one, "digest") for one in report.asked.tapes]
    return tuple(rows)


def _tolerances(report: AuditReport, language: Language) -> str:
    """What the rules let pass without a finding, each with its unit, in the order of the procedures."""
    shown = []
    for name in sorted(report.tolerances, key=_place):
        value = report.tolerances[name]
        unit = counted("unit", "days" if name in IN_DAYS else "money", language, 1 if value == "1" else 2)
        shown.append(f"{name} {grouped(value)} {unit}")
    label = "tolerances_set" if shown else "tolerances_none"
    return word("label", label, language, version=report.rules_version, tolerances=" · ".join(shown))


def _place(name: str) -> tuple[int, str]:
    """Where a procedure stands among all; what is none of them comes last, by its name."""
    order = list(PROCEDURES)
    return (order.index(name) if name in order else len(order), name)


def _ordered(procedures: Iterable[Procedure]) -> list[Procedure]:
    return sorted(procedures, key=lambda one: _place(one.name))


def _gravest(findings: Iterable[Finding]) -> dict[str, Severity]:
    """Procedure → how grave the gravest of its findings is."""
    found: dict[str, Severity] = {}
    for one in findings:
        name, severity = one.entry.procedure, one.severity
        if name not in found or severity.order < found[name].order:
            found[name] = severity
    return found


def _procedure(one: Procedure, language: Language, gravest: Severity | None) -> ProcedureView:
    question = PROCEDURES[one.name]
    outcome = str(one.outcome)
    if one.outcome is Outcome.FINDINGS and gravest is not None:
        outcome = _FOUND[gravest]
    asked = f"{grouped(one.asked)} {counted('unit', one.unit, language, one.asked)}" if one.asked else ""
    return ProcedureView(
        name=one.name,
        question=question.zh if language == "zh" else question.en,
        asked=asked,
        undetermined=grouped(one.undetermined) if one.asked else "",
        findings=grouped(one.findings) if one.asked or one.findings else "",
        outcome=outcome,
        outcome_label=word("outcome", outcome, language),
        reasons=tuple(
            Reason(grouped(times), _sentence(reason, language))
            for reason, times in sorted(one.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        ),
    )


def _groups(findings: Iterable[Finding], language: Language, most: int) -> Iterable[Group]:
    ordered = sorted(findings, key=lambda one: one.order)
    number = 0
    for severity, some in groupby(ordered, key=lambda one: one.severity):
        members = list(some)
        counts = Counter(one.code for one in members)
        shown: list[FindingView] = []
        for code, of_code in groupby(members, key=lambda one: one.code):
            kept = list(of_code)[:most]
            left = counts[code] - len(kept)
            more = word("label", "more", language, count=grouped(left), code=code) if left else ""
            for one in kept:
                number += 1
                shown.append(_finding(one, language, number, more if one is kept[-1] else ""))
            number += left
        label = word("severity", str(severity), language)
        yield Group(str(severity), label, grouped(len(members)), tuple(shown))


def _finding(one: Finding, language: Language, number: int, more: str) -> FindingView:
    return FindingView(
        number=grouped(number),
        code=one.code,
        procedure=word("label", "under", language, procedure=one.entry.procedure),
        place=one.subject,
        claim=word("label", "claim", language, claim=one.claim) if one.claim else "",
        text=one.text(language),
        evidence=tuple(EvidenceView(str(record.index), record.digest) for record in one.evidence),
        more=more,
    )


def _total(currency: str, values: Mapping[str, str | Mapping[str, str]], language: Language) -> Total:
    amounts = [
        Row(word("figure", name, language), grouped(value), "number")
        for name, value in _in_order("figure", values)
        if isinstance(value, str)
    ]
    breakdowns = [
        Breakdown(word("figure", name, language), _parts(value, language))
        for name, value in _in_order("figure", values)
        if not isinstance(value, str)
    ]
    label = word("label", "amounts", language, currency=currency)
    return Total(label, tuple(amounts), tuple(breakdowns))


def _in_order(section: str, values: Mapping[str, _T]) -> list[tuple[str, _T]]:
    """Never in the order of the mapping: a report that was read from a file must look like the one that was made."""
    return sorted(values.items(), key=lambda pair: rank(section, pair[0]))


def _parts(amounts: Mapping[str, str], language: Language) -> tuple[Part, ...]:
    plain = all(_AMOUNT.fullmatch(one) for one in amounts.values())
    whole = sum((Decimal(one) for one in amounts.values()), Decimal()) if plain else Decimal()
    sensible = whole > 0 and all(Decimal(one) >= 0 for one in amounts.values())
    return tuple(
        Part(
            word("part", name, language),
            grouped(amount),
            round(Decimal(amount) * 1000 / whole) if sensible else None,
        )
        for name, amount in _in_order("part", amounts)
    )


def _sentence(text: str, language: Language) -> Sentence:
    return Sentence(*sentence(text, language))


def _sentences(texts: Iterable[str], language: Language) -> tuple[Sentence, ...]:
    return tuple(_sentence(one, language) for one in texts)
