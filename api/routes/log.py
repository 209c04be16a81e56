"""The log itself as `C2SP tlog-tiles <https://c2sp.org/tlog-tiles>`_, for any client that can read one.

Its prefix is ``/log/`` and the origin, percent-encoded except for the slashes in it::

    /log/fenqile.example/consumer-2026/checkpoint
    /log/fenqile.example/consumer-2026/tile/0/x001/234
    /log/fenqile.example/consumer-2026/tile/entries/000.p/7

An origin with an empty or a dot segment (``a//b``, ``a/../b``), which clients would rewrite, has its slashes
encoded as ``%2F``. What was published never changes: tiles, partial ones too, may be cached for ever.

It is for everybody unless ``POOLPROOF_LOG_READERS`` says ``parties``: tiles tell how many records there were and when.
"""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import openapi
from api.auth import reader
from api.services import Here
from ledger.errors import MalformedError, NotFoundError
from ledger.proofs import tiles

router = APIRouter(tags=["log"])

#: A tile is a prefix of what it will be when it is full, so that the one of this width never changes.
IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
IMMUTABLE_PRIVATE: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
_EXAMPLE_ORIGIN = "fenqile.example/consumer-2026"


def prefix(origin: str) -> str:
    """The URL path under which the log of this origin is served, with a slash at its end."""
    dotted = any(segment in {"", ".", ".."} for segment in origin.split("/"))
    return f"/log/{quote(origin, safe='' if dotted else '/')}/"


@router.get(
    "/log/{path:path}",
    operation_id="log_resource",
    summary="The log as tlog-tiles",
    responses=openapi.responses(
        {
            200: {
                "description": "The signed note, a tile of hashes, or an entry bundle.",
                "content": {
                    "text/plain": {
                        "schema": {"type": "string"},
                        "example": openapi.examples()["Checkpoint"]["note"],
                    },
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                },
            }
        },
        "unauthenticated",
        "unauthorised",
        "not_found",
        "unavailable",
    ),
    # Without a key, or with one where the log is limited to parties.
    openapi_extra={"security": [{}, {"api_key": []}]},
)
async def resource(
    request: Request,
    here: Here,
    path: Annotated[
        str,
        Path(
            description="The origin and `/checkpoint`, `/tile/<L>/<N>[.p/<W>]` or `/tile/entries/…`.",
            examples=[f"{_EXAMPLE_ORIGIN}/checkpoint"],
        ),
    ],
) -> Response:
    """One resource of the published log. Tiles are immutable, partial ones too; the checkpoint is not. Where the
    operator has limited the log to parties, it takes a key for `read`.
    """
    if not here.log_public:
        await reader(request)
    name = path.removeprefix(here.ledger.origin + "/")
    if name == path:
        raise NotFoundError(f"no log under this path; this service has {prefix(here.ledger.origin)}")
    if name == "checkpoint":
        return Response(
            await run_in_threadpool(here.ledger.checkpoint),
            headers={"Cache-Control": "no-cache"},
            media_type="text/plain; charset=utf-8",
        )
    try:
        tile = tiles.parse_path(name)
    except MalformedError as error:
        raise NotFoundError(str(error)) from error
    data = await here.tiles.read(tile)
    # What only parties may have must not lie in a cache that everybody reads.
    headers = IMMUTABLE if here.log_public else IMMUTABLE_PRIVATE
    return Response(data, headers=headers, media_type="application/octet-stream")
