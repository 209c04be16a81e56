"""What a transaction offers for gas, and what must replace it when it is stuck. Arithmetic only.

Amounts are wei per unit of gas. On chains with a fee market (EIP-1559) ``max_fee`` bounds the whole price
and ``priority_fee`` what of it the block's producer gets; elsewhere both are the gas price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Geth replaces a pending transaction only if both fees rise by 10 %; 9/8 is the next simple fraction above.
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8

#: The base fee can rise by 12.5 % a block: twice the present one lasts for six full blocks.
BASE_FEE_MARGIN = 2

#: 0.05 gwei: producers leave out transactions that offer them nothing.
MIN_PRIORITY_FEE = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """An offer. ``market`` is false on chains without EIP-1559."""

    max_fee: int
    priority_fee: int
    market: bool

    @classmethod
    def from_history(cls, next_base_fee: int, rewards: Sequence[int]) -> Fees:
        """From ``eth_feeHistory``: the next block's base fee and what recent blocks paid on top."""
        paid = sorted(reward for reward in rewards if reward > 0)
        priority = max(paid[len(paid) // 2] if paid else 0, MIN_PRIORITY_FEE)
        return cls(max_fee=next_base_fee * BASE_FEE_MARGIN + priority, priority_fee=priority, market=True)

    @classmethod
    def legacy(cls, gas_price: int) -> Fees:
        """From ``eth_gasPrice``."""
        return cls(max_fee=gas_price, priority_fee=gas_price, market=False)

    def replacing(self, stuck: Fees) -> Fees:
        """The least offer that nodes take in place of ``stuck``, or this one where it is higher."""
        return Fees(
            max_fee=max(self.max_fee, bumped(stuck.max_fee)),
            priority_fee=max(self.priority_fee, bumped(stuck.priority_fee)),
            market=self.market,
        )

    def capped(self, cap: int) -> Fees:
        """Never more than ``cap`` for a unit of gas."""
        return Fees(
            max_fee=min(self.max_fee, cap), priority_fee=min(self.priority_fee, cap), market=self.market
        )

    def replaces(self, stuck: Fees) -> bool:
        """True if every node takes this offer in place of ``stuck``."""
        return self.max_fee >= bumped(stuck.max_fee) and self.priority_fee >= bumped(stuck.priority_fee)


def bumped(fee: int) -> int:
    """9/8 of ``fee``, rounded up, and at least one more."""
    return max(-(-fee * BUMP_NUMERATOR // BUMP_DENOMINATOR), fee + 1)
