"""Seals of pools: worked out over all claims, and each claim's place in them proved.

:mod:`ledger.cut` brings the claims in their order, :mod:`ledger.proofs.sumtree` fixes the bytes. Recording a
seal is appending an event; :meth:`ledger.log.Ledger.seal_pool` does both.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from ledger import issue, published, register
from ledger.cut import Cut, Progress, SortedClaims, sorted_claims
from ledger.domain import calendar, loans, money, pools, record, seals
from ledger.domain.events.pools import PoolSealed
from ledger.domain.pools import Sealed
from ledger.errors import IntegrityError, MalformedError, NotFoundError, VerificationError
from ledger.grounds import Ground
from ledger.proofs import mpt, sumtree
from ledger.proofs.canonical import sha256
from ledger.proofs.encumbrance import ClaimState, claim_key, pool_key
from ledger.proofs.note import Signer
from ledger.proofs.seal import SealHeader
from ledger.proofs.sealproof import PoolValue, SealProof
from ledger.proofs.sumtree import LEAF_SIZE, Leaf, Node, Sibling
from ledger.store import ReadConnection, Store, records, subjects, trees
from ledger.store import seals as kept
from ledger.store.logs import LogRow
from ledger.store.seals import ChunkRow
from ledger.store.trees import CheckpointRow, RegisterRow
from ledger.vault import Vault

#: What the record of a seal looks like before it is parsed; quotes inside its strings are escaped.
_MARK = b'"type":"pool.sealed"'

#: Leaves kept in one row: a perfect subtree, of which the last may be narrower; 25 KiB.
CHUNK_LEAVES = 256
#: Rows stored in one transaction.
CHUNKS_TOGETHER = 64
#: A leaf, its index, and its path to the root.
Place = tuple[Leaf, int, tuple[Sibling, ...]]
#: Of the seal's 64 digits in the event's id, which has room for 64 characters.
_ID_DIGITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A seal that stands in the log: its header, and the index of its record.

    ``published`` is when its size was, by the ledger's clock; ``lag_days`` how many business days after the as-of
    day: 0 says that records of that day could still come.
    """

    header: SealHeader
    index: int
    published: str
    lag_days: int

    def to_json(self) -> dict[str, Any]:
        """The header, with the seal, its index, and the lag."""
        return {
            **self.header.members(),
            "seal": self.header.seal.hex(),
            "index": self.index,
            "published": self.published,
            "lag_days": self.lag_days,
        }


def event(header: SealHeader) -> dict[str, Any]:
    """The event that records a seal, under an id that the seal gives."""
    return {
        "id": f"seal.{header.seal.hex()[:_ID_DIGITS]}",
        "type": "pool.sealed",
        "subject": f"pool:{header.pool}",
        "effective": header.as_of,
        "data": seals.event_data(header),
    }


@dataclass(frozen=True, slots=True)
class Draft:
    """A seal before it is recorded, with the claims that it is of."""

    header: SealHeader
    claims: SortedClaims


def keep(store: Store, log: LogRow, draft: Draft) -> None:
    """Store the leaves of a recorded seal, so that proofs cost little and outlive the records of other claims.

    A few chunks in each transaction, so that others can write in between. What a crash leaves half is no harm: proofs
    then go back to the records, and sealing the same again stores the rest.
    """
    chunks = enumerate(_chunks(draft.claims.leaves()))
    while part := list(islice(chunks, CHUNKS_TOGETHER)):
        rows = [
            ChunkRow(
                n, leaves[0].key, sumtree.root(leaves).encode(), b"".join(leaf.encode() for leaf in leaves)
            )
            for n, leaves in part
        ]
        with store.write() as connection:
            kept.put(connection, log.id, draft.header.seal, rows)


def _chunks(leaves: Iterator[Leaf]) -> Iterator[list[Leaf]]:
    while part := list(islice(leaves, CHUNK_LEAVES)):
        yield part


def split_leaves(data: bytes) -> list[Leaf]:
    """The leaves of one chunk, which has at least one. Raises :class:`MalformedError`."""
    if not data:
        raise MalformedError("leaves of a seal", "an empty chunk")
    return [Leaf.parse(data[at : at + LEAF_SIZE]) for at in range(0, len(data), LEAF_SIZE)]


