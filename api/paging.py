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
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from api import problems
from api.answers import as_json

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


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list a request asks for: at most ``limit`` items, those after the page before.

    A route takes it as a parameter (:data:`Asked`), looks for one item more than ``limit``, so that it is known
    whether there is a next page, and answers with :meth:`page`.
    """

    request: Request
    limit: int
    cursor: str | None

    def after(self, of: str, kind: type[Position]) -> Position | None:
        """The position after which the page begins; None for the first one. Answers 422 for another list's cursor."""
        return after(self.cursor, of, kind)

    def page(
        self,
        of: str,
        items: Sequence[Item],
        *,
        position: Callable[[Item], str | int],
        shown: Callable[[Item], Any] = lambda item: item,
        beside: Mapping[str, Any] | None = None,
    ) -> Response:
        """The answer with ``items``. ``beside`` are members of it that are of all pages."""
        end = position(items[self.limit - 1]) if len(items) > self.limit else None
        return self.cut(of, items[: self.limit], end=end, shown=shown, beside=beside)

    def cut(
        self,
        of: str,
        items: Sequence[Item],
        *,
        end: str | int | None,
        shown: Callable[[Item], Any] = lambda item: item,
        beside: Mapping[str, Any] | None = None,
    ) -> Response:
        """The answer where the next page goes on behind ``end``, wherever that lies; None on the last."""
        cursor = None if end is None else _encoded(of, end)
        headers = {}
        if cursor is not None:
            query = self.request.query_params.multi_items()
            given = [(name, value) for name, value in query if name != "cursor"]
            path = self.request.scope["raw_path"].decode("ascii", "replace")
            headers["Link"] = f'<{path}?{urlencode([*given, ("cursor", cursor)])}>; rel="next"'
        return as_json(
            {**(beside or {}), "items": [shown(one) for one in items], "next": cursor}, headers=headers
        )


async def _asked(request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Part:
    return Part(request, limit, cursor)


#: The parameter by which a route knows which page is asked for.
Asked = Annotated[Part, Depends(_asked)]


def _storable(position: str | int) -> bool:
    """Whether a database can compare with it: whoever makes up a cursor must not reach what it cannot."""
    return position.isprintable() if isinstance(position, str) else 0 <= position <= _MAX_POSITION


def _encoded(of: str, position: str | int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((of, position))).rstrip(b"=").decode()


def _invalid() -> RequestValidationError:
    return problems.invalid("cursor", "not a cursor of this list; take it from `next` of the page before")
