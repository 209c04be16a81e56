"""The loop under audits and analytics: ranges of entries, then ranges of a pool's loans, in parallel.

Two passes share the work out. Entries are hashed to the root that the checkpoint signs, and where it is asked for their
records are scanned on the way for what crosses pools; then the pool's loans are read again from their records and gone
through. What ranges give is combined in their order, so the result is the same on one core and on many.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from ledger.audit import encumbrance, integrity, poolchain
from ledger.audit import pool as pools
from ledger.audit.collectors.backdating import Clock
from ledger.audit.damage import UNREADABLE
from ledger.audit.findings import Notes
from ledger.audit.integrity import Opened
from ledger.audit.job import Check, Collect, Job
from ledger.audit.report import Basis
from ledger.audit.scan import logscan
from ledger.audit.scan.logscan import LogScan
from ledger.audit.sight import Sight
from ledger.audit.statements import Signers
from ledger.audit.trail import Trail
from ledger.audit.work import Part, Worker
from ledger.collector import collector_paused
from ledger.domain import calendar
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import ReadConnection, Store, logs, records, subjects
from ledger.store.logs import LogRow

#: Loans in one range: some seconds' work, so that cores finish together and progress is seen.
RANGE_LOANS: Final = 2_000
#: Ranges begun for each process before the first of their results is taken: enough to keep all at work, and a bound on
#: what waits in memory, however large the log.
AHEAD: Final = 3

Task = TypeVar("Task")
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
#: What is to be done with the log at the audited size.
First = Callable[[ReadConnection, LogRow, int], None]
#: (size, block time in seconds) of each anchor, ascending; None where no chain was asked.
AnchorTimes = tuple[tuple[int, int], ...] | None


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
    scan: LogScan | None = None


def over_cases(
    store: Store, origin: str, request: Request, *, trust: TrustRoot, collect: Collect, checks: Sequence[Check] = (),
    scan: bool = False, anchors: AnchorSource | None = None, anchored: AnchorTimes = None, sight: Sight | None = None,
    first: First = lambda _connection, _log, _size: None, progress: Progress = lambda _what, _done, _of: None,
) -> Examined:  # fmt: skip
    """Hash the whole tree and go through the loans of a pool, in parallel: the loop under audits and analytics.

    ``collect`` makes the collectors of a range and ``checks`` are put to each case; both are functions of modules,
    which other processes find by name. With ``scan`` the log's records are looked through too, and the collectors may
    build on that; ``anchored`` are (size, block time) of all anchors, None where no chain was asked. ``sight`` None: it
    sees every record and opens no value of the register. ``first`` is done before the long work.

    Raises what :func:`ledger.audit.integrity.open_size` raises, :class:`NotFoundError` for an unknown pool or, with
    ``checks``, for a day before it began, and :class:`RefusedError` for a last audit of a later size.
    """
    notes, sight = Notes(), sight or Sight()
    notes.add(sight.notes)
    with store.read() as connection:
        log = logs.get(connection, origin)
        opened = integrity.open_size(connection, log, request.size, trust=trust, anchors=anchors, notes=notes)
        size = opened.checkpoint.size
        encumbrance.check_since(request.since, size)
        as_of = request.as_of or last_day(connection, log, size)
        signers = Signers.of(trust)
        pool = pools.load(
            connection, log, request.pool, before=size, as_of=as_of, notes=notes, signers=signers
        )
        # An audit of a day before the pool began would find nothing, and say so; figures of it are just none.
        if checks:
            pool.check_begun(as_of)
        first(connection, log, size)
        loan_ids = subjects.loans_of_pool(connection, log.id, pool.id, before=size)
        page = _register_page(connection, log, opened, notes, progress)
        poolchain.check(
            connection, log, pool, opened.register if page is not None else None, size=size, notes=notes
        )
        known = (
            logscan.known(connection, log, before=size, notes=notes, outside=sight.outside, signers=signers)
            if scan
            else None
        )
    job = Job(
        url=store.url, log=log, pool=pool, size=size, register_page=page, views=store.views, as_of=as_of,
        opener=sight.opener, signers=signers, collect=collect, checks=tuple(checks), known=known,
    )  # fmt: skip
    hashed, found = _hash_all(job, request.processes, progress)
    if found is not None:
        job = replace(job, trail=Trail(found.book(), Clock(log.zone, log.day_cut, anchored)))
    whole = _examine_all(job, loan_ids, request.processes, progress)
    integrity.check_tree(hashed, opened.checkpoint, notes)
    notes.add(whole.notes)
    return Examined(job=job, opened=opened, loan_ids=loan_ids, notes=notes, whole=whole, scan=found)


def _register_page(
    connection: ReadConnection, log: LogRow, opened: Opened, notes: Notes, progress: Progress
) -> int | None:
    """The root page of the register, once all of it was read; None where it cannot be, which is a finding."""
    try:
        integrity.check_register(
            connection, log, opened.register, lambda done, of: progress("register", done, of)
        )
    except UNREADABLE as error:
        notes.find("register.unreadable", "log", size=opened.checkpoint.size, reason=str(error))
        return None
    return opened.register.page


def last_day(connection: ReadConnection, log: LogRow, size: int) -> date:
    """The business date of the newest record below a size: what the ledger knew then, it knew of that day."""
    posted = records.last_posted(connection, log.id, size)
    return calendar.business_date(calendar.parse_instant(posted), log.zone, log.day_cut)


def _parts(loan_ids: Sequence[int]) -> list[Sequence[int]]:
    return [loan_ids[start : start + RANGE_LOANS] for start in range(0, len(loan_ids), RANGE_LOANS)]


def follow_holders(
    store: Store, examined: Examined, request: Request, progress: Progress = lambda _what, _done, _of: None
) -> None:
    """Perform the procedure encumbrance on the pool's claims, in parallel, and add what it finds to the notes."""
    job = replace(examined.job, since=request.since, trail=None)
    with store.read() as connection:
        parts = encumbrance.parts(connection, job.log, examined.loan_ids, size=job.size)
    examined.notes.procedure("encumbrance")
    done, of = 0, sum(len(part.loan_ids) for part in parts)
    progress("encumbrances", 0, of)
    for part, notes in zip(parts, _each(_follow, parts, job, request.processes), strict=True):
        examined.notes.add(notes)
        done += len(part.loan_ids)
        progress("encumbrances", done, of)