class PoolSeals:
    """The seals of one pool, on one snapshot of the store. Raises :class:`NotFoundError` for an unknown pool."""

    def __init__(
        self, connection: ReadConnection, log: LogRow, pool: str, *, progress: Progress | None = None
    ) -> None:
        self._connection = connection
        self._log = log
        self._pool = pool
        self._progress = progress or (lambda _done, _of: None)
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"]).get(f"pool:{pool}")
        if row is None:
            raise NotFoundError(f"no pool {pool!r} in this log")
        self._row = row
        self._state = pools.decode(row.state)

    def recorded(self) -> list[Recorded]:
        """The last seals, by currency."""
        return [
            self.at(self._header(sealed), sealed.index) for _, sealed in sorted(self._state.seals.items())
        ]

    def at(self, header: SealHeader, index: int) -> Recorded:
        """A seal of this pool whose record has this index."""
        published = self._checkpoint(header.size).published
        day = calendar.business_date(calendar.parse_instant(published), self._log.zone, self._log.day_cut)
        lag = day - calendar.parse_day(header.as_of, "as_of")
        return Recorded(header=header, index=index, published=published, lag_days=lag.days)

    @contextmanager
    def draft(
        self,
        *,
        as_of: str,
        currency: str | None = None,
        size: int | None = None,
        restates: bytes | None = None,
    ) -> Iterator[Draft]:
        """A seal at a published size (default: the newest) as of a day ``YYYY-MM-DD``, worked out and not recorded.

        Raises :class:`NotFoundError` for a size that is not published, :class:`RefusedError` for a day or a currency
        that is none and where ``currency`` is left out and the claims do not tell it.
        """
        day = calendar.parse_day(as_of, "as_of")
        if currency is not None:
            money.check_currency(currency, "currency")
        checkpoint = self._checkpoint(size)
        cut = self._cut(checkpoint.size, day, currency, self._state.claims)
        with sorted_claims(self._connection, self._log, cut, progress=self._progress) as claims:
            header = SealHeader(
                pool=self._pool,
                currency=claims.currency,
                size=checkpoint.size,
                as_of=as_of,
                total=claims.total(),
                rules_version=self._state.rules_version,
                restates=restates,
            )
            yield Draft(header, claims)

    def prove(
        self, claim: str, *, size: int | None, with_state: bool, vault: Vault, service: Signer
    ) -> bytes:
        """A claim's place in the seal that the register of a published size holds; see :class:`SealProof`.

        Raises :class:`NotFoundError` for an unknown claim or size and for what is not sealed there, and
        :class:`VerificationError` when the records do not give the seal that was recorded.
        """
        connection, log = self._connection, self._log
        checkpoint = self._checkpoint(size)
        ground = Ground.of(connection, log, checkpoint)
        entry = ground.register
        asset_key = issue.asset_key_of(connection, log, claim)
        last = self._seals_before(entry.index)
        currency = self._currency(asset_key)
        if currency not in last:
            raise NotFoundError(
                f"pool {self._pool!r} has no seal in {currency} in the register of size {checkpoint.size}"
            )
        header = self._header(last[currency])
        leaf, index, path = self._place(header, asset_key, claim)
        document = SealProof(
            origin=log.origin,
            chain=issue.chain_binding(log),
            checkpoint=checkpoint.note.decode(),
            register=ground.leaf,
            pool=self._value(entry, last),
            header=header,
            asset_key=asset_key,
            leaf=leaf,
            index=index,
            path=path,
            state=self._claim_state(asset_key, header, leaf, vault) if with_state else None,
        )
        with ground.shown(f"the seal of pool {self._pool!r}", "records, register_pages or seal_chunks"):
            key = pool_key(self._pool)
            mpt.verify_presence(entry.root, key, document.pool.encode(), document.pool.proof)
            sumtree.verify_place(header.total, leaf, index, path)
        return document.signed(service).encode()

    def _cut(self, size: int, as_of: date, currency: str | None, expected: int) -> Cut:
        return Cut(pool_id=self._row.id, size=size, as_of=as_of, currency=currency, expected=expected)

    def _checkpoint(self, size: int | None) -> CheckpointRow:
        return published.checkpoint(self._connection, self._log, size)

    def _seals_before(self, index: int) -> dict[str, Sealed]:
        """The last seals by currency after the pool's records below ``index``."""
        now = self._state.seals
        if all(sealed.index < index for sealed in now.values()):
            return now
        then: dict[str, Sealed] = {}
        for row in records.of_subject(self._connection, self._row.id, before=index):
            if row.record is not None and _MARK in row.record:
                data = record.parse(bytes(row.record)).event
                if isinstance(data, PoolSealed):
                    then[data.currency] = Sealed(data.size, bytes.fromhex(data.seal), row.index)
        return then

    def _header(self, sealed: Sealed) -> SealHeader:
        row = records.at(self._connection, self._log.id, sealed.index)
        data = None if row is None or row.record is None else record.parse(bytes(row.record)).event
        if not isinstance(data, PoolSealed):
            raise IntegrityError(f"record {sealed.index} is no seal of pool:{self._pool}")
        return seals.header_of(self._pool, data)

    def _currency(self, asset_key: bytes) -> str:
        """The currency of a claim's loan."""
        claim = subjects.claims_by_key(self._connection, self._log.id, [asset_key]).get(asset_key)
        if claim is None:
            raise NotFoundError(f"no claim with the asset key {asset_key.hex()} in this log")
        loan = subjects.by_id(self._connection, [claim.subject_id])[claim.subject_id]
        return loans.decode(loan.state).currency

    def _place(self, header: SealHeader, asset_key: bytes, claim: str) -> Place:
        """From the leaves that were kept, else from the records."""
        try:
            place = self._kept_place(header, claim_key(asset_key))
        except (
            MalformedError,
            TypeError,
        ):  # not kept, or damaged (SQLite keeps text where bytes belong): fsck tells
            place = self._place_by_records(header, asset_key)
        if place is None:
            raise NotFoundError(f"claim {claim!r} is not in the seal of pool {self._pool!r}")
        return place

    def _kept_place(self, header: SealHeader, key: bytes) -> Place | None:
        """None where the claim is not in the seal; :class:`MalformedError` where its leaves are not as they must be."""
        chunks = kept.nodes(self._connection, self._log.id, header.seal)
        nodes = [Node.parse(node) for _, node in chunks]
        tree = sumtree.SumRange()
        for node in nodes:
            tree.add(node)
        if tree.root() != header.total:
            raise MalformedError("leaves of a seal", "not kept, or not all of them")
        n = bisect_right([first for first, _ in chunks], key) - 1
        # The neighbours on both sides of a key show that it is not there.
        beside = {m: self._chunk(header.seal, m, chunks[m]) for m in (n, n + 1) if 0 <= m < len(chunks)}
        leaves = beside.get(n, [])
        at = bisect_left([leaf.key for leaf in leaves], key)
        if at == len(leaves) or leaves[at].key != key:
            return None
        path = (*sumtree.prove(leaves, at, len(leaves)), *sumtree.path(nodes, n, len(nodes)))
        return leaves[at], n * CHUNK_LEAVES + at, path

    def _chunk(self, seal: bytes, n: int, stored: tuple[bytes, bytes]) -> list[Leaf]:
        """The leaves of a chunk, if they are those of its first key and its node."""
        leaves = split_leaves(kept.leaves(self._connection, self._log.id, seal, n))
        if (leaves[0].key, sumtree.root(leaves).encode()) != stored:
            raise MalformedError("leaves of a seal", f"chunk {n} is damaged")
        return leaves

    def _place_by_records(self, header: SealHeader, asset_key: bytes) -> Place | None:
        day = calendar.parse_day(header.as_of, "as_of")
        cut = self._cut(header.size, day, header.currency, header.total.count)
        with sorted_claims(self._connection, self._log, cut, progress=self._progress) as claims:
            total, found = claims.find(asset_key)
            if total != header.total:
                raise VerificationError(
                    f"the records give another seal of pool {self._pool!r} at size {header.size} than was recorded",
                    step="seal",
                    evidence={"recorded": header.members(), "root": total.hash.hex(), "count": total.count},
                )
            if found is None:
                return None
            index, leaf = found
            return leaf, index, claims.path(index, total.count)

    def _claim_state(
        self, asset_key: bytes, header: SealHeader, leaf: Leaf, vault: Vault
    ) -> ClaimState | None:
        """The preimage of the leaf's state digest; None once the loan is erased."""
        try:
            _, state = issue.standing_at(self._connection, self._log, asset_key, header.size - 1, vault)
        except NotFoundError:
            return None
        if sha256(state.encode()) != leaf.state:
            raise IntegrityError(
                f"{state.loan}/{state.claim}: its records give another state than the register holds"
            )
        return state

    def _value(self, entry: RegisterRow, last: dict[str, Sealed]) -> PoolValue:
        """The pool's value in a register, opened."""
        connection, log_id = self._connection, self._log.id
        found = register.lookup(
            lambda ids: trees.pages(connection, log_id, ids), entry.page, pool_key(self._pool)
        )
        newest = records.newest_of(connection, self._row.id, before=entry.index)
        value = PoolValue(
            head=b"" if newest is None else bytes(newest.digest),
            seals=tuple((currency, sealed.seal) for currency, sealed in sorted(last.items())),
            proof=found.proof,
        )
        if found.value != value.encode():
            raise IntegrityError(
                f"pool:{self._pool}: its records give another register value than entry {entry.index}"
            )
        return value
