"""The tree of a mirror: every entry of the log, hashed to the root that its checkpoint signs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.errors import InconsistencyError, MalformedError, VerificationError
from ledger.mirror.folder import Folder
from ledger.proofs import tiles
from ledger.proofs.checkpoint import Checkpoint
from ledger.proofs.entries import RegisterEntry, parse_entry
from ledger.proofs.merkle import CompactRange, leaf_hash
from ledger.store import WriteConnection
from ledger.tree import extend

_DIGEST = 32
#: Entries between two writes of tiles.
_CHUNK = 1 << 16


@dataclass(slots=True)
class Entries:
    """What stands at each index below ``size``. ``registers`` and ``roots`` are by the size of the tree they end."""

    size: int
    registers: dict[int, RegisterEntry] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=dict)
    _digests: bytearray = field(default_factory=bytearray)

    def digest(self, index: int) -> bytes | None:
        """The digest of the record at ``index``; None where a register entry stands, or nothing."""
        if not 0 <= index < len(self._digests) // _DIGEST or index + 1 in self.registers:
            return None
        return bytes(self._digests[index * _DIGEST : (index + 1) * _DIGEST])

    def add(self, entry: bytes) -> None:
        """Take the next entry in."""
        found, index = parse_entry(entry), len(self._digests) // _DIGEST
        if isinstance(found, bytes):
            self._digests += found
            return
        if found.index != index:
            raise VerificationError(
                f"the register entry at {index} says that it stands at {found.index}", step="register"
            )
        self._digests += bytes(_DIGEST)
        self.registers[index + 1] = found


def read(connection: WriteConnection, log_id: int, folder: Folder, checkpoint: Checkpoint) -> Entries:
    """Hash all entries, store the tiles, and compare with the checkpoint.

    Raises :class:`InconsistencyError` where the root is another, which is evidence against whoever signed it.
    """
    entries, tree = Entries(checkpoint.size), CompactRange()
    waiting: list[bytes] = []
    for tile in tiles.bundles_for(checkpoint.size):
        try:
            bundle = tiles.parse_bundle(folder.bundle(tile), tile.width)
            for entry in bundle:
                entries.add(entry)
        except MalformedError as error:
            raise VerificationError(str(error), step="tree", evidence={"bundle": str(tile)}) from error
        for entry in bundle:
            waiting.append(leaf_hash(entry))
            tree.append(waiting[-1])
            if tree.size in entries.registers:
                entries.roots[tree.size] = tree.root()
        if len(waiting) >= _CHUNK or tree.size == checkpoint.size:
            extend(connection, log_id, tree.size - len(waiting), waiting)
            waiting = []
    if tree.root() != checkpoint.root:
        raise InconsistencyError(
            f"the entries that the server shows give another root of size {checkpoint.size} than its checkpoint signs",
            step="tree",
            evidence={"found": tree.root().hex(), "signed": bytes(checkpoint.root).hex()},
        )
    return entries
