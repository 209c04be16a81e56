"""When to anchor, and how much patience and money to spend on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPolicy:
    """Settings of one outbox.

    interval     a newer checkpoint goes on chain when the last one was planned this long ago
    growth       … or at once when this many entries have come since; None to go by time alone
    patience     a transaction that is in no block for this long is replaced by one that offers more
    max_fee      wei per unit of gas that are never exceeded; a job that needs more waits and says so
    """

    #: 144 anchors a day cost some 11 million gas, whatever the volume.
    interval: timedelta = timedelta(seconds=600)
    growth: int | None = None
    #: Seven blocks of mainnet: by then an offer that was enough has been taken.
    patience: timedelta = timedelta(seconds=90)
    #: Mainnet was above this for a few hours a year at most.
    max_fee: int = 300 * _GWEI
