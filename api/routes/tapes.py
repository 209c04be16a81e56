"""Files about a pool in: compared with its records, and committed to by digest."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api import idempotency, multipart, openapi, reads, schemas, tapes
from api.answers import as_json
from api.auth import Reader
from api.batches import job_answer
from api.multipart import Form
from api.routes.jobs import TapeJobId
from api.routes.paths import PoolName
from api.services import Here
from ledger import reconciling
from ledger.access import Caller

router = APIRouter(tags=["pools"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")


@router.post(
    "/v1/pools/{pool}/tapes",
    operation_id="post_tape",
    summary="Reconcile a file with a pool's records",
    status_code=201,
    responses=openapi.responses(
        {
            201: openapi.answer(
                schemas.Reconciliation, "Compared, and recorded: the file's digest, new breaks."
            ),
            200: openapi.answer(schemas.Reconciliation, "Compared; nothing new was recorded, or was to be."),
            202: openapi.answer(schemas.Job, "A large file, or `Prefer: respond-async`: a job works on it."),
        },
        *_FAILURES,
        "malformed",
        "timeout",
        "taken",
        "too_large",
        "unsupported_media_type",
        "refused",
        "idempotency_conflict",
        "idempotency_mismatch",
    ),
    openapi_extra=openapi.body(
        {multipart.MEDIA_TYPE: (schemas.TapeUpload, openapi.examples()["TapeUpload"])},
        "The file, and how it is read.",
    ),
)
async def post_tape(
    request: Request,
    here: Here,
    caller: Reader,
    pool: PoolName,
    *,
    private: Annotated[
        bool, Query(description="Compare only: nothing is stored, not the file, no event, no break.")
    ] = False,
    key: idempotency.Key,
) -> Response:
    """Compare a servicer's tape, a core file or a ledger's totals with what the records give at its cut-off, as
    `poolproof reconcile` does. The file's digest and the breaks that the log has not are recorded as events of the
    caller's party, all of them or none; nothing else of the file is kept.

    Recording takes a key that may write, too, and a party that may post `tape.received`. The same file again adds
    nothing.
    """
    await run_in_threadpool(_check, here, caller, pool, private)
    job = tapes.is_job(request, here)
    if job and private:
        # A job would store the file, be it sealed and for a minute.
        raise HTTPException(
            413,
            f"a private comparison is answered at once and takes at most {here.max_batch_bytes} bytes; "
            "`poolproof audit --from URL --tape FILE` compares on your own machine, without a limit",
            {"Connection": "close"},
        )
    async with tapes.arrived(request, here, job=job) as form:
        act = _hand_in if job else _compare
        work = partial(run_in_threadpool, act, here, caller, pool, form, private)
        return await key.once(caller, lambda: form.digest, work)


def _check(here: Here, caller: Caller, pool: str, private: bool) -> None:
    """Before anything is read: who may not see the pool learns only that."""
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
    if not private:
        tapes.check_recorder(here, caller)


def _compare(here: Here, caller: Caller, pool: str, form: Form, private: bool) -> Response:
    order = tapes.order_of(form.fields, pool, private=private)
    answer = tapes.compare(here, caller, tapes.handed(form.files), order)
    posted: dict[str, Any] = answer["posted"] or {}
    headers = {}
    if answer["receipt"] is not None:
        headers["Location"] = f"/v1/events/{answer['receipt']['id']}"
    return as_json(answer, status=201 if any(posted.values()) else 200, headers=headers)


def _hand_in(here: Here, caller: Caller, pool: str, form: Form, private: bool) -> Response:
    order = tapes.order_of(form.fields, pool, private=private)
    return job_answer(
        here, reconciling.hand_in(here.ledger, tapes.handed(form.files), order, party=caller.party)
    )


@router.get(
    "/v1/jobs/{job_id}/reconciliation",
    operation_id="job_reconciliation",
    summary="What a job made of a file",
    responses=openapi.responses(
        {
            200: openapi.answer(
                schemas.Reconciliation, "As `POST /v1/pools/{pool}/tapes` answers for small ones."
            )
        },
        *_FAILURES,
        "undetermined",
    ),
)
def job_reconciliation(here: Here, caller: Reader, job_id: TapeJobId) -> Response:
    """The comparison that a job of the caller's party has made; kept as long as the job."""
    with reads.reading(here, caller) as reader:
        found = reconciling.outcome(reader.connection, reader.log, job_id, party=caller.party)
        reader.view.pool(found["pool"])
    return as_json(found)
