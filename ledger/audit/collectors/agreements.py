"""Are the claims of a settled transfer those that its batches brought? Count, root and principal of transfer.settled.

A transfer of many claims comes as batches (claim.pledged, claim.sold) that carry one agreement, and one record settles
it: how many claims there were, the root over their asset keys, the principal outstanding on the shares. The newest
record of an agreement counts, since a pool's records are not corrected but said anew. Its price is asked about where
the pool is lent against (:mod:`ledger.audit.collectors.base`).

Principal is that of each batch's effective day. What was paid on that day may be taken off or not: anything is right
between what the log had on the day by the records before the batch, and what it has on the day by all records.

Where a claim of the batches is not among the loans examined, as when its loan is erased, the agreement is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple, Self

from ledger.audit.checks.case import Case, Move
from ledger.audit.findings import Evidence, Notes
from ledger.audit.rules import PoolRules
from ledger.domain import money, record, seals
from ledger.domain.events.transfers import Transfer, TransferSettled, share_of
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.proofs import merkle
from ledger.proofs.encumbrance import WHOLE

_UNSEEN: Final = "a claim of the transfer is not among those that can be examined"
_CURRENCIES: Final = "the transfer has claims in other currencies than its settlement"
_KEY: Final = 32


class Settlement(NamedTuple):
    """A transfer that is settled: the record that says so, and its batches, all without their lists of claims."""

    told: Indexed
    batches: tuple[Indexed, ...]


def settlements(records: Sequence[Indexed], as_of: date) -> dict[str, Settlement]:
    """The pool's settled transfers as of a day, by agreement."""
    told: dict[str, Indexed] = {}
    for index, one in records:
        if isinstance(one.event, TransferSettled) and one.when.last_day <= as_of:
            told[one.event.agreement] = (index, one)
    batches: dict[str, list[Indexed]] = {agreement: [] for agreement in told}
    for index, one in records:
        event = one.event
        if not isinstance(event, Transfer) or event.agreement not in told:
            continue
        assert isinstance(event.agreement, str)
        if one.when.last_day <= as_of or index < told[event.agreement][0]:
            batches[event.agreement].append((index, one))
    return {agreement: Settlement(pair, tuple(batches[agreement])) for agreement, pair in told.items()}


@dataclass(slots=True)
class _Seen:
    """What a transfer brought, of the loans examined: asset keys one after the other, ppm, and units by currency.

    Of principal there is the least and the most that may be told.
    """

    keys: bytearray = field(default_factory=bytearray)
    shares: int = 0
    principal: dict[str, tuple[int, int]] = field(default_factory=dict)

    def put(self, key: bytes, share: int, currency: str, least: int, most: int) -> None:
        self.keys += key
        self.shares += share
        self._raise(currency, least, most)

    def _raise(self, currency: str, least: int, most: int) -> None:
        before = self.principal.get(currency, (0, 0))
        self.principal[currency] = (before[0] + least, before[1] + most)

    def add(self, other: _Seen) -> None:
        self.keys += other.keys
        self.shares += other.shares
        for currency, (least, most) in other.principal.items():
            self._raise(currency, least, most)

    def distinct(self) -> Iterator[bytes]:
        """The keys ascending, each once: a claim may have come by parts."""
        last = b""
        for key in sorted(bytes(self.keys[at : at + _KEY]) for at in range(0, len(self.keys), _KEY)):
            if key != last:
                yield key
            last = key


class Agreements:
    """Collects what the batches of settled transfers brought, over the pool's loans; picklable."""

    def __init__(self, settled: Mapping[str, Settlement]) -> None:
        #: index of a batch's record → its agreement
        self._of = {index: agreement for agreement, one in settled.items() for index, _ in one.batches}
        self.seen: dict[str, _Seen] = {}

    @classmethod
    def of(cls, records: Sequence[Indexed], as_of: date) -> Self:
        """Those of a pool's own records."""
        return cls(settlements(records, as_of))

    def __getstate__(self) -> dict[str, Any]:
        """What goes back from a range needs no batches: it is added to one that has them."""
        return {"_of": {}, "seen": self.seen}

    def take(self, case: Case) -> None:
        """Take in what batches took of a loan's claims."""
        for claim in case.claims if self._of else ():
            for move in claim.moves:
                agreement = self._of.get(move.index)
                if agreement is not None and move.change > 0:
                    told = _principal(case, claim.name, move)
                    seen = self.seen.setdefault(agreement, _Seen())
                    seen.put(claim.asset_key, move.change, case.currency, min(told), max(told))

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave."""
        for agreement, seen in other.seen.items():
            self.seen.setdefault(agreement, _Seen()).add(seen)


def _principal(case: Case, name: str, move: Move) -> tuple[int, ...]:
    """Units outstanding on the shares on the batch's day, by the records before it and by all."""
    known = [case.records]
    if any(index > move.index and one.when.ordinal <= move.day for index, one in case.records):
        known.append([pair for pair in case.records if pair[0] < move.index])
    return tuple(_outstanding(records, name, move, case.currency) for records in known)


def _outstanding(records: Sequence[Indexed], name: str, move: Move, currency: str) -> int:
    held = unsuperseded(records, until=date.fromordinal(move.day))
    part = state_of(held, count=len(held)).claim(name) if held and held[0].record.kind.begins else None
    return 0 if part is None else seals.held(part.principal, move.change, currency)[0]


# -- findings --------------------------------------------------------------------------------------------------


def check(
    notes: Notes, pool: str, records: Sequence[Indexed], found: Agreements, *, rules: PoolRules, as_of: date
) -> None:
    """Hold each settled transfer against what its batches brought; part of the procedure encumbrance."""
    procedure = notes.procedure("encumbrance")
    for agreement, settled in sorted(settlements(records, as_of).items()):
        index, one = settled.told
        event, evidence = one.event, [Evidence(index, one.digest.hex())]
        assert isinstance(event, TransferSettled)
        seen = found.seen.get(agreement, _Seen())
        if seen.shares != sum(map(_shares, settled.batches)):
            procedure.undecided(_UNSEEN)
            continue
        tree = merkle.CompactRange()
        for key in seen.distinct():
            tree.append(merkle.leaf_hash(key))
        if (event.count, event.root) != (tree.size, tree.root().hex()):
            notes.find(
                "transfer.claims_differ", pool, evidence=evidence, agreement=agreement, count=event.count,
                brought=tree.size,
            )  # fmt: skip
        if seen.principal.keys() - {event.currency}:
            procedure.undecided(_CURRENCIES)
            continue
        least, most = seen.principal.get(event.currency, (0, 0))
        told, _ = one.amounts
        nearest = min(max(told, least), most)
        if not rules.within("encumbrance", told - nearest):
            notes.find(
                "transfer.principal_differs", pool, evidence=evidence, agreement=agreement, settled=event.principal,
                outstanding=money.format(nearest, event.currency), currency=event.currency,
            )  # fmt: skip


def _shares(batch: Indexed) -> int:
    """All that a batch takes, in ppm."""
    event = record.parse(
        batch[1].raw
    ).event  # with its list of claims, which the pool's records are kept without
    assert isinstance(event, Transfer)
    told = map(share_of, event.claims)
    return sum(WHOLE if share is None else share for share in told)
