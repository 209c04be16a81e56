"""Runs of the audit: one row each, beside the job that tells how far it has come."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, insert, select, tuple_, update

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import audits, jobs

#: Everything but the report, which is large.
_COLUMNS = (
    audits.c.id, audits.c.pool, audits.c.created, audits.c.size, audits.c.summary, jobs.c.party, jobs.c.request,
    jobs.c.state, jobs.c.stage, jobs.c.done, jobs.c.of, jobs.c.changes, jobs.c.started, jobs.c.ended, jobs.c.problem,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """A run of the audit; ``size`` and ``summary`` are None before it has ended well.

    The members in between are the job's; see :data:`ledger.store.tables.jobs`.
    """

    id: str
    pool: str
    created: str
    party: str | None
    request: dict[str, Any]
    state: str
    stage: str
    done: int
    of: int
    changes: int
    started: str | None
    ended: str | None
    problem: dict[str, Any] | None
    size: int | None
    summary: dict[str, Any] | None


def add(connection: WriteConnection, log_id: int, audit_id: str, pool: str, *, created: str) -> None:
    """Note a run whose job stands already."""
    connection.execute(insert(audits).values(id=audit_id, log_id=log_id, pool=pool, created=created))


def finish(
    connection: WriteConnection, audit_id: str, *, size: int, summary: Mapping[str, Any], report: bytes
) -> None:
    """Store what a run has found."""
    values = {"size": size, "summary": json.dumps(dict(summary)), "report": report}
    connection.execute(update(audits).where(audits.c.id == audit_id).values(values))


class Reported(NamedTuple):
    """A run that has a report, at which size, and the SHA-256 of the report."""

    id: str
    pool: str
    size: int
    sha256: str


def reported(connection: ReadConnection, log_id: int) -> list[Reported]:
    """All runs with a report, the newest first."""
    statement = (
        select(audits.c.id, audits.c.pool, audits.c.size, audits.c.summary)
        .where(audits.c.log_id == log_id, audits.c.report.is_not(None))
        .order_by(audits.c.created.desc(), audits.c.id.desc())
    )
    rows = connection.execute(statement)
    return [Reported(row.id, row.pool, row.size, json.loads(row.summary)["sha256"]) for row in rows]


def drop_reports(connection: WriteConnection, log_id: int, *, ended: str, but: Collection[str]) -> int:
    """Take out the reports of runs that ended before ``ended``, ``but`` of these; how many. The runs stay."""
    old = select(jobs.c.id).where(jobs.c.log_id == log_id, jobs.c.ended < ended)
    where = audits.c.report.is_not(None) & audits.c.id.in_(old) & audits.c.id.not_in(but)
    return connection.execute(update(audits).where(where).values(report=None)).rowcount


def get(connection: ReadConnection, log_id: int, audit_id: str) -> AuditRow | None:
    """A run by its id."""
    rows = _rows(connection.execute(_select(log_id).where(audits.c.id == audit_id)).all())
    return rows[0] if rows else None


def report(connection: ReadConnection, log_id: int, audit_id: str) -> bytes | None:
    """The report's file as it was stored; None for no such run, and before its end."""
    where = (audits.c.log_id == log_id) & (audits.c.id == audit_id)
    found = connection.execute(select(audits.c.report).where(where)).scalar_one_or_none()
    return None if found is None else bytes(found)


def newest(
    connection: ReadConnection,
    log_id: int,
    pool: str,
    *,
    finished: bool,
    before: tuple[str, str] | None = None,
) -> AuditRow | None:
    """The newest run of a pool, ``finished``: of those that have a report; from below ``before`` (created, id)."""
    statement = _select(log_id).where(audits.c.pool == pool)
    if finished:
        statement = statement.where(audits.c.report.is_not(None))
    if before is not None:
        statement = statement.where(tuple_(audits.c.created, audits.c.id) < before)
    order = (audits.c.created.desc(), audits.c.id.desc())
    rows = _rows(connection.execute(statement.order_by(*order).limit(1)).all())
    return rows[0] if rows else None


def listed(
    connection: ReadConnection,
    log_id: int,
    pools: Collection[str],
    *,
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[AuditRow]:
    """Runs of these pools, the newest first, from below ``after`` (created, id)."""
    statement = _select(log_id).where(audits.c.pool.in_(pools))
    if after is not None:
        statement = statement.where(tuple_(audits.c.created, audits.c.id) < after)
    order = (audits.c.created.desc(), audits.c.id.desc())
    return _rows(connection.execute(statement.order_by(*order).limit(limit)).all())


def _select(log_id: int) -> Any:
    return select(*_COLUMNS).join(jobs, jobs.c.id == audits.c.id).where(audits.c.log_id == log_id)


def _rows(rows: Any) -> list[AuditRow]:
    return [_row(row) for row in rows]


def _row(row: Row[Any]) -> AuditRow:
    values = {name: getattr(row, name) for name in AuditRow.__slots__}
    for name in ("request", "problem", "summary"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return AuditRow(**values)
