"""Who is calling, and whether they may: API keys of parties, signed requests, sessions of the portal.

A key is looked up in the store and remembered for :data:`REMEMBERED_SECONDS`, so that a busy client does not
cost a query a request; a revoked key or a withdrawn grant therefore works for at most that long in each API process.

A session's cookie is enough to *read* (the portal's own links to documents); whatever changes something takes a key,
or goes through a page of the portal with its token against forged requests (:mod:`api.sessions`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from api import peers, signatures
from ledger import access
from ledger.access import Caller, Scope
from ledger.domain.calendar import format_instant
from ledger.errors import UnauthorisedError
from ledger.settings import networks
from ledger.store import access as stored
from ledger.store import keys

if TYPE_CHECKING:
    from api.services import Services
    from ledger.log import Ledger
    from ledger.settings import Network
    from ledger.store.keys import ApiKey

#: How long a revoked key may go on working. Short against the time a revocation takes to be decided, long
#: against the time between two requests of a busy client.
REMEMBERED_SECONDS: Final = 5.0
#: Keys in force are few; whoever fills this has them, so forgetting all is safe and only costs queries.
MAX_REMEMBERED: Final = 10_000
#: How exactly the last use of a key is kept: a write for each look-up would cost more than the look-up.
USE_KEPT: Final = timedelta(minutes=1)
#: Methods that change nothing; a session's cookie is enough for them.
_SAFE: Final = frozenset({"GET", "HEAD"})
_EMPTY: Final = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Known:
    """A key in force, and the caller that it makes."""

    key: ApiKey
    caller: Caller
    networks: tuple[Network, ...]


class KeyRing:
    """Tells whose token one is. Tokens are remembered by their hash, and only good ones."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._log_id = ledger.row().id
        self._clock = clock
        self._known: dict[bytes, tuple[float, Known]] = {}

    def remembered(self, token: str) -> Known | None:
        """The key, if the token was looked up a moment ago."""
        found = self._known.get(_hash(token))
        return found[1] if found is not None and found[0] > self._clock() else None

    def look_up(self, token: str) -> Known:
        """The key, from the store, which keeps that it is used. Raises :class:`UnauthorisedError`."""
        now = self._ledger.clock()
        with self._ledger.store.read() as connection:
            key = keys.authenticate(connection, self._log_id, token, now=format_instant(now))
            caller = access.caller(connection, self._log_id, key.party, key.bounds.scopes, key_id=key.id)
        stale = format_instant(now - USE_KEPT)
        if key.last_used is None or key.last_used <= stale:
            with self._ledger.store.write() as connection:
                keys.note_use(connection, key.id, now=format_instant(now), unless_after=stale)
        known = Known(key, caller, networks(",".join(key.bounds.networks), "networks"))
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[_hash(token)] = (self._clock() + REMEMBERED_SECONDS, known)
        return known

    def use_nonce(self, key_id: str, signed: signatures.Signed) -> bool:
        """Whether a signed request comes for the first time."""
        now = int(self._ledger.clock().timestamp())
        expires = signed.created + signatures.WINDOW_SECONDS
        with self._ledger.store.write() as connection:
            return stored.use_nonce(connection, key_id, signed.nonce, now=now, expires=expires)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


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
    # Told by a proxy of ours or by the connection; one that cannot be told is not counted.
    address = str(here.peers.address(request) or "")
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
