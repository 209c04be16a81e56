"""The outbox of anchors, against what was signed and proved, and against what the contract holds.

No tree commits to these rows. But each signed transaction says what its row must say and which anchor stood before it,
each evidence file leads from a block to a root, and each receipt stands under a size that was put into the outbox. The
contract, where it was asked, knows every anchor and the fingerprint of the trust root.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ledger.audit.fsck.problems import Report
from ledger.errors import PoolproofError, UnavailableError
from ledger.proofs.canonical import sha256
from ledger.proofs.evidence import Evidence
from ledger.store import ReadConnection, anchors, logs, outbox, trees
from ledger.store.anchors import AnchorRow
from ledger.store.logs import LogRow
from ledger.store.outbox import TransactionRow
from ledger.store.trees import CheckpointRow

if TYPE_CHECKING:
    from ledger.chain.model import Block, LogInfo

_WAITING: Final = frozenset({"planned", "sent"})
_STATES: Final = frozenset({*_WAITING, *anchors.ANCHORED, "superseded"})
#: What brings back a row that is lost; the contract has the root, so nothing is sent.
_TAKE_UP: Final = "`poolproof anchor --size {size}` takes it up again"


class Contract(Protocol):
    """What is asked of the log's contract; :class:`~ledger.chain.reader.ChainReader` answers it."""

    def latest(self) -> Block:
        """The newest block."""

    def log_info(self) -> LogInfo:
        """Its newest anchor, and the fingerprint of the trust root."""

    def root_at(self, size: int) -> bytes | None:
        """The root anchored at this size."""

    def block(self, block: int) -> Block | None:
        """The block of this number."""

    def anchor_blocks(self, latest: Block, *, first_block: int = 0) -> Sequence[tuple[int, int]]:
        """(size, block number) of every anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The contract as it was before the database was looked at: what is anchored meanwhile is no contradiction.

    ``anchored`` has the block of each size; None where the node does not tell.
    """

    contract: Contract
    size: int
    root: bytes
    trust_root: bytes
    anchored: Mapping[int, int] | None


