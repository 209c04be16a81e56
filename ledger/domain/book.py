"""What admission works on and what it answers: the book of parties, loans, pools and places; what an event changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ledger.domain import claims
from ledger.domain.claims import Change, ClaimPlace, NewKey, Step
from ledger.domain.fold import Indexed
from ledger.domain.loans import LoanState
from ledger.domain.pools import PoolState
from ledger.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class Party:
    """A registered party: its roles and its published statement keys (verifier keys)."""

    name: str
    roles: frozenset[str]
    keys: tuple[str, ...] = ()


def _no_history(subject: str) -> Iterable[Indexed]:
    raise IntegrityError(
        f"{subject}: this book does not read records back, so nothing can be corrected in it"
    )


@dataclass(slots=True)
class Book:
    """What admission works on: ``loans`` and ``pools`` by subject (``loan:…``), ``places`` by asset key.

    ``history`` reads all records of a loan so far, those of this batch too; only a correction asks for them.
    ``sizes`` are published ones: as many of them as the events at hand name.
    ``erased`` are subjects of which digests alone are left, ``erasing`` the one that this very transaction erases.
    """

    origin: str
    parties: dict[str, Party] = field(default_factory=dict)
    loans: dict[str, LoanState] = field(default_factory=dict)
    pools: dict[str, PoolState] = field(default_factory=dict)
    places: dict[bytes, ClaimPlace] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    erasing: str | None = None
    history: Callable[[str], Iterable[Indexed]] = field(default=_no_history, compare=False)
    sizes: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Admitted:
    """What an event changed besides its subject's state."""

    new_keys: list[NewKey]
    changes: list[Change]
    _places: list[ClaimPlace]

    def encumber(self, digest: bytes) -> list[Step]:
        """Advance the history of each changed claim by the record's digest. Call exactly once."""
        return [
            claims.encumber(place, change, digest)
            for place, change in zip(self._places, self.changes, strict=True)
        ]
