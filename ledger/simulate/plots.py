"""What is planted: a fraud, the loans that play in it, and what an auditor must find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ledger.simulate.options import FRAUDS


@dataclass(slots=True, kw_only=True)
class Plot:
    """One planted fraud. ``days`` are those on which something of it was posted, the first and the last."""

    kind: str
    pool: str
    loans: list[str] = field(default_factory=list)
    account: str | None = None
    days: list[str] = field(default_factory=list)

    def seen(self, day: str) -> None:
        """Something of it was posted."""
        self.days = [self.days[0] if self.days else day, day]

    def to_json(self) -> dict[str, Any]:
        """What an auditor must find, and where."""
        code, meaning = FRAUDS[self.kind]
        return {
            "fraud": self.kind,
            "finding": code,
            "meaning": meaning,
            "pool": self.pool,
            "loans": self.loans,
            "claims": [f"{loan}/c1" for loan in self.loans],
            "account": self.account,
            "days": self.days,
        }


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Money that the account bank has and the log has not."""

    account: str
    value_date: str
    fen: int
