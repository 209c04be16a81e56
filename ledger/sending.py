"""Getting a call of a contract into a block: sign, store, broadcast, and again with more or with another nonce.

What every outbox promises of its transactions is kept here (:mod:`ledger.anchors.outbox`, :mod:`ledger.relay.outbox`):

1. A transaction is stored before it is broadcast, and what is stored is broadcast again as long as it is asked for.
   After a crash nothing is signed a second time.
2. A job has one nonce, which no other job of this database takes meanwhile. Replacements carry the same one, so that
   at most one of them can ever be in a block. Only when that nonce is lost to another transaction is a new one taken.
3. Of several replicas that sign at the same time one goes on, the others look again.
4. A job costs at most what :class:`Spending` allows, and is given up after :data:`MAX_REVERTS` reverted transactions.

Whether the call is still wanted is not decided here: the outbox asks the contract first, and sends only what it has
not got.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from ledger.chain.client import Account, ChainClient
from ledger.chain.fees import Fees
from ledger.chain.model import Block, Sending
from ledger.chain.refusals import unfunded
from ledger.domain.calendar import format_instant, parse_instant
from ledger.errors import ConfigurationError, VerificationError
from ledger.store import Store, outbox
from ledger.store.outbox import Job, TransactionRow

_logger = structlog.get_logger(__name__)

_GWEI: Final = 10**9

#: Each attempt was simulated before it was signed: a revert is a race, and races are not lost all day.
MAX_REVERTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """How much patience and money a transaction may cost.

    patience     one that is in no block for this long is replaced by one that offers more
    max_fee      wei per unit of gas that are never exceeded; a job that needs more waits and says so
    """

    #: Seven blocks of mainnet: by then an offer that was enough has been taken.
    patience: timedelta = timedelta(seconds=90)
    #: Mainnet was above this for a few hours a year at most.
    max_fee: int = 300 * _GWEI


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a job wants of the contract, as the contract stands now.

    job          the row that it is for
    data         makes the call data when something is to be signed; None where it has put another job before this one
    expected     what the data takes the contract to hold: what was signed when that was something else is replaced
    races        the contract's errors that only say that it went on: nothing is signed, a later pass looks again
    """

    job: Job
    data: Callable[[], bytes | None]
    expected: Mapping[str, int] = field(default_factory=dict)
    races: frozenset[str] = frozenset()


