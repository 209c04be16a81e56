"""Getting one size into a block: sign, store, broadcast, and again with more or with another nonce.

The rules are in :mod:`ledger.anchors.outbox`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from ledger.anchors.policy import AnchorPolicy
from ledger.chain.client import Account, ChainClient
from ledger.chain.fees import Fees
from ledger.chain.model import Block, LogInfo, Sending
from ledger.chain.refusals import unfunded
from ledger.domain.calendar import format_instant, parse_instant
from ledger.errors import ConfigurationError, VerificationError
from ledger.store import Store, anchors, nonces
from ledger.store.anchors import AnchorRow, TransactionRow
from ledger.tree import tree_at

_logger = structlog.get_logger(__name__)

#: The contract's errors for a head that moved between our look at it and the transaction.
_HEAD_MOVED = frozenset({"WrongPrevSize", "NotGrowing"})

#: Each attempt was simulated before it was signed: a revert is a race, and races are not lost all day.
MAX_REVERTS = 3


class Sender:
    """The part of the outbox that spends money; see :class:`ledger.anchors.outbox.Anchorer`."""

    def __init__(
        self,
        store: Store,
        log_id: int,
        client: ChainClient,
        account: Account,
        *,
        policy: AnchorPolicy,
        chain_id: int,
        clock: Callable[[], datetime],
        fault: Callable[[str], None],
    ) -> None:
        self._store = store
        self._log_id = log_id
        self._client = client
        self._account = account
        self._policy = policy
        self._chain_id = chain_id
        self._clock = clock
        self._fault = fault

    def send(self, job: AnchorRow, latest: Block, info: LogInfo, *, waiting: bool) -> bool:
        """Do what can be done at ``latest``, where the contract is at ``info``; True if anything moved.

        ``waiting``: an earlier size is in no block yet, so nothing can be signed on top of it; what is signed
        is broadcast again.
        """
        with self._store.read() as connection:
            stored = anchors.transactions(connection, self._log_id, job.size)
        if not stored or job.account != self._account.address:
            return not waiting and self._sign(job, info, len(stored))
        last = stored[-1]
        if self._client.nonce(self._account.address, latest.number) > last.nonce:
            # Not ours, or reverted: the contract has not got the root. Only now is another nonce safe.
            self._account_for(job, stored)
            return not waiting and self._sign(job, info, len(stored))
        if last.prev_size != info.size and not waiting:
            return self._sign(job, info, len(stored), replaces=last)
        moved = False
        outcome = self._hand_over(job, last)
        if outcome is Sending.TAKEN:
            moved = last.sent is None
            gap = self._gap_before(last.nonce)
            if gap is not None and not waiting:
                _logger.warning("anchor_nonce_gap", size=job.size, nonce=last.nonce, free=gap)
                return self._sign(job, info, len(stored), nonce=gap)
        if not waiting and self._clock() - parse_instant(last.stored) >= self._policy.patience:
            return moved | self._sign(job, info, len(stored), replaces=last)
        return moved

    def _account_for(self, job: AnchorRow, stored: list[TransactionRow]) -> None:
        """Where did the nonce go? To another transaction: a warning. To reverts of ours: soon a stop."""
        receipts = [(attempt, self._client.receipt(attempt.hash)) for attempt in stored]
        reverted = [attempt for attempt, receipt in receipts if receipt is not None and not receipt.succeeded]
        if len(reverted) >= MAX_REVERTS:
            raise ConfigurationError(
                f"{len(reverted)} transactions for size {job.size} were reverted, the last is"
                f" 0x{reverted[-1].hash.hex()}; each costs gas, so no more are sent"
            )
        _logger.warning(
            "anchor_nonce_lost",
            size=job.size,
            nonce=stored[-1].nonce,
            reverted=["0x" + r.hash.hex() for r in reverted],
        )

    def _gap_before(self, nonce: int) -> int | None:
        """The lowest nonce below ours that no transaction has, for which the chain would wait for ever."""
        pending = self._client.nonce(self._account.address, "pending")
        if pending >= nonce:
            return None
        with self._store.read() as connection:
            pinned = nonces.pinned(connection, self._chain_id, self._account.address)
        return next((free for free in range(pending, nonce) if free not in pinned), None)

    def _sign(
        self,
        job: AnchorRow,
        info: LogInfo,
        stored: int,
        *,
        replaces: TransactionRow | None = None,
        nonce: int | None = None,
    ) -> bool:
        """Sign, store and broadcast the next attempt; False where that cannot or need not be done now."""
        prev_size = info.size
        if self._too_far(job, info):
            return True
        with self._store.read() as connection:
            proof = (
                tree_at(connection, self._log_id, job.size).consistency_proof(prev_size) if prev_size else []
            )
            pinned = nonces.pinned(connection, self._chain_id, self._account.address)
        data = self._client.anchor_data(prev_size, job.size, job.root, proof)
        fees = self._fees(job, replaces)
        if fees is None:
            return False
        try:
            gas = self._client.estimate(self._account.address, data)
        except VerificationError as error:
            if error.evidence.get("error") in _HEAD_MOVED:
                return False
            raise
        if not self._affordable(job, gas * fees.max_fee):
            return False
        if nonce is None:
            pending = self._client.nonce(self._account.address, "pending")
            nonce = replaces.nonce if replaces else max([pending, *(held + 1 for held in pinned)])
        signed = self._account.sign(
            self._client.transaction(
                nonce=nonce,
                gas=gas,
                fees=fees,
                chain_id=self._chain_id,
                data=data,
                to=self._client.contract,
            )
        )
        self._fault("signed")
        attempt = TransactionRow(
            attempt=stored + 1,
            hash=signed.hash,
            nonce=nonce,
            prev_size=prev_size,
            gas=gas,
            max_fee=fees.max_fee,
            priority_fee=fees.priority_fee,
            raw=signed.raw,
            stored=format_instant(self._clock()),
            sent=None,
        )
        with self._store.write() as connection:
            won = anchors.add_transaction(connection, self._log_id, job.size, self._account.address, attempt)
        if not won:
            return False
        _logger.info(
            "anchor_signed",
            size=job.size,
            attempt=attempt.attempt,
            nonce=nonce,
            hash="0x" + signed.hash.hex(),
        )
        self._fault("stored")
        self._hand_over(job, attempt)
        return True

    def _too_far(self, job: AnchorRow, info: LogInfo) -> bool:
        """True when the contract wants a smaller step, which is in the outbox then, before this job."""
        if job.size - info.size <= info.max_growth:
            return False
        with self._store.write() as connection:
            limit = info.size + info.max_growth
            between = anchors.greatest_checkpoint(connection, self._log_id, above=info.size, at_most=limit)
            if between is None:
                raise ConfigurationError(
                    f"the contract takes at most {info.max_growth} entries an anchor; none was published"
                    f" between sizes {info.size} and {limit}: open a successor log with a higher limit"
                )
            anchors.want(connection, self._log_id, *between)
        return True

    def _fees(self, job: AnchorRow, replaces: TransactionRow | None) -> Fees | None:
        offer = self._client.fees()
        if replaces is None:
            return offer.capped(self._policy.max_fee)
        stuck = Fees(max_fee=replaces.max_fee, priority_fee=replaces.priority_fee, market=offer.market)
        offer = offer.replacing(stuck).capped(self._policy.max_fee)
        if offer.replaces(stuck):
            return offer
        self._note(
            job,
            f"in no block yet, and the limit of {self._policy.max_fee} wei per gas allows no higher offer",
        )
        return None

    def _hand_over(self, job: AnchorRow, transaction: TransactionRow) -> Sending:
        outcome = self._client.broadcast(transaction.raw)
        self._fault("broadcast")
        if outcome is Sending.UNFUNDED:
            self._note(job, str(unfunded(self._account.address, self._client.balance(self._account.address))))
        if outcome is Sending.TAKEN and transaction.sent is None:
            with self._store.write() as connection:
                anchors.mark_sent(
                    connection, self._log_id, job.size, transaction.attempt, format_instant(self._clock())
                )
            self._fault("sent")
        return outcome

    def _affordable(self, job: AnchorRow, most: int) -> bool:
        """Whether the account has ``most`` wei. If not the job waits: the account may be funded any time."""
        balance = self._client.balance(self._account.address)
        if balance < most:
            self._note(job, str(unfunded(self._account.address, balance)))
        return balance >= most

    def _note(self, job: AnchorRow, problem: str) -> None:
        if job.problem != problem:
            with self._store.write() as connection:
                anchors.note_problem(connection, self._log_id, job.size, problem)
            _logger.warning("anchor_waits", size=job.size, problem=problem)
