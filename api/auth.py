"""Who is calling: bearer API keys, each of one party of the log.

A key is looked up in the store and remembered for :data:`REMEMBERED_SECONDS`, so that a busy client does not
cost a query a request; a revoked key therefore works for at most that long in each API process.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from ledger.errors import UnauthorisedError
from ledger.log import Ledger
from ledger.store import keys

#: How long a revoked key may go on working. Short against the time a revocation takes to be decided, long
#: against the time between two requests of a busy client.
REMEMBERED_SECONDS: Final = 5.0
#: Keys in force are few; whoever fills this has them, so forgetting all is safe and only costs queries.
MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. Events that it posts are its party's, whatever their body says."""

    party: str
    key_id: str


class KeyRing:
    """Tells whose token one is. Tokens are remembered by their hash, and only good ones."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = ledger.store
        self._log_id = ledger.row().id
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    def remembered(self, token: str) -> Caller | None:
        """The caller, if the token was looked up a moment ago."""
        found = self._known.get(_hash(token))
        return found[1] if found is not None and found[0] > self._clock() else None

    def look_up(self, token: str) -> Caller:
        """The caller, from the store. Raises :class:`UnauthorisedError`."""
        with self._store.read() as connection:
            key = keys.authenticate(connection, self._log_id, token)
        caller = Caller(key.party, key.id)
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[_hash(token)] = (self._clock() + REMEMBERED_SECONDS, caller)
        return caller


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class ApiKey(HTTPBearer):
    """The dependency that makes a route require a key, and shows so in OpenAPI."""

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]  # a caller, not the header
        """The caller of this request; answers 401 without a key in force."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        ring: KeyRing = request.app.state.services.keys
        if scheme.lower() == "bearer" and token:
            caller = ring.remembered(token)
            if caller is not None:
                return caller
            try:
                return await run_in_threadpool(ring.look_up, token)
            except UnauthorisedError:
                pass
        raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer realm="poolproof"'})


_api_key = ApiKey(scheme_name="api_key", description="An API key: `poolproof_<id>_<secret>`.")
#: The parameter by which a route knows its caller.
Authenticated = Annotated[Caller, Depends(_api_key)]
