"""Audits as runs: asked for, worked on by a job, kept with their reports, compared with each other.

A run is a job of kind ``audit`` (:mod:`ledger.jobs`) with a row of its own that stays. Who sees a pool may see its
runs; nothing here asks who that is. A run sees every record of the log, so findings name loans and holders that a
partner in the pool may not know of: whoever shows them gives the reader's :class:`ledger.access.View`, and such names
stand as :data:`HIDDEN`.

Two reports are compared finding by finding. Findings are the same where code, subject and claim are: amounts and days
in them may change from one day to the next. Where one code stands several times at one place, those with the same
evidence are paired first.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from ledger import jobs
from ledger.domain.calendar import business_date, format_instant, parse_day, parse_instant
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.store import anchors as anchored
from ledger.store import audits as rows
from ledger.store import jobs as queue
from ledger.store import logs, subjects, trees
from ledger.store.audits import AuditRow
from ledger.webhooks.messages import announce

if TYPE_CHECKING:
    from ledger.access import View
    from ledger.audit.findings import AuditReport, Finding
    from ledger.audit.run import AnchorTimes
    from ledger.chain.sources import OnlineAnchors
    from ledger.log import Ledger
    from ledger.proofs.trust import TrustRoot
    from ledger.store import ReadConnection, WriteConnection
    from ledger.store.jobs import JobRow
    from ledger.store.logs import LogRow

KIND: Final = "audit"
#: Findings of these severities are opened when they come: a reader must know them before relying on the figures.
OPENED_SEVERITIES: Final = frozenset({"error", "warning"})
#: Findings in one message; the report has them all, and a receiver has to read it before it acts.
TOLD_FINDINGS: Final = 20
TOLD_MEMBERS: Final = ("code", "severity", "subject", "claim", "text")
#: Stands for the name of something that a reader may not see; the same in every language.
HIDDEN: Final = "***"
#: The fact of findings that names what lies outside of the pool, and how a loan is named in it.
_OUTSIDE: Final = "others"
_LOAN: Final = re.compile(r"(\S+) \(entry \d+\)( and \d+ more)?")

_logger = structlog.get_logger(__name__)


# -- asking for one ------------------------------------------------------------------------------------------


def start(
    connection: WriteConnection,
    log: LogRow,
    pool: str,
    *,
    party: str,
    now: datetime,
    as_of: date | None = None,
    size: int | None = None,
    since: int = 0,
) -> AuditRow:
    """Ask for an audit of a pool, as :class:`ledger.audit.run.Request` has it; a worker performs it.

    Raises :class:`NotFoundError` for an unknown pool and for a size that is not published, :class:`RefusedError` for a
    day that has not come, :class:`TooManyError` where the party has too many unfinished jobs.
    """
    if f"pool:{pool}" not in subjects.by_name(connection, log.id, [f"pool:{pool}"]):
        raise NotFoundError(f"no pool {pool!r} in this log")
    if trees.checkpoint(connection, log.id, size) is None:
        raise NotFoundError("nothing is published yet" if size is None else f"size {size} is not published")
    if as_of is not None:
        today = max(business_date(one, log.zone, log.day_cut) for one in (now, parse_instant(log.posted)))
        if as_of > today:
            raise RefusedError("as_of", f"{as_of} has not come: the log's day is {today}", rule="future")
    jobs.check_room(connection, log.id, party)
    request = {"pool": pool, "as_of": as_of and as_of.isoformat(), "size": size, "since": since}
    return _add(connection, log, jobs.new_id(KIND), request, party=party, now=now)


def _add(
    connection: WriteConnection,
    log: LogRow,
    audit_id: str,
    request: dict[str, Any],
    *,
    party: str | None,
    now: datetime,
) -> AuditRow:
    created = format_instant(now)
    if queue.add(connection, log.id, audit_id, kind=KIND, party=party, request=request, created=created):
        rows.add(connection, log.id, audit_id, request["pool"], created=created)
    return get(connection, log, audit_id)


# -- reading them --------------------------------------------------------------------------------------------


def get(connection: ReadConnection, log: LogRow, audit_id: str) -> AuditRow:
    """A run. Raises :class:`NotFoundError`."""
    row = rows.get(connection, log.id, audit_id)
    if row is None:
        raise NotFoundError(f"no audit {audit_id!r} in this log")
    return row


def latest(connection: ReadConnection, log: LogRow, pool: str) -> AuditRow | None:
    """The newest run of a pool that has a report."""
    return rows.newest(connection, log.id, pool, finished=True)


def listed(
    connection: ReadConnection,
    log: LogRow,
    pools: Collection[str],
    *,
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[AuditRow]:
    """Runs of these pools, whatever their state, the newest first; ``after`` is (created, id) of one before."""
    return rows.listed(connection, log.id, pools, after=after, limit=limit)


def report_file(connection: ReadConnection, log: LogRow, audit_id: str, *, view: View | None) -> bytes:
    """The report of a run, as the file that ``poolproof report`` reads; as ``view`` may see it, None: the whole.

    The SHA-256 of the whole is the digest in the run's summary; a report of which something had to be hidden has
    another. Raises :class:`NotFoundError` for no such run, and :class:`UndeterminedError` where it has no report (yet).
    """
    from ledger.audit import reportfile

    stored = rows.report(connection, log.id, audit_id)
    if stored is None:
        row = get(connection, log, audit_id)
        why = "it went with a loan that was erased" if row.state == "done" else f"it is {row.state}"
        raise UndeterminedError(f"audit {audit_id} has no report: {why}")
    file = zlib.decompress(stored)
    if view is None or view.oversees:
        return file
    whole = reportfile.decode(file)
    cut = _cut(whole, view)
    return file if cut is whole else reportfile.encode(cut)


def report(connection: ReadConnection, log: LogRow, audit_id: str, *, view: View | None) -> AuditReport:
    """The report of a run; as :func:`report_file`."""
    from ledger.audit import reportfile

    return reportfile.decode(report_file(connection, log, audit_id, view=view))


def findings(
    connection: ReadConnection, log: LogRow, audit_id: str, *, view: View | None
) -> tuple[Finding, ...]:
    """What a run has found, gravest first; as :func:`report_file`."""
    return report(connection, log, audit_id, view=view).findings


def _cut(whole: AuditReport, view: View) -> AuditReport:
    """A report without the names that a reader may not know; the same object where there is none."""
    sees = cache(partial(_sees, view))
    found = tuple(_hide(one, sees) for one in whole.findings)
    if found == whole.findings:
        return whole
    words = (*whole.sees, f"names of what this reader may not see are hidden: {HIDDEN}")
    return replace(whole, findings=found, sees=words)


def _hide(finding: Finding, sees: Callable[[str, str], bool]) -> Finding:
    """A finding with the names that ``sees`` (code, name) does not allow hidden."""
    named = finding.facts.get(_OUTSIDE)
    if not isinstance(named, str):
        return finding
    shown = ", ".join(one if sees(finding.code, one) else HIDDEN for one in named.split(", "))
    return replace(finding, facts={**finding.facts, _OUTSIDE: shown})


def _sees(view: View, code: str, name: str) -> bool:
    """Whether a reader may know a name: of a holder, or of a loan."""
    if code == "pledge.moved_between":
        return view.is_party(name)
    loan = _LOAN.fullmatch(name)
    return loan is not None and view.sees_loan(loan[1])


# -- comparing two -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Findings of the second report that the first has not, of the first that the second has not, and of both
    (as the second has them); each in the order of reports.
    """

    new: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    standing: tuple[Finding, ...]


