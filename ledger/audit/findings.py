"""What an audit writes down: procedures performed, findings, and what stays undetermined.

A finding has a stable code from the catalogue (:mod:`ledger.audit.catalogue`), which gives severity and words in
English and Chinese; here it has its place, its facts and its evidence. A procedure is one question that was put to
every claim; what could not be answered is counted as undetermined and never as passed. The whole is a
:class:`~ledger.audit.report.AuditReport`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger.audit.catalogue import CATALOGUE, PROCEDURES, Entry, Severity
from ledger.audit.render import words
from ledger.audit.render.words import Language


class Outcome(enum.StrEnum):
    """What became of a procedure."""

    PASSED = "passed"
    #: One is an error, whatever else is open; or there are warnings and explanations only, and nothing is open.
    FINDINGS = "findings"
    #: Some or all of it could not be derived; warnings and explanations may stand beside.
    UNDETERMINED = "undetermined"
    #: Nothing in the pool asks for it, such as a concentration limit where the rules have none.
    NOT_APPLICABLE = "not_applicable"


class Evidence(NamedTuple):
    """A record: its index in the log and its digest in hex."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. ``facts`` fill the words of the catalogue; amounts and days in them are strings."""

    code: str
    #: ``loan:…``, ``pool:…`` or ``account:…``
    subject: str
    claim: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    @property
    def entry(self) -> Entry:
        """Its place in the catalogue."""
        return CATALOGUE[self.code]

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return self.entry.severity

    def text(self, language: Language = "en") -> str:
        """What it says, in ``en`` or ``zh``."""
        return words.filled(self.entry.zh if language == "zh" else self.entry.en, self.facts, language)

    def to_json(self, *, wordless: bool = False) -> dict[str, Any]:
        """The finding as reports show it; ``wordless``: what of it was found, without our words for it."""
        said, facts = self.entry.said, self.facts
        texts = {} if wordless else {"text": self.text(), "text_zh": self.text("zh")}
        sentences = {} if wordless else {"said": {name: facts[name] for name in facts if name in said}}
        return {
            "code": self.code,
            "severity": str(self.severity),
            "subject": self.subject,
            "claim": self.claim,
            **texts,
            "facts": {name: value for name, value in facts.items() if name not in said},
            **sentences,
            "evidence": [{"index": one.index, "digest": one.digest} for one in self.evidence],
        }

    @property
    def order(self) -> tuple[Any, ...]:
        """Gravest first, then by code and place: the one order of every report."""
        return (self.severity.order, self.code, self.subject, self.claim or "", self.evidence)


@dataclass(slots=True, kw_only=True)
class Procedure:
    """One question, put to ``asked`` claims, loans, payments or reports (``unit``, as the catalogue has it)."""

    name: str
    unit: str = "loans"
    asked: int = 0
    undetermined: int = 0
    #: why, in words → how often
    reasons: dict[str, int] = field(default_factory=dict)
    findings: int = 0
    #: of the findings, those of severity error
    errors: int = 0

    def answered(self, times: int = 1) -> None:
        """It could be answered."""
        self.asked += times

    def undecided(self, reason: str, times: int = 1) -> None:
        """It could not be answered, and why."""
        self.asked += times
        self.undetermined += times
        self.reasons[reason] = self.reasons.get(reason, 0) + times

    def found(self, finding: Finding) -> None:
        """Count a finding that was made under it."""
        self.findings += 1
        self.errors += finding.severity is Severity.ERROR

    def add(self, other: Procedure) -> None:
        """Take in what another range of claims gave."""
        self.asked += other.asked
        self.undetermined += other.undetermined
        self.findings += other.findings
        self.errors += other.errors
        for reason, times in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + times

    @property
    def outcome(self) -> Outcome:
        """The gravest first, as in the exit code of the whole report.

        An error goes before what is open: no answer to the rest takes it back. What is open goes before warnings: a
        question that is half answered is not answered.
        """
        if self.errors:
            return Outcome.FINDINGS
        if self.undetermined:
            return Outcome.UNDETERMINED
        if self.findings:
            return Outcome.FINDINGS
        return Outcome.PASSED if self.asked else Outcome.NOT_APPLICABLE

    def to_json(self) -> dict[str, Any]:
        """The procedure as reports show it."""
        return {
            "name": self.name,
            "outcome": str(self.outcome),
            "unit": self.unit,
            "asked": self.asked,
            "undetermined": self.undetermined,
            "findings": self.findings,
            # Words are no keys of canonical JSON.
            "reasons": [{"reason": reason, "times": times} for reason, times in sorted(self.reasons.items())],
        }


@dataclass(slots=True)
class Notes:
    """What a check writes down: findings and procedures, by name. Two can be combined in either order."""

    findings: list[Finding] = field(default_factory=list)
    procedures: dict[str, Procedure] = field(default_factory=dict)

    def procedure(self, name: str) -> Procedure:
        """The procedure of this name, begun if it is new."""
        found = self.procedures.get(name)
        if found is None:
            found = self.procedures[name] = Procedure(name=name, unit=PROCEDURES[name].unit)
        return found

    def find(
        self,
        code: str,
        subject: str,
        *,
        claim: str | None = None,
        evidence: Iterable[Evidence] = (),
        **facts: str | int,
    ) -> None:
        """Write a finding down, under the procedure that the catalogue names."""
        self.note(Finding(code=code, subject=subject, claim=claim, facts=facts, evidence=tuple(evidence)))

    def note(self, finding: Finding) -> None:
        """Write a finding down that is made already."""
        self.findings.append(finding)
        self.procedure(finding.entry.procedure).found(finding)

    def add(self, other: Notes) -> None:
        """Take in what another range gave."""
        self.findings.extend(other.findings)
        for name, procedure in other.procedures.items():
            self.procedure(name).add(procedure)
