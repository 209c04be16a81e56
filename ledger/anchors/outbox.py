"""The outbox: every published size that shall be on chain gets there once, whatever fails on the way.

Rules, each shown by a test on a real chain:

1. The contract is the truth. What a node says of ``rootAt(log, size)`` answers a restart, a duplicate,
   another replica and a reorg alike; the table only remembers what was signed.
2. What is signed for a size, dearer or for another head, is handed out as :mod:`ledger.sending` promises: stored
   first, again until the contract has the root, and at most one of it in a block.
3. Nothing is anchored twice: the contract demands the head that the transaction expects.
4. Another root at our size, or at the head, stops everything: :class:`~ledger.errors.IntegrityError`.

Any number of replicas may run on one database: whoever stores the next attempt first goes on, and a
transaction that is broadcast twice is still one. :meth:`Anchorer.step` never waits; what it cannot do now it
does in a later pass, and ``problem`` of the row says why not now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from ledger import published
from ledger.anchors.calls import call_for
from ledger.anchors.evidence import collect
from ledger.anchors.policy import AnchorPolicy
from ledger.chain.client import Account, ChainClient
from ledger.chain.finality import Finality
from ledger.chain.model import Block, LogInfo
from ledger.domain.calendar import format_instant, parse_instant
from ledger.errors import (
    ConfigurationError,
    IntegrityError,
    PoolproofError,
    UnavailableError,
    VerificationError,
)
from ledger.sending import Sender, Spending
from ledger.store import Store, anchors, logs, outbox, trees
from ledger.store.anchors import AnchorRow
from ledger.store.logs import ChainRow, LogRow
from ledger.tree import tree_at

_logger = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

#: While waiting for a block. Below any chain's block time, and few enough calls for a metered endpoint.
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Sight:
    """The chain at one block: what all decisions of one pass are based on."""

    latest: Block
    info: LogInfo


class Anchorer:
    """The outbox of one log, for the account that anchors it.

    ``client`` need only know the node: contract and log are those the log is bound to in the database.
    ``fault`` is called with the name of each point of no return (``planned``, ``signed``, ``stored``,
    ``broadcast``, ``sent``, ``mined``, ``proved``, ``final``); tests raise or kill there.
    Raises :class:`ConfigurationError` for a log that is bound to no chain.
    """

    def __init__(
        self,
        store: Store,
        origin: str,
        client: ChainClient,
        account: Account,
        *,
        policy: AnchorPolicy | None = None,
        spending: Spending | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
        fault: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._store = store
        self._policy = policy or AnchorPolicy()
        self._clock = clock
        self._pause = pause
        self._fault = fault
        with store.read() as connection:
            log = logs.get(connection, origin)
        if log.chain is None:
            raise ConfigurationError(f"{origin} is bound to no chain, so there is nothing to anchor it on")
        self._log: LogRow = log
        self._chain: ChainRow = log.chain
        self._finality = Finality.parse(log.chain.finality)
        self._client = client.at(log.chain.contract, log.chain.log_key)
        self._sender = Sender(
            store,
            self._client,
            account,
            spending=spending or Spending(),
            chain_id=log.chain.chain_id,
            clock=clock,
            fault=fault,
        )
        self._checked_head: tuple[int, bytes] | None = None

    # -------------------------------------------------------------------------------------------- planning

    def plan(self, *, now: bool = False) -> AnchorRow | None:
        """Put the newest checkpoint into the outbox if the policy says so; the row if one is new.

        The policy plans none while an earlier one waits for its block. ``now`` overrides it.
        """
        with self._store.write() as connection:
            checkpoint = trees.checkpoint(connection, self._log.id)
            waiting = anchors.newest_size(connection, self._log.id, "planned", "sent")
            done = anchors.newest_size(connection, self._log.id, *anchors.ANCHORED)
            if checkpoint is None or checkpoint.size <= max(done, waiting):
                return None
            if not now and (
                waiting
                or not self._due(anchors.last_planned(connection, self._log.id), checkpoint.size - done)
            ):
                return None
            planned = format_instant(self._clock())
            anchors.want(connection, self._log.id, checkpoint.size, checkpoint.root, planned=planned)
            row = anchors.get(connection, self._log.id, checkpoint.size)
        _logger.info("anchor_planned", origin=self._log.origin, size=checkpoint.size)
        self._fault("planned")
        return row

    def take_up(self, size: int) -> None:
        """Put a published size into the outbox if it is not there: one whose row was lost, on chain or not.

        Raises :class:`NotFoundError` for a size that is not published.
        """
        with self._store.write() as connection:
            checkpoint = published.checkpoint(connection, self._log, size)
            anchors.want(connection, self._log.id, size, checkpoint.root)

    def _due(self, last: str | None, growth: int) -> bool:
        if last is None or (self._policy.growth is not None and growth >= self._policy.growth):
            return True
        return self._clock() - parse_instant(last) >= self._policy.interval

    # ------------------------------------------------------------------------------------------ one pass

    def step(self) -> bool:
        """One pass over all that is on its way; True if anything moved, so that another pass may move more.

        Raises :class:`IntegrityError` when the contract contradicts our log, :class:`ConfigurationError` and
        :class:`~ledger.errors.UnauthorisedError` for what an operator must change, and
        :class:`UnavailableError` when the node does not answer; the rows stay as they are.
        """
        with self._store.read() as connection:
            jobs = anchors.unfinished(connection, self._log.id)
        if not jobs:
            return False
        chain = self._chain
        self._client.check(chain_id=chain.chain_id, genesis=chain.genesis, code_hash=chain.code_hash)
        latest = self._client.latest()
        sight = _Sight(latest, self._client.log_info(latest.number))
        moved, waiting = False, False
        for job in jobs:
            try:
                self._check_head(sight.info)
                on_chain, job_moved = self._advance(job, sight, waiting=waiting)
            except PoolproofError as error:
                self._record(job, error)
                raise
            moved |= job_moved
            # What comes after a size that is in no block yet cannot be signed: its head is not there.
            waiting |= not on_chain
        return moved

    def run_until(
        self, size: int, level: Literal["anchored", "final"] = "anchored", *, timeout: float = 300
    ) -> AnchorRow:
        """Anchor until ``size`` is covered, and at ``level``; the row that covers it.

        What it waits for is logged when it begins to, so that nobody looks at a silent command until it gives up.
        Raises what :meth:`step` raises, and :class:`UnavailableError` after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        wanted = anchors.ANCHORED if level == "anchored" else ("final",)
        told = ""
        while True:
            delay: PoolproofError | None = None
            try:
                if self._covering(size) is None:
                    self.plan(now=True)
                moved = self.step()
            except UnavailableError as error:
                moved, delay = False, error
            row = self._covering(size)
            if row is not None and row.state in wanted:
                return row
            waits = str(delay or (row and row.problem) or "")
            if time.monotonic() > deadline:
                reason = waits or f"size {size} is {row.state if row else 'not published'}"
                raise UnavailableError(f"not {level} after {timeout:.0f} s: {reason}")
            if waits and waits != told:
                told = waits
                _logger.warning("anchor_waits", origin=self._log.origin, size=size, reason=waits)
            if not moved:
                self._pause(_POLL_SECONDS)

    def rows(self, *, after: int = 0) -> list[AnchorRow]:
        """The outbox, smallest size first."""
        with self._store.read() as connection:
            return anchors.listed(connection, self._log.id, after=after)

    def _covering(self, size: int) -> AnchorRow | None:
        with self._store.read() as connection:
            found = anchors.smallest_size_above(connection, self._log.id, size - 1)
            return anchors.get(connection, self._log.id, found) if found else None

    def _check_head(self, info: LogInfo) -> None:
        """The head of the contract must be a tree of ours; anything else is a fork or a lost database."""
        if info.size == 0 or self._checked_head == (info.size, info.root):
            return
        with self._store.read() as connection:
            log = logs.get(connection, self._log.origin)
            ours = tree_at(connection, log.id, info.size).root() if info.size <= log.size else None
        if ours is None:
            raise IntegrityError(
                f"{log.origin}: the contract holds size {info.size}, this database only {log.size} entries;"
                " it was restored from an older backup, or another database anchors the same log"
            )
        if ours != info.root:
            raise _conflict(log.origin, info.size, ours, info.root)
        self._checked_head = (info.size, info.root)

    def _advance(self, job: AnchorRow, sight: _Sight, *, waiting: bool) -> tuple[bool, bool]:
        """Whether the job is on chain, and whether it moved."""
        latest = sight.latest
        root = self._client.root_at(job.size, latest.number)
        if root is not None and root != job.root:
            raise _conflict(self._log.origin, job.size, job.root, root)
        if root is not None:
            return True, self._on_chain(job, latest)
        if sight.info.size > job.size:
            return True, self._passed_over(job, sight)
        if job.state == "mined":
            _logger.warning("anchor_undone_by_reorg", origin=self._log.origin, size=job.size)
            self._move(job, "sent", block_number=None, block_hash=None, block_time=None)
            self._send(job, sight, waiting=waiting)
            return False, True
        return False, self._send(job, sight, waiting=waiting)

    def _send(self, job: AnchorRow, sight: _Sight, *, waiting: bool) -> bool:
        call = call_for(self._store, self._log.id, self._client, job, sight.info)
        return self._sender.send(call, sight.latest, hold=waiting)

    def _passed_over(self, job: AnchorRow, sight: _Sight) -> bool:
        """The contract went on without this size: for good, once that is final."""
        final = self._client.final_block(self._finality, sight.latest)
        if final is None or final.number < sight.info.block_number:
            return False
        # Head and root were asked one after the other; they must be of one chain.
        if not self._client.is_canonical(sight.latest):
            return False
        self._move(job, "superseded", problem=f"the contract went on to size {sight.info.size} without it")
        return True

    def _record(self, job: AnchorRow, error: PoolproofError) -> None:
        """Leave a note at the row; an outage is no fault of the job."""
        if isinstance(error, UnavailableError):
            return
        log = _logger.critical if isinstance(error, IntegrityError) else _logger.error
        log("anchor_stopped", origin=self._log.origin, size=job.size, error=error.code, problem=str(error))
        with self._store.write() as connection:
            outbox.note_problem(connection, anchors.job(self._log.id, job.size), str(error))

    def _move(self, job: AnchorRow, state: str, **values: object) -> None:
        with self._store.write() as connection:
            outbox.move(connection, anchors.job(self._log.id, job.size), state, **values)
        _logger.info("anchor_moved", origin=self._log.origin, size=job.size, state=state)

    # ------------------------------------------------------------------------------- once it is on chain

    def _on_chain(self, job: AnchorRow, latest: Block) -> bool:
        moved = False
        block = self._known_block(job)
        if block is None:
            block = self._block_of(job, latest)
            place = {"block_number": block.number, "block_hash": block.hash, "block_time": block.time}
            self._move(job, "mined", problem=None, **place)
            self._fault("mined")
            moved = True
        final = self._client.final_block(self._finality, latest)
        if (
            final is None
            or final.number < block.number
            or self._client.root_at(job.size, final.number) != job.root
        ):
            return moved
        with self._store.read() as connection:
            checkpoint = trees.checkpoint(connection, self._log.id, job.size)
        if checkpoint is None:
            raise IntegrityError(
                f"{self._log.origin}: size {job.size} is on chain, but its checkpoint is gone"
            )
        evidence, missing = None, "final, but without evidence: this chain gives no state proofs"
        try:
            evidence = collect(self._client, self._log.origin, self._chain, checkpoint, [block, final])
        except VerificationError as error:
            missing = f"final, but without evidence: the node's state proof does not hold: {error}"
            _logger.warning(
                "anchor_evidence_refused", origin=self._log.origin, size=job.size, problem=str(error)
            )
        self._fault("proved")
        if not self._client.is_canonical(final):
            return moved
        self._move(job, "final", evidence=evidence, problem=None if evidence else missing)
        self._fault("final")
        return True

    def _known_block(self, job: AnchorRow) -> Block | None:
        """The block that the row names, if it is still part of the chain."""
        if job.state != "mined" or job.block_number is None:
            return None
        block = self._client.block(job.block_number)
        return block if block is not None and block.hash == job.block_hash else None

    def _block_of(self, job: AnchorRow, latest: Block) -> Block:
        """The block in which the contract accepted the size; by our own transactions, else by its event."""
        with self._store.read() as connection:
            stored = outbox.transactions(connection, anchors.job(self._log.id, job.size))
        for transaction in reversed(stored):
            receipt = self._client.receipt(transaction.hash)
            if receipt is not None and receipt.succeeded:
                block = self._client.block(receipt.block_number)
                if block is not None and block.hash == receipt.block_hash:
                    return block
        # Somebody else's transaction: another database with the same key, or a hand. Without the event the
        # newest block serves: it has the root too, only later.
        return self._client.anchored_in(job.size, latest) or latest


def _conflict(origin: str, size: int, ours: bytes, theirs: bytes) -> IntegrityError:
    return IntegrityError(
        f"{origin}: the contract holds another root at size {size}:"
        f" 0x{theirs.hex()} there, 0x{ours.hex()} here."
        " Nothing more is anchored until this is explained; run `poolproof fsck`"
    )
