"""A store out of a mirror's files, derived as the owner's was: by the records, held against tree and registers.

The entries give the tree, and its root must be the one that the checkpoint signs; each published size must have the
root of its own checkpoint and the register whose pages the server gave: without that there is nothing to audit. Then
the records: one whose digest is not the entry's is a finding and is left out, as is whatever a register counts and
nobody showed. What nobody showed stands in the store by its digest alone, under a subject of no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ledger import register
from ledger.audit.findings import Notes
from ledger.audit.sight import Sight, Told
from ledger.errors import (
    InconsistencyError,
    IntegrityError,
    MalformedError,
    PoolproofError,
    VerificationError,
)
from ledger.mirror import entries as trees_of
from ledger.mirror import settled
from ledger.mirror.claims import Claims
from ledger.mirror.download import claims_name, settled_name
from ledger.mirror.entries import Entries
from ledger.mirror.folder import Folder
from ledger.mirror.form import BatchForm, ClaimForm, Head, PageForm, Published, ranges
from ledger.mirror.records import NOBODY, Shown
from ledger.proofs.acceptance import Batch
from ledger.proofs.canonical import b64decode
from ledger.proofs.documents import DetachedSignature, KeyName, check_signature
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.ladder import Ladder
from ledger.proofs.trust import TrustRoot
from ledger.store import Store, WriteConnection, logs, migrations, records, subjects, trees
from ledger.store.bulk import DuplicateError
from ledger.store.logs import ChainRow, PartyRow
from ledger.store.records import BatchRow
from ledger.store.subjects import SubjectRow
from ledger.store.trees import CheckpointRow, RegisterRow

#: A subject's secret in a mirror where nothing was told: it is not erased, and opens nothing.
_NOT_ERASED: Final = b""
_DATABASE: Final = "mirror.db"


def build(folder: Folder, trust: TrustRoot, head: Head) -> tuple[Store, Sight]:
    """Derive the store of a mirror at a size, and what its reader sees. The caller closes the store.

    Raises :class:`VerificationError` where the tree, a published size or a register is not what the log signed.
    """
    for suffix in ("", "-wal", "-shm"):
        (folder.path / f"{_DATABASE}{suffix}").unlink(missing_ok=True)
    store = derived(folder)
    migrations.create(store)
    try:
        with store.write() as connection:
            sight = _Builder(connection, folder, trust, head).run()
    except DuplicateError as error:
        store.close()
        raise VerificationError(f"two things of one name: {error}", step="records") from error
    except BaseException:
        store.close()
        raise
    return store, sight


def derived(folder: Folder) -> Store:
    """The store that the newest :func:`build` left in a mirror. The caller closes it."""
    return Store(f"sqlite:///{folder.path / _DATABASE}")


class _Builder:
    """One derivation, in one transaction."""

    def __init__(self, connection: WriteConnection, folder: Folder, trust: TrustRoot, head: Head) -> None:
        self.connection, self.folder, self.trust, self.head = connection, folder, trust, head
        self.ladder = Ladder(trust)
        self.notes = Notes()
        self.log_id = logs.create(connection, origin=trust.origin, zone=trust.zone, day_cut=trust.day_cut)
        self._describe()

    def run(self) -> Sight:
        """Everything in its order: what comes later is held against what came before."""
        size = self.head.size
        newest = self.ladder.checkpoint(self.folder.state.checkpoint).checkpoint
        entries = trees_of.read(self.connection, self.log_id, self.folder, newest)
        page = self._publish(entries)
        shown = Shown(self.head.pool, entries, self.notes)
        for rows in shown.read(self.folder, size):
            records.add(self.connection, self.log_id, rows)
        claims = Claims(shown, entries, size, self._values(page, shown), self.notes)
        claims.fill(self.folder.items(claims_name(self.head.pool, size), ClaimForm))
        subjects.put_claims(self.connection, self.log_id, claims.rows, [])
        subjects.add_encumbrances(self.connection, self.log_id, claims.steps)
        self._put_subjects(shown, claims)
        return self._sight(shown, entries)

    def _describe(self) -> None:
        """What the trust root says of the log."""
        for party in self.trust.parties:
            keys = tuple(verifier.vkey for verifier in party.verifiers)
            logs.put_party(self.connection, self.log_id, PartyRow(party.name, party.roles, keys))
        chain = self.trust.chain
        if chain is not None:
            logs.bind(
                self.connection, self.log_id,
                ChainRow(
                    chain_id=chain.chain_id, genesis=chain.genesis, contract=chain.contract,
                    code_hash=chain.code_hash, log_key=chain.log_id, finality=chain.finality, grade=chain.grade,
                    max_anchor_age=chain.max_anchor_age,  # type: ignore[arg-type]  # the column may be empty
                ),
            )  # fmt: skip

    # -- published sizes -----------------------------------------------------------------------------------

    def _publish(self, entries: Entries) -> int:
        """Checkpoints, registers and their pages up to the mirrored size; returns the root page of its register."""
        listed = {
            one.size: one for name in self.folder.registers() for one in self.folder.items(name, Published)
        }
        wanted = {size for size in entries.registers if size <= self.head.size}
        if wanted - listed.keys() or self.head.size not in wanted:
            missing = sorted((wanted - listed.keys()) | ({self.head.size} - wanted))
            raise VerificationError(
                f"{len(missing)} published sizes are not shown, the first of them {missing[0]}",
                step="register",
            )
        verified: dict[int, tuple[bytes, str]] = {}
        for size in sorted(wanted):
            self._checkpoint(listed[size], entries)
            self._register(listed[size], entries, verified)
        newest = listed[self.head.size]
        posted = self._batch(newest)
        logs.advance(
            self.connection, self.log_id, size=self.head.size, published=self.head.size, posted=posted,
            register_page=newest.page,
        )  # fmt: skip
        return newest.page

    def _checkpoint(self, one: Published, entries: Entries) -> None:
        signed = self.ladder.checkpoint(one.note).checkpoint
        if signed.size != one.size or signed.root != entries.roots[one.size]:
            raise InconsistencyError(
                f"the log signed another tree of size {one.size} than the one it shows",
                step="checkpoint",
                evidence={"checkpoint": one.note, "found": entries.roots[one.size].hex()},
            )
        row = CheckpointRow(one.size, bytes(signed.root), one.note.encode(), one.published)
        trees.add_checkpoint(self.connection, self.log_id, row)

    def _register(self, one: Published, entries: Entries, verified: dict[int, tuple[bytes, str]]) -> None:
        """The register's new pages, each of which must be what leads to it says."""
        entry = entries.registers[one.size]
        try:
            pages = [
                (page.id, b64decode(page.page))
                for page in self.folder.items(f"pages/{one.size}.ndjson", PageForm)
            ]
            trees.add_pages(self.connection, self.log_id, pages)
            register.verify(self._pages, one.page, entry.root, verified)
        except (IntegrityError, MalformedError) as error:
            raise VerificationError(f"size {one.size}: {error}", step="register") from error
        trees.add_register(
            self.connection, self.log_id, RegisterRow(one.size - 1, entry.count, entry.root, one.page)
        )

    def _pages(self, ids: Iterable[int]) -> Mapping[int, bytes]:
        return trees.pages(self.connection, self.log_id, ids)

    def _batch(self, one: Published) -> str:
        """When the newest record was posted, by the service's signature."""
        told = one.batch
        if told is None:
            raise VerificationError("no batch is told of the newest record", step="service_signature")
        row = _batch_row(told)
        # Records are accepted in batches one after the other, and the register entry follows the last of them.
        if row.first + row.count != one.size - 1:
            raise VerificationError(
                f"the batch that is told for size {one.size} ends before entry {row.first + row.count}",
                step="service_signature",
            )
        batch = Batch(
            origin=self.trust.origin, posted=row.posted, anchor_by=row.anchor_by, first=row.first, count=row.count,
            root=row.root,
        )  # fmt: skip
        signature = DetachedSignature(key=KeyName(row.key), value=row.signature)
        keys = self.trust.service_verifiers(one.size)
        check_signature(signature, batch.message(), keys, step="service_signature")
        records.add_batches(self.connection, self.log_id, [row])
        return row.posted

    # -- what is shown -------------------------------------------------------------------------------------

    def _values(self, page: int, shown: Shown) -> Mapping[bytes, bytes]:
        """What stands in the register under the keys of the claims shown."""
        keys = sorted(claim_key(key) for key, _ in shown.keys.values())
        return register.values(self._pages, page, keys)

    def _put_subjects(self, shown: Shown, claims: Claims) -> None:
        rows = [SubjectRow(NOBODY, "", 0, None, 0, _NOT_ERASED, b"")]
        for one in shown.subjects.values():
            told = claims.nonces.get(one.name)
            secret = None if one.erased else _NOT_ERASED if told is None else told.encode()
            rows.append(SubjectRow(one.id, one.name, one.count, one.head, one.last_index, secret, b""))
        subjects.put(self.connection, self.log_id, rows, [])

    def _sight(self, shown: Shown, entries: Entries) -> Sight:
        head = self.head
        if head.whole:
            if shown.dark:
                self.notes.find("log.not_shown", "log", count=shown.dark, first=shown.first_dark or 0)
            return Sight(opener=Told(), notes=self.notes)
        loans = sum(name.startswith("loan:") for name in shown.subjects)
        words = (
            (
                f"{shown.records} records: the pool's, those of {loans} loans that are or were in it, "
                "of the accounts they were paid to, the log's"
            ),
            f"not shown, by digest only: {shown.dark} records of others",
        )
        self.notes.procedure("duplicates").undecided("loans of other pools are not shown")
        told = (
            one
            for start, _ in ranges(0, head.size)
            for one in self.folder.items(settled_name(head.pool, head.size, start), settled.TOLD)
        )
        try:
            outside = settled.outside(told, entries, erased=shown.first_erased)
        except PoolproofError as error:
            raise VerificationError(str(error), step="settlements") from error
        return Sight(words=words, opener=Told(), notes=self.notes, outside=outside)


def _batch_row(told: BatchForm) -> BatchRow:
    try:
        root = bytes.fromhex(told.root)
        return BatchRow(
            told.first, told.count, root, told.posted, told.anchor_by, told.key, b64decode(told.signature, 64)
        )
    except (ValueError, MalformedError) as error:
        raise VerificationError(f"the newest batch: {error}", step="service_signature") from error
