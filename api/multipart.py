"""Forms with files (``multipart/form-data``), as browsers and curl send them: fields in memory, files on disk.

A file goes into a temporary one while it arrives, and is gone when the block ends: nothing of it stays on this machine
but what a route stores. The whole body is bounded, by bytes, by parts and by time; see :mod:`api.bodies`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from api import bodies
from api.problems import invalid
from ledger.errors import MalformedError

if TYPE_CHECKING:
    from fastapi import Request

MEDIA_TYPE: Final = "multipart/form-data"
#: Parts that are no files: forms of ours have a dozen.
MAX_FIELDS: Final = 40
#: Bytes of such a part.
MAX_FIELD: Final = 16 * 1024
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that arrived: its fields without the empty ones, and its files by the name of their field.

    ``digest`` is of all that was sent, in whatever order and between whatever boundaries.
    """

    fields: Mapping[str, str]
    files: Mapping[str, Path]
    digest: bytes


@asynccontextmanager
async def reading(
    request: Request, *, limit: int, seconds: float, files: Mapping[str, int]
) -> AsyncIterator[Form]:
    """The form, for as long as the block runs; ``files`` are the fields that hold files, and how many bytes each may.

    Answers 413, 408 and 415 as :mod:`api.bodies` does, 422 for a field that stands twice or a file where none
    is wanted, and raises :class:`MalformedError` for a body that is no form.
    """
    bodies.media_type(request, MEDIA_TYPE)
    parser = MultiPartParser(
        request.headers, bodies.chunks(request, limit), max_files=len(files), max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD,
    )  # fmt: skip
    try:
        async with bodies.in_time(seconds):
            parsed = await parser.parse()
    except MultiPartException as error:
        raise MalformedError("form", error.message) from error
    try:
        with tempfile.TemporaryDirectory(prefix="poolproof-form-") as folder:
            yield await run_in_threadpool(_kept, parsed.multi_items(), Path(folder), files)
    finally:
        await parsed.close()


def _kept(items: list[tuple[str, UploadFile | str]], folder: Path, wanted: Mapping[str, int]) -> Form:
    """The fields, and the files copied to where readers can open them by a name of ours."""
    fields: dict[str, str] = {}
    files: dict[str, Path] = {}
    told: dict[str, str] = {}
    for name, value in items:
        if name in told:
            raise invalid(name, "it stands twice", where="body")
        told[name] = ""
        if isinstance(value, UploadFile):
            if name not in wanted:
                raise invalid(name, "no file is read here", where="body")
            if not value.size and not value.filename:
                continue  # a browser sends this where nobody has chosen a file
            files[name] = folder / name
            told[name] = _copy(value, files[name], wanted[name])
        elif name in wanted:
            raise invalid(name, "it is a file: send it with a file name", where="body")
        elif value:
            fields[name] = told[name] = value
    digest = hashlib.sha256(json.dumps(sorted(told.items())).encode()).digest()
    return Form(fields=fields, files=files, digest=digest)


def _copy(source: UploadFile, to: Path, limit: int) -> str:
    """SHA-256 of what was copied."""
    if (source.size or 0) > limit:
        raise HTTPException(413, f"{to.name} is larger than {limit} bytes")
    digest = hashlib.sha256()
    with to.open("wb") as file:
        while piece := source.file.read(_PIECE):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()
