"""Whose word closes a break: who has to explain it, who made the file, and somebody whose money it is.

- its **owner**;
- the **maker** of the file that it was opened from: ``sender`` of its tape.received, else who posted that; where no
  record commits to the file, who opened the break;
- where neither of them is a holder of the pool, **a holder**: the one who opened the break, if a holder did, else any.
  Originator and servicer of one group would otherwise agree with each other;
- where all that is one and the same party, **any other** with it: nobody agrees with itself.

A holder is who claims of the pool were pledged or sold to, by the records so far. Who arranges the pool's records
itself counts as one only where all do: else a claim pledged to itself would make it its own other side. That holders
are independent of who arranges stays trust. A pool without any holder leaves the third side to any other party.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.events.files import BreakClosed, BreakOpened, TapeReceived
from ledger.domain.events.transfers import ClaimReleased, Transfer, TransferSettled
from ledger.domain.record import Record

#: What others than those who arrange the pool post on it, too.
_NOT_ARRANGED: Final = (BreakClosed, BreakOpened, TapeReceived, ClaimReleased, TransferSettled)

#: Parties, of whom one is to say its word; empty: any that has not.
AnyOf = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who has to agree. ``holders`` are those any of whom can speak for the money."""

    owner: str
    maker: str
    holders: frozenset[str] = frozenset()

    def missing(self, said: Collection[str]) -> tuple[AnyOf, ...]:
        """Whose words are missing, where these parties have said theirs; empty: nobody's, and the break is closed."""
        named = {self.owner, self.maker}
        waits: list[AnyOf] = [(name,) for name in (self.owner, self.maker) if name not in said]
        if len(waits) == 2 and self.owner == self.maker:
            del waits[1]
        if self.holders and self.holders.isdisjoint(named):
            if self.holders.isdisjoint(said):
                waits.append(tuple(sorted(self.holders)))
        elif len(named) == 1 and named.issuperset(said):
            waits.append(())
        return tuple(waits)


@dataclass(slots=True)
class Known:
    """What a pool's records tell so far of who is who; taken in by the order of the log."""

    _holders: set[str] = field(default_factory=set)
    _arrangers: set[str] = field(default_factory=set)
    #: SHA-256 of a file → who made it, as its first record says
    _makers: dict[str, str] = field(default_factory=dict)

    def take(self, one: Record) -> None:
        """Take the next of the pool's records in."""
        event = one.event
        if isinstance(event, TapeReceived):
            self._makers.setdefault(event.tape, event.sender if isinstance(event.sender, str) else one.party)
        if isinstance(event, Transfer):
            self._holders.add(event.holder)
        if not isinstance(event, _NOT_ARRANGED):
            self._arrangers.add(one.party)

    def sides(self, *, owner: str, tape: str, opener: str) -> Sides:
        """Those of a break with this owner, opened by a party from a file."""
        holders = self._holders - self._arrangers or self._holders
        return Sides(
            owner=owner, maker=self._makers.get(tape, opener),
            holders=frozenset({opener} if opener in holders else holders),
        )  # fmt: skip
