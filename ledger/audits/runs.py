"""The runs themselves: asked for, listed, and read with their reports."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from ledger import jobs
from ledger.audits.hiding import cut
from ledger.domain.calendar import business_date, format_instant, parse_instant
from ledger.errors import NotFoundError, RefusedError, UndeterminedError
from ledger.store import audits as rows
from ledger.store import jobs as queue
from ledger.store import subjects, trees
from ledger.store.audits import AuditRow

if TYPE_CHECKING:
    from ledger.access import View
    from ledger.audit.findings import Finding
    from ledger.audit.report import AuditReport
    from ledger.store import ReadConnection, WriteConnection
    from ledger.store.logs import LogRow

KIND: Final = "audit"
_GONE: Final = "its time was over, or it went with a loan that was erased"


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
    day that has not come and a last audit of a later size, :class:`TooManyError` where the party has too many
    unfinished jobs.
    """
    from ledger.audit.encumbrance import check_since

    if f"pool:{pool}" not in subjects.by_name(connection, log.id, [f"pool:{pool}"]):
        raise NotFoundError(f"no pool {pool!r} in this log")
    published = trees.checkpoint(connection, log.id, size)
    if published is None:
        raise NotFoundError("nothing is published yet" if size is None else f"size {size} is not published")
    check_since(since, published.size)
    if as_of is not None:
        today = max(business_date(one, log.zone, log.day_cut) for one in (now, parse_instant(log.posted)))
        if as_of > today:
            raise RefusedError("as_of", f"{as_of} has not come: the log's day is {today}", rule="future")
    jobs.check_room(connection, log.id, party)
    request = {"pool": pool, "as_of": as_of and as_of.isoformat(), "size": size, "since": since}
    return add(connection, log, jobs.new_id(KIND), request, party=party, now=now)


def add(
    connection: WriteConnection,
    log: LogRow,
    audit_id: str,
    request: dict[str, Any],
    *,
    party: str | None,
    now: datetime,
) -> AuditRow:
    """Put a run under this id, if there is none yet; the run that stands there."""
    created = format_instant(now)
    if queue.add(connection, log.id, audit_id, kind=KIND, party=party, request=request, created=created):
        rows.add(connection, log.id, audit_id, request["pool"], created=created)
    return get(connection, log, audit_id)


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

    The digest of the whole is in the run's summary; a report of which something had to be hidden has another. Raises
    :class:`NotFoundError` for no such run, and :class:`UndeterminedError` where it has no report (yet).
    """
    from ledger.audit import reportfile

    stored = rows.report(connection, log.id, audit_id)
    if stored is None:
        row = get(connection, log, audit_id)
        why = _GONE if row.state == "done" else f"it is {row.state}"
        raise UndeterminedError(f"audit {audit_id} has no report: {why}")
    file = zlib.decompress(stored)
    if view is None or view.oversees:
        return file
    whole = reportfile.decode(file)
    shown = cut(whole, view)
    return file if shown is whole else reportfile.encode(shown)


def report(connection: ReadConnection, log: LogRow, audit_id: str, *, view: View | None) -> AuditReport:
    """The report of a run; as :func:`report_file`."""
    from ledger.audit import reportfile

    return reportfile.decode(report_file(connection, log, audit_id, view=view))


def findings(
    connection: ReadConnection, log: LogRow, audit_id: str, *, view: View | None
) -> tuple[Finding, ...]:
    """What a run has found, gravest first; as :func:`report_file`."""
    return report(connection, log, audit_id, view=view).findings
