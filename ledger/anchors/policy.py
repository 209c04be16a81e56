"""When to anchor; how much patience and money to spend on it is in :class:`ledger.sending.Spending`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPolicy:
    """Settings of one outbox.

    interval     a newer checkpoint goes on chain when the last one was planned this long ago
    growth       … or at once when this many entries have come since; None to go by time alone
    """

    #: 144 anchors a day cost some 11 million gas, whatever the volume.
    interval: timedelta = timedelta(seconds=600)
    growth: int | None = None
