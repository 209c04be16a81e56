"""Analytics of a pool in a log: the pass over its loans, and the document of its figures.

The tree is hashed to the root that the checkpoint signs and each record is held against its digest, as in an audit
(:func:`ledger.audit.run.over_cases`); no other check is made. What is not proved so is counted, and not added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any, Final

import msgspec

from ledger.audit import run
from ledger.audit.analytics import Analytics, months
from ledger.audit.analytics.document import Document
from ledger.audit.catalogue import Severity
from ledger.audit.collectors import Collector
from ledger.audit.findings import Finding
from ledger.audit.job import Job
from ledger.audit.pool import Pool
from ledger.audit.report import Basis
from ledger.errors import RefusedError
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import Store

MEDIA_TYPE: Final = "application/vnd.poolproof.analytics.v1+json"
_NAME: Final = "analytics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A pool's figures. ``first`` and ``last`` are the months shown; None where there is none yet."""

    pool: Pool
    basis: Basis
    analytics: Analytics
    first: int | None
    last: int
    loans: int
    #: loans whose records were erased, or are not what the log committed to: they are in no figure
    erased: int
    unreadable: int
    #: of severity error: what of the records is not as committed
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The document; made of facts only, so that two runs over the same records are equal."""
        measure, as_of = self.pool.rules.measure, date.fromisoformat(self.basis.as_of)
        return {
            "media_type": MEDIA_TYPE,
            "pool": self.pool.name,
            "title": self.pool.title,
            "rules_version": self.pool.rules.version,
            "made_by": f"poolproof {version('poolproof')}",
            "basis": msgspec.to_builtins(self.basis),
            "from": None if self.first is None else months.text(self.first),
            "to": None if self.first is None else months.text(self.last),
            "loans": self.loans,
            "erased": self.erased,
            "unreadable": self.unreadable,
            "findings": [one.to_json() for one in self.findings],
            "currencies": {
                currency: Document(currency, sums, measure, self.first, self.last, as_of).to_json()
                for currency, sums in sorted(self.analytics.currencies.items())
                if self.first is not None and sums.months
            },
        }


def analyse(
    store: Store, origin: str, request: run.Request, *, trust: TrustRoot, anchors: AnchorSource | None = None,
    first: str | None = None, last: str | None = None,
    progress: run.Progress = lambda _what, _done, _of: None,
) -> Figures:  # fmt: skip
    """Work a pool's figures out. ``first`` and ``last`` (``YYYY-MM``): default from its first event to the day.

    Raises :class:`RefusedError` for months that are none or in the wrong order, and what
    :func:`ledger.audit.run.over_cases` raises.
    """
    wanted = [
        None if text is None else months.parse(text, field) for text, field in ((first, "from"), (last, "to"))
    ]
    examined = run.over_cases(
        store, origin, request, trust=trust, collect=collectors, anchors=anchors, progress=progress
    )  # fmt: skip
    return figures_of(examined, trust, *wanted)


def figures_of(
    examined: run.Examined, trust: TrustRoot, first: int | None = None, last: int | None = None
) -> Figures:
    """The figures of a pass whose collectors were, perhaps among others, those of :func:`collectors`.

    ``first`` and ``last`` are months; raises :class:`RefusedError` for a last one after the day.
    """
    found = examined.whole.collectors[_NAME]
    assert isinstance(found, Analytics)
    begin, end = _chosen(found, months.of(examined.job.as_of.toordinal()), first, last)
    errors = [one for one in examined.notes.findings if one.severity is Severity.ERROR]
    return Figures(
        pool=examined.job.pool,
        basis=run.basis_of(examined, trust),
        analytics=found,
        first=begin,
        last=end,
        loans=examined.whole.loans,
        erased=examined.whole.erased,
        unreadable=examined.whole.unreadable,
        findings=tuple(sorted(errors, key=lambda one: one.order)),
    )


def collectors(job: Job) -> dict[str, Collector]:  # noqa: ARG001 - the form that over_cases asks for
    """What analytics add up over one range of loans."""
    return {_NAME: Analytics()}


def _chosen(found: Analytics, newest: int, first: int | None, last: int | None) -> tuple[int | None, int]:
    """The months to show: the first may be None where nothing has happened."""
    if last is not None and last > newest:
        raise RefusedError(
            "to", f"{months.text(last)} is after the day of the figures, in {months.text(newest)}"
        )
    end = newest if last is None else last
    known = [month for sums in found.currencies.values() for month in sums.months]
    begin = min(known, default=None) if first is None else first
    if begin is not None and begin > end and first is not None:
        raise RefusedError("from", f"{months.text(begin)} is after {months.text(end)}, the last month")
    return (None if begin is None or begin > end else begin), end
