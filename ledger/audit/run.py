"""The audit of a pool: every procedure, in parallel over ranges of entries and loans, combined into one report.

Two passes share the work out: entries are hashed to the root that the checkpoint signs, and the pool's loans are read
again from their records and examined. What they give is combined in the order of the ranges, so the report is the same
on one core and on many.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from ledger.audit import encumbrance, integrity, sealed
from ledger.audit import pool as pools
from ledger.audit.catalogue import PROCEDURES
from ledger.audit.collect import Collector
from ledger.audit.findings import AuditReport, Basis, Notes
from ledger.audit.integrity import Opened
from ledger.audit.pool import Pool
from ledger.audit.sealed import SealLeaves
from ledger.audit.totals import Totals
from ledger.audit.work import CHECKS, Check, Collect, Job, Part, Worker
from ledger.domain import calendar
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import ReadConnection, Store, logs, records, subjects
from ledger.store.logs import LogRow
from ledger.vault import Vault

#: Loans in one range: some seconds' work, so that cores finish together and progress is seen.
RANGE_LOANS: Final = 2_000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be audited, and with what. ``size`` None: the newest checkpoint; ``as_of`` None: its last day.

    ``since`` is the size of the last audit: holders are followed through every register from there on.
    """

    pool: str
    size: int | None = None
    as_of: date | None = None
    since: int = 0
    processes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a pass over a pool's loans gave, and what it stands on; ``notes`` are of the tree and of all loans."""

    job: Job
    opened: Opened
    loan_ids: Sequence[int]
    notes: Notes
    whole: Part


