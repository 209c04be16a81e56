"""What the log signs and hands out: acceptances, receipts and proofs of a claim's place.

Receipts are issued once and stored; the bytes that a partner holds are the bytes that stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger import published, register
from ledger.domain import record
from ledger.domain.fold import fold
from ledger.errors import IntegrityError, NotFoundError
from ledger.grounds import Ground
from ledger.proofs import mpt
from ledger.proofs.acceptance import Batch, BatchPrinter, BatchTree, leaf
from ledger.proofs.claimproof import ClaimProof, Holding, Link
from ledger.proofs.documents import DetachedSignature, KeyName
from ledger.proofs.encumbrance import (
    ClaimState,
    Encumbrance,
    claim_key,
    claim_value,
    holder_id,
    parse_holders,
    verify_history,
)
from ledger.proofs.note import Signer
from ledger.proofs.receipt import ChainBinding, Receipt
from ledger.publish import claim_preimages
from ledger.store import ReadConnection, Store, WriteConnection, anchors, logs, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.records import BatchRow, RecordRow
from ledger.store.subjects import ClaimRow, SubjectRow
from ledger.store.trees import CheckpointRow, ReceiptRow
from ledger.vault import Vault, unseal

#: How a record's bytes say that it has no private field.
_NOTHING_PRIVATE: Final = b'"private":[]'


def batch_of(log: LogRow, row: BatchRow) -> Batch:
    """A stored batch in the form that is signed."""
    return Batch(
        origin=log.origin,
        posted=row.posted,
        anchor_by=row.anchor_by,
        first=row.first,
        count=row.count,
        root=bytes(row.root),
    )


def batch_tree(rows: Iterable[RecordRow]) -> BatchTree:
    """The tree of acceptances over the records of one batch."""
    return BatchTree([leaf(row.digest.hex(), row.event_id, row.index, row.party) for row in rows])


def acceptance(connection: ReadConnection, log: LogRow, row: RecordRow) -> bytes:
    """The acceptance of a stored record, with the signature that was made when it was accepted."""
    return acceptances(connection, log, [row.index])[row.index]


def acceptances(connection: ReadConnection, log: LogRow, indexes: Iterable[int]) -> dict[int, bytes]:
    """The acceptances of the records at ``indexes``; each batch that they were accepted in is read once."""
    documents: dict[int, bytes] = {}
    first = stop = 0
    for index in sorted(set(indexes)):
        if index >= stop:
            stored = records.batch_of(connection, log.id, index)
            if stored is None:
                raise IntegrityError(f"record {index} stands in no batch")
            first, stop = stored.first, stored.first + stored.count
            rows = list(records.between(connection, log.id, first, stop))
            tree = batch_tree(rows)
            if tree.root != stored.root:
                raise IntegrityError(f"batch {first}: its records do not give the root that was signed")
            signature = DetachedSignature(key=KeyName(stored.key), value=bytes(stored.signature))
            printer = BatchPrinter(batch_of(log, stored), signature, tree)
        row = rows[index - first]
        documents[index] = printer.encode(
            index=index, event_id=row.event_id, party=row.party, digest=bytes(row.digest)
        )
    return documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """What issuing works with: where it stores, which log, whose keys."""

    store: Store
    origin: str
    vault: Vault
    service: Signer

    def receipt(self, row: RecordRow, *, disclosed: bool = True) -> bytes:
        """The receipt of a record, issued and stored when it is first asked for.

        It stands under the smallest anchored size that covers the record. Where none does yet it is issued under the
        smallest published one, and the anchor worker is told that this size is wanted on chain. Without ``disclosed``
        it is the same receipt for a reader who may not have the private fields: signed and stored once too. Raises
        :class:`NotFoundError` before a checkpoint covers the record and for an erased one.
        """
        with self.store.read() as connection:
            stored = trees.receipt(connection, logs.get(connection, self.origin).id, row.index)
        document = self._issued(row) if stored is None else stored.receipt
        if disclosed:
            return document
        if stored is not None and stored.bare is not None:
            return stored.bare
        return document if not Receipt.parse(document).disclosures else self._bared(row.index)

    def _bared(self, index: int) -> bytes:
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            stored = trees.receipt(connection, log.id, index)
            if stored is None:
                raise NotFoundError(f"entry {index} was erased just now")
            if stored.bare is not None:
                return stored.bare
            bare = replace(Receipt.parse(stored.receipt), disclosures=()).signed(self.service).encode()
            trees.add_bare(connection, log.id, index, bare)
            return bare

    def _issued(self, row: RecordRow) -> bytes:
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            stored = trees.receipt(connection, log.id, row.index)
            if stored is not None:
                return stored.receipt
            subject = _subject(connection, row.subject_id)
            sealed = records.sealed_disclosures(connection, log.id, row.index)
            ground = _wanted(connection, log, _checkpoint_for(connection, log, row.index))
            document = self._issue(log, row, ground, subject, sealed)
            trees.add_receipts(connection, log.id, [(row.index, document)])
            return document

    def receipts(self, rows: Sequence[tuple[RecordRow, bool]]) -> list[bytes]:
        """The receipts of many published records, each with or without its disclosures, in two transactions.

        What no anchor covers is issued under the newest checkpoint: one more anchor, and not one for every size. A
        record that is erased has none, and is left out.
        """
        with self.store.read() as connection:
            log_id = logs.get(connection, self.origin).id
            stored = trees.receipts_at(connection, log_id, [row.index for row, _ in rows])
        missing = [row for row, _ in rows if row.index not in stored and row.record is not None]
        if missing:
            stored |= self._issued_together(missing)
        found = []
        for row, disclosed in rows:
            held = stored.get(row.index)
            if held is None:
                continue
            bare = held.receipt if disclosed else held.bare
            if bare is None:
                bare = held.receipt if not Receipt.parse(held.receipt).disclosures else self._bared(row.index)
            found.append(bare)
        return found

    def _issued_together(self, rows: Sequence[RecordRow]) -> dict[int, ReceiptRow]:
        """Issue these, of ascending indexes; what others have issued or erased meanwhile is left as it is."""
        indexes = [row.index for row in rows]
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            stored = trees.receipts_at(connection, log.id, indexes)
            raw = records.raw_at(connection, log.id, indexes)
            sealed = records.sealed_at(connection, log.id, indexes)
            owners = subjects.by_id(connection, {row.subject_id for row in rows})
            made: list[tuple[int, bytes]] = []
            ground: Ground | None = None
            for row in rows:
                if row.index in stored or raw.get(row.index) is None:
                    continue
                if ground is None or row.index >= ground.checkpoint.size:
                    ground = _wanted(connection, log, _checkpoint_or_newest(connection, log, row.index))
                owner = owners.get(row.subject_id) or _subject(connection, row.subject_id)
                document = self._issue(log, row, ground, owner, sealed.get(row.index))
                made.append((row.index, document))
            trees.add_receipts(connection, log.id, made)
        return stored | {index: ReceiptRow(document, None) for index, document in made}

    def _issue(
        self, log: LogRow, row: RecordRow, ground: Ground, subject: SubjectRow, sealed: bytes | None
    ) -> bytes:
        """Make a record's receipt, if what the database has of it is what was committed: it is for ever.

        Raises :class:`NotFoundError` for an erased record, :class:`IntegrityError` for a damaged one.
        """
        if row.record is None and subject.secret is not None:
            raise IntegrityError(
                f"record {row.index} is missing in the table records, and its loan is not erased"
            )
        if row.record is None:
            raise NotFoundError(
                f"event {row.event_id!r} is erased: its record is gone, its digest stays at index {row.index}"
            )
        proof = ground.prove(row.index, bytes(row.record))
        disclosures: list[tuple[str, str, object]] = []
        if _NOTHING_PRIVATE not in row.record:
            if sealed is None or subject.secret is None:
                lost = "disclosures" if sealed is None else "subjects, its secret"
                raise IntegrityError(
                    f"record {row.index} has private fields, and what opens them is not in the table {lost}"
                )
            secret = self.vault.unwrap(subject.secret, subject.name)
            disclosures = unseal(secret, place(log.origin, row.party, row.event_id), sealed)
        document = Receipt(
            origin=log.origin,
            chain=chain_binding(log),
            index=row.index,
            record=bytes(row.record).decode(),
            disclosures=tuple(disclosures),
            proof=proof,
            checkpoint=ground.checkpoint.note.decode(),
            register=ground.leaf,
        )
        return document.signed(self.service).encode()

    def claim_proof(self, claim: str, size: int | None) -> bytes:
        """A claim's place in the register of a published size; see :meth:`ledger.log.Ledger.prove_claim`."""
        with self.store.read() as connection:
            log = logs.get(connection, self.origin)
            checkpoint = published.checkpoint(connection, log, size)
            ground = Ground.of(connection, log, checkpoint)
            row, asset_key = ground.register, asset_key_of(connection, log, claim)
            found = register.lookup(
                lambda ids: trees.pages(connection, log.id, ids), row.page, claim_key(asset_key)
            )
            standing = None
            if found.value is not None:
                standing = standing_at(connection, log, asset_key, row.index, self.vault)
            document = ClaimProof(
                origin=log.origin,
                chain=chain_binding(log),
                checkpoint=checkpoint.note.decode(),
                register=ground.leaf,
                presence=found.value is not None,
                asset_key=asset_key,
                proof=found.proof,
                encumbrance=standing[0] if standing else None,
                state=standing[1] if standing else None,
                history=_history(connection, log, asset_key, row.index) if standing else (),
            )
            _check_claim(connection, log, document, ground)
            return document.signed(self.service).encode()


