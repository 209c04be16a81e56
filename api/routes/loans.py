"""Loans: the timeline, where each stands, and the receipts of its records."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api import openapi, paging, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import MAX_SIZE, Day, LoanName
from api.services import Here
from ledger.audit import timeline
from ledger.reading import past_day
from ledger.store.records import RecordRow

router = APIRouter(tags=["loans"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "refused", "invalid_request", "unavailable")
_RECORDS = "loan.receipts"


@router.get(
    "/v1/loans/{loan}",
    operation_id="loan",
    summary="A loan, told from its records",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Loan, "Events on both clocks, instalments, where it stands, findings.")},
        *_FAILURES,
    ),
)
def loan_timeline(
    here: Here,
    caller: Reader,
    loan: LoanName,
    *,
    as_of: Day = None,
    below: Annotated[
        int | None, Query(ge=1, le=MAX_SIZE, description="Leave out records from this index on.")
    ] = None,
) -> Response:
    """Each record with both clocks and the principal after it, the instalments, status, days past due, and what an
    audit of this one loan finds. All of it is derived from the records, nothing from what was reported.
    """
    with reads.reading(here, caller) as reader:
        reader.view.loan(loan)
        day = past_day(reader.log, as_of, "as_of", now=here.ledger.clock())
        told = timeline.tell(reader.connection, reader.log, loan, size=below, as_of=day)
    reads.note(here, reader, subject=f"loan:{loan}", what="timeline")
    return as_json(told.to_json())


@router.get(
    "/v1/loans/{loan}/receipts",
    operation_id="loan_receipts",
    summary="The records of a loan and their receipts",
    responses=openapi.responses(
        {200: openapi.answer(schemas.LoanRecordPage, "Records in the order of their chain.")}, *_FAILURES
    ),
)
def loan_receipts(here: Here, caller: Reader, loan: LoanName, asked: paging.Asked) -> Response:
    """Index and digest of each record of a loan, with links to where its event stands and to its receipt."""
    first = asked.after(f"{_RECORDS}:{loan}", int)
    with reads.reading(here, caller) as reader:
        rows = [row for row in reader.records_of(loan) if first is None or row.seq > first]
    reads.note(here, reader, subject=f"loan:{loan}", what="receipts")
    return asked.page(f"{_RECORDS}:{loan}", rows, position=_seq, shown=_Shown(reader.log.published))


def _seq(row: RecordRow) -> int:
    return row.seq


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a record is listed while the log is published up to here."""

    published: int

    def __call__(self, row: RecordRow) -> dict[str, Any]:
        there = f"/v1/events/{row.event_id}"
        published, erased = row.index < self.published, row.record is None
        return {
            "index": row.index,
            "seq": row.seq,
            "id": row.event_id,
            "party": row.party,
            "digest": bytes(row.digest).hex(),
            "published": published,
            "erased": erased,
            "event": f"{there}?party={row.party}",
            "receipt": f"{there}/receipt?party={row.party}" if published and not erased else None,
        }
