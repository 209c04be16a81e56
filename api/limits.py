"""How often one may ask: each key by itself, and each address for attempts without a key in force and for work that is
done for whoever asks.

Counted in the memory of each process, over a sliding minute: with several processes a key gets as much from each, so
the settings are for one process. Nothing is asked of the database for a request that is turned away.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException

_WINDOW_SECONDS: Final = 60


class Window:
    """Lets each name in at most ``most`` times a minute.

    Counted are the minute that runs and the one before it, of which that share counts that is less than a minute ago.
    The minutes are those of one clock for all names, so nothing has to be tidied away: the older count goes as a whole.
    (A library that keeps a timer for each name started a thread for two of three requests.) One event loop owns it.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._number = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def hit(self, name: str) -> bool:
        """Count a name, unless it is full; says whether it was counted."""
        if self.full(name):
            return False
        self._now[name] = self._now.get(name, 0) + 1
        return True

    def full(self, name: str) -> bool:
        """Whether a name would not be counted now."""
        gone = self._turn()
        share = 1 - gone / _WINDOW_SECONDS
        return self._before.get(name, 0) * share + self._now.get(name, 0) > self.most - 1

    def wait(self, name: str) -> int:
        """Whole seconds until a name that is full is let in once more."""
        gone = self._turn()
        now, before, room = self._now.get(name, 0), self._before.get(name, 0), self.most - 1
        if now <= room:  # as soon as enough of the minute before is a minute ago
            return math.ceil(_WINDOW_SECONDS * (1 - (room - now) / max(before, 1)) - gone) or 1
        return math.ceil(_WINDOW_SECONDS * (2 - room / now) - gone)

    def _turn(self) -> float:
        """Begin another minute where one is over; returns the seconds that the one that runs has had."""
        number, gone = divmod(self._clock(), _WINDOW_SECONDS)
        if number != self._number:
            self._before = self._now if number == self._number + 1 else {}
            self._now, self._number = {}, int(number)
        return gone


class Limits:
    """Counts and turns away; 0 for a number means no limit."""

    def __init__(self, *, per_key: int, failures: int, open_work: int) -> None:
        self._keys = Window(per_key) if per_key else None
        self._failures = Window(failures) if failures else None
        self._open_work = Window(open_work) if open_work else None

    def count(self, key_id: str) -> None:
        """Count a request of a key; answers 429 where there were too many."""
        if self._keys is not None and not self._keys.hit(key_id):
            raise _refusal(self._keys, "key", key_id, "this key asks too often")

    def check(self, address: str) -> None:
        """Answer 429 where too many attempts from an address have failed: they are not even looked up."""
        if self._failures is not None and address and self._failures.full(address):
            detail = "too many requests without a valid key from here"
            raise _refusal(self._failures, "address", address, detail)

    def count_failure(self, address: str) -> None:
        """Count an attempt with a key that is not in force."""
        if self._failures is not None and address:
            self._failures.hit(address)

    def count_open(self, address: str) -> None:
        """Count work that is done for an address without a key; answers 429 where there was too much."""
        if self._open_work is not None and address and not self._open_work.hit(address):
            raise _refusal(self._open_work, "address", address, "too many requests of this kind from here")


def _refusal(window: Window, kind: str, name: str, detail: str) -> HTTPException:
    wait = window.wait(name)
    headers = {
        "Retry-After": str(wait),
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        "RateLimit-Policy": f'"{kind}";q={window.most};w={_WINDOW_SECONDS}',
        "RateLimit": f'"{kind}";r=0;t={wait}',
    }
    return HTTPException(429, detail, headers)
