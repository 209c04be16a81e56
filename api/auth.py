"""Who is calling, and whether they may: API keys (:mod:`api.keyring`), signed requests, sessions of the portal.

A session's cookie is enough to *read* (the portal's own links to documents); whatever changes something takes a key,
or goes through a page of the portal with its token against forged requests (:mod:`api.sessions`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from api import peers, signatures
from ledger.access import Caller, Scope
from ledger.errors import UnauthorisedError

if TYPE_CHECKING:
    from api.keyring import Known
    from api.services import Services
    from ledger.store.keys import ApiKey

#: Methods that change nothing; a session's cookie is enough for them.
_SAFE: Final = frozenset({"GET", "HEAD"})
_EMPTY: Final = hashlib.sha256(b"").digest()


class Allowed(HTTPBearer):
    """The dependency by which a route requires a scope of a key's, and shows so in OpenAPI."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scheme_name="api_key", description="An API key: `poolproof_<id>_<secret>`.")
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]  # a caller, not the header
        """The caller of this request; answers 401 without a key in force and 403 without the scope."""
        caller = await authenticate(request)
        if self._scope not in caller.scopes:
            raise UnauthorisedError(
                f"this key is not for {self._scope.value}; `poolproof party key` makes keys"
            )
        return caller


async def authenticate(request: Request) -> Caller:
    """Who calls; answers 401 without a key or session in force, and 403 where a key is used as it may not be."""
    here: Services = request.app.state.services
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        known = here.keys.remembered(token) or await _look_up(request, here, token)
        here.limits.count(known.key.id)
        _check_place(request, here.peers, known)
        if known.key.bounds.signing_key is not None:
            await _check_signature(request, here, known.key, known.key.bounds.signing_key)
        return known.caller
    if not scheme and request.method in _SAFE:
        visitor = await here.sessions.visitor(request)
        if visitor is not None:
            return visitor.caller
    raise unauthenticated()


async def _look_up(request: Request, here: Services, token: str) -> Known:
    address = here.peers.counted(request)
    here.limits.check(address)
    try:
        return await run_in_threadpool(here.keys.look_up, token)
    except UnauthorisedError:
        here.limits.count_failure(address)
        raise unauthenticated() from None


def unauthenticated(detail: str | None = None) -> HTTPException:
    """The answer to a request that does not show who makes it."""
    return HTTPException(401, detail, {"WWW-Authenticate": 'Bearer realm="poolproof"'})


def _check_place(request: Request, where: peers.Peers, known: Known) -> None:
    if known.networks:
        address = where.address(request)
        if address is None or not peers.within(address, known.networks):
            raise UnauthorisedError(f"this key may not be used from {address}")
    wanted = known.key.bounds.certificate
    if wanted is not None and where.certificate(request) != wanted:
        raise UnauthorisedError("this key is used with its client certificate only")


async def _check_signature(request: Request, here: Services, key: ApiKey, public: bytes) -> None:
    """Check the head, spend the nonce, and leave the body's digest to whoever reads it (:mod:`api.bodies`)."""
    target = signatures.Target(
        method=request.state.method if hasattr(request.state, "method") else request.method,
        path=request.scope["raw_path"].decode("ascii", "replace"),
        query=request.scope["query_string"].decode("ascii", "replace"),
    )
    now = here.ledger.clock().timestamp()
    try:
        signed = signatures.verify(target, request.headers, key_id=key.id, public=public, now=now)
    except UnauthorisedError as error:
        raise unauthenticated(str(error)) from None
    if request.method in _SAFE and signed.digest != _EMPTY:
        raise unauthenticated("Content-Digest: not that of the empty body")
    if not await run_in_threadpool(here.keys.use_nonce, key.id, signed):
        raise unauthenticated("Signature-Input: this nonce was used before")
    request.state.body_digest = signed.digest


#: For a route that asks for a reader's key under some settings only.
reader: Final = Allowed(Scope.READ)
#: The parameters by which a route knows its caller and requires a scope.
Reader = Annotated[Caller, Depends(reader)]
Writer = Annotated[Caller, Depends(Allowed(Scope.WRITE))]
Auditor = Annotated[Caller, Depends(Allowed(Scope.AUDIT))]
Attester = Annotated[Caller, Depends(Allowed(Scope.ATTEST))]
Admin = Annotated[Caller, Depends(Allowed(Scope.ADMIN))]


async def sign_in(request: Request, token: str) -> Caller:
    """The caller of a key that is typed into a page. Answers 401 and 403 as :func:`authenticate` does.

    A key whose requests must be signed cannot be used so: a page signs nothing.
    """
    here: Services = request.app.state.services
    known = await _look_up(request, here, token)
    _check_place(request, here.peers, known)
    if known.key.bounds.signing_key is not None:
        raise UnauthorisedError("this key signs each request: it is for programs")
    return known.caller
