"""Parties, what they were granted, and who read what."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api import openapi, paging, problems, schemas
from api.answers import as_json
from api.auth import Admin, Reader
from api.routes.paths import LoanQuery, PartyName
from api.services import Here
from ledger import access
from ledger.domain.calendar import format_instant
from ledger.errors import ConfigurationError, NotFoundError, UnauthorisedError
from ledger.store import access as stored
from ledger.store import logs, subjects
from ledger.store.access import Read
from ledger.store.logs import PartyRow

router = APIRouter(tags=["administration"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")
_PARTIES, _GRANTS, _READS = "parties", "grants", "reads"

Target = Annotated[
    str,
    Path(
        pattern=r"^(log|operator|private|(pool|private):[A-Za-z0-9._:-]{1,64}|signer:0x[0-9a-f]{40})$",
        description="`log`, `operator`, `private`, `pool:NAME`, `private:NAME` or `signer:0x…`.",
        examples=["pool:2026-1"],
    ),
]


@router.get(
    "/v1/parties",
    operation_id="parties",
    summary="The parties that the caller sees",
    responses=openapi.responses({200: openapi.answer(schemas.PartyPage, "Parties by name.")}, *_FAILURES),
)
def party_list(here: Here, caller: Reader, asked: paging.Asked) -> Response:
    """Names, roles and statement keys: all of them for whoever oversees the log, else the caller's own."""
    first = asked.after(_PARTIES, str)
    with here.ledger.store.read() as connection:
        every = logs.list_parties(connection, logs.get(connection, here.ledger.origin).id)
    seen = [one for one in every if caller.oversees or one.name == caller.party]
    rest = [one for one in seen if first is None or one.name > first]
    return asked.page(_PARTIES, rest, position=_name, shown=asdict)


@router.get(
    "/v1/grants",
    operation_id="grants",
    summary="What parties were granted",
    responses=openapi.responses({200: openapi.answer(schemas.GrantPage, "Grants by party.")}, *_FAILURES),
)
def grant_list(here: Here, caller: Admin, asked: paging.Asked) -> Response:
    """An operator sees everybody's grants, others their own."""
    first = asked.after(_GRANTS, str)
    with here.ledger.store.read() as connection:
        every = stored.all_grants(connection, logs.get(connection, here.ledger.origin).id)
    seen = sorted(one for one in every if caller.operates or one[0] == caller.party)
    rest = [one for one in seen if first is None or _place(one) > first]
    return asked.page(
        _GRANTS,
        sorted(rest, key=_place),
        position=_place,
        shown=lambda one: {"party": one[0], "target": one[1], "given": one[2]},
    )


@router.put(
    "/v1/grants/{party}/{target}",
    operation_id="give_grant",
    summary="Let a party see or do more",
    responses=openapi.responses({200: openapi.answer(schemas.Grant, "It stands.")}, *_FAILURES),
)
def give(here: Here, caller: Admin, party: PartyName, target: Target) -> Response:
    """For operators: grant it; granting it again changes nothing."""
    _check_operator(caller)
    given = format_instant(here.ledger.clock())
    try:
        access.check_target(target)
    except ConfigurationError as error:
        raise problems.invalid("target", str(error), where="path") from None
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        if target.startswith("pool:") and target not in subjects.by_name(connection, log_id, [target]):
            raise NotFoundError(f"no pool {target.removeprefix('pool:')!r} in this log")
        stored.grant(connection, log_id, party, target, given=given)
        [stands] = [one for one in stored.all_grants(connection, log_id) if one[:2] == (party, target)]
    return as_json({"party": party, "target": target, "given": stands[2]})


@router.delete(
    "/v1/grants/{party}/{target}",
    operation_id="withdraw_grant",
    summary="Take a grant back",
    status_code=204,
    responses=openapi.responses({204: {"description": "It is gone."}}, *_FAILURES),
)
def withdraw(here: Here, caller: Admin, party: PartyName, target: Target) -> Response:
    """For operators. What the party has read until then stays with it."""
    _check_operator(caller)
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        if not stored.withdraw(connection, log_id, party, target):
            raise NotFoundError(f"{party} was not granted {target}")
    return Response(status_code=204)


@router.get(
    "/v1/reads",
    operation_id="reads",
    summary="Who read what",
    responses=openapi.responses(
        {200: openapi.answer(schemas.AccessPage, "Reads, the newest first.")}, *_FAILURES
    ),
)
def reads(
    here: Here,
    caller: Admin,
    asked: paging.Asked,
    *,
    loan: LoanQuery = None,
    party: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Reads by it.")
    ] = None,
) -> Response:
    """An operator sees all reads; a party those that it made itself."""
    before = asked.after(_READS, int)
    if not caller.operates and party not in (None, caller.party):
        raise UnauthorisedError("reads of other parties are for operators")
    with here.ledger.store.read() as connection:
        rows = stored.reads(
            connection,
            logs.get(connection, here.ledger.origin).id,
            subject=None if loan is None else f"loan:{loan}",
            party=party if caller.operates else caller.party,
            before=before,
            limit=asked.limit + 1,
        )
    return asked.page(_READS, rows, position=_id, shown=asdict)


def _check_operator(caller: access.Caller) -> None:
    if not caller.operates:
        raise UnauthorisedError("this is for operators: parties that were granted `operator`")


def _name(row: PartyRow) -> str:
    return row.name


def _place(grant: tuple[str, str, str]) -> str:
    return f"{grant[0]} {grant[1]}"


def _id(read: Read) -> int:
    return read.id
