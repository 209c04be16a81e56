"""Getting one attestation into a block: sign, store, broadcast, and again with more or with another nonce.

The rules are in :mod:`ledger.relay.outbox`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from ledger.chain.attestation import SignedAttestation
from ledger.chain.attestation_registry import AttestationRegistry
from ledger.chain.client import Account, ChainClient
from ledger.chain.fees import Fees
from ledger.chain.model import Block, Sending
from ledger.chain.refusals import unfunded
from ledger.domain.calendar import format_instant, parse_instant
from ledger.errors import ConfigurationError
from ledger.relay.policy import RelayPolicy
from ledger.store import Store, nonces, relays
from ledger.store.relays import RelayRow, RelayTransactionRow

_logger = structlog.get_logger(__name__)

#: Each attempt was simulated before it was signed: a revert is a race, and races are not lost all day.
MAX_REVERTS: Final = 3


class Sender:
    """The part of the outbox that spends money; see :class:`ledger.relay.outbox.Relayer`."""

    def __init__(
        self,
        store: Store,
        log_id: int,
        client: ChainClient,
        registry: AttestationRegistry,
        account: Account,
        *,
        policy: RelayPolicy,
        chain_id: int,
        clock: Callable[[], datetime],
        fault: Callable[[str], None],
    ) -> None:
        self._store = store
        self._log_id = log_id
        self._client = client
        self._registry = registry
        self._account = account
        self._policy = policy
        self._chain_id = chain_id
        self._clock = clock
        self._fault = fault

    def send(self, job: RelayRow, latest: Block) -> bool:
        """Do what can be done at ``latest``, where the number of the job is its signer's next; True if it moved."""
        with self._store.read() as connection:
            stored = relays.transactions(connection, self._log_id, job.digest)
        if not stored or job.account != self._account.address:
            return self._sign(job, len(stored))
        last = stored[-1]
        if self._client.nonce(self._account.address, latest.number) > last.nonce:
            # Not ours, or reverted: the contract has not got it. Only now is another nonce safe.
            self._account_for(job, stored)
            return self._sign(job, len(stored))
        moved = False
        if self._hand_over(job, last) is Sending.TAKEN:
            moved = last.sent is None
            gap = self._gap_before(last.nonce)
            if gap is not None:
                _logger.warning("relay_nonce_gap", digest=job.digest.hex(), nonce=last.nonce, free=gap)
                return self._sign(job, len(stored), nonce=gap)
        if self._clock() - parse_instant(last.stored) >= self._policy.patience:
            return moved | self._sign(job, len(stored), replaces=last)
        return moved

    def _account_for(self, job: RelayRow, stored: list[RelayTransactionRow]) -> None:
        """Where did the nonce go? To another transaction: a warning. To reverts of ours: soon an end."""
        receipts = [(attempt, self._client.receipt(attempt.hash)) for attempt in stored]
        reverted = [attempt for attempt, receipt in receipts if receipt is not None and not receipt.succeeded]
        if len(reverted) >= MAX_REVERTS:
            raise ConfigurationError(
                f"{len(reverted)} transactions were reverted, the last is 0x{reverted[-1].hash.hex()};"
                " each costs gas, so no more are sent"
            )
        _logger.warning("relay_nonce_lost", digest=job.digest.hex(), nonce=stored[-1].nonce)

    def _gap_before(self, nonce: int) -> int | None:
        """The lowest nonce below ours that no transaction has, for which the chain would wait for ever."""
        pending = self._client.nonce(self._account.address, "pending")
        if pending >= nonce:
            return None
        pinned = self._pinned()
        return next((free for free in range(pending, nonce) if free not in pinned), None)

    def _pinned(self) -> set[int]:
        with self._store.read() as connection:
            return nonces.pinned(connection, self._chain_id, self._account.address)

    def _sign(
        self, job: RelayRow, stored: int, *, replaces: RelayTransactionRow | None = None, nonce: int | None = None
    ) -> bool:  # fmt: skip
        """Sign attempt ``stored`` + 1, store it, broadcast it; True if it was stored.

        Raises what the contract refuses.
        """
        fees = self._fees(job, replaces)
        if fees is None:
            return False
        data = self._registry.call_data(SignedAttestation.parse(job.file))
        gas = self._registry.estimate(self._account.address, data)
        if not self._affordable(job, gas * fees.max_fee):
            return False
        if nonce is None:
            nonce = replaces.nonce if replaces else self._next_nonce()
        signed = self._account.sign(
            self._client.transaction(
                nonce=nonce,
                gas=gas,
                fees=fees,
                chain_id=self._chain_id,
                data=data,
                to=self._registry.contract,
            )
        )
        self._fault("signed")
        attempt = RelayTransactionRow(
            attempt=stored + 1, hash=signed.hash, nonce=nonce, gas=gas, max_fee=fees.max_fee,
            priority_fee=fees.priority_fee, raw=signed.raw, stored=format_instant(self._clock()), sent=None,
        )  # fmt: skip
        with self._store.write() as connection:
            won = relays.add_transaction(
                connection, self._log_id, job.digest, chain_id=self._chain_id, account=self._account.address,
                transaction=attempt,
            )  # fmt: skip
        if not won:
            return False
        _logger.info(
            "relay_signed", digest=job.digest.hex(), attempt=attempt.attempt, hash=f"0x{signed.hash.hex()}"
        )
        self._fault("stored")
        self._hand_over(job, attempt)
        return True

    def _next_nonce(self) -> int:
        pending = self._client.nonce(self._account.address, "pending")
        return max([pending, *(held + 1 for held in self._pinned())])

    def _fees(self, job: RelayRow, replaces: RelayTransactionRow | None) -> Fees | None:
        offer = self._client.fees()
        if replaces is None:
            return offer.capped(self._policy.max_fee)
        stuck = Fees(max_fee=replaces.max_fee, priority_fee=replaces.priority_fee, market=offer.market)
        offer = offer.replacing(stuck).capped(self._policy.max_fee)
        if offer.replaces(stuck):
            return offer
        limit = self._policy.max_fee
        self._note(job, f"in no block yet, and the limit of {limit} wei per gas allows no higher offer")
        return None

    def _hand_over(self, job: RelayRow, transaction: RelayTransactionRow) -> Sending:
        outcome = self._client.broadcast(transaction.raw)
        self._fault("broadcast")
        if outcome is Sending.UNFUNDED:
            self._note(job, str(unfunded(self._account.address, self._client.balance(self._account.address))))
        if outcome is Sending.TAKEN and transaction.sent is None:
            with self._store.write() as connection:
                now = format_instant(self._clock())
                relays.mark_sent(connection, self._log_id, job.digest, transaction.attempt, now)
            self._fault("sent")
        return outcome

    def _affordable(self, job: RelayRow, most: int) -> bool:
        """Whether the account has ``most`` wei. If not the job waits: the account may be funded any time."""
        balance = self._client.balance(self._account.address)
        if balance < most:
            self._note(job, str(unfunded(self._account.address, balance)))
        return balance >= most

    def _note(self, job: RelayRow, problem: str) -> None:
        if job.problem != problem:
            with self._store.write() as connection:
                relays.note_problem(connection, self._log_id, job.digest, problem)
            _logger.warning("relay_waits", digest=job.digest.hex(), problem=problem)
