"""A pool's verdict in one sentence, what it rests on, and what stays trust.

The verdict is that of the newest stored audit. Before one there is none, and the page says so: figures alone are no
verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from api.portal import formats
from api.portal.models.figures import Figures
from api.portal.words import Words
from ledger.audit.catalogue import Severity
from ledger.audit.findings import AuditReport, Outcome
from ledger.store.logs import LogRow

_GRADES: Final = {"public": "good", "consortium": "good", "operator": "warn", "devnet": "warn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Something that the verdict rests on or leaves to trust: its word, its value, how it weighs (a tone)."""

    name: str
    value: str
    tone: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence with its tone, the audit's day and size where there is one, and what it rests on."""

    tone: str
    mark: str
    says: str
    audited: AuditReport | None
    trust: tuple[Trust, ...]


def verdict(log: LogRow, figures: Figures | None, report: AuditReport | None, words: Words) -> Verdict:
    """What is said of a pool whose newest figures and newest audit these are."""
    tone, mark, key, facts = _sentence(report)
    return Verdict(
        tone=tone, mark=mark, says=words.t(f"verdict.{key}", **facts), audited=report,
        trust=(_chain(log, words), *_shares(figures, words)),
    )  # fmt: skip


def _sentence(report: AuditReport | None) -> tuple[str, str, str, dict[str, Any]]:
    if report is None:
        return "plain", "?", "none", {}
    facts: dict[str, Any] = {
        "day": report.basis.as_of,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "open": sum(one.outcome is Outcome.UNDETERMINED for one in report.procedures),
        "asked": len(report.procedures),
    }
    if facts["errors"]:
        return "bad", "!", "errors", facts
    if facts["open"]:
        return "warn", "~", "undetermined", facts
    return "good", "✓", "clean", facts


def _chain(log: LogRow, words: Words) -> Trust:
    grade = None if log.chain is None else log.chain.grade
    return Trust(
        name=words.t("trust.chain"),
        value=words.t("trust.no_chain") if grade is None else words.term("grade", grade),
        tone="bad" if grade is None else _GRADES.get(grade, "plain"),
        why=words.t("trust.chain_why"),
    )


def _shares(figures: Figures | None, words: Words) -> list[Trust]:
    if figures is None:
        return []
    shares = (
        ("opened", figures.share_of("opened")),
        ("weak", figures.share_of("weak")),
        ("unsigned", figures.unsigned),
    )
    return [
        Trust(
            name=words.t(f"trust.{name}"),
            value=formats.percent(share, 1),
            tone=_weight(name, share),
            why=words.t(f"trust.{name}_why"),
        )
        for name, share in shares
    ]


def _weight(name: str, share: Decimal | None) -> str:
    """Unsigned records are usual, since most events need no signature; the others should be none."""
    if not share:
        return "good"
    return "plain" if name == "unsigned" else "warn"
