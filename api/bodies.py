"""Reading request bodies: never more than the resource takes, never for longer than a request may last.

Compressed bodies are not read at all: a kilobyte could become a gigabyte. The body of a signed request must be the one
whose digest was signed; a route that works on what arrives before its end would have to undo it, so none does.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ledger.errors import MalformedError

if TYPE_CHECKING:
    from fastapi import Request

#: A client at 1 Mbit/s sends 3.6 MB in it; slower ones send smaller batches.
BODY_SECONDS: Final = 30.0
#: Of a document that asks for something; events are read by their own limits.
DOCUMENT_BYTES: Final = 64 * 1024
Model = TypeVar("Model", bound=BaseModel)


def media_type(request: Request, *accepted: str) -> str:
    """The body's media type, one of ``accepted``; answers 415 for any other and for encoded bodies."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if given not in accepted:
        raise _unsupported(
            f"content type {given or 'missing'!r}: this resource reads {', '.join(accepted)}", accepted
        )
    if encoding != "identity":
        raise _unsupported("bodies are read as they are, without content encoding", accepted)
    return given


async def read(request: Request, limit: int) -> bytes:
    """The whole body; answers 413 above ``limit`` bytes."""
    body = bytearray()
    async with in_time():
        async for chunk in chunks(request, limit):
            body += chunk
    return bytes(body)


async def read_document(request: Request, model: type[Model]) -> Model:
    """A JSON document of this form; answers 400 where it is no JSON and 422, with pointers, where it is another."""
    media_type(request, "application/json")
    body = await read(request, DOCUMENT_BYTES)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise MalformedError("JSON", str(found[0]["ctx"]["error"])) from None
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None


async def read_pieces(
    request: Request,
    limit: int,
    put: Callable[[bytes], Awaitable[None]],
    *,
    size: int,
    seconds: float,
) -> None:
    """Give the body to ``put`` while it arrives, in pieces of at least ``size`` bytes but for the last."""
    piece = bytearray()
    async with in_time(seconds):
        async for chunk in chunks(request, limit):
            piece += chunk
            if len(piece) >= size:
                await put(bytes(piece))
                piece.clear()
        if piece:
            await put(bytes(piece))


async def chunks(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """The body as it arrives; answers 413 above ``limit`` bytes, and 401 at the end of one that was not signed for."""
    announced = request.headers.get("content-length", "0")
    # At most 18 digits are looked at: Python refuses to convert endless ones.
    if not announced.isdecimal() or len(announced) > 18 or int(announced) > limit:
        raise _too_large(limit)
    size = 0
    signed: bytes | None = getattr(request.state, "body_digest", None)
    digest = hashlib.sha256()
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            if signed is not None:
                digest.update(chunk)
            yield chunk
    except ClientDisconnect as error:
        raise HTTPException(400, "the body ended before its announced length") from error
    if signed is not None and digest.digest() != signed:
        raise HTTPException(401, "Content-Digest: not that of the body that arrived")


@asynccontextmanager
async def in_time(seconds: float | None = None) -> AsyncIterator[None]:
    """Answer 408 where the block, which reads a body, takes longer than :data:`BODY_SECONDS` or as given."""
    given = BODY_SECONDS if seconds is None else seconds
    try:
        async with asyncio.timeout(given):
            yield
    except TimeoutError as error:
        raise HTTPException(408, f"the body took longer than {given:.0f} seconds") from error


def _too_large(limit: int) -> HTTPException:
    # The rest of the body is not read, so the connection cannot be used again.
    return HTTPException(413, f"the body is larger than {limit} bytes", {"Connection": "close"})


def _unsupported(detail: str, accepted: tuple[str, ...]) -> HTTPException:
    return HTTPException(415, detail, {"Accept-Post": ", ".join(accepted)})
