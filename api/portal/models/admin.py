"""What those who manage keys and webhooks see: their party's, or everybody's for an operator of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.access import Caller
from ledger.domain.calendar import format_instant
from ledger.log import Ledger
from ledger.store import access, keys, logs
from ledger.store.access import Person, Read
from ledger.store.keys import ApiKey
from ledger.store.logs import PartyRow

#: Reads on one page.
READS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """Keys with whether each is in force; and for an operator the parties, what they were granted, and the people."""

    keys: tuple[tuple[ApiKey, bool], ...]
    parties: tuple[PartyRow, ...]
    grants: tuple[tuple[str, str, str], ...]
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Who read what, the newest first; the id before which the next page begins."""

    rows: tuple[Read, ...]
    next: int | None


def administration(ledger: Ledger, caller: Caller) -> Administration:
    """All that a caller manages."""
    now = format_instant(ledger.clock())
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        every = [
            one for one in keys.list_keys(connection, log.id) if caller.operates or one.party == caller.party
        ]
        every.sort(key=lambda one: (not one.in_force(now), one.party, one.created))
        known = logs.list_parties(connection, log.id) if caller.operates else []
        return Administration(
            keys=tuple((one, one.in_force(now)) for one in every),
            parties=tuple(known),
            grants=tuple(access.all_grants(connection, log.id)) if caller.operates else (),
            people=tuple(access.all_people(connection, log.id)) if caller.operates else (),
        )


def reads(ledger: Ledger, caller: Caller, *, before: int | None, loan: str) -> Reads:
    """Who read loans: an operator sees every read, others those of their own party."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        found: Sequence[Read] = access.reads(
            connection, log.id, before=before, limit=READS + 1,
            subject=f"loan:{loan}" if loan else None, party=None if caller.operates else caller.party,
        )  # fmt: skip
    return Reads(rows=tuple(found[:READS]), next=found[READS - 1].id if len(found) > READS else None)
