"""Path parameters that several nouns share."""

from typing import Annotated

from fastapi import Path

_NAME = r"^[A-Za-z0-9._:-]{1,64}$"

EventId = Annotated[
    str,
    Path(
        pattern=_NAME,
        description="The event's `id`, as its party gave it.",
        examples=["repayment-2026-11-0001"],
    ),
]
PoolName = Annotated[
    str, Path(pattern=_NAME, description="The pool's name, without `pool:`.", examples=["2026-1"])
]
