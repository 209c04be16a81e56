"""The seal from its leaves: the claims that the pool held at the sealed size, as their records give them, once more.

Each range of loans gives the leaves of its claims; sorted by key and joined with the state digests of the sealed
register they give the root and the sums that the seal must have. A claim that was hidden from a seal, or put into it,
is found by the amounts that are missing or over.

Whoever seals works the leaves out another way (:mod:`ledger.cut`): from the stored states of loans that nothing touched
since, sorted in a file. The audit must not share that: it takes nothing but records, so that a stored state that is
wrong, or was made so, shows here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from struct import Struct
from typing import Final, NamedTuple, Self

from ledger import register
from ledger.audit import integrity
from ledger.audit.checks.case import Case
from ledger.audit.damage import UNREAD, UNREADABLE
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
from ledger.domain import calendar, money, seals
from ledger.domain.events.pools import PoolSealed
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.errors import MalformedError
from ledger.proofs import sumtree
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.seal import SealHeader
from ledger.proofs.sumtree import Leaf, Node
from ledger.store import ReadConnection, trees
from ledger.store.logs import LogRow
from ledger.store.trees import RegisterRow

#: A seal older than this on the audit's day does not show the present composition: pools are sealed monthly.
STALE_DAYS: Final = 31
#: A tree that is published later than this after the cut-off leaves room for events made up for days before it.
LATE_DAYS: Final = 3

_ENTRY: Final = Struct(">32sI16s16s")


class Cut(NamedTuple):
    """What a seal is of: the claims of a currency at a size, as of a day."""

    currency: str
    size: int
    as_of: date


@dataclass(slots=True)
class SealLeaves:
    """The leaves of each cut, packed: key, share, receivable, credit."""

    cuts: tuple[Cut, ...] = ()
    entries: dict[Cut, list[bytes]] = field(default_factory=dict)
    names: dict[bytes, tuple[str, str]] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """The leaves of a loan's claims, for each cut in its currency."""
        for cut in self.cuts:
            if cut.currency != case.currency:
                continue
            held = unsuperseded(case.records, before=cut.size, until=cut.as_of)
            begun = bool(held) and held[0].record.kind.begins
            state = state_of(held, count=len(held)) if begun else None
            for claim in case.claims:
                share = sum(move.change for move in claim.moves if move.index < cut.size)
                if share <= 0:
                    continue
                part = state.claim(claim.name) if state is not None else None
                receivable, credit = seals.held(part.principal if part else 0, share, case.currency)
                key = claim_key(claim.asset_key)
                entry = _ENTRY.pack(key, share, receivable.to_bytes(16), credit.to_bytes(16))
                self.entries.setdefault(cut, []).append(entry)
                self.names[key] = (case.subject, claim.name)

    def add(self, other: Self) -> None:
        """Take another range in."""
        for cut, entries in other.entries.items():
            self.entries.setdefault(cut, []).extend(entries)
        self.names.update(other.names)


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
    connection: ReadConnection, log: LogRow, pool: Pool, leaves: SealLeaves, *, as_of: date, erased: int, notes: Notes
) -> None:  # fmt: skip
    """Perform the procedure seal."""
    procedure = notes.procedure("seal")
    found = last_seals(pool, as_of)
    if not found:
        procedure.undecided("the pool was never sealed")
        return
    _check_order(pool, as_of, notes)
    for currency, ((index, one), event) in sorted(found.items()):
        evidence = [Evidence(index, one.digest.hex())]
        cut = Cut(currency, event.size, calendar.parse_day(event.as_of, "as_of"))
        _check_age(connection, log, pool, cut, as_of=as_of, evidence=evidence, notes=notes)
        if event.restates is not None:
            notes.find("seal.restated", pool.subject, evidence=evidence, old=event.restates)
        try:
            header = seals.header_of(pool.name, event)
        except MalformedError as error:
            notes.find("seal.wrong_header", pool.subject, evidence=evidence, reason=str(error))
            continue
        if header.seal.hex() != event.seal:
            reason = f"it gives {header.seal.hex()}"
            notes.find("seal.wrong_header", pool.subject, evidence=evidence, reason=reason)
        register_row = trees.register_at(connection, log.id, event.size - 1)
        if trees.checkpoint(connection, log.id, event.size) is None:
            notes.find("seal.unpublished", pool.subject, evidence=evidence, size=event.size)
        elif register_row is None:
            procedure.undecided("the register of the sealed size is missing")
        elif erased:
            procedure.undecided(f"{erased} loans of the pool are erased: their leaves cannot be made again")
        else:
            try:
                made = _leaves(connection, log, register_row, leaves.entries.get(cut, []))
            except UNREADABLE as error:
                notes.find("register.unreadable", "log", size=event.size, reason=str(error))
                procedure.undecided(UNREAD)
                continue
            procedure.answered()
            _compare(header, made, leaves, evidence=evidence, notes=notes)


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
                    old=f"{old.seal} of size {old.size}",
                )  # fmt: skip
        last[event.currency] = evidence, event


