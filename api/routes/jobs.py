"""Jobs of the caller's party: work that outlasts its request."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import Response, StreamingResponse

from api import openapi, problems, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.services import Here
from ledger import issue, uploads
from ledger.errors import NotFoundError, RefusedError, TakenError, UnreadableError
from ledger.store import jobs, logs
from ledger.store.jobs import JobRow
from ledger.uploads import Outcome

router = APIRouter(tags=["jobs"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")
JobId = Annotated[
    str,
    Path(
        pattern=r"^(events|audit|tape)_[0-9a-f]{24}$",
        description="The job's id.",
        examples=["events_9f86d081884c7d659a2feaa0"],
    ),
]
TapeJobId = Annotated[
    str,
    Path(
        pattern=r"^tape_[0-9a-f]{24}$",
        description="The job's id.",
        examples=["tape_9f86d081884c7d659a2feaa0"],
    ),
]
#: Acceptances made at a time: a batch is accepted some thousands together, and read once for all of them.
_TOGETHER: Final = 10_000


@router.get(
    "/v1/jobs/{job_id}",
    operation_id="job",
    summary="How far a job has come",
    responses=openapi.responses({200: openapi.answer(schemas.Job, "Its state.")}, *_FAILURES),
)
def job(here: Here, caller: Reader, job_id: JobId) -> Response:
    """The state of a job of the caller's party; of one that failed, why. Jobs are kept for seven days."""
    with reads.reading(here, caller) as reader:
        row = jobs.get(reader.connection, reader.log.id, job_id)
    if row is None or row.party != caller.party or row.state == "receiving":
        raise NotFoundError(f"no job {job_id!r} in this log")
    return as_json(shown(row))


@router.get(
    "/v1/jobs/{job_id}/report",
    operation_id="job_report",
    summary="What became of the events of a batch",
    responses=openapi.responses(
        {200: openapi.answer(schemas.BatchReport, "Accepted and rejected lines.")}, *_FAILURES, "undetermined"
    ),
)
def job_report(here: Here, caller: Reader, job_id: JobId) -> Response:
    """The report of a batch that was worked off, as `POST /v1/events` gives it for small ones."""
    with reads.reading(here, caller) as reader:
        found = uploads.outcome(reader.connection, reader.log, job_id, party=caller.party)
    return StreamingResponse(_report(here, found), media_type="application/json")


def _report(here: Here, found: Outcome) -> Iterator[bytes]:
    """Printed part by part: a whole day's acceptances are a hundred megabytes."""
    repeated = sum(again for _, _, again in found.accepted)
    counts = {
        "accepted": len(found.accepted) - repeated, "repeated": repeated, "rejected": len(found.rejected),
    }  # fmt: skip
    yield b'{"counts":%b,"accepted":[' % json.dumps(counts).encode()
    for start in range(0, len(found.accepted), _TOGETHER):
        part = found.accepted[start : start + _TOGETHER]
        with here.ledger.store.read() as connection:
            log = logs.get(connection, here.ledger.origin)
            documents = issue.acceptances(connection, log, [index for _, index, _ in part])
        lines = [
            b'{"line":%d,"repeated":%b,"acceptance":%b}'
            % (line, b"true" if again else b"false", documents[index].rstrip(b"\n"))
            for line, index, again in part
        ]
        yield (b"," if start else b"") + b",".join(lines)
    published = here.ledger.row().published
    rejected = [problems.refusal(_error(one), published=published) for one in found.rejected]
    yield b'],"rejected":%b}\n' % json.dumps(rejected, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _error(told: dict[str, Any]) -> RefusedError:
    """The refusal again that :func:`ledger.jobs.problem_of` told of."""
    kind = next(one for one in (TakenError, UnreadableError, RefusedError) if one.code == told["code"])
    field = told.get("field", "")
    reason = told["detail"].removeprefix(f"{field}: ") if field else told["detail"]
    return kind(field, reason, rule=told["rule"], details=told.get("details"), line=told["line"])


def shown(row: JobRow) -> dict[str, Any]:
    """A job as it is answered with."""
    where = {
        "events": f"/v1/jobs/{row.id}/report",
        "audit": f"/v1/audits/{row.id}/report",
        "tape": f"/v1/jobs/{row.id}/reconciliation",
    }[row.kind]
    return {
        "id": row.id, "kind": row.kind, "state": row.state,
        "progress": {"stage": row.stage, "done": row.done, "of": row.of},
        "created": row.created, "started": row.started, "ended": row.ended,
        "result": row.result, "problem": row.problem, "report": where if row.state == "done" else None,
    }  # fmt: skip
