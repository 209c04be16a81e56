"""What a signed document stands on: a checkpoint, its tree and the register at its end, held against each other first.

A receipt is issued once and kept for ever, and whoever gets a proof takes it elsewhere. So what a damaged database
gives is not signed: the checkpoint must bear the log's signature, the tiles must lead to its root, the register must be
the tree's last leaf, and a record must be the one that stands in the tree. It is the verifier's arithmetic, without its
trust root.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.errors import IntegrityError, MalformedError, VerificationError
from ledger.proofs import merkle
from ledger.proofs.canonical import sha256
from ledger.proofs.checkpoint import open_checkpoint
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.ladder import published_tree_end
from ledger.proofs.note import Verifier
from ledger.proofs.receipt import RegisterLeaf
from ledger.proofs.tiles import TileTree
from ledger.store import ReadConnection, logs, trees
from ledger.store.logs import LogRow
from ledger.store.trees import CheckpointRow, RegisterRow
from ledger.tree import tree_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What documents of one checkpoint stand on, read and checked once for all of them."""

    checkpoint: CheckpointRow
    tree: TileTree
    register: RegisterRow
    leaf: RegisterLeaf

    @classmethod
    def of(cls, connection: ReadConnection, log: LogRow, checkpoint: CheckpointRow) -> Ground:
        """Raises :class:`IntegrityError` naming what is damaged."""
        size = checkpoint.size
        keys = [Verifier.parse(row.key) for row in logs.list_keys(connection, log.id) if row.kind == "log"]
        try:
            signed = open_checkpoint(checkpoint.note, log.origin, keys).checkpoint
        except (MalformedError, VerificationError) as error:
            raise IntegrityError(f"the table checkpoints, size {size}: {error}") from error
        if (signed.size, signed.root) != (size, checkpoint.root):
            raise IntegrityError(f"the table checkpoints, size {size}: its note signs another size or root")
        register, tree = _register(connection, log, size), tree_at(connection, log.id, size)
        leaf = _leaf(register, tree)
        ground = cls(checkpoint=checkpoint, tree=tree, register=register, leaf=leaf)
        with ground.shown(f"the register at {size - 1}", "registers or tiles"):
            published_tree_end(signed, leaf.entry, leaf.proof)
        return ground

    def prove(self, index: int, record: bytes) -> tuple[bytes, ...]:
        """The way of a record, by its bytes, into the tree. Raises :class:`IntegrityError` where there is none."""
        proof = tuple(self.tree.inclusion_proof(index))
        leaf, size = merkle.leaf_hash(record_entry(sha256(record))), self.checkpoint.size
        with self.shown(f"record {index}", "records or tiles"):
            merkle.verify_inclusion(index, size, leaf, proof, self.checkpoint.root)
        return proof

    @contextmanager
    def shown(self, what: str, tables: str) -> Iterator[None]:
        """The block verifies something; what fails there is damage in one of these tables."""
        try:
            yield
        except (MalformedError, VerificationError) as error:
            raise IntegrityError(
                f"{what} is not what the tree of size {self.checkpoint.size} commits to: the table {tables} is damaged"
                f" ({error}); `poolproof fsck` names every place"
            ) from error


def register_leaf(connection: ReadConnection, log: LogRow, size: int) -> RegisterLeaf:
    """The register entry at the end of a published tree, with its proof."""
    return _leaf(_register(connection, log, size), tree_at(connection, log.id, size))


def _register(connection: ReadConnection, log: LogRow, size: int) -> RegisterRow:
    row = trees.register_at(connection, log.id, size - 1)
    if row is None:
        raise IntegrityError(
            f"checkpoint {size} does not end in a register entry: its row in the table registers is gone"
        )
    return row


def _leaf(row: RegisterRow, tree: TileTree) -> RegisterLeaf:
    entry = RegisterEntry(index=row.index, count=row.count, root=bytes(row.root)).encode()
    return RegisterLeaf(entry=entry, proof=tuple(tree.inclusion_proof(row.index)))
