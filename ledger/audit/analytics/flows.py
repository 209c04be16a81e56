"""What one record moves of one claim's share: principal by a named flow, cash by component and payer, other amounts.

An amount of the whole loan is split to its claims as :func:`ledger.domain.money.split` does, and a claim's amount to
the share held as :func:`ledger.domain.seals.held` does. The principal of a payment is what the balance of the share
falls by, so that cash and balance agree to the last digit where a share is less than the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.audit.analytics.parts import Part, held
from ledger.audit.analytics.sums import AMOUNTS, COMPONENTS, FLOWS, RECOVERED, UNTOLD, MonthSums
from ledger.domain import money
from ledger.domain.events.changes import AmountWaived, LoanRefunded
from ledger.domain.events.creditors import GuarantorCompensated
from ledger.domain.events.money_in import (
    LoanPrepaid,
    RecoveryReceived,
    RepaymentReceived,
    RepaymentReversed,
    read_parts,
)
from ledger.domain.fold import Standing
from ledger.domain.loans import LoanState
from ledger.proofs.encumbrance import WHOLE

_BY_BORROWERS: Final = (RepaymentReceived, RepaymentReversed, LoanPrepaid)
_PAYMENTS: Final = (RepaymentReceived, LoanPrepaid)
_BY_COMPONENT: Final = (LoanRefunded, AmountWaived)


class Flows:
    """Reads the records of one loan in their order; ``state`` is the loan's."""

    def __init__(self, state: LoanState) -> None:
        self._shares = [claim.share for claim in state.claims]
        self._remainder, self._currency = state.remainder, state.currency
        self._payers: dict[str, str] = {}

    def note(self, one: Standing) -> None:
        """Remember who paid: a reversal names the payment that it undoes."""
        if isinstance(one.event, _PAYMENTS):
            payer = one.event.payer
            self._payers[one.record.id] = payer if isinstance(payer, str) else UNTOLD

    def add(self, one: Standing, part: Part, moved: int, into: MonthSums) -> tuple[str, int] | None:
        """Add the record to its month; ``moved`` is by how much it changed the principal of the share.

        Gives (name, units) of the flow: of principal, and of the whole where it is a recovery; None where it is none.
        """
        event, total = one.event, abs(moved)
        name = FLOWS.get(one.record.kind.name, "")
        if moved:
            into.change[name] += moved
        if isinstance(event, _BY_BORROWERS):
            rest = self._rest(one.amounts, part, -1 if isinstance(event, RepaymentReversed) else 1)
            self._cash(event.repayment if isinstance(event, RepaymentReversed) else one.record.id,
                       (-moved, *rest), into)  # fmt: skip
            total = sum(rest) - moved
        elif isinstance(event, _BY_COMPONENT):
            total = sum(self._rest(one.amounts, part, 1)) - moved
        elif isinstance(event, GuarantorCompensated):
            total = self._compensated(event, part) - moved
        elif isinstance(event, RecoveryReceived):
            name, total = RECOVERED, self._share_of(one.amounts, part)
        if name in AMOUNTS:
            into.amounts[name] += total
        if not name:
            return None
        return name, total if name == RECOVERED else abs(moved)

    def _share_of(self, units: int, part: Part) -> int:
        """What the pool's share of a claim is of an amount of the whole loan."""
        if units and len(self._shares) > 1:
            units = money.split(units, self._shares, self._remainder, self._currency)[part.place]
        return held(units, part.share, self._currency)

    def _rest(self, amounts: Sequence[int], part: Part, sign: int) -> tuple[int, ...]:
        """(interest, fee, penalty, other, unapplied) of the share."""
        total, principal, *parts = amounts
        rest = (*parts, total - principal - sum(parts))
        if part.share == WHOLE and len(self._shares) == 1:
            return rest if sign > 0 else tuple(-units for units in rest)
        return tuple(self._share_of(sign * units, part) for units in rest)

    def _compensated(self, event: GuarantorCompensated, part: Part) -> int:
        """What the guarantor paid on the claim beside principal."""
        rest = 0
        for paid in event.claims:
            if paid.claim == part.claim.name:
                rest += sum(read_parts(paid.applied, self._currency, "data.claims", negative=False)[1:])
        return held(rest, part.share, self._currency)

    def _cash(self, payment: str, components: Sequence[int], into: MonthSums) -> None:
        payer = self._payers.get(payment, UNTOLD)
        for name, units in zip(COMPONENTS, components, strict=True):
            if units:
                into.cash[name, payer] += units
