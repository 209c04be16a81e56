"""API keys over the API: a party's own, or everybody's for an operator. No key makes one that could do more than it."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import bodies, idempotency, openapi, paging, problems, schemas
from api.answers import as_json
from api.auth import Admin
from api.services import Here, Services
from ledger import access
from ledger.access import Caller
from ledger.domain.calendar import format_instant
from ledger.errors import ConfigurationError, MalformedError, NotFoundError
from ledger.proofs.note import Verifier
from ledger.settings import networks
from ledger.store import ReadConnection, keys, logs
from ledger.store.keys import ApiKey, Bounds

router = APIRouter(tags=["administration"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")
_KEYS = "keys"

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["6f1d2c3b4a596877"])]


@router.get(
    "/v1/keys",
    operation_id="keys",
    summary="API keys",
    responses=openapi.responses(
        {200: openapi.answer(schemas.KeyPage, "Keys by party, ended ones too.")}, *_FAILURES
    ),
)
def key_list(here: Here, caller: Admin, asked: paging.Asked) -> Response:
    """The keys of the caller's party; of every party for an operator. Secrets cannot be read back."""
    first = asked.after(_KEYS, str)
    with here.ledger.store.read() as connection:
        every = keys.list_keys(connection, logs.get(connection, here.ledger.origin).id)
    seen = sorted((one for one in every if caller.operates or one.party == caller.party), key=_place)
    rest = [one for one in seen if first is None or _place(one) > first]
    return asked.page(_KEYS, rest, position=_place, shown=_shown)


@router.get(
    "/v1/keys/{key_id}",
    operation_id="key",
    summary="An API key",
    responses=openapi.responses({200: openapi.answer(schemas.Key, "What it may do and how.")}, *_FAILURES),
)
def key(here: Here, caller: Admin, key_id: KeyId) -> Response:
    """A key of the caller's party; of any party for an operator."""
    with here.ledger.store.read() as connection:
        found = _find(connection, here, caller, key_id)
    return as_json(_shown(found))


@router.post(
    "/v1/keys",
    operation_id="make_key",
    summary="Make an API key",
    status_code=201,
    responses=openapi.responses(
        {201: openapi.answer(schemas.NewKey, "The key and its token, which is shown this once.")},
        *_FAILURES,
        "idempotency_conflict",
        "idempotency_mismatch",
        "malformed",
        "timeout",
        "too_large",
        "unsupported_media_type",
    ),
    openapi_extra=openapi.body(
        {"application/json": (schemas.NewKeyRequest, openapi.examples()["NewKeyRequest"])},
        "What the key is for.",
    ),
)
async def make_key(request: Request, here: Here, caller: Admin, key: idempotency.Key) -> Response:
    """A key of the caller's party; of any party for an operator. It has at most the scopes of the key that makes it,
    ends no later, and is bound at least as it is.
    """
    wanted = await bodies.read_document(request, schemas.NewKeyRequest)

    async def make() -> Response:
        made, token = await run_in_threadpool(_make, here, caller, wanted)
        headers = {"Location": f"/v1/keys/{made.id}"}
        return as_json({"key": _shown(made), "token": token}, status=201, headers=headers)

    return await key.once(caller, lambda: idempotency.digest_of(wanted), make)


@router.delete(
    "/v1/keys/{key_id}",
    operation_id="revoke_key",
    summary="End an API key",
    responses=openapi.responses({200: openapi.answer(schemas.Key, "It has ended.")}, *_FAILURES),
)
def revoke(here: Here, caller: Admin, key_id: KeyId) -> Response:
    """End a key of the caller's party (of any party for an operator) and the sessions that it began, for good. Ending
    it again changes nothing. A process that has just used it notices within five seconds.
    """
    now = format_instant(here.ledger.clock())
    with here.ledger.store.write() as connection:
        found = _find(connection, here, caller, key_id)
        ended = keys.revoke(connection, found.log_id, key_id, revoked=now)
    return as_json(_shown(ended))


def _find(connection: ReadConnection, here: Services, caller: Caller, key_id: str) -> ApiKey:
    """A key that the caller may see; raises :class:`NotFoundError`, for one of others as for none."""
    found = keys.get(connection, logs.get(connection, here.ledger.origin).id, key_id)
    if not (caller.operates or found.party == caller.party):
        raise NotFoundError(f"no API key {key_id!r} of this log")
    return found


def _make(here: Services, caller: Caller, wanted: schemas.NewKeyRequest) -> tuple[ApiKey, str]:
    now = here.ledger.clock()
    party = wanted.party or caller.party
    if party != caller.party and not caller.operates:
        raise NotFoundError(f"no party {party!r} in this log; add it before giving it a key")
    bounds = Bounds(
        scopes=frozenset(wanted.scopes),
        expires=None if wanted.days is None else format_instant(now + timedelta(days=wanted.days)),
        networks=_networks(wanted.networks or []),
        signing_key=None if wanted.signed_by is None else _public_key(wanted.signed_by),
    )
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        assert caller.key_id is not None  # what changes something comes with a key
        own = keys.get(connection, log_id, caller.key_id)
        allowed = access.delegated(own.bounds, bounds)
        token = keys.create(connection, log_id, party, created=format_instant(now), bounds=allowed)
        return keys.get(connection, log_id, token.split("_")[1]), token


def _networks(given: list[str]) -> tuple[str, ...]:
    try:
        return tuple(str(one) for one in networks(",".join(given), "networks"))
    except ConfigurationError as error:
        raise problems.invalid("networks", str(error), where="body") from None


def _public_key(text: str) -> bytes:
    try:
        return Verifier.parse(text).public_key
    except MalformedError as error:
        raise problems.invalid("signed_by", str(error), where="body") from None


def _place(one: ApiKey) -> str:
    return f"{one.party} {one.id}"


def _shown(one: ApiKey) -> dict[str, Any]:
    bounds = one.bounds
    return {
        "id": one.id,
        "party": one.party,
        "scopes": sorted(bounds.scopes),
        "created": one.created,
        "expires": bounds.expires,
        "revoked": one.revoked,
        "last_used": one.last_used,
        "networks": list(bounds.networks),
        "certificate": None if bounds.certificate is None else bounds.certificate.hex(),
        "signing_key": None if bounds.signing_key is None else bounds.signing_key.hex(),
    }
