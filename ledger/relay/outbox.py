"""The outbox: every attestation that was taken in gets on chain once, or is told why it cannot, whatever fails.

Rules, each shown by a test on a real chain:

1. The contract is the truth. It counts a signer's attestations and takes each number once, so that an attestation can
   never stand there twice, whoever relays it and however often.
2. What is signed for it is handed out as :mod:`ledger.sending` promises: stored first, again until the number is used,
   and at most one of it in a block.
3. An attestation that another relayed, or whose number another one of its signer took, is found on chain and told so.
4. One that cannot be any more (its time has passed, the contract refuses it for good) is ``failed`` and costs nothing.

Any number of replicas may run on one database. :meth:`Relayer.step` never waits; what it cannot do now it does in a
later pass, and ``problem`` of the row says why not now. What fails for one attestation stops no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from ledger.chain.attestation import SignedAttestation
from ledger.chain.attestation_registry import AttestationRegistry, Made
from ledger.chain.client import Account, ChainClient
from ledger.chain.finality import Finality
from ledger.chain.model import Block
from ledger.errors import ConfigurationError, VerificationError
from ledger.sending import Call, Sender, Spending
from ledger.store import Store, anchors, logs, outbox, relays
from ledger.store.outbox import Job
from ledger.store.relays import RelayRow

_logger = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

#: The contract's errors that no block, anchor or other attestation can change.
_FOR_EVER: Final = frozenset(
    {"InvalidSignature", "WrongRoot", "InvalidVerdict", "InvalidSubject", "InvalidScope", "ZeroEvidence"}
)


@dataclass(frozen=True, slots=True)
class _Sight:
    """The chain at one block: what all decisions of one pass are based on."""

    latest: Block
    final: Block | None


class Relayer:
    """The outbox of one log, for the account that pays.

    ``client`` need only know the node. ``fault`` is called with the name of each point of no return (``signed``,
    ``stored``, ``broadcast``, ``sent``, ``mined``, ``final``); tests raise or kill there.
    Raises :class:`ConfigurationError` for a log without an AttestationRegistry.
    """

    def __init__(
        self,
        store: Store,
        origin: str,
        client: ChainClient,
        account: Account,
        *,
        spending: Spending | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        fault: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._store = store
        self._fault = fault
        with store.read() as connection:
            log = logs.get(connection, origin)
        if log.chain is None or log.attestations is None:
            raise ConfigurationError(f"{origin} has no AttestationRegistry, so there is nowhere to relay to")
        self._log, self._chain = log, log.chain
        self._finality = Finality.parse(log.chain.finality)
        self._client = client.at(log.chain.contract, log.chain.log_key)
        self._registry = AttestationRegistry(client, log.attestations)
        self._checked = False
        self._sender = Sender(
            store, self._registry.client, account, spending=spending or Spending(), chain_id=log.chain.chain_id,
            clock=clock, fault=fault,
        )  # fmt: skip

    def step(self) -> bool:
        """One pass over all that is on its way; True if anything moved, so that another pass may move more.

        Raises :class:`ConfigurationError` and :class:`VerificationError` for another chain or contract than the log's,
        and :class:`~ledger.errors.UnavailableError` when the node does not answer; the rows stay as they are.
        """
        with self._store.read() as connection:
            jobs = relays.unfinished(connection, self._log.id)
        if not jobs:
            return False
        chain = self._chain
        self._client.check(chain_id=chain.chain_id, genesis=chain.genesis, code_hash=chain.code_hash)
        if not self._checked:
            self._registry.check(anchors=chain.contract)
            self._checked = True
        latest = self._client.latest()
        sight = _Sight(latest, self._client.final_block(self._finality, latest))
        moved = False
        for job in jobs:
            try:
                moved |= self._advance(job, sight)
            except (ConfigurationError, VerificationError) as error:
                moved |= self._refused(job, error)
        return moved

    # ------------------------------------------------------------------------------------------ one job

    def _advance(self, job: RelayRow, sight: _Sight) -> bool:
        signed = SignedAttestation.parse(job.file)
        number, wanted = self._registry.nonce_of(job.signer, sight.latest.number), signed.attestation.nonce
        if number > wanted:
            return self._used(job, signed, sight)
        if job.state == "mined":
            _logger.warning("relay_undone_by_reorg", digest=job.digest.hex())
            nowhere = dict.fromkeys(("transaction_hash", "block_number", "block_hash", "block_time"))
            self._move(job, "sent" if job.attempts else "waiting", **nowhere)
            return True
        if sight.final is not None and sight.final.time > signed.attestation.deadline:
            self._move(job, "failed", problem="its deadline has passed")
            return True
        if sight.latest.time > signed.attestation.deadline:
            return False  # in this block it is too late; not before it is final is that for good
        if number < wanted:
            self._note(job, f"waits for number {number} of its signer, who has made {number} so far")
            return False
        call = Call(job=self._job(job), data=lambda: self._registry.call_data(signed))
        return self._sender.send(call, sight.latest)

    def _used(self, job: RelayRow, signed: SignedAttestation, sight: _Sight) -> bool:
        """The contract has an attestation with this number: ours, most likely."""
        if job.state == "mined" and job.block_number is not None:
            block = self._client.block(job.block_number)
            if block is not None and block.hash == job.block_hash:
                return self._finish(job, block, sight)
        found = self._found(job, signed, sight.latest.number)
        block = None if found is None else self._client.block(found.block)
        if found is None or block is None:
            return self._lost(job, signed, sight)
        self._move(
            job, "mined", problem=None, transaction_hash=found.transaction, block_number=block.number,
            block_hash=block.hash, block_time=block.time,
        )  # fmt: skip
        self._fault("mined")
        self._finish(job, block, sight)
        return True

    def _found(self, job: RelayRow, signed: SignedAttestation, last: int) -> Made | None:
        """The event of this very attestation: in the block of a transaction of ours, else since its anchor."""
        with self._store.read() as connection:
            stored = outbox.transactions(connection, self._job(job))
            anchor = anchors.get(connection, self._log.id, signed.attestation.size)
        for transaction in reversed(stored):
            receipt = self._client.receipt(transaction.hash)
            if receipt is not None and receipt.succeeded:
                return self._made(signed, receipt.block_number, receipt.block_number)
        since = 0 if anchor is None or anchor.block_number is None else anchor.block_number
        return self._made(signed, since, last)

    def _made(self, signed: SignedAttestation, first: int, last: int) -> Made | None:
        one = signed.attestation
        made = self._registry.made_about(one.log, one.subject, first, last, signer=one.signer)
        return next((event for event in made if event.is_of(one)), None)

    def _lost(self, job: RelayRow, signed: SignedAttestation, sight: _Sight) -> bool:
        """The number is another attestation's, once that is final; before, the node may tell its events late."""
        final, number = sight.final, signed.attestation.nonce
        if final is None or self._registry.nonce_of(job.signer, final.number) <= number:
            return False
        if self._found(job, signed, final.number) is not None:
            return False
        self._move(job, "failed", problem=f"number {number} of its signer was used for another attestation")
        return True

    def _finish(self, job: RelayRow, block: Block, sight: _Sight) -> bool:
        if sight.final is None or sight.final.number < block.number or not self._client.is_canonical(block):
            return False
        self._move(job, "final", problem=None)
        self._fault("final")
        return True

    # ------------------------------------------------------------------------------------------- the row

    def _job(self, row: RelayRow) -> Job:
        return relays.job(self._log.id, row.digest)

    def _refused(self, job: RelayRow, error: ConfigurationError | VerificationError) -> bool:
        """The end where the contract will never take it. Anything else may pass, or an operator mends it."""
        evidence = error.evidence.get("error") if isinstance(error, VerificationError) else None
        if evidence not in _FOR_EVER:
            self._note(job, str(error))
            return False
        _logger.error("relay_failed", digest=job.digest.hex(), problem=str(error))
        self._move(job, "failed", problem=str(error))
        return True

    def _move(self, job: RelayRow, state: str, **values: object) -> None:
        with self._store.write() as connection:
            outbox.move(connection, self._job(job), state, **values)
        _logger.info("relay_moved", origin=self._log.origin, digest=job.digest.hex(), state=state)

    def _note(self, job: RelayRow, problem: str) -> None:
        if job.problem != problem:
            with self._store.write() as connection:
                outbox.note_problem(connection, self._job(job), problem)
