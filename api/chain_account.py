"""The account that pays for anchors: what it has, and for how long that lasts, without ever waiting for the chain.

A node is asked in a thread of its own, at most once in :data:`EVERY_SECONDS`; pages, metrics and health are told what
was seen last. Where nothing was seen yet they wait for :data:`FIRST_LOOK_SECONDS` and then go on without it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from ledger.anchors import funds
from ledger.errors import PoolproofError
from ledger.store import anchors, logs

if TYPE_CHECKING:
    from ledger.chain.client import ChainClient
    from ledger.log import Ledger

#: An anchor is made every few minutes: a balance of a minute ago is as good as a new one.
EVERY_SECONDS: Final = 60.0
#: A node nearby answers in a tenth of it; nobody notices half a second, once in the life of a process.
FIRST_LOOK_SECONDS: Final = 0.5
#: A node that takes longer is as good as gone; the thread must not hang for minutes.
_TIMEOUT_SECONDS: Final = 5.0

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look has shown. ``balance`` is in wei, None where the node did not answer. ``anchors`` is how many more it
    pays for at the gas of the last one and the fees of the moment, None where that is not known or gas costs nothing;
    ``low`` where that is less than a week's.
    """

    address: str
    balance: int | None
    anchors: int | None
    low: bool

    @property
    def answers(self) -> bool:
        """Whether the node did."""
        return self.balance is not None


class AccountWatch:
    """Looks at the account of a log's anchors; None is seen of a log on no chain, without a node, or before an anchor.

    ``anchor_seconds`` is how often one is made.
    """

    def __init__(
        self,
        ledger: Ledger,
        rpc_url: str | None,
        *,
        anchor_seconds: float,
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._rpc_url = rpc_url
        self._anchor_seconds = anchor_seconds
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._looked: float | None = None
        self._seen: Seen | None = None
        self._client: ChainClient | None = None

    def seen(self) -> Seen | None:
        """What was seen last; asks anew in the background where that was some time ago."""
        if self._rpc_url is None or self._ledger.row().chain is None:
            return None
        with self._lock:
            now = self._clock()
            first = self._looked is None
            if self._looking is None and (self._looked is None or now - self._looked >= self._every):
                self._looked = now
                self._looking = threading.Thread(target=self._look, name="chain-account", daemon=True)
                self._looking.start()
            looking = self._looking
        if first and looking is not None:
            looking.join(FIRST_LOOK_SECONDS)
        return self._seen

    def _look(self) -> None:
        try:
            self._seen = self._ask()
        except Exception:
            _logger.exception("chain_account.failed")
        finally:
            with self._lock:
                self._looking = None

    def _ask(self) -> Seen | None:
        with self._ledger.store.read() as connection:
            log = logs.get(connection, self._ledger.origin)
            payer = anchors.last_payer(connection, log.id)
        if payer is None:
            return None
        address = f"0x{payer.account.hex()}"
        try:
            found = funds.look(self._node(), payer.account, payer, anchor_seconds=self._anchor_seconds)
        except PoolproofError as error:
            _logger.warning("chain_account.not_told", reason=str(error))
            return Seen(address=address, balance=None, anchors=None, low=False)
        return Seen(address=address, balance=found.balance, anchors=found.anchors, low=found.low)

    def _node(self) -> ChainClient:
        if self._client is None:
            from ledger.chain.client import ChainClient

            self._client = ChainClient(str(self._rpc_url), timeout=_TIMEOUT_SECONDS)
        return self._client
