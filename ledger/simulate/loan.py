"""A simulated loan while it lives: what the next event needs, and nothing that was said already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.simulate.plans import Plan
from ledger.simulate.platform import GRACE_DAYS, Creditors, Product
from ledger.simulate.plots import Plot
from ledger.simulate.shelf import Shelf

#: A linear congruential generator modulo 2^64 (Knuth's MMIX); the upper half of its state is drawn.
FACTOR: Final = 6364136223846793005
STEP: Final = 1442695040888963407
MASK: Final = 2**64 - 1
#: One more than the greatest draw.
DRAWS: Final = 2**32
#: Honest loans are dealt out over so many lanes: as many processes can work at them.
_LANES: Final = 16
#: All lanes; that of the planted loans comes first.
LANES: Final = range(_LANES + 1)
PLANTED: Final = LANES[0]

#: What a loan does on the day that it is filed for.
Step = Callable[["Loan"], None]


class Loan:
    """``k`` counts instalments that are done with, from 0; amounts in fen, days as ordinals.

    ``random`` is the loan's own stream of draws, so that what happens to others changes nothing for it. ``paid`` is
    what was paid on instalment ``k`` so far: (principal, interest, fee); ``payments`` are those of its plan.
    ``through`` says in the text of a payment by which channel and account it comes.
    """

    __slots__ = (
        "account", "creditors", "due", "ended", "guarantor", "k", "lane", "missed", "name", "number", "paid",
        "payments", "plan", "plot", "pool", "principal", "product", "random", "seq", "step", "terms", "through",
        "wallet",
    )  # fmt: skip

    def __init__(
        self,
        *,
        number: int,
        lane: int,
        product: Product,
        creditors: Creditors,
        plan: Plan,
        due: tuple[int, ...],
        guarantor: str | None,
        random: int,
        plot: Plot | None,
    ) -> None:
        self.number = number
        self.lane = lane
        self.name = name_of(number)
        self.product = product
        self.creditors = creditors
        self.plan = plan
        self.payments = plan.payments(creditors)
        self.due = due
        self.terms = len(due)
        self.random = random
        self.principal = plan.whole
        self.k = 0
        self.missed = 0
        self.seq = 2  # loan.originated and loan.disbursed come first
        self.paid = (0, 0, 0)
        self.ended = False
        self.guarantor = guarantor
        self.account = ""
        self.through = ""
        self.wallet = False
        self.pool: Shelf | None = None
        self.plot = plot
        #: None: it pays an instalment as planned
        self.step: Step | None = None

    def draw(self) -> int:
        """The next of this loan's draws, below :data:`DRAWS`."""
        self.random = state = (self.random * FACTOR + STEP) & MASK
        return state >> 32

    def reference(self) -> str:
        """16 digits for a reference of the bank, other ones after each draw."""
        return self.random.to_bytes(8).hex()

    def days_past_due(self, day: int) -> int:
        """Days since the oldest instalment that is not wholly paid fell due; none while its grace runs."""
        days = day - self.due[self.k] if self.k < self.terms else 0
        return days if days > GRACE_DAYS else 0


def name_of(number: int) -> str:
    """A loan's name."""
    return "L" + str(number).zfill(8)


def lane_of(number: int) -> int:
    """The lane of a loan that is not planted. Loans of one lane are simulated by one process."""
    return 1 + number % _LANES