def over_cases(
    store: Store, origin: str, request: Request, *, trust: TrustRoot, collect: Collect, checks: Sequence[Check] = (),
    anchors: AnchorSource | None = None, kek: Path | None = None,
    progress: Progress = lambda _what, _done, _of: None,
) -> Examined:  # fmt: skip
    """Hash the whole tree and go through the loans of a pool, in parallel: the loop under audits and analytics.

    ``collect`` makes the collectors of a range and ``checks`` are put to each case; both are functions of modules,
    which other processes find by name. Raises what :func:`ledger.audit.integrity.open_size` raises, and
    :class:`NotFoundError` for an unknown pool.
    """
    notes = Notes()
    with store.read() as connection:
        log = logs.get(connection, origin)
        opened = integrity.open_size(connection, log, request.size, trust=trust, anchors=anchors, notes=notes)
        size = opened.checkpoint.size
        as_of = request.as_of or last_day(connection, log, size)
        pool = pools.load(connection, log, request.pool, before=size, as_of=as_of)
        loan_ids = subjects.loans_of_pool(connection, log.id, pool.id, before=size)
        integrity.check_register(
            connection, log, opened.register, lambda done, of: progress("register", done, of)
        )
    job = Job(
        url=store.url,
        log=log,
        pool=pool,
        size=size,
        register_page=opened.register.page,
        as_of=as_of,
        kek=kek,
        collect=collect,
        checks=tuple(checks),
    )
    processes = request.processes or os.cpu_count() or 1
    with _workers(job, min(processes, 1 + len(loan_ids) // RANGE_LOANS + size // integrity.RANGE)) as submit:
        hashed = [submit(_hash, bounds) for bounds in integrity.ranges(size)]
        examined = [submit(_examine, part) for part in _parts(loan_ids)]
        frontiers = []
        for number, future in enumerate(hashed, start=1):
            frontiers.append(future.result())
            progress("entries", min(number * integrity.RANGE, size), size)
        whole = Part(collectors=collect(pool, as_of))
        for future in examined:
            whole.add(future.result())
            progress("loans", whole.loans, len(loan_ids))
    integrity.check_tree(frontiers, opened.checkpoint, notes)
    notes.add(whole.notes)
    return Examined(job=job, opened=opened, loan_ids=loan_ids, notes=notes, whole=whole)


def audit(
    store: Store, origin: str, request: Request, *, trust: TrustRoot, anchors: AnchorSource | None = None,
    kek: Path | None = None, progress: Progress = lambda _what, _done, _of: None,
) -> AuditReport:  # fmt: skip
    """Audit one pool. ``kek`` opens the nonces of the register's values, which its owner has and a partner has not.

    Raises what :func:`ledger.audit.integrity.open_size` raises, and :class:`NotFoundError` for an unknown pool.
    """
    examined = over_cases(
        store, origin, request, trust=trust, collect=_collectors, checks=CHECKS, anchors=anchors, kek=kek,
        progress=progress,
    )  # fmt: skip
    job, notes, whole = examined.job, examined.notes, examined.whole
    log, pool, size, as_of, loan_ids = job.log, job.pool, job.size, job.as_of, examined.loan_ids
    leaves = whole.collectors["seal"]
    assert isinstance(leaves, SealLeaves)
    with store.read() as connection:
        sealed.check(connection, log, pool, leaves, as_of=as_of, erased=whole.erased, notes=notes)
        encumbrance.check(
            connection, log, pool, loan_ids, since=request.since, size=size,
            vault=Vault.load(kek) if kek is not None else None, notes=notes,
            progress=lambda done, of: progress("encumbrances", done, of),
        )  # fmt: skip
    return _report(examined, trust)


def last_day(connection: ReadConnection, log: LogRow, size: int) -> date:
    """The business date of the newest record below a size: what the ledger knew then, it knew of that day."""
    posted = records.last_posted(connection, log.id, size)
    return calendar.business_date(calendar.parse_instant(posted), log.zone, log.day_cut)


def _parts(loan_ids: Sequence[int]) -> list[Sequence[int]]:
    return [loan_ids[start : start + RANGE_LOANS] for start in range(0, len(loan_ids), RANGE_LOANS)]


def _collectors(pool: Pool, as_of: date) -> dict[str, Collector]:
    """Fresh collectors for one range."""
    return {
        "totals": Totals(tuple(sorted({limit.attribute for limit in pool.rules.limits}))),
        "seal": SealLeaves(sealed.cuts_of(pool, as_of)),
    }


# -- processes -------------------------------------------------------------------------------------------------

_worker: Worker | None = None


def _start(job: Job) -> None:
    global _worker  # noqa: PLW0603 - the one way to give a process of a pool what all its tasks share
    _worker = Worker(job)


def _hash(bounds: tuple[int, int]) -> integrity.Frontier:
    assert _worker is not None
    return integrity.hash_range(_worker.store, _worker.job.log, *bounds)


def _examine(loan_ids: Sequence[int]) -> Part:
    assert _worker is not None
    return _worker.examine(loan_ids)


@contextmanager
def _workers(job: Job, processes: int) -> Iterator[Callable[..., Future[Any]]]:
    """How to submit work: to this process where one is enough, else to a pool of them."""
    if processes <= 1:
        _start(job)
        assert _worker is not None
        try:
            yield _at_once
        finally:
            _worker.store.close()
        return
    # Spawned, not forked: a database connection must not be shared, and threads may be running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(job,)) as executor:
        yield executor.submit


def _at_once(function: Callable[..., object], argument: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(function(argument))
    return future


# -- the report ------------------------------------------------------------------------------------------------


def basis_of(examined: Examined, trust: TrustRoot) -> Basis:
    """Which log, size and day the pass stands on, and what was shown of them."""
    log, opened = examined.job.log, examined.opened
    verdict, chain = opened.verdict, trust.chain
    return Basis(
        origin=log.origin,
        size=opened.checkpoint.size,
        root=bytes(opened.checkpoint.root).hex(),
        register_root=bytes(opened.register.root).hex(),
        as_of=examined.job.as_of.isoformat(),
        fingerprint=verdict.fingerprint,
        level=str(verdict.level),
        grade=verdict.grade,
        contract=None if chain is None else "0x" + chain.contract.hex(),
        chain_id=None if chain is None else chain.chain_id,
        anchored_at=_block_time(opened),
        steps=tuple(f"{step.name}: {step.proves}" for step in verdict.steps),
        not_checked=tuple(item.says for item in verdict.not_checked),
    )


def _report(examined: Examined, trust: TrustRoot) -> AuditReport:
    pool, notes, whole = examined.job.pool, examined.notes, examined.whole
    totals = whole.collectors["totals"]
    assert isinstance(totals, Totals)
    numbers: dict[str, int | str] = {
        name: totals.counts[name]
        for name in ("loans", "claims", "left", "records", "opened", "weak_keys", "unsigned", "corrected")
    }
    numbers |= {"erased": whole.erased, "unreadable": whole.unreadable}
    return AuditReport(
        pool=pool.name,
        title=pool.title,
        rules_version=pool.rules.version,
        made_by=f"poolproof {version('poolproof')}",
        sees=("every record of the log",),
        basis=basis_of(examined, trust),
        procedures=tuple(notes.procedure(name) for name in PROCEDURES),
        findings=tuple(sorted(notes.findings, key=lambda one: one.order)),
        numbers=numbers,
        totals=totals.to_json(),
    )


def _block_time(opened: Opened) -> str | None:
    if opened.view is None or opened.view.block_time is None:
        return None
    return datetime.fromtimestamp(opened.view.block_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