def _follow(part: encumbrance.Part) -> Notes:
    assert _here.worker is not None
    job = _here.worker.job
    with collector_paused(), _here.worker.store.read() as connection:
        return encumbrance.follow(
            connection, job.log, job.pool, part, since=job.since, size=job.size, opener=job.opener
        )


# -- processes -------------------------------------------------------------------------------------------------


class _Here(threading.local):
    """What the tasks of one pass share: in a process of a pool, or in the thread that does it all by itself."""

    worker: Worker | None = None


_here = _Here()


def _start(job: Job) -> None:
    _here.worker = Worker(job)


def _hash(bounds: tuple[int, int]) -> tuple[integrity.Hashed, LogScan | None]:
    worker = _here.worker
    assert worker is not None
    job = worker.job
    found = None if job.known is None else LogScan(job.known, start=bounds[0])
    with collector_paused():
        return integrity.hash_range(worker.store, job.log, *bounds, scan=found), found


def _hash_all(job: Job, processes: int, progress: Progress) -> tuple[list[integrity.Hashed], LogScan | None]:
    """Hash every range of entries, and add up what scans of their records found."""
    ranges = integrity.ranges(job.size)
    hashed: list[integrity.Hashed] = []
    whole: LogScan | None = None
    progress("entries", 0, job.size)
    for bounds, (one, found) in zip(ranges, _each(_hash, ranges, job, processes), strict=True):
        hashed.append(one)
        if whole is None:
            whole = found
        elif found is not None:
            whole.add(found)
        progress("entries", bounds[1], job.size)
    return hashed, whole


def _examine_all(job: Job, loan_ids: Sequence[int], processes: int, progress: Progress) -> Part:
    """Go through every range of loans, and add up what they give."""
    whole = Part(collectors=job.collect(job))
    progress("loans", 0, len(loan_ids))
    for part in _each(_examine, _parts(loan_ids), job, processes):
        whole.add(part)
        progress("loans", whole.loans, len(loan_ids))
    return whole


def _examine(loan_ids: Sequence[int]) -> Part:
    assert _here.worker is not None
    return _here.worker.examine(loan_ids)


def _each(
    work: Callable[[Task], Result], tasks: Sequence[Task], job: Job, processes: int
) -> Iterator[Result]:
    """What the work gives for each task, in their order: done in this process where one is enough, else in several.

    ``processes`` 0: as many as there are cores.
    """
    processes = min(processes or os.cpu_count() or 1, len(tasks))
    if processes <= 1:
        _start(job)
        assert _here.worker is not None
        try:
            yield from map(work, tasks)
        finally:
            _here.worker.store.close()
        return
    # Spawned, not forked: a database connection must not be shared, and threads may be running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(job,)) as executor:
        begun: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                if len(begun) == processes * AHEAD:
                    yield begun.popleft().result()
                begun.append(executor.submit(work, task))
            while begun:
                yield begun.popleft().result()
        except BaseException:
            # Whoever gives up does not wait for ranges that nobody began.
            executor.shutdown(cancel_futures=True)
            raise


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


def _block_time(opened: Opened) -> str | None:
    if opened.view is None or opened.view.block_time is None:
        return None
    return datetime.fromtimestamp(opened.view.block_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