class Sender:
    """Sends for one account what jobs want of one contract; ``client`` is that contract's.

    ``fault`` is called with the name of each point of no return (``signed``, ``stored``, ``broadcast``, ``sent``);
    tests raise or kill there.
    """

    def __init__(
        self,
        store: Store,
        client: ChainClient,
        account: Account,
        *,
        spending: Spending,
        chain_id: int,
        clock: Callable[[], datetime],
        fault: Callable[[str], None],
    ) -> None:
        self._store = store
        self._client = client
        self._account = account
        self._spending = spending
        self._chain_id = chain_id
        self._clock = clock
        self._fault = fault

    def send(self, call: Call, latest: Block, *, hold: bool = False) -> bool:
        """Do what can be done at ``latest``, where the contract has not got it; True if anything moved.

        ``hold``: nothing can be signed now, since the call needs another one in a block first; what is signed is
        broadcast again.

        Raises what the contract refuses, and :class:`ConfigurationError` for too many reverts and a transaction that
        no node will ever take.
        """
        with self._store.read() as connection:
            account = outbox.standing(connection, call.job).account
            stored = outbox.transactions(connection, call.job)
        if not stored or account != self._account.address:
            return not hold and self._sign(call, len(stored))
        last = stored[-1]
        if self._client.nonce(self._account.address, latest.number) > last.nonce:
            # Not ours, or reverted: the contract has not got it. Only now is another nonce safe.
            self._account_for(call.job, stored)
            return not hold and self._sign(call, len(stored))
        if last.expected != call.expected and not hold:
            return self._sign(call, len(stored), replaces=last)
        moved = False
        if self._hand_over(call.job, last) is Sending.TAKEN:
            moved = last.sent is None
            gap = self._gap_before(last.nonce)
            if gap is not None and not hold:
                _logger.warning("transaction_nonce_gap", **_named(call.job), nonce=last.nonce, free=gap)
                return self._sign(call, len(stored), nonce=gap)
        if not hold and self._clock() - parse_instant(last.stored) >= self._spending.patience:
            return moved | self._sign(call, len(stored), replaces=last)
        return moved

    def _account_for(self, job: Job, stored: list[TransactionRow]) -> None:
        """Where did the nonce go? To another transaction: a warning. To reverts of ours: soon a stop."""
        receipts = [(attempt, self._client.receipt(attempt.hash)) for attempt in stored]
        reverted = [
            "0x" + attempt.hash.hex()
            for attempt, receipt in receipts
            if receipt is not None and not receipt.succeeded
        ]
        if len(reverted) >= MAX_REVERTS:
            raise ConfigurationError(
                f"{len(reverted)} transactions for {job.outbox.key} {job.key_text} were reverted, the last is"
                f" {reverted[-1]}; each costs gas, so no more are sent"
            )
        _logger.warning("transaction_nonce_lost", **_named(job), nonce=stored[-1].nonce, reverted=reverted)

    def _gap_before(self, nonce: int) -> int | None:
        """The lowest nonce below ours that no transaction has, for which the chain would wait for ever."""
        pending = self._client.nonce(self._account.address, "pending")
        if pending >= nonce:
            return None
        pinned = self._pinned()
        return next((free for free in range(pending, nonce) if free not in pinned), None)

    def _next_nonce(self) -> int:
        pending = self._client.nonce(self._account.address, "pending")
        return max([pending, *(held + 1 for held in self._pinned())])

    def _pinned(self) -> set[int]:
        with self._store.read() as connection:
            return outbox.pinned(connection, self._chain_id, self._account.address)

    # ------------------------------------------------------------------------------------------ one attempt

    def _sign(
        self, call: Call, stored: int, *, replaces: TransactionRow | None = None, nonce: int | None = None
    ) -> bool:
        """Sign attempt ``stored`` + 1, store it, broadcast it; False where that cannot or need not be done now."""
        data = call.data()
        if data is None:
            return True
        terms = self._terms(call, data, replaces)
        if terms is None:
            return False
        gas, fees = terms
        if nonce is None:
            nonce = replaces.nonce if replaces else self._next_nonce()
        signed = self._account.sign(
            self._client.transaction(
                nonce=nonce, gas=gas, fees=fees, chain_id=self._chain_id, data=data, to=self._client.contract
            )
        )
        self._fault("signed")
        attempt = TransactionRow(
            attempt=stored + 1, hash=signed.hash, nonce=nonce, gas=gas, max_fee=fees.max_fee,
            priority_fee=fees.priority_fee, raw=signed.raw, stored=format_instant(self._clock()), sent=None,
            expected=call.expected,
        )  # fmt: skip
        with self._store.write() as connection:
            won = outbox.add_transaction(
                connection, call.job, attempt, chain_id=self._chain_id, account=self._account.address
            )
        if not won:
            return False
        _logger.info(
            "transaction_signed", **_named(call.job), attempt=attempt.attempt, nonce=nonce,
            hash="0x" + signed.hash.hex(),
        )  # fmt: skip
        self._fault("stored")
        self._hand_over(call.job, attempt)
        return True

    def _terms(self, call: Call, data: bytes, replaces: TransactionRow | None) -> tuple[int, Fees] | None:
        """Gas and the offer for it; None where the limit, the account or a race forbids it now."""
        fees = self._fees(call.job, replaces)
        if fees is None:
            return None
        try:
            gas = self._client.estimate(self._account.address, data)
        except VerificationError as error:
            if error.evidence.get("error") in call.races:
                return None
            raise
        return (gas, fees) if self._affordable(call.job, gas * fees.max_fee) else None

    def _fees(self, job: Job, replaces: TransactionRow | None) -> Fees | None:
        limit, offer = self._spending.max_fee, self._client.fees()
        if replaces is None:
            return offer.capped(limit)
        stuck = Fees(max_fee=replaces.max_fee, priority_fee=replaces.priority_fee, market=offer.market)
        offer = offer.replacing(stuck).capped(limit)
        if offer.replaces(stuck):
            return offer
        self._note(job, f"in no block yet, and the limit of {limit} wei per gas allows no higher offer")
        return None

    def _affordable(self, job: Job, most: int) -> bool:
        """Whether the account has ``most`` wei. If not the job waits: the account may be funded any time."""
        balance = self._client.balance(self._account.address)
        if balance < most:
            self._note(job, str(unfunded(self._account.address, balance)))
        return balance >= most

    def _hand_over(self, job: Job, transaction: TransactionRow) -> Sending:
        outcome = self._client.broadcast(transaction.raw)
        self._fault("broadcast")
        if outcome is Sending.UNFUNDED:
            self._note(job, str(unfunded(self._account.address, self._client.balance(self._account.address))))
        if outcome is Sending.TAKEN and transaction.sent is None:
            with self._store.write() as connection:
                outbox.mark_sent(connection, job, transaction.attempt, format_instant(self._clock()))
            self._fault("sent")
        return outcome

    # ------------------------------------------------------------------------------------------ what is told

    def _note(self, job: Job, problem: str) -> None:
        """Once for each problem, not at each pass."""
        with self._store.read() as connection:
            if outbox.standing(connection, job).problem == problem:
                return
        with self._store.write() as connection:
            outbox.note_problem(connection, job, problem)
        _logger.warning("transaction_waits", **_named(job), problem=problem)


def _named(job: Job) -> dict[str, int | str]:
    """Which job a line of the service's log is about."""
    return {"outbox": job.outbox.name, "log_id": job.log_id, job.outbox.key: job.key_text}
