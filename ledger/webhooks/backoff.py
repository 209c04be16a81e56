"""When a delivery that failed is tried again: the plan that the Standard Webhooks specification recommends."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

#: What passes between one attempt and the next: a receiver that restarts is back after seconds, one that is broken on a
#: Friday evening is mended on Monday; after three days nobody is working on it.
PLAN: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS: Final = len(PLAN) + 1
#: At most this part is added to a pause, so that those who failed together do not come back together.
JITTER: Final = 0.2
#: A receiver that asks to be left alone (429, 503) is left alone for at most this long.
MAX_RETRY_AFTER: Final = timedelta(hours=24)
_SPAN = 2**64


def pause(attempts: int, *, seed: str, retry_after: timedelta | None = None) -> timedelta | None:
    """How long to wait after the ``attempts``-th attempt failed; None when it was the last.

    ``seed`` fixes the jitter, so that the plan of a delivery can be told beforehand. A receiver's ``retry_after``
    makes the pause longer, never shorter, and not longer than :data:`MAX_RETRY_AFTER`.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    drawn = int.from_bytes(hashlib.sha256(f"{seed}:{attempts}".encode()).digest()[:8], "big")
    planned = PLAN[attempts - 1] * (1 + JITTER * drawn / _SPAN)
    return max(planned, min(retry_after or timedelta(), MAX_RETRY_AFTER))


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A ``Retry-After`` header (RFC 9110: seconds, or a date); None where there is none that can be read."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:10]), int(MAX_RETRY_AFTER.total_seconds())))
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:  # "-0000" says that the zone is not known
        return None
    return max(when - now, timedelta())