def compare(first: Iterable[Finding], second: Iterable[Finding]) -> Comparison:
    """Compare the findings of two reports of one pool."""
    before: dict[_Place, list[Finding]] = defaultdict(list)
    for one in first:
        before[_place(one)].append(one)
    unpaired: list[Finding] = []
    standing: list[Finding] = []
    for one in second:
        same = next((old for old in before[_place(one)] if old.evidence == one.evidence), None)
        if same is None:
            unpaired.append(one)
        else:
            before[_place(one)].remove(same)
            standing.append(one)
    new: list[Finding] = []
    for one in unpaired:
        if before[_place(one)]:
            before[_place(one)].pop(0)
            standing.append(one)
        else:
            new.append(one)
    gone = [one for left in before.values() for one in left]
    return Comparison(new=_ordered(new), gone=_ordered(gone), standing=_ordered(standing))


_Place = tuple[str, str, str | None]


def _place(finding: Finding) -> _Place:
    return finding.code, finding.subject, finding.claim


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: one.order))


def opened(connection: ReadConnection, log: LogRow, row: AuditRow, report: AuditReport) -> list[Finding]:
    """Findings of a run, of severity error or warning, that the finished run of the pool before it had not."""
    before = rows.newest(connection, log.id, row.pool, finished=True, before=(row.created, row.id))
    known = () if before is None else findings(connection, log, before.id, view=None)
    return [one for one in compare(known, report.findings).new if one.severity in OPENED_SEVERITIES]


# -- performing them -----------------------------------------------------------------------------------------


