"""Whether the process lives, whether it can serve, and its numbers."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from api import openapi, schemas
from api.answers import as_json
from api.services import Here
from ledger.errors import UnavailableError
from ledger.store import anchors, jobs, migrations, trees, webhooks

router = APIRouter(tags=["operation"])

#: The part of the time promised in acceptances after which an anchor counts as late: there is still time to
#: act before a promise is broken.
LATE_FRACTION: Final = 0.5


@router.get(
    "/healthz",
    operation_id="health",
    summary="Is the process alive",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Health, "It is.")},
    ),
)
async def health() -> Response:
    """Answers as long as the process can answer at all; asks nothing of the database or the chain."""
    # A coroutine: nothing here waits, and handing it to a thread would cost twice what answering does.
    return as_json({"status": "alive"})


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Can it serve",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Readiness, "It can; `degraded` says that something is late.")},
        "unavailable",
    ),
)
def readiness(here: Here) -> Response:
    """503 when the database does not answer or has another version of the schema. A chain that lags degrades
    the service and does not stop it: events are taken, and receipts follow.
    """
    chain = _chain(here)  # asks the database, so that one that does not answer is told first
    have, want = migrations.current(here.ledger.store), migrations.newest()
    if have != want:
        raise UnavailableError(f"the database is at schema {have}, this version needs {want}", retry_after=30)
    checks: list[dict[str, str]] = [
        {"name": "database", "status": "ok", "detail": "answers"},
        {"name": "migrations", "status": "ok", "detail": str(want)},
        chain,
        *_account(here),
    ]
    ready = all(check["status"] == "ok" for check in checks)
    document = {"status": "ready" if ready else "degraded", "checks": checks}
    return as_json(document)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Numbers for Prometheus",
    responses=openapi.responses(
        {200: openapi.text("The exposition.", "text/plain", 'poolproof_log_size{state="published"} 12.0\n')},
        "unavailable",
    ),
)
def metrics(here: Here) -> Response:
    """How far the log has come, what waits, what was refused and by which rule, how requests went."""
    status = here.ledger.status()
    with here.ledger.store.read() as connection:
        log_id = here.ledger.row().id
        waiting = jobs.lengths(connection, log_id)
        newest = anchors.get(connection, log_id, status.anchored) if status.anchored else None
        told = webhooks.backlog(connection, log_id)
    now = here.ledger.clock()
    age, told_age = None, 0.0
    if newest is not None and newest.block_time is not None:
        age = now.timestamp() - newest.block_time
    if told.oldest is not None:
        told_age = max(0.0, (now - datetime.fromisoformat(told.oldest)).total_seconds())
    return Response(
        here.metrics.render(
            status,
            here.intake.waiting,
            jobs=waiting,
            anchor_age=age,
            told=told,
            told_age=told_age,
            account=here.account.seen(),
        ),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


def _account(here: Here) -> list[dict[str, str]]:
    """Whether the account that pays for anchors has enough; nothing where there is none to look at."""
    seen = here.account.seen()
    if seen is None:
        return []
    if not seen.answers:
        return [{"name": "account", "status": "degraded", "detail": "the chain node does not answer"}]
    lasts = "" if seen.anchors is None else f", which pays for {seen.anchors} more anchors"
    status = "degraded" if seen.low else "ok"
    return [{"name": "account", "status": status, "detail": f"{seen.address} has {seen.balance} wei{lasts}"}]


def _chain(here: Here) -> dict[str, str]:
    """Whether what is published gets on chain in time."""
    status = here.ledger.status()
    if status.chain is None:
        return {"name": "chain", "status": "ok", "detail": "this log is not bound to a chain"}
    with here.ledger.store.read() as connection:
        waiting = trees.first_checkpoint_above(connection, here.ledger.row().id, status.anchored)
    reached = f"anchored to {status.anchored} of {status.published}"
    if waiting is None:
        return {"name": "chain", "status": "ok", "detail": reached}
    age = here.ledger.clock() - datetime.fromisoformat(waiting.published)
    late = age > here.anchor_within * LATE_FRACTION
    detail = f"{reached}; size {waiting.size} has waited {int(age.total_seconds())} s"
    return {"name": "chain", "status": "degraded" if late else "ok", "detail": detail}
