"""What browsers send from forms, read strictly; and addresses to go back to, held within this site."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from api import bodies
from ledger.errors import MalformedError

#: Forms of pages are short; a longer one is not ours.
MAX_FORM_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 100


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers send it. Raises :class:`MalformedError` for what is none of ours."""
    body = bytearray()
    async with bodies.in_time():
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_BYTES:
                raise MalformedError("form", f"more than {MAX_FORM_BYTES} bytes")
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise MalformedError("form", f"not application/x-www-form-urlencoded: {error}") from error
    return dict(fields)


def local(address: str) -> str:
    """An address of this site as it is, and the first page for any other: nobody is led away by our links."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside and address.isascii() else "/"
