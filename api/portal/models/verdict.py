"""A pool's verdict in one sentence, what it rests on, and what stays trust.

The verdict is that of the newest stored audit. Before one there is none, and the page says so: figures alone are no
verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from api.portal import formats
from api.portal.models.figures import Figures
from api.portal.words import Words
from ledger.store.audits import AuditRow
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
class Audited:
    """The newest audit that has a report: which run, when it ended, what it stands on and what it counts."""

    id: str
    ended: str | None
    day: str
    size: int
    level: str
    errors: int
    warnings: int
    infos: int
    undetermined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence with its tone and mark, in ``short`` for a table; the audit that says so, and what it rests on."""

    tone: str
    mark: str
    says: str
    short: str
    audited: Audited | None
    trust: tuple[Trust, ...]


def audited(row: AuditRow | None) -> Audited | None:
    """What a stored run says of its pool; None before one has ended well."""
    if row is None or row.summary is None or row.size is None:
        return None
    counts = row.summary["counts"]
    return Audited(
        id=row.id, ended=row.ended, day=row.summary["as_of"], size=row.size, level=row.summary["level"],
        errors=counts["error"], warnings=counts["warning"], infos=counts["info"],
        undetermined=row.summary["undetermined"],
    )  # fmt: skip


def verdict(log: LogRow, figures: Figures | None, row: AuditRow | None, words: Words) -> Verdict:
    """What is said of a pool whose newest figures and newest finished audit these are."""
    found = audited(row)
    tone, mark, key = _sentence(found)
    facts = (
        {}
        if found is None
        else {
            "day": found.day,
            "errors": found.errors,
            "warnings": found.warnings,
            "open": found.undetermined,
        }
    )
    return Verdict(
        tone=tone, mark=mark, says=words.t(f"verdict.{key}").format_map(facts),
        short=words.term("verdict_short", key), audited=found,
        trust=(_chain(log, words), *_shares(figures, words)),
    )  # fmt: skip


def _sentence(found: Audited | None) -> tuple[str, str, str]:
    if found is None:
        return "plain", "?", "none"
    if found.errors:
        return "bad", "!", "errors"
    return ("warn", "~", "undetermined") if found.undetermined else ("good", "✓", "clean")


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
