"""A batch of events: appended at once with its report, or handed to the workers as a job."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import bodies, outcomes, problems
from api.answers import as_json
from api.routes.jobs import shown
from ledger.errors import PoolproofError, RefusedError, TakenError
from ledger.store import jobs, logs
from ledger.uploads import PIECE_BYTES, OnError, Upload

if TYPE_CHECKING:
    from fastapi import Request

    from api.idempotency import Keyed
    from api.services import Services
    from ledger.access import Caller

#: A body that becomes a job may come slowly: the largest at 2 Mbit/s.
UPLOAD_SECONDS: Final = 300.0


def append(
    here: Services, lines: list[bytes], party: str, on_error: Literal["abort", "report"], request_id: str
) -> Response:
    """Append ``lines`` as one transaction and report what became of each.

    Raises :class:`RefusedError` for the first refused line with ``abort``; nothing is stored then.
    """
    try:
        found = outcomes.append(here.ledger, lines, party=party, on_error=on_error)
    except RefusedError as error:
        here.metrics.refused(error.rule)
        raise
    accepted: list[bytes] = []
    rejected: list[dict[str, Any]] = []
    repeats = 0
    taken = any(isinstance(one, TakenError) for one in found)
    published = here.ledger.row().published if taken else 0
    for line, outcome in enumerate(found, 1):
        if isinstance(outcome, RefusedError):
            here.metrics.refused(outcome.rule)
            rejected.append(problems.refusal(outcome, request_id=request_id, published=published))
        else:
            repeats += outcome.repeated
            flag = b"true" if outcome.repeated else b"false"
            # The acceptance goes in as the bytes that were signed.
            accepted.append(
                b'{"line":%d,"repeated":%b,"acceptance":%b}' % (line, flag, outcome.acceptance.rstrip(b"\n"))
            )
    fresh = len(accepted) - repeats
    here.metrics.accepted(repeated=False, count=fresh)
    here.metrics.accepted(repeated=True, count=repeats)
    counts = {"accepted": fresh, "repeated": repeats, "rejected": len(rejected)}
    report = b'{"counts":%b,"accepted":[%b],"rejected":%b}\n' % (
        json.dumps(counts).encode(),
        b",".join(accepted),
        json.dumps(rejected, ensure_ascii=False).encode("utf-8", "backslashreplace"),
    )
    return Response(report, status_code=201 if fresh else 200, media_type="application/json")


def is_large(request: Request, limit: int) -> bool:
    """Whether a batch becomes a job before it is read: its sender asks for that, or says that it is too long."""
    preferences = request.headers.get("prefer", "").lower().split(",")
    if "respond-async" in (one.partition(";")[0].strip() for one in preferences):
        return True
    announced = request.headers.get("content-length", "")
    return announced.isdecimal() and len(announced) < 18 and int(announced) > limit


async def hand_in(
    here: Services, request: Request, key: Keyed, caller: Caller, on_error: OnError
) -> Response:
    """Take a batch in for the workers while it arrives: it is durable before it is answered for."""
    upload = await run_in_threadpool(
        partial(Upload, here.ledger, party=caller.party, request={"on_error": on_error})
    )
    digest, queued = hashlib.sha256(), False

    async def put(piece: bytes) -> None:
        digest.update(piece)
        await run_in_threadpool(upload.put, piece)

    async def queue_it() -> Response:
        nonlocal queued
        await run_in_threadpool(upload.finish)
        queued = True
        return await run_in_threadpool(job_answer, here, upload.id)

    try:
        await bodies.read_pieces(
            request, here.max_upload_bytes, put, size=PIECE_BYTES, seconds=UPLOAD_SECONDS
        )
        return await key.once(caller, digest.digest, queue_it, repeatable=True)
    finally:
        if not queued:
            await run_in_threadpool(upload.drop)


def hand_in_whole(here: Services, body: bytes, party: str, on_error: OnError) -> Response:
    """Hand a body that was read already to the workers."""
    upload = Upload(here.ledger, party=party, request={"on_error": on_error})
    try:
        for start in range(0, len(body), PIECE_BYTES):
            upload.put(body[start : start + PIECE_BYTES])
        upload.finish()
    except PoolproofError:
        upload.drop()
        raise
    return job_answer(here, upload.id)


def lines_of(body: bytes) -> list[bytes]:
    """The lines of a body as they stand, so that the number in a refusal is that in the sender's file.

    The last one may lack its newline.
    """
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def count_lines(body: bytes) -> int:
    """How many :func:`lines_of` would find: a body of nothing but newlines must not become millions of objects."""
    return body.count(b"\n") + (body[-1:] not in (b"", b"\n"))


def digest(body: bytes) -> bytes:
    """Of the body, with its last newline or without."""
    hashed = hashlib.sha256(body)
    if body[-1:] not in (b"", b"\n"):
        hashed.update(b"\n")
    return hashed.digest()


def job_answer(here: Services, job_id: str) -> Response:
    """The answer to what became a job."""
    with here.ledger.store.read() as connection:
        row = jobs.get(connection, logs.get(connection, here.ledger.origin).id, job_id)
    assert row is not None
    headers = {"Location": f"/v1/jobs/{job_id}", "Preference-Applied": "respond-async", "Retry-After": "1"}
    return as_json(shown(row), status=202, headers=headers)
