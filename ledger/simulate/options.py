"""What is simulated: size, span, seed, scenario and planted frauds, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ledger.errors import ConfigurationError

#: The log that is meant where none is named.
DEFAULT_ORIGIN: Final = "sim.example/consumer"
#: Most loans: their names have eight digits.
MAX_LOANS: Final = 99_000_000
MAX_MONTHS: Final = 360
#: With frauds: months that each of them needs to show, and loans among which one planted loan is drawn.
MIN_MONTHS_WITH_FRAUDS: Final = 5
LOANS_PER_FRAUD: Final = 20
#: Months before there is cash worth keeping.
FIRST_MONTHS_HONEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How a stress changes behaviour from the middle of the span on: factors in percent, 100 is as before."""

    meaning: str
    miss: int = 100
    late: int = 100
    cure: int = 100
    prepay: int = 100
    late_files: int = 100


SCENARIOS: Final[dict[str, Scenario]] = {
    "baseline": Scenario(meaning="nothing happens"),
    "unemployment_shock": Scenario(
        meaning="from the middle on, five times as many instalments are missed and half as many are cured",
        miss=500, late=200, cure=50, prepay=50,
    ),
    "prepayment_wave": Scenario(meaning="from the middle on, six times as many prepay", prepay=600),
    "servicer_outage": Scenario(
        meaning="from the middle on, ten times as many days have a file that comes late", late_files=1_000
    ),
}  # fmt: skip

#: Fraud → (the code of the finding that an auditor must raise, what is done).
FRAUDS: Final[dict[str, tuple[str, str]]] = {
    "double_pledge": (
        "settlement.reference_twice",
        "a loan is entered twice, under two names and two asset keys, and pledged to two lenders",
    ),
    "flip_flop": (
        "pledge.moved_between",
        "a claim is pledged to another lender over each month's end, and back afterwards",
    ),
    "masked_delinquency": (
        "dpd.cured_by_others",
        "the borrower has stopped paying, the platform advances, the tape says current",
    ),
    "invented_loan": (
        "settlement.unconfirmed",
        "a loan that nobody took out: its payments are in no statement of the account bank",
    ),
    "dropped_payment": (
        "settlement.contradicts",
        "a payment that the account bank has is not recorded",
    ),
    "inflated_balance": ("balance.contradicted", "the tape's balance is above what the records give"),
    "backdated_batch": (
        "back_dating.batch",
        "before a month's end missed instalments are entered as if they had been paid when due",
    ),
    "kept_cash": ("remittance.short", "a month's remittance accounts for nine tenths of what was collected"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``loans`` are taken out over the ``months`` from ``start`` on, a first of a month. ``weak`` is the share of
    loans without an asset key, ppm. Every ``report_every``-th loan stands on the monthly tapes; 0: none does.
    """

    seed: int = 1
    origin: str = DEFAULT_ORIGIN
    loans: int = 1_000
    start: date = date(2025, 1, 1)
    months: int = 12
    scenario: str = "baseline"
    frauds: tuple[tuple[str, int], ...] = ()
    weak: int = 0
    report_every: int = 50

    def __post_init__(self) -> None:
        """Raise :class:`ConfigurationError` for what cannot be simulated."""
        _check(1 <= self.loans <= MAX_LOANS, f"loans: 1 to {MAX_LOANS}")
        _check(1 <= self.months <= MAX_MONTHS, f"months: 1 to {MAX_MONTHS}")
        _check(self.start.day == 1, f"start: {self.start} is not the first of a month")
        _check(self.scenario in SCENARIOS, f"scenario {self.scenario!r}: one of {', '.join(SCENARIOS)}")
        _check(0 <= self.weak <= 1_000_000, "weak: 0 to 1000000 ppm")
        _check(self.report_every >= 0, "report_every: 0 or more")
        for name, count in self.frauds:
            _check(name in FRAUDS, f"fraud {name!r}: one of {', '.join(FRAUDS)}")
            _check(count >= 1, f"fraud {name}: at least 1")
            most = self.months - FIRST_MONTHS_HONEST
            _check(name != "kept_cash" or count <= most, f"fraud kept_cash: {most} months to keep cash in")
        planted = sum(count for _, count in self.frauds)
        if planted:
            _check(
                self.months >= MIN_MONTHS_WITH_FRAUDS,
                f"frauds need {MIN_MONTHS_WITH_FRAUDS} months to show, not {self.months}",
            )
            _check(
                self.loans >= LOANS_PER_FRAUD * planted,
                f"{planted} frauds need {LOANS_PER_FRAUD * planted} loans to hide among, not {self.loans}",
            )

    @property
    def last(self) -> date:
        """The last day, the end of a month."""
        month = self.start.month - 1 + self.months
        return date(self.start.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _check(good: bool, reason: str) -> None:
    if not good:
        raise ConfigurationError(reason)
