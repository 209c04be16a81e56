"""Replay: the log's records once more from the first, through the same rules that admitted them.

What comes out is what the store must say now: each subject's chain, secret and state, each claim's place, and
at each register entry the map's root. Everything is kept in memory, a kilobyte or so for each loan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from ledger import register
from ledger.domain import admission, calendar, loans, pools, record
from ledger.domain.admission import Book, Party
from ledger.domain.claims import ClaimPlace
from ledger.domain.events import Submission
from ledger.domain.events.corrections import SubjectErased
from ledger.domain.events.pools import PoolSealed
from ledger.domain.fold import Indexed
from ledger.domain.loans import ACTIVE, ClaimPart, LoanState
from ledger.domain.record import Record
from ledger.domain.seals import header_of
from ledger.errors import PoolproofError
from ledger.proofs import mpt
from ledger.proofs.encumbrance import WHOLE, ZERO, claim_key, encode_holders, pool_key, pool_value
from ledger.proofs.sumtree import Node
from ledger.publish import claim_values, pool_value_of
from ledger.store.records import RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.vault import Vault

_data_json = msgspec.json.Encoder(order="sorted").encode


class MemoryPages(dict[int, bytes]):
    """Register pages in memory, under ids of their own."""

    root_page = 0

    def apply(self, changes: dict[bytes, bytes]) -> register.Update:
        """Take changes in; pages that are no longer used are dropped."""
        next_page = max(self, default=0) + 1
        result = register.update(
            lambda ids: {page: self[page] for page in ids}, self.root_page, next_page, changes
        )
        for page in result.replaced:
            del self[page]
        self.update(result.written)
        self.root_page = result.page
        return result


@dataclass(slots=True)
class Replay:
    """The state that the records seen so far leave."""

    origin: str
    zone: str
    day_cut: str
    vault: Vault
    parties: dict[str, Party]
    names: dict[int, SubjectRow]
    #: the rows of a subject's records with a smaller index, in their order
    rows_before: Callable[[int, int], list[RecordRow]]
    #: stored places of the claims of erased loans, by subject: their records no longer tell them
    places: dict[int, list[ClaimRow]]
    book: Book = field(init=False)
    chains: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    #: subject → (index, digest) of each of its records whose bytes are gone
    gone: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    #: name of the erased subject → its subject.erased, with the index
    erasures: dict[str, tuple[int, SubjectErased]] = field(default_factory=dict)
    claims: dict[bytes, ClaimRow] = field(default_factory=dict)
    steps: dict[bytes, list[EncumbranceRow]] = field(default_factory=dict)
    #: root and sums of every recorded seal
    seals: dict[bytes, Node] = field(default_factory=dict)
    pages: MemoryPages = field(default_factory=MemoryPages)
    root: bytes = mpt.EMPTY_ROOT
    count: int = 0
    _touched: set[int] = field(default_factory=set)
    _encumbered: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.book = Book(self.origin, self.parties)

    def take(self, row: RecordRow) -> Iterator[str]:
        """Take the next record in; yields what is wrong with it, in words."""
        subject = self.names.get(row.subject_id)
        count, head, _ = self.chains.get(row.subject_id, (0, None, 0))
        self.chains[row.subject_id] = (count + 1, bytes(row.digest), row.index)
        self._touched.add(row.subject_id)
        if row.seq != count:
            yield f"seq {row.seq} follows {count - 1} of the same subject"
        if subject is None:
            yield f"its subject {row.subject_id} is missing"
            return
        if row.record is None:
            if subject.secret is not None:
                yield "its bytes are missing, and its subject is not erased"
            self._take_erased(row, subject.name)
            return
        try:
            one = record.parse(bytes(row.record))
        except Exception as error:  # noqa: BLE001 - any bytes may stand in a damaged store; whatever they do is reported
            yield str(error)
            return
        if one.digest != bytes(row.digest):
            yield f"its bytes have the digest {one.digest.hex()}, committed is {bytes(row.digest).hex()}"
        stored = (self.origin, one.subject, one.seq, one.party, one.id)
        if (
            stored != (self.origin, subject.name, row.seq, row.party, row.event_id)
            or one.origin != self.origin
        ):
            yield "origin, subject, seq, party or id in its bytes are not those it is filed under"
        if one.prev != head:
            yield "prev is not the digest of the subject's previous record"
        yield from self._admit(row, one)

    def _take_erased(self, row: RecordRow, name: str) -> None:
        """What still counts of a record without bytes: the places that it brought, which later pledges take."""
        self.gone.setdefault(row.subject_id, []).append((row.index, bytes(row.digest).hex()))
        for claim in self.places.get(row.subject_id, ()):
            if claim.index != row.index:
                continue
            key = bytes(claim.asset_key)
            # Whether the loan had ended when its claims were pledged cannot be told any more.
            state = self.book.loans.setdefault(name, LoanState("", [], status=ACTIVE))
            state.claims.append(ClaimPart(claim.name, "", WHOLE, asset_key=key))
            self.book.places[key] = ClaimPlace(name.removeprefix("loan:"), claim.name, row.index)
            self.claims[key] = ClaimRow(
                key, row.subject_id, claim.name, row.index, 0, ZERO, encode_holders(())
            )

    def _admit(self, row: RecordRow, one: Record) -> Iterator[str]:
        submission = Submission(
            one.id,
            one.subject,
            one.when,
            one.party,
            one.kind,
            one.event,
            _data_json(one.event),
            one.amounts,
            {},
            one.sig,
            None,
        )
        today = calendar.business_date(calendar.parse_instant(one.posted), self.zone, self.day_cut)
        if isinstance(one.event, SubjectErased):
            self.book.erasing = one.event.subject
            self.erasures[one.event.subject] = (row.index, one.event)
        self.book.history = lambda _subject: self._history(row)
        try:
            admitted = admission.admit(submission, self.book, today=today, index=row.index)
        except PoolproofError as error:
            yield f"it could not have been accepted: {error}"
            return
        if isinstance(one.event, PoolSealed):
            header = header_of(submission.name, one.event)
            self.seals[header.seal] = header.total
        if admitted is None:
            return
        for key in admitted.new_keys:
            self.claims[key.asset_key] = ClaimRow(
                key.asset_key, row.subject_id, key.claim, row.index, 0, ZERO, encode_holders(())
            )
        for step in admitted.encumber(bytes(row.digest)):
            key_ = step.change.asset_key
            self._encumbered.add(key_)
            change, holders = step.change, encode_holders(step.holders)
            self.steps.setdefault(key_, []).append(
                EncumbranceRow(
                    key_,
                    step.version,
                    row.index,
                    row.subject_id,
                    change.holder,
                    change.change,
                    holders,
                    step.history,
                )
            )
            self.claims[key_] = self.claims[key_]._replace(
                version=step.version, history=step.history, holders=holders
            )

    def _history(self, row: RecordRow) -> Iterator[Indexed]:
        """The records of the same subject before this one; a damaged one raises :class:`MalformedError`."""
        for one in self.rows_before(row.subject_id, row.index):
            if one.record is not None:
                yield one.index, record.parse(bytes(one.record))

    def publish(self, size: int, stored_value: Callable[[bytes], bytes | None]) -> None:
        """Bring the map up to date, as the register entry that ends the tree of ``size`` must have it.

        The value of an erased loan's claim cannot be derived again: ``stored_value`` tells what stands under its
        key, and the root decides whether that is what was published.
        """
        changes: dict[bytes, bytes] = {}
        by_loan: dict[int, list[ClaimRow]] = {}
        for claim in self.claims.values():
            by_loan.setdefault(claim.subject_id, []).append(claim)
        changed = [claim for loan in self._touched for claim in by_loan.get(loan, ())]
        changed += [self.claims[key] for key in self._encumbered]
        rows = {loan: self.row(loan) for loan in {claim.subject_id for claim in changed}}
        for claim in changed:
            if rows[claim.subject_id].secret is None:
                key = claim_key(claim.asset_key)
                if (value := stored_value(key)) is not None:
                    changes[key] = value
        changes.update(claim_values(rows, changed, self.vault))
        for subject in self._touched:
            name = self.names[subject].name if subject in self.names else ""
            if name.startswith("pool:"):
                changes[pool_key(name.removeprefix("pool:"))] = self._pool_value(subject)
        if changes:
            result = self.pages.apply(changes)
            self.root, self.count = result.root, self.count + result.added
        self._touched.clear()
        self._encumbered.clear()
        self.book.sizes.add(size)

    def _pool_value(self, subject: int) -> bytes:
        row = self.row(subject)
        if not row.state:  # its first record cannot be read, which is reported; it has no seals then
            return pool_value(self.chains[subject][1])
        return pool_value_of(row)

    def row(self, subject: int) -> SubjectRow:
        """What the subject's row must be now; its secret is taken as stored."""
        stored = self.names[subject]
        count, head, last = self.chains[subject]
        return SubjectRow(subject, stored.name, count, head, last, stored.secret, self._state(stored.name))

    def _state(self, name: str) -> bytes:
        if name in self.book.loans:
            return loans.encode(self.book.loans[name])
        return pools.encode(self.book.pools[name]) if name in self.book.pools else b""
