"""The work itself: auditing what was asked for, keeping the report, telling of what is new in it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from ledger import jobs
from ledger.audits import keeping, runs
from ledger.audits.comparing import compare
from ledger.audits.hiding import hide
from ledger.domain.calendar import format_instant, parse_day, parse_instant
from ledger.errors import (
    ConfigurationError,
    UnavailableError,
    VerificationError,
)
from ledger.store import anchors as anchored
from ledger.store import audits as rows
from ledger.store import logs, subjects
from ledger.store.audits import AuditRow
from ledger.webhooks.messages import announce

if TYPE_CHECKING:
    from ledger.audit.findings import Finding
    from ledger.audit.report import AuditReport
    from ledger.audit.run import AnchorTimes
    from ledger.chain.sources import OnlineAnchors
    from ledger.log import Ledger
    from ledger.proofs.trust import TrustRoot
    from ledger.store import ReadConnection, WriteConnection
    from ledger.store.jobs import JobRow
    from ledger.store.logs import LogRow

#: Findings of these severities are opened when they come: a reader must know them before relying on the figures.
OPENED_SEVERITIES: Final = frozenset({"error", "warning"})
#: Findings in one message; the report has them all, and a receiver has to read it before it acts.
TOLD_FINDINGS: Final = 20
#: Reports are kept for days: nobody notices an hour, and looking reads a row of each run.
_FORGET_EVERY: Final = timedelta(hours=1)
TOLD_MEMBERS: Final = ("code", "severity", "subject", "claim", "text")
_logger = structlog.get_logger(__name__)


class Auditor:
    """Performs the runs of one log. ``kek`` is the file that opens nonces, ``rpc_url`` tells which node to ask,
    ``kept`` for how long reports stay (None: for ever).
    """

    def __init__(
        self, ledger: Ledger, *, kek: Path | None = None, rpc_url: Callable[[], str] | None = None,
        kept: timedelta | None = None,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._kek = kek
        self._rpc_url = rpc_url
        self._kept = kept
        self._forgot: datetime | None = None

    def forget(self) -> None:
        """Take out reports whose time is over, now and then; see :mod:`ledger.audits.keeping`."""
        ledger, now = self._ledger, self._ledger.clock()
        if self._kept is None or (self._forgot is not None and now - self._forgot < _FORGET_EVERY):
            return
        self._forgot = now
        with ledger.store.write() as connection:
            log = logs.get(connection, ledger.origin)
            if log.closed:
                return  # a log that goes on in another database has its reports there
            gone = keeping.forget(connection, log.id, ended=format_instant(now - self._kept))
        if gone:
            _logger.info("audit.reports_forgotten", count=gone)

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
                runs.add(connection, log, f"{runs.KIND}_{name[:24]}", request, party=None, now=now)

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
        packed = zlib.compress(reportfile.encode(report))

        def finish(connection: WriteConnection) -> dict[str, Any]:
            log = logs.get(connection, ledger.origin)
            news = _opened(connection, log, runs.get(connection, log, job.id), report)
            summary = _summary(report, reportfile.digest(report), len(news))
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


def _opened(connection: ReadConnection, log: LogRow, row: AuditRow, report: AuditReport) -> list[Finding]:
    """Findings of a run, of severity error or warning, that the finished run of the pool before it had not."""
    before = rows.newest(connection, log.id, row.pool, finished=True, before=(row.created, row.id))
    known = () if before is None else runs.findings(connection, log, before.id, view=None)
    return [one for one in compare(known, report.findings).new if one.severity in OPENED_SEVERITIES]


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
    shown = [hide(one, lambda _code, _name: False).to_json() for one in news[:TOLD_FINDINGS]]
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
        "undetermined": report.undetermined,
        "opened": news,
        "sha256": digest,
    }
