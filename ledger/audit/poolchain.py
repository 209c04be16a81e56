"""The pool's own records against the register and against its claims' histories, so that none is left out.

Which claims a pool has is looked up in an index of the database. Its records say it too, and the register commits
everyone to the newest of them and to the last seals: so a pledge that the index does not have, a step that no record
made, and a record or seal kept from the reader are found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from ledger import register
from ledger.audit.damage import UNREAD
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
from ledger.domain import record
from ledger.domain.events.pools import PoolSealed
from ledger.domain.events.transfers import ClaimReleased, Transfer, share_of
from ledger.domain.record import Record
from ledger.proofs.encumbrance import WHOLE, pool_key, pool_value
from ledger.proofs.seal import last_seal
from ledger.store import ReadConnection, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.trees import RegisterRow

#: Whose share of which claim: (loan, claim, holder).
_Held = tuple[str, str, str]
#: ppm taken (positive) or given back by one record.
_Changes = Counter[_Held]
_index = attrgetter("index")


def check(
    connection: ReadConnection, log: LogRow, pool: Pool, row: RegisterRow | None, *, size: int, notes: Notes
) -> None:
    """Hold the pool's records against the register ``row`` of the tree of a size, and its claims' histories against
    the records. None: the register cannot be read.
    """
    if row is None:
        notes.procedure("register").undecided(UNREAD)
    else:
        key = pool_key(pool.name)
        value = register.values(lambda ids: trees.pages(connection, log.id, ids), row.page, [key]).get(key)
        if value is None or value[:32] != pool.head or (pool.whole and value != pool_value(*_tip(pool))):
            evidence = [Evidence(index, one.digest.hex()) for index, one in pool.records[-1:]]
            notes.find("register.contradicts", pool.subject, evidence=evidence, size=size)
    if pool.whole:
        _check_steps(connection, log, pool, size - 1, notes)


def _tip(pool: Pool) -> tuple[bytes, bytes]:
    """The head of the pool's chain and its last seal."""
    seals = {
        one.event.currency: one.event.seal for _, one in pool.records if isinstance(one.event, PoolSealed)
    }
    return pool.head, last_seal({currency: bytes.fromhex(seal) for currency, seal in seals.items()})


class _Moved(NamedTuple):
    """What moved at an index: by the pool's record there, or (``record`` None) by the histories of its claims."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    changes: _Changes
    record: Record | None


def _check_steps(connection: ReadConnection, log: LogRow, pool: Pool, size: int, notes: Notes) -> None:
    """Every share that a record takes or gives back is a step of its claim's history, and no other step is there.

    Records and steps come side by side, in the order of the log, so that no more than one record's are held.
    """
    steps = _by_history(connection, log, pool, size)
    for index, sides in groupby(merge(_by_records(pool), steps, key=_index), key=_index):
        by_record, by_history, evidence = _Changes(), _Changes(), list[Evidence]()
        for moved in sides:
            if moved.record is None:
                by_history = moved.changes
            else:
                by_record, evidence = moved.changes, [Evidence(index, moved.record.digest.hex())]
        for place in sorted(by_record.keys() | by_history.keys()):
            if by_record[place] == by_history[place]:
                continue
            loan, claim, holder = place
            reason = (
                f"entry {index} of {pool.subject} moves {by_record[place]} ppm for {holder}, "
                f"the history {by_history[place]} ppm"
            )
            notes.find("pledge.history_broken", f"loan:{loan}", claim=claim, evidence=evidence, reason=reason)


def _by_history(connection: ReadConnection, log: LogRow, pool: Pool, size: int) -> Iterator[_Moved]:
    moves = subjects.pool_moves(connection, log.id, pool.id, start=0, stop=size)
    for index, steps in groupby(moves, key=itemgetter(0)):
        changes = _Changes()
        for _, loan, claim, holder, change in steps:
            changes[loan, claim, holder] += change
        yield _Moved(index, changes, None)


def _by_records(pool: Pool) -> Iterator[_Moved]:
    held: Counter[bytes] = Counter()
    for index, one in pool.records:
        yield _Moved(index, _changes(one, held), one)


def _changes(one: Record, held: Counter[bytes]) -> _Changes:
    """What a record takes and gives back; ``held`` (by :func:`_short`) is brought up to date."""
    changes = _Changes()
    if not isinstance(one.event, Transfer | ClaimReleased):
        return changes
    event = record.parse(one.raw).event  # with its list of claims
    assert isinstance(event, Transfer | ClaimReleased)
    holder = event.holder if isinstance(event, Transfer) else one.party
    for item in event.claims:
        place, share = (item.loan, item.claim, holder), share_of(item)
        short = _short(place)
        if isinstance(event, Transfer):
            change = WHOLE if share is None else share
        else:
            change = -(held[short] if share is None else share)
        changes[place] += change
        held[short] += change
        if not held[short]:
            del held[short]
    return changes


def _short(place: _Held) -> bytes:
    """Sixteen bytes for three names: there is one for each claim of the pool."""
    return hashlib.blake2b("\0".join(place).encode(), digest_size=16).digest()