def look(contract: Contract, *, first_block: int) -> Seen:
    """Ask the contract; ``first_block`` is where to begin, a hint. Raises :class:`UnavailableError`."""
    info = contract.log_info()
    try:
        blocks = dict(contract.anchor_blocks(contract.latest(), first_block=first_block))
    except UnavailableError:
        blocks = None  # a node that keeps no events of old blocks
    return Seen(
        contract=contract, size=info.size, root=info.root, trust_root=info.trust_root, anchored=blocks
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """One run over the rows; problems go to ``report`` under the codes ``anchor``, ``receipt`` and ``trust``."""

    connection: ReadConnection
    log: LogRow
    report: Report

    def check(self, stood: Mapping[int, int]) -> None:
        """The rows by themselves; ``stood`` are the sizes under which receipts stand, with the entry of one."""
        rows = {row.size: row for row in anchors.listed(self.connection, self.log.id)}
        for row in rows.values():
            where = f"anchor {row.size}"
            checkpoint = self._checkpoint(row.size)
            if checkpoint is None or checkpoint.root != row.root:
                self._add(where, "no checkpoint of the log has this size and root")
                continue
            for wrong in (*self._form(row), *self._signed(row)):
                self._add(where, wrong)
            document = anchors.evidence(self.connection, self.log.id, row.size)
            if document is not None:
                self._evidence(row, document, checkpoint)
            elif row.state == "final" and row.problem is None:
                self._add(where, "it is final, and neither its evidence is here nor why there is none")
        self._lacking(rows, stood)

    def _lacking(self, rows: Collection[int], stood: Mapping[int, int]) -> None:
        """Rows that others speak of and that are not there."""
        before: dict[int, int] = {}
        for size, prev_size in anchors.signed_sizes(self.connection, self.log.id):
            if size not in rows:
                before.setdefault(size, size)
            if prev_size and prev_size not in rows:
                before.setdefault(prev_size, size)
        for size, witness in before.items():
            told = (
                "transactions are signed for it" if size == witness else f"anchor {witness} was signed on it"
            )
            self._add(f"anchor {size}", f"{told}, and its row is not there: {_TAKE_UP.format(size=size)}")
        for size, index in stood.items():
            if size not in rows:
                told = f"its anchor {size} is not there: {_TAKE_UP.format(size=size)}"
                self.report.add("receipt", f"entry {index}", told)

    def _form(self, row: AnchorRow) -> list[str]:
        """What of a row contradicts itself."""
        if row.state not in _STATES:
            return [f"its state is {row.state!r}, which there is not"]
        wrong = []
        block = (row.block_number, row.block_hash, row.block_time)
        if row.state in anchors.ANCHORED and None in block:
            wrong.append(f"it is {row.state}, and its block is not named")
        if row.state == "sent" and not row.attempts:
            wrong.append("it is sent, and nothing was signed for it")
        return wrong

    def _signed(self, row: AnchorRow) -> list[str]:
        """What its transactions contradict. The last one has what the row repeats of it."""
        stored = outbox.transactions(self.connection, anchors.job(self.log.id, row.size))
        if len(stored) != row.attempts or any(one.attempt != n for n, one in enumerate(stored, start=1)):
            return [f"{row.attempts} transactions were signed for it, {len(stored)} are here"]
        wrong = [told for one in stored if (told := self._transaction(row, one)) is not None]
        if stored and (row.nonce, row.prev_size) != (stored[-1].nonce, stored[-1].expected["prev_size"]):
            wrong.append("nonce or previous size are not those of its last transaction")
        return wrong

    def _transaction(self, row: AnchorRow, stored: TransactionRow) -> str | None:
        from ledger.chain.signed import read_anchor

        what = f"transaction {stored.attempt}"
        try:
            said = read_anchor(stored.raw)
        except PoolproofError as error:
            return f"{what}: {error}"
        chain = self.log.chain
        if chain is None or (said.contract, said.log_key) != (chain.contract, chain.log_key):
            return f"{what} is to another contract or log"
        kept = (
            stored.hash,
            stored.nonce,
            stored.gas,
            stored.max_fee,
            stored.priority_fee,
            stored.expected["prev_size"],
        )
        told = (said.hash, said.nonce, said.gas, said.max_fee, said.priority_fee, said.prev_size)
        if kept != told or (said.size, said.root) != (row.size, row.root):
            return f"{what} says something else than its row"
        return None

    def _evidence(self, row: AnchorRow, document: bytes, checkpoint: CheckpointRow) -> None:
        from ledger.chain.stateproof import verify_state

        where, chain = f"anchor {row.size}", self.log.chain
        try:
            one = Evidence.parse(document)
            if (one.size, one.root) != (checkpoint.size, checkpoint.root) or chain is None:
                self._add(where, "its evidence is of another anchor")
                return
            time = verify_state(one, contract=chain.contract, code_hash=chain.code_hash, log_id=chain.log_key)
        except PoolproofError as error:
            self._add(where, f"its evidence: {error}")
            return
        # Where the node had forgotten the anchor's own block, the evidence is of a later one.
        number = row.block_number or 0
        if one.block_number < number:
            self._add(where, f"its evidence is of block {one.block_number}, before its own block {number}")
        elif one.block_number == number and (row.block_hash, row.block_time) != (one.block_hash, time):
            self._add(where, f"its evidence has another hash or time of block {number}")

    # -- what the contract says ----------------------------------------------------------------------------

    def compare(self, seen: Seen) -> None:
        """The contract holds what the rows and the newest trust root say, and nothing that they do not know."""
        rows = anchors.listed(self.connection, self.log.id)
        self.report.chain = 0
        self._newest(seen)
        for row in rows:
            if row.state in anchors.ANCHORED:
                self.report.chain += 1
                self._held(row, seen)
        known = {row.size for row in rows if row.state in anchors.ANCHORED}
        on_their_way = {row.size for row in rows if row.state in _WAITING}
        if seen.anchored is None:
            self.report.note("anchor", "all", "the node tells no events, so only known anchors were compared")
        for size in sorted((seen.anchored or {}).keys() - known - on_their_way):
            self._unknown(size, seen)
        self._trust(seen)

    def _held(self, row: AnchorRow, seen: Seen) -> None:
        where, held, checkpoint = (
            f"anchor {row.size}",
            seen.contract.root_at(row.size),
            self._checkpoint(row.size),
        )
        if held is None:
            self._add(where, "the contract knows no root at this size")
            return
        if checkpoint is None or held != checkpoint.root:
            self._add(where, f"the contract holds {held.hex()}, another root than the log's")
            return
        if row.block_number is None:
            return
        block = seen.contract.block(row.block_number)
        if block is None or (block.hash, block.time) != (row.block_hash, row.block_time):
            self._add(where, f"block {row.block_number} has another hash or time on the chain")
        # What another hand anchored too long ago for its event to be found has the block in which it was seen.
        elif row.block_number < (seen.anchored or {}).get(row.size, 0):
            self._add(where, f"the contract took it in a later block than {row.block_number}")

    def _newest(self, seen: Seen) -> None:
        """The contract's newest anchor is a checkpoint of ours, whatever our own table of anchors knows of it."""
        if seen.size == 0:
            return
        where = f"anchor {seen.size}"
        if seen.size > self.log.published:
            self._add(
                where,
                f"the contract holds it, this database published {self.log.published}: it was restored from an "
                "older backup, or another database anchors the same log",
            )
            return
        checkpoint = self._checkpoint(seen.size)
        if checkpoint is None or checkpoint.root != seen.root:
            self._add(where, f"the contract's newest root is {seen.root.hex()}, none of the log's")

    def _unknown(self, size: int, seen: Seen) -> None:
        """An anchor of the contract of which the outbox has no row."""
        if size > self.log.published:
            return  # said of the newest
        where = f"anchor {size}"
        checkpoint, held = self._checkpoint(size), seen.contract.root_at(size)
        if checkpoint is None or checkpoint.root != held:
            self._add(where, "the contract holds it, and no checkpoint of the log has this size and root")
        else:
            self._add(where, f"the contract holds it, and its row is not there: {_TAKE_UP.format(size=size)}")

    def _trust(self, seen: Seen) -> None:
        """The newest trust root that was issued is the one that the contract names."""
        issued = logs.trust_roots_of(self.connection, self.log.id)
        named = seen.trust_root.hex()
        if not issued:
            self.report.add(
                "trust", self.log.origin, f"the contract names {named}, and none that was issued is here"
            )
            return
        number, _, document = issued[-1]
        if sha256(document) == seen.trust_root:
            return
        older = next((n for n, _, one in issued if sha256(one) == seen.trust_root), None)
        told = "which is none that was issued here" if older is None else f"which is trust root {older}"
        self.report.add(
            "trust", f"trust root {number}",
            f"the contract names {named}, {told}: `poolproof trust` issues what holds now and sets it there",
        )  # fmt: skip

    def _checkpoint(self, size: int) -> CheckpointRow | None:
        return trees.checkpoint(self.connection, self.log.id, size)

    def _add(self, where: str, message: str) -> None:
        self.report.add("anchor", where, message)
