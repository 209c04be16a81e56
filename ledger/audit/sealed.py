"""The seal from its leaves: the claims that the pool held at the sealed size, as their records give them, once more.

Each range of loans gives the leaves of its claims; sorted by key and joined with the state digests of the sealed
register they give the root and the sums that the seal must have. A claim that was hidden from a seal, or put into it,
is found by the amounts that are missing or over.

Whoever seals works the leaves out another way (:mod:`ledger.cut`): from the stored states of loans that nothing touched
since, sorted in a file. The audit must not share that: it takes nothing but records, so that a stored state that is
wrong, or was made so, shows here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from struct import Struct
from typing import Final, NamedTuple, Self

from ledger import register
from ledger.audit import integrity
from ledger.audit.checks.case import Case, PoolClaim
from ledger.audit.damage import UNREAD, UNREADABLE
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
from ledger.domain import calendar, money, seals
from ledger.domain.events.pools import PoolSealed
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.errors import IntegrityError, MalformedError
from ledger.proofs import merkle, sumtree
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.seal import SealHeader
from ledger.proofs.sumtree import Leaf, Node
from ledger.store import ReadConnection, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.trees import RegisterRow

#: A seal older than this on the audit's day does not show the present composition: pools are sealed monthly.
STALE_DAYS: Final = 31
#: A tree that is published later than this after the cut-off leaves room for events made up for days before it.
LATE_DAYS: Final = 3

#: Claims whose states, or loans whose claims, are looked up at a time.
LOOKED_UP: Final = 5_000

_ENTRY: Final = Struct(">32sI16s16s")


class Cut(NamedTuple):
    """What a seal is of: the claims of a currency at a size, as of a day."""

    currency: str
    size: int
    as_of: date


class _Entries:
    """Leaves without their states, packed: key, share, receivable, credit. Any order in, ascending keys out.

    They are kept by the first byte of their keys, so that only a part of them is sorted at a time.
    """

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(256)]

    def put(self, key: bytes, share: int, receivable: int, credit: int) -> None:
        self._parts[key[0]] += _ENTRY.pack(key, share, receivable.to_bytes(16), credit.to_bytes(16))

    def add(self, other: Self) -> None:
        for mine, theirs in zip(self._parts, other._parts, strict=True):
            mine.extend(theirs)

    def __iter__(self) -> Iterator[tuple[bytes, int, bytes, bytes]]:
        for part in self._parts:
            yield from sorted(_ENTRY.iter_unpack(part))


@dataclass(slots=True)
class SealLeaves:
    """The leaves of each cut; ``held`` are the currencies of what the pool holds on the audit's day."""

    cuts: tuple[Cut, ...] = ()
    entries: dict[Cut, _Entries] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    def take(self, case: Case) -> None:
        """The leaves of a loan's claims, for each cut in its currency."""
        if case.currency not in self.held and any(claim.held() for claim in case.claims):
            self.held.add(case.currency)
        self.take_later(case.currency, case.records, case.claims)

    def take_later(self, currency: str, records: Sequence[Indexed], claims: Sequence[PoolClaim]) -> None:
        """The leaves of claims whose loan need not have begun: a seal has those of its size, whatever its day."""
        for cut in self.cuts:
            if cut.currency != currency:
                continue
            held = unsuperseded(records, before=cut.size, until=cut.as_of)
            begun = bool(held) and held[0].record.kind.begins
            state = state_of(held, count=len(held)) if begun else None
            for claim in claims:
                share = sum(move.change for move in claim.moves if move.index < cut.size)
                if share <= 0:
                    continue
                part = state.claim(claim.name) if state is not None else None
                receivable, credit = seals.held(part.principal if part else 0, share, currency)
                entries = self.entries.setdefault(cut, _Entries())
                entries.put(claim_key(claim.asset_key), share, receivable, credit)

    def add(self, other: Self) -> None:
        """Take another range in."""
        self.held |= other.held
        for cut, entries in other.entries.items():
            self.entries.setdefault(cut, _Entries()).add(entries)


