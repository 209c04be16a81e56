"""The report of an audit: what it stands on, what was asked, and what was found. No opinion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from ledger.audit.catalogue import Severity
from ledger.audit.findings import Finding, Procedure

MEDIA_TYPE: Final = "application/vnd.poolproof.audit-report.v1+json"
#: Who makes reports here.
MAKER: Final = f"poolproof {version('poolproof')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the audit stands on: which log, which size and day, under which trust root, on which chain."""

    origin: str
    size: int
    root: str
    register_root: str
    as_of: str
    fingerprint: str
    #: published, cosigned, anchored or final: the highest level shown
    level: str
    #: of the chain: devnet, operator, consortium, public; None without one
    grade: str | None
    contract: str | None
    chain_id: int | None
    #: block time of the anchor, RFC 3339; None where none was asked for
    anchored_at: str | None
    #: steps that were shown and what was not, in words
    steps: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked beside the size and day of the basis.

    ``since`` is the size from which on holders were followed, ``tapes`` the SHA-256 of each file that was laid beside
    the records, in hex.
    """

    since: int = 0
    tapes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As reports show it."""
        return {"since": self.since, "tapes": list(self.tapes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The result of an audit of one pool. Amounts are decimal strings by currency.

    :mod:`ledger.audit.reportfile` reads and prints it as a file, :mod:`ledger.audit.render` shows it.

    ``numbers`` are what the reader weighs: claims, loans, records, erased, weak keys, unsigned statements, opened share
    and so on; ``totals`` per currency: principal, arrears, credit, by bucket and status.
    """

    pool: str
    title: str
    rules_version: int
    #: of these rules, by procedure: how much of a difference is no finding, as decimals
    tolerances: Mapping[str, str] = field(default_factory=dict)
    made_by: str
    #: who looks and what this reader cannot see, in words
    sees: tuple[str, ...]
    basis: Basis
    asked: Asked = Asked()
    procedures: tuple[Procedure, ...]
    findings: tuple[Finding, ...]
    numbers: Mapping[str, int | str]
    totals: Mapping[str, Mapping[str, str | Mapping[str, str]]]

    def count(self, severity: Severity) -> int:
        """Findings of this severity."""
        return sum(one.severity is severity for one in self.findings)

    @property
    def undetermined(self) -> int:
        """Procedures with open questions, whatever was found under them."""
        return sum(one.undetermined > 0 for one in self.procedures)

    @property
    def exit_code(self) -> int:
        """1 with a finding of severity error, 3 where something is undetermined, else 0."""
        if self.count(Severity.ERROR):
            return 1
        return 3 if self.undetermined else 0

    def to_json(self, *, wordless: bool = False) -> dict[str, Any]:
        """The report as one document: two runs of one version over the same inputs give the same.

        ``wordless`` leaves out the words of findings; :func:`ledger.audit.reportfile.found` the others too.
        """
        return {
            "media_type": MEDIA_TYPE,
            "pool": self.pool,
            "title": self.title,
            "rules_version": self.rules_version,
            "tolerances": dict(self.tolerances),
            "made_by": self.made_by,
            "sees": list(self.sees),
            "basis": {
                name: list(value) if isinstance(value := getattr(self.basis, name), tuple) else value
                for name in Basis.__dataclass_fields__
            },
            "asked": self.asked.to_json(),
            "outcome": {0: "clean", 1: "findings", 3: "undetermined"}[self.exit_code],
            "counts": {str(severity): self.count(severity) for severity in Severity},
            "procedures": [one.to_json() for one in self.procedures],
            "findings": [one.to_json(wordless=wordless) for one in self.findings],
            "numbers": dict(self.numbers),
            # Currencies and buckets are no keys of canonical JSON.
            "totals": [
                {
                    "currency": currency,
                    "amounts": {name: one for name, one in values.items() if isinstance(one, str)},
                    "breakdowns": {
                        name: [{"name": key, "amount": one[key]} for key in sorted(one)]
                        for name, one in values.items()
                        if not isinstance(one, str)
                    },
                }
                for currency, values in sorted(self.totals.items())
            ],
        }
