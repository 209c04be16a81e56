"""A file about a pool that was sent in a form: read for its order, compared at once, or handed to the workers.

Used by the API and by the portal. ``private`` compares and stores nothing: not the file, no event, no break; the note
that somebody read figures of the pool stands in the access log as for every look. Recording is a party's statement, so
it takes a key that may write and a role that may post ``tape.received``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api import batches, bodies, multipart, problems, reads
from api.schemas import TapeOrder
from ledger import reconciling
from ledger.access import Scope
from ledger.errors import UnauthorisedError
from ledger.reconciling import Handed, Order

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import Request

    from api.multipart import Form
    from api.services import Services
    from ledger.access import Caller

#: Beside the file: fields, the mapping, and what a form puts between its parts.
_AROUND: Final = 256 * 1024


def may_record(here: Services, caller: Caller) -> bool:
    """Whether a caller's key and roles are enough to record a file."""
    try:
        check_recorder(here, caller)
    except UnauthorisedError:
        return False
    return True


def check_recorder(here: Services, caller: Caller) -> None:
    """Raise :class:`UnauthorisedError` unless a caller may record a file."""
    if Scope.WRITE not in caller.scopes:
        raise UnauthorisedError("this key is not for write: with `private=true` nothing is stored")
    reconciling.check_poster(here.ledger.parties(), caller.party)


def is_job(request: Request, here: Services) -> bool:
    """Whether a file becomes a job: its sender asks for that, or it is longer than what is answered at once."""
    return batches.is_large(request, here.max_batch_bytes + _AROUND)


@asynccontextmanager
async def arrived(request: Request, here: Services, *, job: bool) -> AsyncIterator[Form]:
    """The form with the file, for as long as the block runs."""
    limit = here.max_upload_bytes if job else here.max_batch_bytes
    async with multipart.reading(
        request, limit=limit + _AROUND, seconds=batches.UPLOAD_SECONDS if job else bodies.BODY_SECONDS,
        files={"file": limit, "mapping": reconciling.MAX_MAPPING},
    ) as form:  # fmt: skip
        yield form


def order_of(fields: Mapping[str, str], pool: str, *, private: bool) -> Order:
    """What the fields of a form ask. Answers 422 with pointers."""
    try:
        order = TapeOrder.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    return Order(pool=pool, private=private, **order.model_dump())


def handed(files: Mapping[str, Path]) -> Handed:
    """The files of a form. Answers 422 where there is none."""
    if "file" not in files:
        raise problems.invalid("file", "the file is missing", where="body")
    return Handed(file=files["file"], mapping=files.get("mapping"))


def compare(here: Services, caller: Caller, sent: Handed, order: Order) -> dict[str, Any]:
    """Compare a file and, unless it is private, record it; the answer for its sender. Noted as a read of the pool."""
    answer = reconciling.perform(here.ledger, sent, order, poster=caller.party)
    with reads.reading(here, caller) as reader:
        pass
    reads.note(here, reader, subject=f"pool:{order.pool}", what="reconciliation")
    return answer