def last_seals(pool: Pool, as_of: date) -> dict[str, tuple[Indexed, PoolSealed]]:
    """The newest seal of each currency as of the audit's day."""
    found: dict[str, tuple[Indexed, PoolSealed]] = {}
    for index, one in pool.records:
        if isinstance(one.event, PoolSealed) and one.when.last_day <= as_of:
            found[one.event.currency] = ((index, one), one.event)
    return found


def cuts_of(pool: Pool, as_of: date) -> tuple[Cut, ...]:
    """What the newest seals are of."""
    return tuple(
        Cut(currency, event.size, calendar.parse_day(event.as_of, "as_of"))
        for currency, (_, event) in sorted(last_seals(pool, as_of).items())
    )


def check(
    connection: ReadConnection, log: LogRow, pool: Pool, leaves: SealLeaves, *, loan_ids: Sequence[int], as_of: date,
    erased: int, notes: Notes,
) -> None:  # fmt: skip
    """Perform the procedure seal; ``loan_ids`` are the pool's loans."""
    procedure = notes.procedure("seal")
    found = last_seals(pool, as_of)
    if not found:
        procedure.undecided("no seal of the pool is of this day or an earlier one")
        return
    for currency in sorted(leaves.held - found.keys()):
        procedure.undecided(f"the pool holds claims in {currency} and was never sealed in it")
    _check_order(pool, as_of, notes)
    for currency, ((index, one), event) in sorted(found.items()):
        evidence = [Evidence(index, one.digest.hex())]
        cut = Cut(currency, event.size, calendar.parse_day(event.as_of, "as_of"))
        _check_age(connection, log, pool, cut, as_of=as_of, evidence=evidence, notes=notes)
        if event.restates is not None:
            notes.find(
                "seal.restated", pool.subject, evidence=evidence, old=event.restates, currency=currency
            )
        try:
            header = seals.header_of(pool.name, event)
        except MalformedError as error:
            notes.find(
                "seal.wrong_header", pool.subject, evidence=evidence, reason=str(error), currency=currency
            )
            continue
        if header.seal.hex() != event.seal:
            reason = f"it gives {header.seal.hex()}"
            notes.find("seal.wrong_header", pool.subject, evidence=evidence, reason=reason, currency=currency)
        register_row = trees.register_at(connection, log.id, event.size - 1)
        if trees.checkpoint(connection, log.id, event.size) is None:
            notes.find(
                "seal.unpublished", pool.subject, evidence=evidence, size=event.size, currency=currency
            )
        elif register_row is None:
            procedure.undecided("the register of the sealed size is missing")
        elif erased:
            procedure.undecided(f"{erased} loans of the pool are erased: their leaves cannot be made again")
        else:
            made = _Sealed(connection, log, register_row, leaves.entries.get(cut, ()))
            try:
                integrity.check_register(connection, log, register_row, lambda _done, _of: None)
                derived = sumtree.root(made)
            except UNREADABLE as error:
                notes.find("register.unreadable", "log", size=event.size, reason=str(error))
                procedure.undecided(UNREAD)
                continue
            procedure.answered()
            if derived != header.total:
                _differ(header, made, derived, loan_ids=loan_ids, evidence=evidence, notes=notes)


def _check_order(pool: Pool, as_of: date, notes: Notes) -> None:
    """Each seal is of a later size than the one before, or names the one of its size that it takes the place of."""
    last: dict[str, tuple[Evidence, PoolSealed]] = {}
    for index, one in pool.records:
        if not isinstance(one.event, PoolSealed) or one.when.last_day > as_of:
            continue
        event, evidence = one.event, Evidence(index, one.digest.hex())
        if event.currency in last:
            before, old = last[event.currency]
            named = event.restates == old.seal
            if event.size < old.size or (event.size == old.size and not named):
                notes.find(
                    "seal.twice", pool.subject, evidence=[before, evidence], size=event.size,
                    old=f"{old.seal} of size {old.size}", currency=event.currency,
                )  # fmt: skip
        last[event.currency] = evidence, event


