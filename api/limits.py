"""How often one may ask: each key by itself, and each address for attempts without a key in force.

Counted in the memory of each process, over a sliding minute: with several processes a key gets as much from each, so
the settings are for one process. Nothing is asked of the database for a request that is turned away.
"""

from __future__ import annotations

import math
import time
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.exceptions import HTTPException

_WINDOW_SECONDS: Final = 60


class Limits:
    """Counts and turns away; 0 for a number means no limit."""

    def __init__(self, *, per_key: int, failures: int) -> None:
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._per_key = RateLimitItemPerMinute(per_key) if per_key else None
        self._failures = RateLimitItemPerMinute(failures) if failures else None

    def count(self, key_id: str) -> None:
        """Count a request of a key; answers 429 where there were too many."""
        item = self._per_key
        if item is not None and not self._counter.hit(item, "key", key_id):
            raise self._refusal(item, "key", key_id, "this key asks too often")

    def check(self, address: str) -> None:
        """Answer 429 where too many attempts from an address have failed: they are not even looked up."""
        item = self._failures
        if item is not None and address and not self._counter.test(item, "address", address):
            raise self._refusal(item, "address", address, "too many requests without a valid key from here")

    def count_failure(self, address: str) -> None:
        """Count an attempt with a key that is not in force."""
        if self._failures is not None and address:
            self._counter.hit(self._failures, "address", address)

    def _refusal(self, item: RateLimitItemPerMinute, kind: str, name: str, detail: str) -> HTTPException:
        window = self._counter.get_window_stats(item, kind, name)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        headers = {
            "Retry-After": str(wait),
            # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
            "RateLimit-Policy": f'"{kind}";q={item.amount};w={_WINDOW_SECONDS}',
            "RateLimit": f'"{kind}";r={window.remaining};t={wait}',
        }
        return HTTPException(429, detail, headers)
