"""Path parameters that several nouns share."""

from typing import Annotated

from fastapi import Path, Query

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

LoanName = Annotated[
    str, Path(pattern=_NAME, description="The loan's name, without `loan:`.", examples=["L1"])
]
ClaimName = Annotated[
    str,
    Path(
        pattern=r"^([0-9a-f]{64}|[A-Za-z0-9._:-]{1,64}/[A-Za-z0-9._:-]{1,64})$",
        description="The claim's asset key (64 hex digits), or `LOAN/CLAIM`.",
        examples=["L1/c1"],
    ),
]
#: Sizes and indexes stay exact in JSON up to here.
MAX_SIZE = 2**53 - 1
Size = Annotated[
    int | None,
    Query(ge=1, le=MAX_SIZE, description="A published size; the newest where it is left out.", examples=[6]),
]
PublishedSize = Annotated[
    int, Path(ge=1, le=MAX_SIZE, description="A size of the log that was published.", examples=[6])
]
Day = Annotated[
    str | None,
    Query(
        pattern=r"^\d{4}-\d\d-\d\d$", description="As of this day; the newest record's day where left out."
    ),
]
EventParty = Annotated[
    str | None, Query(pattern=_NAME, description="Whose event it is; the caller's own where it is left out.")
]
PartyName = Annotated[str, Path(pattern=_NAME, description="The party's name.", examples=["bank"])]
LoanQuery = Annotated[str | None, Query(pattern=_NAME, description="Of this loan only.")]
