"""Findings of an audit as pages list them: in the reader's language, with the records that the reader may open.

A run names what lies outside of the pool; such names are hidden from those who may not know them
(:mod:`ledger.audits.hiding`). Here words stand in their place, and of the records that bear a finding out only those
are linked that the reader may open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from api.portal.words import Words
from ledger.audit.catalogue import CATALOGUE
from ledger.audit.findings import Finding as AuditFinding
from ledger.audits import HIDDEN
from ledger.reading import Reader
from ledger.store import records, subjects

#: Records that are named beside a finding; the report has them all.
MAX_EVIDENCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A record that bears a finding out, by its index; ``opened`` says whether the reader may open it."""

    index: int
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding; ``loan`` is the one it is about, if it is one."""

    code: str
    severity: str
    says: str
    subject: str
    loan: str | None
    evidence: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """All findings of one code: how grave they are, how many, what the first of them says."""

    code: str
    severity: str
    procedure: str
    count: int
    says: str


def shown(reader: Reader, found: Iterable[AuditFinding], words: Words) -> tuple[Finding, ...]:
    """These findings, in their order."""
    told = [(one, _named(one)) for one in found]
    opened = _opened(reader, {index for _, marks in told for index in marks})
    return tuple(
        Finding(
            code=one.code, severity=str(one.severity), says=_says(one, words), subject=one.subject,
            loan=one.subject.removeprefix("loan:") if one.subject.startswith("loan:") else None,
            evidence=tuple(Mark(index=index, opened=index in opened) for index in marks),
        )
        for one, marks in told
    )  # fmt: skip


def kinds(found: Sequence[AuditFinding], words: Words) -> tuple[Kind, ...]:
    """The findings by their codes, gravest and most frequent first."""
    counts = Counter(one.code for one in found)
    first = {one.code: one for one in reversed(found)}
    entries = sorted(counts, key=lambda code: (CATALOGUE[code].severity.order, -counts[code], code))
    return tuple(
        Kind(
            code=code, severity=str(CATALOGUE[code].severity), procedure=CATALOGUE[code].procedure,
            count=counts[code], says=_says(first[code], words),
        )
        for code in entries
    )  # fmt: skip


def _says(one: AuditFinding, words: Words) -> str:
    instead = words.t("findings.hidden")
    facts = {
        name: value.replace(HIDDEN, instead) if isinstance(value, str) and _hides(value) else value
        for name, value in one.facts.items()
    }
    return replace(one, facts=facts).text(words.language)


def _hides(value: str) -> bool:
    """Whether names in a list of them are hidden; free text that happens to have the sign in it is left alone."""
    return HIDDEN in value.split(", ")


def _named(one: AuditFinding) -> tuple[int, ...]:
    return tuple(dict.fromkeys(mark.index for mark in one.evidence))[:MAX_EVIDENCE]


def _opened(reader: Reader, indexes: set[int]) -> set[int]:
    """Those of these records that the reader may open."""
    about = records.subject_of_each(reader.connection, reader.log.id, indexes)
    rows = subjects.by_id(reader.connection, set(about.values()))
    seen = {row.id for row in rows.values() if reader.view.sees(row)}
    return {index for index, subject_id in about.items() if subject_id in seen}
