"""Whose API key a token is.

A key is looked up in the store and remembered for :data:`REMEMBERED_SECONDS`, so that a busy client does not
cost a query a request; a revoked key or a withdrawn grant therefore works for at most that long in each API process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from api import signatures
from ledger import access
from ledger.domain.calendar import format_instant
from ledger.settings import networks
from ledger.store import access as stored
from ledger.store import keys

if TYPE_CHECKING:
    from ledger.access import Caller
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