def _check_age(
    connection: ReadConnection, log: LogRow, pool: Pool, cut: Cut, *, as_of: date, evidence: Sequence[Evidence],
    notes: Notes,
) -> None:  # fmt: skip
    days, facts = (as_of - cut.as_of).days, {"as_of": cut.as_of.isoformat(), "currency": cut.currency}
    if days > STALE_DAYS:
        notes.find("seal.stale", pool.subject, evidence=evidence, days=days, **facts)
    row = trees.checkpoint(connection, log.id, cut.size)
    if row is not None:
        published = calendar.business_date(calendar.parse_instant(row.published), log.zone, log.day_cut)
        late = (published - cut.as_of).days
        if late > LATE_DAYS:
            notes.find("seal.late", pool.subject, evidence=evidence, days=late, **facts)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The leaves of a cut in their order, each with the state digest that the sealed size's register commits to."""

    connection: ReadConnection
    log: LogRow
    row: RegisterRow
    entries: Iterable[tuple[bytes, int, bytes, bytes]]

    def __iter__(self) -> Iterator[Leaf]:
        entries = iter(self.entries)
        while part := list(islice(entries, LOOKED_UP)):
            values = register.values(self._pages, self.row.page, [key for key, *_ in part])
            for key, share, receivable, credit in part:
                state = values.get(key, bytes(64))[32:]
                amounts = int.from_bytes(receivable), int.from_bytes(credit)
                yield Leaf(key=key, share=share, receivable=amounts[0], credit=amounts[1], state=state)

    def _pages(self, ids: Iterable[int]) -> dict[int, bytes]:
        return trees.pages(self.connection, self.log.id, ids)


def _differ(
    header: SealHeader, made: _Sealed, derived: Node, *, loan_ids: Sequence[int], evidence: Sequence[Evidence],
    notes: Notes,
) -> None:  # fmt: skip
    """Report a seal that its leaves do not give: by the one claim that was hidden, where it is that."""
    facts = {"found": _shown(derived, header.currency), "sealed": _shown(header.total, header.currency)}
    hidden = _hidden(made, derived, header.total)
    if hidden is None:
        notes.find("seal.wrong_root", f"pool:{header.pool}", evidence=evidence, **facts)
        return
    subject, claim = _place(made.connection, loan_ids, hidden.key)
    notes.find("seal.claim_hidden", subject, claim=claim, evidence=evidence, pool=header.pool, **facts)


def _hidden(made: Iterable[Leaf], derived: Node, sealed: Node) -> Leaf | None:
    """The one claim without which the leaves give the sealed root, if it is one."""
    if derived.count != sealed.count + 1:
        return None
    missing = (derived.receivable - sealed.receivable, derived.credit - sealed.credit)
    leaves = list(made)
    places = [place for place, leaf in enumerate(leaves) if (leaf.receivable, leaf.credit) == missing]
    nodes = [leaf.node() for leaf in leaves] if places else []
    roots = merkle.without_one(nodes, places, join=sumtree.join, empty=sumtree.EMPTY)
    return next((leaves[place] for place, root in zip(places, roots, strict=True) if root == sealed), None)


def _place(connection: ReadConnection, loan_ids: Sequence[int], key: bytes) -> tuple[str, str]:
    """The subject and the name of the claim with this register key."""
    for start in range(0, len(loan_ids), LOOKED_UP):
        for claim in subjects.claims_of(connection, loan_ids[start : start + LOOKED_UP]):
            if claim_key(bytes(claim.asset_key)) == key:
                return subjects.by_id(connection, [claim.subject_id])[claim.subject_id].name, claim.name
    raise IntegrityError(f"no claim of the pool has the register key {key.hex()}")


def _shown(node: Node, currency: str) -> str:
    return (
        f"{node.count} claims, {money.format(node.receivable, currency)} {currency} receivable, "
        f"{money.format(node.credit, currency)} {currency} credit, root {node.hash.hex()[:16]}…"
    )
