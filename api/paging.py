"""Lists, page by page: one shape, and cursors that only this service reads.

::

    {"items": [...], "next": "WyJwb29scyIsIjIwMjYtMSJd"}        and  Link: </v1/pools?cursor=…>; rel="next"

``next`` is null on the last page. A cursor says of which list it is and after which item to go on; it opens nothing,
since each page is cut to what its caller may see, and one that is not of this list is answered with 422.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Query
from fastapi.exceptions import RequestValidationError

from api import problems
from api.answers import as_json

if TYPE_CHECKING:
    from fastapi import Request, Response

#: The most items on a page: about a megabyte of the longest ones.
MAX_LIMIT: Final = 1_000
DEFAULT_LIMIT: Final = 100
#: Positions are indexes and sizes of the log, which stay exact in JSON.
_MAX_POSITION: Final = 2**53 - 1

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The most items of a page.")]
Cursor = Annotated[str | None, Query(max_length=1_024, description="`next` of the page before.")]

Position = TypeVar("Position", str, int)
Item = TypeVar("Item")


def after(cursor: str | None, of: str, kind: type[Position]) -> Position | None:
    """The position at which the page before ended; None for the first page. Answers 422 for any other cursor."""
    if cursor is None:
        return None
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        name, position = msgspec.json.decode(data, type=tuple[str, kind], strict=True)  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _invalid() from None
    if name != of or _encoded(of, position) != cursor or not _storable(position):
        raise _invalid()
    return position


def page(
    request: Request,
    of: str,
    items: Sequence[Item],
    *,
    limit: int,
    position: Callable[[Item], str | int],
    shown: Callable[[Item], Any] = lambda item: item,
    beside: Mapping[str, Any] | None = None,
) -> Response:
    """A page of ``items``, of which one more than ``limit`` was looked for to know whether there is a next page.

    ``beside`` are members of the answer that are of all pages.
    """
    end = position(items[limit - 1]) if len(items) > limit else None
    return cut(request, of, items[:limit], end=end, shown=shown, beside=beside)


def cut(
    request: Request,
    of: str,
    items: Sequence[Item],
    *,
    end: str | int | None,
    shown: Callable[[Item], Any] = lambda item: item,
    beside: Mapping[str, Any] | None = None,
) -> Response:
    """A page of ``items`` after which the next one goes on behind ``end``, wherever that lies; None on the last."""
    cursor = None if end is None else _encoded(of, end)
    headers = {}
    if cursor is not None:
        given = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        query = urlencode([*given, ("cursor", cursor)])
        path = request.scope["raw_path"].decode("ascii", "replace")
        headers["Link"] = f'<{path}?{query}>; rel="next"'
    return as_json(
        {**(beside or {}), "items": [shown(one) for one in items], "next": cursor}, headers=headers
    )


def _storable(position: str | int) -> bool:
    """Whether a database can compare with it: whoever makes up a cursor must not reach what it cannot."""
    return position.isprintable() if isinstance(position, str) else 0 <= position <= _MAX_POSITION


def _encoded(of: str, position: str | int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((of, position))).rstrip(b"=").decode()


def _invalid() -> RequestValidationError:
    return problems.invalid("cursor", "not a cursor of this list; take it from `next` of the page before")