class Auditor:
    """Performs the runs of one log. ``kek`` is the file that opens nonces, ``rpc_url`` tells which node to ask."""

    def __init__(
        self, ledger: Ledger, *, kek: Path | None = None, rpc_url: Callable[[], str] | None = None
    ) -> None:
        self._ledger = ledger
        self._kek = kek
        self._rpc_url = rpc_url

    def plan(self, *, every: float) -> None:
        """Ask for an audit of each pool where a newer size is anchored (on no chain: published) than was audited
        last, and that was asked for ``every`` so many seconds ago or longer.
        """
        ledger, now = self._ledger, self._ledger.clock()
        with ledger.store.read() as connection:
            log = logs.get(connection, ledger.origin)
            if log.closed:
                return
            size = log.published
            if log.chain is not None:
                size = anchored.newest_size(connection, log.id, *anchored.ANCHORED)
            due = [
                pool
                for pool in subjects.pool_states(connection, log.id)
                if size and _is_due(connection, log, pool, size, now - timedelta(seconds=every))
            ]
        for pool in due:
            # The id follows from what is asked for: of several workers that plan it, one does.
            name = hashlib.sha256(json.dumps([log.origin, pool, size]).encode()).hexdigest()
            request = {"pool": pool, "as_of": None, "size": size, "since": 0}
            with ledger.store.write() as connection:
                _add(connection, log, f"{KIND}_{name[:24]}", request, party=None, now=now)

    def perform(self, job: JobRow, progress: jobs.Progress) -> jobs.Finish:
        """The handler of jobs of kind ``audit``."""
        from ledger.audit import reportfile
        from ledger.audit.perform import audit
        from ledger.audit.run import Request

        asked, ledger = job.request, self._ledger
        as_of = asked["as_of"] and parse_day(asked["as_of"], "as_of")
        request = Request(pool=asked["pool"], size=asked["size"], since=asked["since"], as_of=as_of or None)
        progress("trust root", 0, 1)
        trust = self._trust()
        anchors = self._anchors(trust)
        times = None if anchors is None else self._times(anchors)
        report = audit(
            ledger.store, ledger.origin, request, trust=trust, anchors=anchors, anchored=times, kek=self._kek,
            progress=progress,
        )  # fmt: skip
        progress("report", 0, 1)
        file = reportfile.encode(report)
        packed = zlib.compress(file)

        def finish(connection: WriteConnection) -> dict[str, Any]:
            log = logs.get(connection, ledger.origin)
            news = opened(connection, log, get(connection, log, job.id), report)
            summary = _summary(report, hashlib.sha256(file).hexdigest(), len(news))
            rows.finish(connection, job.id, size=report.basis.size, summary=summary, report=packed)
            if news:
                _tell(connection, log, job.id, report, news, at=format_instant(ledger.clock()))
            return summary

        return finish

    def _trust(self) -> TrustRoot:
        """The trust root as it was issued last; before that, as it would be."""
        from ledger.proofs.trust import TrustRoot

        with self._ledger.store.read() as connection:
            issued = logs.latest_trust_root(connection, logs.get(connection, self._ledger.origin).id)
        return self._ledger.trust_root() if issued is None else TrustRoot.parse(bytes(issued))

    def _anchors(self, trust: TrustRoot) -> OnlineAnchors | None:
        """How to ask the contract; where no node answers, the report says that nobody asked it."""
        if trust.chain is None or self._rpc_url is None:
            return None
        from ledger.chain.reader import ChainReader
        from ledger.chain.sources import OnlineAnchors

        try:
            return OnlineAnchors(ChainReader(self._rpc_url()), trust)
        except (UnavailableError, ConfigurationError) as error:
            _logger.warning("audit.chain_not_asked", reason=str(error))
            return None

    def _times(self, anchors: OnlineAnchors) -> AnchorTimes:
        """When each anchor was made, as the node shows it; the ledger only says from which block on to look."""
        with self._ledger.store.read() as connection:
            log = logs.get(connection, self._ledger.origin)
            blocks = [row.block_number for row in anchored.listed(connection, log.id)]
        try:
            return anchors.anchor_times(
                first_block=min((block for block in blocks if block is not None), default=0)
            )
        except (UnavailableError, VerificationError) as error:
            _logger.warning("audit.anchor_times_unknown", reason=str(error))
            return None


def _is_due(connection: ReadConnection, log: LogRow, pool: str, size: int, since: datetime) -> bool:
    """Whether a pool was audited at a smaller size only, and nobody has asked for more ``since`` then."""
    newest = rows.newest(connection, log.id, pool, finished=False)
    if newest is None:
        return True
    audited = newest.size or newest.request["size"] or 0
    return newest.ended is not None and audited < size and parse_instant(newest.created) <= since


def _tell(
    connection: WriteConnection,
    log: LogRow,
    audit_id: str,
    report: AuditReport,
    news: list[Finding],
    *,
    at: str,
) -> None:
    """Announce the findings of a run that are new: one message for all of them, with the gravest in it."""
    # One message goes to all who see the pool; what names others is in the report, cut to each of its readers.
    shown = [_hide(one, lambda _code, _name: False).to_json() for one in news[:TOLD_FINDINGS]]
    told = [{name: one[name] for name in TOLD_MEMBERS} for one in shown]
    data = {
        "audit": audit_id, "pool": report.pool, "size": report.basis.size, "as_of": report.basis.as_of,
        "count": len(news), "findings": told,
    }  # fmt: skip
    announce(connection, log, "finding.opened", data, at=at, key=audit_id, pool=report.pool)


def _summary(report: AuditReport, digest: str, news: int) -> dict[str, Any]:
    document = report.to_json()
    return {
        "size": report.basis.size,
        "root": report.basis.root,
        "as_of": report.basis.as_of,
        "level": report.basis.level,
        "trust": report.basis.fingerprint,
        "outcome": document["outcome"],
        "counts": document["counts"],
        "undetermined": sum(one.outcome == "undetermined" for one in report.procedures),
        "opened": news,
        "sha256": digest,
    }
