"""Publishing: bring the register up to date, end the tree in its entry, sign a checkpoint.

One transaction. The claims and pools that the records since the last register touched get their new values
(:mod:`ledger.proofs.encumbrance` fixes the bytes), the map takes them in (:mod:`ledger.register`), and the
register entry becomes the last leaf of the tree that the checkpoint signs: whoever sees this size sees this
register.

Appends wait for that transaction. So most of its work is done before it, in a snapshot (:func:`prepare`), and the
transaction adds what came since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger import register
from ledger.domain import calendar, loans, pools
from ledger.domain.loans import LoanState
from ledger.errors import IntegrityError
from ledger.proofs import mpt
from ledger.proofs.checkpoint import Checkpoint
from ledger.proofs.encumbrance import (
    ClaimState,
    Encumbrance,
    claim_key,
    claim_value,
    encumbrance_nonce,
    parse_holders,
    pool_key,
    pool_value,
    state_nonce,
)
from ledger.proofs.entries import RegisterEntry
from ledger.proofs.merkle import leaf_hash
from ledger.proofs.note import Signer
from ledger.store import ReadConnection, WriteConnection, logs, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.subjects import ClaimRow, SubjectRow
from ledger.store.trees import CheckpointRow, RegisterRow
from ledger.tree import extend
from ledger.vault import Vault

#: Subjects whose new values are worked out at a time: memory stays flat however long the log went unpublished.
CHUNK_SUBJECTS = 20_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """The register with the records before ``log.size``, worked out beside the log as it stood then."""

    log: LogRow
    update: register.Update

    def continues(self, log: LogRow) -> bool:
        """Whether the log as it stands now has published nothing since."""
        return (self.log.published, self.log.next_page) == (log.published, log.next_page)


def prepare(
    connection: ReadConnection, log: LogRow, *, vault: Vault, now: datetime, every: timedelta = timedelta(0)
) -> Prepared | None:
    """Bring the register up to date in a snapshot, for :func:`publish` to start from.

    None where nothing is to be published or changes in it, and after a bulk load, whose changes are too many at once.
    """
    if log.size == log.published or _is_fresh(connection, log, now, every):
        return None
    if log.size - log.published > CHUNK_SUBJECTS:
        return None
    changes: dict[bytes, bytes] = {}
    for some in _changes(connection, log, vault, log.published):
        changes |= some
        if len(changes) > CHUNK_SUBJECTS:  # a few pledges may name many claims
            return None
    if not changes:
        return None
    return Prepared(log, _update(connection, log, log.register_page, log.next_page, changes))


def publish(
    connection: WriteConnection,
    log: LogRow,
    *,
    vault: Vault,
    signer: Signer,
    now: datetime,
    every: timedelta = timedelta(0),
    prepared: Prepared | None = None,
) -> CheckpointRow | None:
    """End the tree in a register entry and sign its checkpoint; None when nothing is new since the last one.

    None too while that one is younger than ``every``. What was ``prepared`` is not worked out again, unless somebody
    else has published meanwhile.
    """
    if log.size == log.published or _is_fresh(connection, log, now, every):
        return None
    previous = trees.register_at(connection, log.id, log.published - 1) if log.published else None
    page, next_page = log.register_page, log.next_page
    count, root = (previous.count, previous.root) if previous else (0, mpt.EMPTY_ROOT)
    first_page = next_page
    for result in _updates(connection, log, vault, prepared):
        trees.add_pages(connection, log.id, result.written)
        # Pages that an earlier chunk of this very publish wrote belong to no published register.
        trees.drop_pages(connection, log.id, [old for old in result.replaced if old >= first_page])
        page, root, count = result.page, result.root, count + result.added
        next_page += len(result.written)
    entry = RegisterEntry(index=log.size, count=count, root=root)
    trees.add_register(connection, log.id, RegisterRow(log.size, count, root, page))
    grown = extend(connection, log.id, log.size, [leaf_hash(entry.encode())])
    size, tree_root = grown.size, grown.root()
    stamp = calendar.format_instant(now)
    row = CheckpointRow(size, tree_root, Checkpoint(log.origin, size, tree_root).sign([signer]), stamp)
    trees.add_checkpoint(connection, log.id, row)
    logs.advance(connection, log.id, size=size, published=size, register_page=page, next_page=next_page)
    return row


def _updates(
    connection: ReadConnection, log: LogRow, vault: Vault, prepared: Prepared | None
) -> Iterator[register.Update]:
    """What makes the last register the new one, step by step; each is stored before the next is worked out."""
    since, page, next_page = log.published, log.register_page, log.next_page
    if prepared is not None and prepared.continues(log):
        yield prepared.update
        since, page = prepared.log.size, prepared.update.page
        next_page += len(prepared.update.written)
    for changes in _changes(connection, log, vault, since):
        result = _update(connection, log, page, next_page, changes)
        yield result
        page, next_page = result.page, next_page + len(result.written)


def _update(
    connection: ReadConnection, log: LogRow, page: int, next_page: int, changes: dict[bytes, bytes]
) -> register.Update:
    return register.update(lambda ids: trees.pages(connection, log.id, ids), page, next_page, changes)


def _is_fresh(connection: ReadConnection, log: LogRow, now: datetime, every: timedelta) -> bool:
    newest = trees.checkpoint(connection, log.id) if every else None
    # One that a clock ahead of this one has dated says nothing about the time since.
    return newest is not None and timedelta(0) <= now - calendar.parse_instant(newest.published) < every


def _changes(
    connection: ReadConnection, log: LogRow, vault: Vault, since: int
) -> Iterator[dict[bytes, bytes]]:
    """New register values of all that the records from ``since`` on touched, a chunk at a time."""
    touched = records.subjects_changed(connection, log.id, since, log.size)
    encumbered = subjects.claims_encumbered(connection, log.id, since, log.size)
    for start in range(0, len(touched), CHUNK_SUBJECTS):
        rows = subjects.by_id(connection, touched[start : start + CHUNK_SUBJECTS])
        loan_ids = [row.id for row in rows.values() if row.name.startswith("loan:")]
        changes = claim_values(rows, subjects.claims_of(connection, loan_ids), vault)
        for row in rows.values():
            if row.name.startswith("pool:"):
                changes[pool_key(row.name.removeprefix("pool:"))] = pool_value_of(row)
        if changes:
            yield changes
    # A pledge is a record of its pool: the loans it names need not have a record of their own since.
    for start in range(0, len(encumbered), CHUNK_SUBJECTS):
        claims = list(
            subjects.claims_by_key(connection, log.id, encumbered[start : start + CHUNK_SUBJECTS]).values()
        )
        rows = subjects.by_id(connection, {claim.subject_id for claim in claims})
        if values := claim_values(rows, claims, vault):
            yield values


def claim_values(rows: dict[int, SubjectRow], claims: Sequence[ClaimRow], vault: Vault) -> dict[bytes, bytes]:
    """Register key → value of each claim, from the rows of their loans."""
    values: dict[bytes, bytes] = {}
    opened: dict[int, tuple[bytes, LoanState]] = {}
    for claim in claims:
        row = rows[claim.subject_id]
        if claim.subject_id not in opened:
            if row.secret is None:
                continue  # erased: its last value stands
            opened[claim.subject_id] = (vault.unwrap(row.secret, row.name), loans.decode(row.state))
        secret, state = opened[claim.subject_id]
        encumbrance, claim_state = claim_preimages(row, claim, secret, state)
        values[claim_key(claim.asset_key)] = claim_value(encumbrance.encode(), claim_state.encode())
    return values


def claim_preimages(
    row: SubjectRow, claim: ClaimRow, secret: bytes, state: LoanState
) -> tuple[Encumbrance, ClaimState]:
    """What a claim's register value is the digests of: its encumbrance and its state."""
    nonces = (
        encumbrance_nonce(secret, claim.asset_key, claim.version),
        state_nonce(secret, claim.asset_key, row.last_index),
    )
    return opened_preimages(row, claim, nonces, state)


def opened_preimages(
    row: SubjectRow, claim: ClaimRow, nonces: tuple[bytes, str], state: LoanState
) -> tuple[Encumbrance, ClaimState]:
    """The same for whoever has the nonces of encumbrance and state, and not the secret that they come from."""
    if row.head is None:
        raise IntegrityError(f"{row.name}: a claim without a record")
    encumbrance = Encumbrance(
        nonce=nonces[0],
        version=claim.version,
        history=claim.history,
        holders=parse_holders(claim.holders),
    )
    claim_state = loans.claim_state(
        state,
        loan=row.name.removeprefix("loan:"),
        claim=claim.name,
        count=row.count,
        head=row.head,
        last_index=row.last_index,
        nonce=nonces[1],
    )
    return encumbrance, claim_state


def pool_value_of(row: SubjectRow) -> bytes:
    """A pool's register value: the head of its chain, and its last seal."""
    if row.head is None:
        raise IntegrityError(f"{row.name}: a subject without a record")
    return pool_value(row.head, pools.decode(row.state).last_seal)