def _check_claim(connection: ReadConnection, log: LogRow, document: ClaimProof, ground: Ground) -> None:
    """A claim proof shows what the register holds. Raises :class:`IntegrityError` for what a damaged database gave."""
    key, encumbrance, state = claim_key(document.asset_key), document.encumbrance, document.state
    with ground.shown(
        f"the claim {document.asset_key.hex()}", "claims, encumbrances, register_pages or records"
    ):
        if encumbrance is not None and state is not None:
            value = claim_value(encumbrance.encode(), state.encode())
            mpt.verify_presence(ground.register.root, key, value, document.proof)
            verify_history(None, encumbrance, [(link.digest, link.holders) for link in document.history])
            return
        mpt.verify_absence(ground.register.root, key, document.proof)
    known = subjects.claims_by_key(connection, log.id, [document.asset_key]).get(document.asset_key)
    if known is not None and known.index < ground.register.index:
        raise IntegrityError(
            f"the table claims has {document.asset_key.hex()} for claim {known.name} since entry {known.index}, the"
            f" register at {ground.register.index} holds nothing under it: one of the two is damaged"
        )


def place(origin: str, party: str, event_id: str) -> str:
    """What ties sealed disclosures to their record."""
    return f"{origin}\n{party}\n{event_id}"


def standing_at(
    connection: ReadConnection, log: LogRow, asset_key: bytes, before: int, vault: Vault
) -> tuple[Encumbrance, ClaimState]:
    """A claim's register preimages as they were when the entry at ``before`` was written, folded from the records."""
    claim = subjects.claims_by_key(connection, log.id, [asset_key]).get(asset_key)
    if claim is None:
        raise IntegrityError(f"the register holds the claim {asset_key.hex()}, the table claims does not")
    loan = _subject(connection, claim.subject_id)
    if loan.secret is None:
        raise NotFoundError(f"{loan.name} is erased: the nonces that open its register value are gone")
    secret = vault.unwrap(loan.secret, loan.name)
    rows = records.of_subject(connection, loan.id, before=before)
    if any(row.record is None for row in rows):
        raise NotFoundError(f"{loan.name} is erased: its state cannot be folded again")
    state = fold((row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None)
    then = SubjectRow(loan.id, loan.name, len(rows), rows[-1].digest, rows[-1].index, loan.secret, b"")
    steps = subjects.encumbrances_of(connection, log.id, [asset_key], before=before)
    place_then = (steps[-1].version, steps[-1].history, steps[-1].holders) if steps else (0, bytes(32), b"\0")
    return claim_preimages(
        then, ClaimRow(asset_key, loan.id, claim.name, claim.index, *place_then), secret, state
    )


def _history(connection: ReadConnection, log: LogRow, asset_key: bytes, before: int) -> tuple[Link, ...]:
    names = {holder_id(party.name): party.name for party in logs.list_parties(connection, log.id)}
    links = []
    for step in subjects.encumbrances_of(connection, log.id, [asset_key], before=before):
        row = records.at(connection, log.id, step.index)
        if row is None:
            raise IntegrityError(
                f"record {step.index}, which changed who holds the claim, is not in the table records"
            )
        holdings = tuple(
            Holding(holder=holder, share=share, party=names.get(holder))
            for holder, share in parse_holders(bytes(step.holders))
        )
        links.append(Link(digest=bytes(row.digest), index=step.index, holdings=holdings))
    return tuple(links)


def _subject(connection: ReadConnection, subject_id: int) -> SubjectRow:
    """What a record is about."""
    found = subjects.by_id(connection, [subject_id]).get(subject_id)
    if found is None:
        raise IntegrityError(f"the table subjects has no row {subject_id}, which records are about")
    return found


def _wanted(connection: WriteConnection, log: LogRow, checkpoint: CheckpointRow) -> Ground:
    """What receipts stand on; the anchor worker is told that this size is wanted on chain."""
    anchors.want(connection, log.id, checkpoint.size, checkpoint.root)
    return Ground.of(connection, log, checkpoint)


def asset_key_of(connection: ReadConnection, log: LogRow, claim: str) -> bytes:
    """The asset key of ``LOAN/CLAIM``, or ``claim`` itself in hex; raises :class:`NotFoundError`."""
    if "/" not in claim:
        try:
            key = bytes.fromhex(claim)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise NotFoundError(f"claim {claim!r}: give its asset key (64 hex digits) or LOAN/CLAIM")
        return key
    loan, _, name = claim.partition("/")
    found = subjects.by_name(connection, log.id, [f"loan:{loan}"]).get(f"loan:{loan}")
    for row in subjects.claims_of(connection, [found.id] if found else []):
        if row.name == name:
            return bytes(row.asset_key)
    raise NotFoundError(f"no claim {name!r} of a loan {loan!r} in this log")


def _checkpoint_or_newest(connection: ReadConnection, log: LogRow, index: int) -> CheckpointRow:
    """The smallest checkpoint over the entry that is or will be anchored, else the newest there is."""
    size = anchors.smallest_size_above(connection, log.id, index)
    row = trees.checkpoint(connection, log.id, size) if size else trees.checkpoint(connection, log.id)
    if row is None or row.size <= index:
        raise IntegrityError(f"entry {index} is published, but no checkpoint covers it")
    return row


def _checkpoint_for(connection: ReadConnection, log: LogRow, index: int) -> CheckpointRow:
    size = anchors.smallest_size_above(connection, log.id, index)
    row = (
        trees.checkpoint(connection, log.id, size)
        if size
        else trees.first_checkpoint_above(connection, log.id, index)
    )
    if row is None:
        raise NotFoundError(
            f"entry {index} is not published yet (published: {log.published}); try again after the next checkpoint"
        )
    return row


def chain_binding(log: LogRow) -> ChainBinding | None:
    """Where documents of the log say that it is anchored."""
    if log.chain is None:
        return None
    return ChainBinding(chain_id=log.chain.chain_id, contract=log.chain.contract, log_id=log.chain.log_key)
