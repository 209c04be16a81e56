"""What fsck reports: each contradiction that it found, and how much it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One contradiction. ``place`` names the entry, size, subject or file."""

    code: str
    place: str
    message: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What was looked at, and what is wrong. ``chain``: how many anchors the contract was asked about, or None."""

    origin: str
    size: int
    records: int = 0
    registers: int = 0
    erased: int = 0
    checkpoints: int = 0
    receipts: int = 0
    trust_roots: int = 0
    chain: int | None = None
    problems: list[Problem] = field(default_factory=list)
    #: what is not there, or was not asked, and contradicts nothing
    notes: list[Problem] = field(default_factory=list)

    def add(self, code: str, place: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, place, message))

    def note(self, code: str, place: str, message: str) -> None:
        """Say what is no contradiction and worth knowing."""
        self.notes.append(Problem(code, place, message))