def _check_age(
    connection: ReadConnection, log: LogRow, pool: Pool, cut: Cut, *, as_of: date, evidence: Sequence[Evidence],
    notes: Notes,
) -> None:  # fmt: skip
    days = (as_of - cut.as_of).days
    if days > STALE_DAYS:
        notes.find("seal.stale", pool.subject, evidence=evidence, as_of=cut.as_of.isoformat(), days=days)
    row = trees.checkpoint(connection, log.id, cut.size)
    if row is not None:
        published = calendar.business_date(calendar.parse_instant(row.published), log.zone, log.day_cut)
        late = (published - cut.as_of).days
        if late > LATE_DAYS:
            notes.find("seal.late", pool.subject, evidence=evidence, as_of=cut.as_of.isoformat(), days=late)


def _leaves(
    connection: ReadConnection, log: LogRow, row: RegisterRow, entries: Sequence[bytes]
) -> list[Leaf]:
    """The leaves in their order, each with the state digest that the sealed size's register commits to."""
    integrity.check_register(connection, log, row, lambda _done, _of: None)
    ordered = sorted(entries)
    keys = [entry[:32] for entry in ordered]
    values = register.values(lambda ids: trees.pages(connection, log.id, ids), row.page, keys)
    made = []
    for entry in ordered:
        key, share, receivable, credit = _ENTRY.unpack(entry)
        state = values.get(key, bytes(64))[32:]
        made.append(
            Leaf(
                key=key,
                share=share,
                receivable=int.from_bytes(receivable),
                credit=int.from_bytes(credit),
                state=state,
            )
        )
    return made


def _compare(
    header: SealHeader,
    made: Sequence[Leaf],
    leaves: SealLeaves,
    *,
    evidence: Sequence[Evidence],
    notes: Notes,
) -> None:
    derived, sealed = sumtree.root(made), header.total
    if derived == sealed:
        return
    facts = {"found": _shown(derived, header.currency), "sealed": _shown(sealed, header.currency)}
    hidden = _hidden(made, derived, sealed)
    if hidden is not None:
        subject, claim = leaves.names[hidden.key]
        notes.find("seal.claim_hidden", subject, claim=claim, evidence=evidence, pool=header.pool, **facts)
    else:
        notes.find("seal.wrong_root", f"pool:{header.pool}", evidence=evidence, **facts)


def _hidden(made: Sequence[Leaf], derived: Node, sealed: Node) -> Leaf | None:
    """The one claim without which the leaves give the sealed root, if it is one."""
    if derived.count != sealed.count + 1:
        return None
    missing = (derived.receivable - sealed.receivable, derived.credit - sealed.credit)
    for place, leaf in enumerate(made):
        if (leaf.receivable, leaf.credit) == missing:
            rest = [*made[:place], *made[place + 1 :]]
            if sumtree.root(rest) == sealed:
                return leaf
    return None


def _shown(node: Node, currency: str) -> str:
    return (
        f"{node.count} claims, {money.format(node.receivable, currency)} {currency} receivable, "
        f"{money.format(node.credit, currency)} credit, root {node.hash.hex()[:16]}…"
    )
