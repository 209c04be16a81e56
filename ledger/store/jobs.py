"""Jobs and their parts, by compare-and-set: whoever takes one gets a token, and only its holder may write on it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Row, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import audits, job_parts, jobs

State = Literal["receiving", "queued", "running", "done", "failed"]
#: What was handed in, and what came of it.
Part = Literal["body", "outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job; see :data:`ledger.store.tables.jobs` for the members."""

    id: str
    party: str | None
    kind: str
    request: dict[str, Any]
    state: State
    stage: str
    done: int
    of: int
    changes: int
    created: str
    started: str | None
    ended: str | None
    attempts: int
    taken: str | None
    lease: str | None
    secret: bytes | None
    result: dict[str, Any] | None
    problem: dict[str, Any] | None


def add(
    connection: WriteConnection,
    log_id: int,
    job_id: str,
    *,
    kind: str,
    party: str | None,
    request: Mapping[str, Any],
    created: str,
    state: State = "queued",
    secret: bytes | None = None,
) -> bool:
    """Put a job into the queue; False where there is one of this id."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(jobs).values(
        id=job_id, log_id=log_id, party=party, kind=kind, request=json.dumps(dict(request)), state=state,
        stage="", done=0, of=0, changes=0, created=created, attempts=0, secret=secret,
    )  # fmt: skip
    added = connection.execute(statement.on_conflict_do_nothing().returning(jobs.c.id))
    return added.one_or_none() is not None


def get(connection: ReadConnection, log_id: int, job_id: str) -> JobRow | None:
    """A job by its id."""
    row = connection.execute(select(jobs).where(jobs.c.log_id == log_id, jobs.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def unfinished(connection: ReadConnection, log_id: int, party: str | None) -> int:
    """How many jobs of a party have not ended."""
    where = (jobs.c.log_id == log_id) & (jobs.c.party == party) & jobs.c.ended.is_(None)
    return int(connection.execute(select(func.count()).select_from(jobs).where(where)).scalar_one())


def lengths(connection: ReadConnection, log_id: int) -> dict[tuple[str, str], int]:
    """How many jobs are queued or running, by (kind, state)."""
    statement = (
        select(jobs.c.kind, jobs.c.state, func.count())
        .where(jobs.c.log_id == log_id, jobs.c.state.in_(("queued", "running")))
        .group_by(jobs.c.kind, jobs.c.state)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(statement)}


# -- working on them -----------------------------------------------------------------------------------------


def take(
    connection: WriteConnection, log_id: int, kinds: Collection[str], *, now: str, lease: str
) -> JobRow | None:
    """Take the oldest job that nobody works on, until ``lease``; None where there is none.

    One whose lease has run out was lost with its worker, and is taken as well.
    """
    free = or_(jobs.c.state == "queued", (jobs.c.state == "running") & (jobs.c.lease < now))
    candidates = (
        select(jobs.c.id, jobs.c.changes, jobs.c.lease)
        .where(jobs.c.log_id == log_id, jobs.c.kind.in_(kinds), free)
        .order_by(jobs.c.created, jobs.c.id)
        .limit(8)  # others may be after the first ones at this moment
    )
    for row in connection.execute(candidates).all():
        token = secrets.token_hex(16)
        here = (jobs.c.id == row.id) & (jobs.c.changes == row.changes) & _same(jobs.c.lease, row.lease)
        values = {
            "state": "running", "taken": token, "lease": lease, "started": now, "problem": None,
            "attempts": jobs.c.attempts + 1, "changes": jobs.c.changes + 1, "stage": "", "done": 0, "of": 0,
        }  # fmt: skip
        if connection.execute(update(jobs).where(here).values(values)).rowcount == 1:
            taken = get(connection, log_id, row.id)
            assert taken is not None
            return taken
    return None


def renew(connection: WriteConnection, job: JobRow, *, lease: str) -> bool:
    """Keep a job for longer; False where it was lost to another worker."""
    return _set(connection, job, lease=lease)


def note_progress(connection: WriteConnection, job: JobRow, stage: str, done: int, of: int) -> bool:
    """Write down how far a job has come; False where it was lost."""
    return _set(connection, job, stage=stage, done=done, of=of, changes=jobs.c.changes + 1)


def give_back(
    connection: WriteConnection, job: JobRow, *, counted: bool, problem: Mapping[str, Any] | None = None
) -> bool:
    """Put a job back into the queue; ``counted``: as an attempt that was made. False where it was lost."""
    return _set(
        connection, job, state="queued", taken=None, lease=None, changes=jobs.c.changes + 1,
        attempts=jobs.c.attempts - (0 if counted else 1), problem=_json(problem),
    )  # fmt: skip


def end(
    connection: WriteConnection,
    job: JobRow,
    *,
    now: str,
    result: Mapping[str, Any] | None = None,
    problem: Mapping[str, Any] | None = None,
) -> bool:
    """End a job, ``failed`` where there is a problem, and forget what was handed in. False where it was lost."""
    state = "done" if problem is None else "failed"
    ended = _set(
        connection, job, state=state, taken=None, lease=None, secret=None, ended=now,
        result=_json(result), problem=_json(problem), changes=jobs.c.changes + 1,
    )  # fmt: skip
    if ended:
        connection.execute(delete(job_parts).where(job_parts.c.job_id == job.id, job_parts.c.name == "body"))
    return ended


def _set(connection: WriteConnection, job: JobRow, **values: Any) -> bool:
    here = (jobs.c.id == job.id) & (jobs.c.taken == job.taken) & (jobs.c.state == "running")
    return connection.execute(update(jobs).where(here).values(values)).rowcount == 1


# -- parts ---------------------------------------------------------------------------------------------------


def put_part(connection: WriteConnection, job_id: str, name: Part, n: int, data: bytes) -> None:
    """Store the ``n``-th piece."""
    connection.execute(insert(job_parts).values(job_id=job_id, name=name, n=n, data=data))


def count_parts(connection: ReadConnection, job_id: str, name: Part) -> int:
    """How many pieces there are."""
    where = (job_parts.c.job_id == job_id) & (job_parts.c.name == name)
    return int(connection.execute(select(func.count()).select_from(job_parts).where(where)).scalar_one())


def parts(connection: ReadConnection, job_id: str, name: Part) -> Iterator[bytes]:
    """The pieces in their order, one at a time."""
    for n in range(count_parts(connection, job_id, name)):
        yield part(connection, job_id, name, n)


def part(connection: ReadConnection, job_id: str, name: Part, n: int) -> bytes:
    """The ``n``-th piece."""
    where = (job_parts.c.job_id == job_id) & (job_parts.c.name == name) & (job_parts.c.n == n)
    return bytes(connection.execute(select(job_parts.c.data).where(where)).scalar_one())


def received(connection: WriteConnection, job_id: str, request: Mapping[str, Any]) -> None:
    """All of it was handed in: the job joins the queue."""
    where = (jobs.c.id == job_id) & (jobs.c.state == "receiving")
    connection.execute(update(jobs).where(where).values(state="queued", request=json.dumps(dict(request))))


# -- forgetting ----------------------------------------------------------------------------------------------


def drop(connection: WriteConnection, job_id: str) -> None:
    """Delete a job with its parts, as if it had never been."""
    _delete(connection, jobs.c.id == job_id)


def forget(connection: WriteConnection, log_id: int, *, unsent: str, ended: str) -> int:
    """Delete jobs whose body never came whole and that began before ``unsent``, and those that ended before
    ``ended``; runs of the audit stay. How many these were.
    """
    stale = (jobs.c.state == "receiving") & (jobs.c.created < unsent)
    old = (jobs.c.ended < ended) & jobs.c.id.not_in(select(audits.c.id))
    return _delete(connection, (jobs.c.log_id == log_id) & or_(stale, old))


def _delete(connection: WriteConnection, where: ColumnElement[bool]) -> int:
    gone = select(jobs.c.id).where(where)
    connection.execute(delete(job_parts).where(job_parts.c.job_id.in_(gone)))
    return connection.execute(delete(jobs).where(where)).rowcount


def _same(column: Column[Any], value: Any) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(dict(value))


def _job(row: Row[Any]) -> JobRow:
    values = {name: getattr(row, name) for name in JobRow.__slots__}
    for name in ("request", "result", "problem"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return JobRow(**values)
