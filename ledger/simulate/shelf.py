"""A pool's shelf in a share of the loans: claims that wait to come in, and what the pool hears of those it has."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from ledger.simulate.platform import Creditors, PoolTerms

_SUNDAY: Final = 6


#: A claim c1 that comes in: its loan's name, its asset key, its principal in fen. There are many, and plain tuples go
#: through a pipe in half the time.
Taken = tuple[str, bytes, int]


class ShelfDay(NamedTuple):
    """A day of a shelf: ``ended`` are (why claims are released, loan), ``returned`` (loan, fen)."""

    taken: list[Taken]
    ended: list[tuple[str, str]]
    returned: list[tuple[str, int]]
    collected: int


class Shelved(Protocol):
    """What a shelf knows of a loan; ``pool`` is the shelf of the pool that has its claim c1."""

    name: str
    creditors: Creditors
    principal: int
    ended: bool
    pool: Shelf | None


class Shelf:
    """Where the loans of one share meet a pool."""

    def __init__(self, terms: PoolTerms) -> None:
        self.collected = 0
        self._sold = terms.takes == "claim.sold"
        self._offers: list[tuple[Taken, Shelved | None]] = []
        self._taken: list[Taken] = []
        self._ended: list[tuple[str, str]] = []
        self._returned: list[tuple[str, int]] = []

    def offer(self, claim: Taken, loan: Shelved | None) -> None:
        """A claim to take with the next batch; no loan where the pool is not to learn what becomes of it."""
        self._offers.append((claim, loan))

    def take_in(self, weekday: int, *, at_end: bool) -> None:
        """The pool takes what was offered and still lives; what is sold it takes once a week, and at a month's end."""
        if self._sold and weekday != _SUNDAY and not at_end:
            return
        offers, self._offers = self._offers, []
        for claim, loan in offers:
            if loan is None:
                self._taken.append(claim)
            elif not loan.ended:
                self._taken.append(claim)
                loan.pool = self

    def collect(self, loan: Shelved, *parts: int) -> None:
        """Principal, interest or penalty came in on a loan of this pool. Fees are their payees', and no part of it."""
        creditors = loan.creditors
        if len(creditors.shares) == 1:
            self.collected += sum(parts)
        else:
            for part in parts:
                self.collected += creditors.first(part)

    def end(self, name: str, reason: str) -> None:
        """The loan is over: its claim is released with the month's batch."""
        self._ended.append((reason, name))

    def return_claim(self, loan: Shelved) -> None:
        """The seller takes the claim back today."""
        self._returned.append((loan.name, loan.creditors.first(loan.principal)))
        loan.pool = None

    def close(self) -> ShelfDay:
        """What the day gave."""
        day = ShelfDay(self._taken, self._ended, self._returned, self.collected)
        self._taken, self._ended, self._returned, self.collected = [], [], [], 0
        return day
