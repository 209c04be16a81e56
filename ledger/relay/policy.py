"""How much patience and money a relayed attestation may cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    """Settings of one outbox, with the meaning and the reasons that they have for anchors.

    patience     a transaction that is in no block for this long is replaced by one that offers more
    max_fee      wei per unit of gas that are never exceeded; a job that needs more waits and says so
    """

    patience: timedelta = timedelta(seconds=90)
    max_fee: int = 300 * _GWEI
