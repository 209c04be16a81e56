"""The owner's side of a mirror: what a party is shown of a pool, page by page, at one published size.

Shown are the pool's own records, all records of loans a claim of which was ever in it, the records of the accounts to
which these loans were paid (:mod:`ledger.mirror.accounts`; a bank states the sums of a day over all payments to its
account, nothing of a loan), and those of the log itself but for day closes that name other holders and erasures of
other loans. Whoever oversees the log is shown every record of it. Who may ask is not decided here.

Private fields are not in it: no procedure of the audit reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.domain import record
from ledger.domain.events.corrections import SubjectErased
from ledger.domain.events.files import DayClosed
from ledger.domain.fold import fold
from ledger.domain.record import Record
from ledger.errors import IntegrityError, NotFoundError
from ledger.mirror.accounts import Accounts
from ledger.mirror.form import (
    PAGE_ITEMS,
    BatchForm,
    ClaimForm,
    Head,
    Page,
    PageForm,
    Published,
    RecordForm,
    StepForm,
)
from ledger.proofs.canonical import b64encode
from ledger.proofs.encumbrance import encumbrance_nonce
from ledger.publish import claim_preimages
from ledger.store import ReadConnection, anchors, records, shown, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.shown import Pledged
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.vault import Vault

#: Loans whose claims make a page: each has a handful of claims, and is folded from tens of records.
_PAGE_LOANS = 500
_UNTOUCHED = (0, bytes(32), b"\0")


def published(connection: ReadConnection, log: LogRow, *, after: int) -> Page[Published]:
    """Every published size above ``after``, ascending."""
    rows = trees.checkpoints_from(connection, log.id, after)
    items = []
    for row in rows[:PAGE_ITEMS]:
        entry = trees.register_at(connection, log.id, row.size - 1)
        if entry is None:
            raise IntegrityError(f"checkpoint {row.size} does not end in a register entry")
        items.append(
            Published(
                size=row.size,
                page=entry.page,
                note=bytes(row.note).decode(),
                published=row.published,
                batch=_batch(connection, log, row.size),
            )
        )
    return Page(items, items[-1].size if len(rows) > PAGE_ITEMS else None)


def _batch(connection: ReadConnection, log: LogRow, size: int) -> BatchForm | None:
    # The register entry is no record: the newest record stands before it.
    row = records.last_batch(connection, log.id, size)
    return row and BatchForm(
        first=row.first, count=row.count, root=bytes(row.root).hex(), posted=row.posted, anchor_by=row.anchor_by,
        key=row.key, signature=b64encode(bytes(row.signature)),
    )  # fmt: skip


def pages(connection: ReadConnection, log: LogRow, size: int, *, after: int) -> Page[PageForm]:
    """The pages of the register of ``size`` that no earlier register has, with ids above ``after``."""
    row = trees.register_at(connection, log.id, size - 1)
    if row is None:
        raise NotFoundError(f"size {size} is not published")
    before = trees.register_before(connection, log.id, row.index)
    # A root page is written last, so that the ids of a register's new pages end with it.
    first = max(after, before.page if before is not None else 0) + 1
    found = shown.pages_between(connection, log.id, first, row.page, most=PAGE_ITEMS + 1)
    items = [PageForm(id=page, page=b64encode(data)) for page, data in found[:PAGE_ITEMS]]
    return Page(items, items[-1].id if len(found) > PAGE_ITEMS else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A pool as one party is shown it, at a published size. ``whole``: the party oversees the log. ``accounts`` is kept
    by whoever asks for many pages.

    Raises :class:`NotFoundError` for a pool that is not there at that size.
    """

    connection: ReadConnection
    log: LogRow
    pool: SubjectRow
    size: int
    party: str
    whole: bool
    vault: Vault
    accounts: Accounts

    @classmethod
    def of(
        cls, connection: ReadConnection, log: LogRow, pool: str, *, size: int, party: str, whole: bool, vault: Vault,
        accounts: Accounts | None = None,
    ) -> Shown:  # fmt: skip
        """Look the pool up; raises :class:`NotFoundError` for it and for a size that is not published."""
        if trees.checkpoint(connection, log.id, size) is None:
            raise NotFoundError(f"size {size} is not published")
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"]).get(f"pool:{pool}")
        if (
            row is None
            or not records.of_subject(connection, row.id, before=min(size, row.last_index + 1))[:1]
        ):
            raise NotFoundError(f"no pool {pool!r} in this log")
        return cls(
            connection=connection, log=log, pool=row, size=size, party=party, whole=whole, vault=vault,
            accounts=accounts or Accounts(),
        )  # fmt: skip

    def head(self) -> Head:
        """What there is to mirror."""
        blocks = [row.block_number for row in anchors.listed(self.connection, self.log.id)]
        return Head(
            pool=self.pool.name.removeprefix("pool:"), size=self.size, whole=self.whole,
            first_block=min((block for block in blocks if block is not None), default=0),
        )  # fmt: skip

    def records(self, start: int, stop: int, *, since: int) -> Page[RecordForm]:
        """The records with start ≤ index < stop of what came into sight with an index of ``since`` or above."""
        stop = min(stop, self.size)
        loans = None if self.whole else self._loans(since)
        others = () if self.whole else self._others(since)
        found = shown.records_between(
            self.connection, self.log.id, start, stop, loans=loans, others=others, most=PAGE_ITEMS + 1
        )
        some = found[:PAGE_ITEMS]
        hidden = set() if self.whole else self._hidden(some)
        items = [
            RecordForm(index=row.index, record=bytes(row.record).decode())
            for row in some
            if row.record is not None and row.index not in hidden
        ]
        return Page(items, some[-1].index + 1 if len(found) > PAGE_ITEMS else None)

    def claims(self, *, after: int) -> Page[ClaimForm]:
        """The claims of all loans shown, with what opens them; ``after`` is the cursor."""
        connection, log_id = self.connection, self.log.id
        loan_ids = (
            shown.all_loans_from(connection, log_id, after=after, most=_PAGE_LOANS + 1)
            if self.whole
            else shown.loans_from(connection, log_id, self._loans(0), after=after, most=_PAGE_LOANS + 1)
        )
        some = loan_ids[:_PAGE_LOANS]
        return Page(list(self._claims(some)), some[-1] if len(loan_ids) > _PAGE_LOANS else None)

    def loan_ids(self) -> set[int]:
        """Ids of the loans shown, where not all are."""
        return set(subjects.loans_of_pool(self.connection, self.log.id, self.pool.id, before=self.size))

    def accounts_in_sight(self) -> Mapping[str, int]:
        """Names of the accounts shown, where not all are → the index at which each came into sight."""
        return self.accounts.in_sight(self.connection, self.log, self.pool.id, self.size)

    # -- which ---------------------------------------------------------------------------------------------

    def _loans(self, since: int) -> Pledged:
        return Pledged(self.pool.id, self.size, since)

    def _others(self, since: int) -> Sequence[int]:
        """What is no loan and came into sight from ``since`` on: accounts; the pool and the log are so from 0 on."""
        names = [f"account:{name}" for name, at in self.accounts_in_sight().items() if at >= since]
        found = subjects.by_name(self.connection, self.log.id, [*names, *(() if since else ("log",))])
        return [*(() if since else (self.pool.id,)), *(row.id for row in found.values())]

    def _hidden(self, rows: Iterable[RecordRow]) -> set[int]:
        """Indexes of the log's own records that are not of this party."""
        day = subjects.by_name(self.connection, self.log.id, ["log"]).get("log")
        own = [row for row in rows if day is not None and row.subject_id == day.id and row.record]
        parsed = {row.index: record.parse(bytes(row.record)) for row in own if row.record}
        return {index for index, one in parsed.items() if not self._concerns(one)}

    def _concerns(self, one: Record) -> bool:
        event = one.event
        if isinstance(event, DayClosed):
            return {line.holder for line in event.lines} <= {None, self.party}
        if isinstance(event, SubjectErased):
            return bool(subjects.been_in_pool(self.connection, self.log.id, self.pool.name, [event.subject]))
        return True

    # -- claims --------------------------------------------------------------------------------------------

    def _claims(self, loan_ids: Sequence[int]) -> Iterable[ClaimForm]:
        connection = self.connection
        rows = subjects.by_id(connection, loan_ids)
        claims = sorted(row for row in subjects.claims_of(connection, loan_ids) if row.index < self.size)
        steps: dict[bytes, list[EncumbranceRow]] = {bytes(row.asset_key): [] for row in claims}
        for step in subjects.encumbrances_of(connection, self.log.id, steps, before=self.size):
            steps[bytes(step.asset_key)].append(step)
        pools = subjects.by_id(connection, {step.pool_id for some in steps.values() for step in some})
        own: dict[int, list[RecordRow]] = {}
        for one in records.of_subjects(connection, loan_ids, before=self.size):
            own.setdefault(one.subject_id, []).append(one)
        for claim in claims:
            loan, history = rows[claim.subject_id], steps[bytes(claim.asset_key)]
            state, nonces = self._opened(loan, claim, history, own.get(claim.subject_id, []))
            yield ClaimForm(
                loan=loan.name.removeprefix("loan:"),
                claim=claim.name,
                asset_key=bytes(claim.asset_key).hex(),
                state=state,
                nonces=nonces,
                steps=tuple(
                    StepForm(
                        index=step.index, pool=pools[step.pool_id].name.removeprefix("pool:"),
                        holder=step.holder, change=step.change,
                    )
                    for step in history
                ),
            )  # fmt: skip

    def _opened(
        self, loan: SubjectRow, claim: ClaimRow, history: Sequence[EncumbranceRow], own: Sequence[RecordRow]
    ) -> tuple[str | None, tuple[str, ...]]:
        """The preimage of the claim's state at the size, and the nonces of its encumbrance; gone once it is erased."""
        if loan.secret is None:
            return None, ()
        secret, key = self.vault.unwrap(bytes(loan.secret), loan.name), bytes(claim.asset_key)
        nonces = tuple(encumbrance_nonce(secret, key, version).hex() for version in range(len(history) + 1))
        place = (history[-1].version, history[-1].history, history[-1].holders) if history else _UNTOUCHED
        last = own[-1]
        then = SubjectRow(loan.id, loan.name, len(own), bytes(last.digest), last.index, loan.secret, b"")
        state = fold((row.index, record.parse(bytes(row.record))) for row in own if row.record is not None)
        at_size = ClaimRow(key, loan.id, claim.name, claim.index, *place)
        return claim_preimages(then, at_size, secret, state)[1].encode().decode(), nonces
