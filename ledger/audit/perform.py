"""The audit of one pool: every procedure, and the report of what it found.

The loop over entries and loans is :mod:`ledger.audit.run`; here is what is asked, and what follows once all ranges have
given their part: the seal, the holders at every register, and where the money went.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from ledger.audit import damage, sealed, trail
from ledger.audit.catalogue import PROCEDURES
from ledger.audit.checks import admitted, eligibility, holding, life, reports, schedule, terms
from ledger.audit.collectors import Collector, agreements
from ledger.audit.collectors.agreements import Agreements
from ledger.audit.collectors.totals import Totals
from ledger.audit.job import Check, Job
from ledger.audit.reconcile import perform as reconcile
from ledger.audit.reconcile import tapes as tapework
from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.audit.report import MAKER, Asked, AuditReport
from ledger.audit.run import AnchorTimes, Examined, Progress, Request, basis_of, follow_holders, over_cases
from ledger.audit.sealed import SealLeaves
from ledger.audit.sight import Sight
from ledger.audit.trail import Shown
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import ReadConnection, Store
from ledger.store.logs import LogRow
from ledger.tapes.positions import Positions
from ledger.tapes.totals import TotalsFile

#: A file, and what is asked of it.
Tape = tuple[Positions | TotalsFile, reconcile.Request]
#: What is asked of each loan.
CHECKS: Final[tuple[Check, ...]] = (
    admitted.check, reports.check, terms.check, schedule.check, life.check, eligibility.check, holding.check,
)  # fmt: skip


def audit(
    store: Store, origin: str, request: Request, *, trust: TrustRoot, anchors: AnchorSource | None = None,
    anchored: AnchorTimes = None, tapes: Sequence[Tape] = (), today: date | None = None, kek: Path | None = None,
    sight: Sight | None = None, progress: Progress = lambda _what, _done, _of: None,
) -> AuditReport:  # fmt: skip
    """Audit one pool, and lay files beside its records, which are of ``today`` or earlier.

    ``anchors`` tells what the contract holds, ``anchored`` when (size, block time) anchors were made. ``kek`` opens the
    nonces of the register's values, which its owner has and a partner has not; who is not the owner says by ``sight``
    what it sees. Raises what :func:`ledger.audit.integrity.open_size` raises, and :class:`NotFoundError` for an unknown
    pool and for a day before it began, and for files what :func:`ledger.audit.reconcile.perform.reconcile` raises. What
    is damaged in the database is a finding, and what can be read is audited (:mod:`ledger.audit.damage`).
    """
    sight = sight or Sight.of_owner(kek)
    laid: list[Reconciliation] = []

    def compare(connection: ReadConnection, log: LogRow, size: int) -> None:
        """At once: whoever lays a file that cannot be read is not to learn it after hours."""
        for file, asked in tapes:
            laid.append(reconcile.reconcile(connection, log, file, asked, size=size, today=today))

    with damage.readable(store) as (readable, found):
        examined = over_cases(
            readable, origin, request, trust=trust, collect=collectors, checks=CHECKS, scan=True, anchors=anchors,
            anchored=anchored, sight=sight, first=compare, progress=progress,
        )  # fmt: skip
        damage.tell(found, examined.notes)
        shown = _conclude(readable, examined, request, laid, progress)
    asked = Asked(since=request.since, tapes=tuple(one.tape for one in laid))
    return _report(examined, shown, asked, trust=trust, sight=sight)


def collectors(job: Job) -> dict[str, Collector]:
    """Fresh collectors for one range of loans."""
    rules = job.pool.rules
    money = {} if job.trail is None else job.trail.collectors(rules)
    return {
        "totals": Totals(tuple(sorted({limit.attribute for limit in rules.limits}))),
        "seal": SealLeaves(sealed.cuts_of(job.pool, job.as_of)),
        "agreements": Agreements.of(job.pool.records, job.as_of),
        **money,
    }


def _conclude(
    store: Store, examined: Examined, request: Request, laid: Sequence[Reconciliation], progress: Progress
) -> Shown:
    """The procedures that need what all ranges gave, and what they show."""
    job, notes, whole = examined.job, examined.notes, examined.whole
    leaves, totals, settled = (whole.collectors[name] for name in ("seal", "totals", "agreements"))
    assert isinstance(leaves, SealLeaves)
    assert isinstance(settled, Agreements)
    assert isinstance(totals, Totals)
    assert examined.scan is not None
    assert job.known is not None
    follow_holders(store, examined, request, progress)
    agreements.check(
        notes, job.pool.subject, job.pool.records, settled, rules=job.pool.rules, as_of=job.as_of
    )
    with store.read() as connection:
        sealed.check(
            connection, job.log, job.pool, leaves, loan_ids=examined.loan_ids, as_of=job.as_of, erased=whole.erased,
            notes=notes,
        )  # fmt: skip
        tapework.check(job.pool.records, pool=job.pool.name, as_of=job.as_of, notes=notes, shown=laid)
        return trail.check(
            connection, job.log, job.pool, whole.collectors, known=job.known, scan=examined.scan, totals=totals,
            loan_ids=examined.loan_ids, size=job.size, as_of=job.as_of,
            cut_offs=[cut.as_of for cut in leaves.cuts], notes=notes,
        )  # fmt: skip


def _report(examined: Examined, shown: Shown, asked: Asked, *, trust: TrustRoot, sight: Sight) -> AuditReport:
    pool, notes, whole = examined.job.pool, examined.notes, examined.whole
    totals = whole.collectors["totals"]
    assert isinstance(totals, Totals)
    numbers: dict[str, int | str] = {
        name: totals.counts[name]
        for name in ("loans", "claims", "left", "records", "opened", "weak_keys", "unsigned", "corrected")
    }
    numbers |= {"erased": whole.erased, "unreadable": whole.unreadable, **shown.numbers}
    numbers["unaccepted"] = pool.unaccepted(examined.job.as_of)
    sums: dict[str, dict[str, Any]] = totals.to_json()
    for currency, values in shown.totals.items():
        sums.setdefault(currency, {}).update(values)
    return AuditReport(
        pool=pool.name,
        title=pool.title,
        rules_version=pool.rules.version,
        tolerances=pool.rules.stated_tolerances(),
        made_by=MAKER,
        sees=sight.words,
        basis=basis_of(examined, trust),
        asked=asked,
        procedures=tuple(notes.procedure(name) for name in PROCEDURES),
        findings=tuple(sorted(notes.findings, key=lambda one: one.order)),
        numbers=numbers,
        totals=sums,
    )
