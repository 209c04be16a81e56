"""For how many more anchors an account's money lasts: one reckoning for ``doctor``, health, metrics and pages.

An anchor costs what the last one has used, at the fees of the moment. Where none has been seen yet it costs what the
contract's gas tests promise for a log of a million entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ledger.chain.client import ChainClient
    from ledger.store.anchors import Payer

#: Days for which the money should last: an account is topped up by people, and they have weekends and approvals.
LOW_DAYS: Final = 7
#: What an anchor uses where none has been seen (design section 7).
USUAL_GAS: Final = 120_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """``balance`` is in wei; ``anchors`` is how many more it pays for, None where gas costs nothing.

    ``low`` where that is less than a week's.
    """

    balance: int
    anchors: int | None
    low: bool


def look(client: ChainClient, account: bytes, payer: Payer | None, *, anchor_seconds: float) -> Funds:
    """Ask the node what ``account`` has. ``payer`` tells of the log's newest anchor, None before the first.

    ``anchor_seconds`` is how often one is made. Raises what the client raises where the node does not answer.
    """
    receipts = (client.receipt(one) for one in (payer.transactions if payer else ()))
    gas = next((one.gas_used for one in receipts if one is not None), USUAL_GAS)
    balance, cost = client.balance(account), gas * client.fees().max_fee
    anchors = balance // cost if cost else None
    low = anchors is not None and anchors < int(LOW_DAYS * 86_400 / anchor_seconds)
    return Funds(balance=balance, anchors=anchors, low=low)
