"""What a partner mirrors for an audit of its own: registers, and what it may see of a pool, in pages of NDJSON.

:mod:`ledger.mirror.form` says what is in the pages. Registers are the same for everyone who may audit: their keys are
digests and their values are blinded. Of a pool a party is shown what is its own; whoever oversees the log, all of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api import openapi
from api.auth import Auditor
from api.routes.paths import PoolName
from api.services import Here, Services
from ledger.access import Caller, View, note_read
from ledger.errors import RefusedError
from ledger.mirror import settled
from ledger.mirror.form import (
    MAX_CURSOR,
    RANGE,
    ClaimForm,
    Head,
    Page,
    PageForm,
    Published,
    RecordForm,
    SeenForm,
    SettledForm,
    StepForm,
)
from ledger.mirror.serving import Shown, pages, published
from ledger.store import logs

router = APIRouter(tags=["mirror"], prefix="/v1/mirror")

NDJSON: Final = "application/x-ndjson"
#: Pages compress to a third; the lowest level costs a fifth of what it takes to make them.
_LEVEL: Final = 1

Cursor = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="Go on after this `next`.", examples=[0])]
Size = Annotated[
    int, Query(ge=1, le=MAX_CURSOR, description="The published size that is mirrored.", examples=[8])
]
Start = Annotated[
    int, Query(ge=0, le=MAX_CURSOR, description="The first entry, or a page's `next`.", examples=[0])
]
Stop = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="The entry to end before.", examples=[8])]
Since = Annotated[
    int,
    Query(
        ge=0, le=MAX_CURSOR, description="Only of loans that came into the pool at this entry or later.", examples=[0]
    ),
]  # fmt: skip


def _answers(description: str, *items: Any) -> dict[int | str, dict[str, Any]]:
    example = Page(items, None).encode().decode()
    return openapi.responses(
        {200: openapi.text(f"{description} The last line has the cursor of the next page, or null.", NDJSON, example)},
        "unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable",
    )  # fmt: skip


def _page(request: Request, page: Page[Any]) -> Response:
    data, headers = page.encode(), {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["Content-Encoding"] = gzip.compress(data, _LEVEL), "gzip"
    return Response(data, headers=headers, media_type=NDJSON)


@router.get(
    "/registers",
    operation_id="mirror_registers",
    summary="Every published size",
    responses=_answers(
        "Checkpoints, and where their registers' pages begin.",
        Published(size=8, page=1, note="ledger.example/loans\n8\n…\n", published="2026-11-21T23:30:00Z", batch=None),
    ),
)  # fmt: skip
def registers(here: Here, _caller: Auditor, *, request: Request, after: Cursor = 0) -> Response:
    """Sizes above `after`, ascending, each with its checkpoint as it was signed."""
    with here.ledger.store.read() as connection:
        page = published(connection, logs.get(connection, here.ledger.origin), after=after)
    return _page(request, page)


@router.get(
    "/registers/{size}/pages",
    operation_id="mirror_register_pages",
    summary="What is new in a register",
    responses=_answers("Pages that no earlier register has.", PageForm(id=1, page="AA==")),
)
def register_pages(
    here: Here,
    _caller: Auditor,
    *,
    request: Request,
    size: Annotated[int, Path(ge=1, le=MAX_CURSOR, description="A published size.", examples=[8])],
    after: Cursor = 0,
) -> Response:
    """Registers share the pages that did not change; together the pages of all sizes are all registers."""
    with here.ledger.store.read() as connection:
        page = pages(connection, logs.get(connection, here.ledger.origin), size, after=after)
    return _page(request, page)


@router.get(
    "/pools/{pool}",
    operation_id="mirror_pool",
    summary="What there is to mirror of a pool",
    responses=_answers("One line.", Head(pool="2026-1", size=8, whole=False, first_block=0)),
)
def pool(here: Here, caller: Auditor, *, request: Request, pool: PoolName, size: Size) -> Response:
    """Whether this caller is shown all of the log or what is its own, at a published size."""
    with _shown(here, caller, pool, size, "mirror") as shown:
        return _page(request, Page([shown.head()], None))


@router.get(
    "/pools/{pool}/records",
    operation_id="mirror_records",
    summary="Records that the caller may see",
    responses=_answers(
        "Records in the order of the log, their exact bytes as strings.", RecordForm(3, '{"data":…}')
    ),
)
def records(here: Here, caller: Auditor, *, request: Request, pool: PoolName, size: Size, start: Start, stop: Stop,
    since: Since = 0,
) -> Response:  # fmt: skip
    """The pool's records, those of all loans that were ever in it, of the accounts to which these were paid, and of the
    log itself.
    """
    _check_range(start, stop)
    with _shown(here, caller, pool, size, f"mirror.records {start}-{stop}") as shown:
        return _page(request, shown.records(start, stop, since=since))


@router.get(
    "/pools/{pool}/claims",
    operation_id="mirror_claims",
    summary="What opens the register's values",
    responses=_answers(
        "The claims of the loans shown: holders by their history, nonces, and the preimage of the state.",
        ClaimForm(
            loan="L1", claim="c1", asset_key="aa" * 32, state='{"claim":"c1",…}', nonces=("00" * 16, "11" * 16),
            steps=(StepForm(index=3, pool="2026-1", holder="bank", change=1_000_000),),
        ),
    ),
)  # fmt: skip
def claims(
    here: Here, caller: Auditor, *, request: Request, pool: PoolName, size: Size, after: Cursor = 0
) -> Response:
    """Every claim of every loan that was ever in the pool."""
    with _shown(here, caller, pool, size, "mirror.claims") as shown:
        return _page(request, shown.claims(after=after))


@router.get(
    "/pools/{pool}/settlements",
    operation_id="mirror_settlements",
    summary="Payments that settlements cover and that are not shown",
    responses=_answers(
        "By settlement: the entries of payments of others, and what they sum to.",
        SettledForm(settlement=7, payments=(4, 5), sum=41_420_000_000), SeenForm(account="collect-1", payments=2),
    ),
)  # fmt: skip
def settlements(
    here: Here, caller: Auditor, *, request: Request, pool: PoolName, size: Size, start: Start, stop: Stop
) -> Response:
    """So that what the account bank settled for several pools together can be recomputed. A range begins at a multiple
    of 16,384 and ends at the next one, or at the size: the sum over a single entry would be its amount.
    """
    if start % RANGE or stop != min(start + RANGE, size):
        raise RefusedError(
            "stop",
            f"a range is all of {RANGE} entries from a multiple of it on, or up to the size",
            rule="range",
        )
    with _shown(here, caller, pool, size, f"mirror.settlements {start}-{stop}") as shown:
        return _page(request, settled.told(shown, start, stop))


@contextmanager
def _shown(here: Services, caller: Caller, pool: str, size: int, what: str) -> Iterator[Shown]:
    """The pool as the caller is shown it; a pool that it may not see is not there."""
    ledger = here.ledger
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        View(connection, log, caller).pool(pool)
        yield Shown.of(
            connection,
            log,
            pool,
            size=size,
            party=caller.party,
            whole=caller.oversees,
            vault=ledger.vault,
            accounts=here.mirrored,
        )
    note_read(
        ledger.store, log.id, caller, subject=f"pool:{pool}", what=f"{what} at {size}", now=ledger.clock()
    )


def _check_range(start: int, stop: int) -> None:
    if not start <= stop <= start + RANGE:
        raise RefusedError("stop", f"a range has at most {RANGE} entries", rule="range")
