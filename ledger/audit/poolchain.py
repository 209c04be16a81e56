"""The pool's own records against the register and against its claims' histories, so that none is left out.

Which claims a pool has is looked up in an index of the database. Its records say it too, and the register commits
everyone to the newest of them and to the last seals: so a pledge that the index does not have, a step that no record
made, and a record or seal kept from the reader are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ledger import register
from ledger.audit.damage import UNREAD
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
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


def _check_steps(connection: ReadConnection, log: LogRow, pool: Pool, size: int, notes: Notes) -> None:
    """Every share that a record takes or gives back is a step of its claim's history, and no other step is there."""
    stored: dict[int, _Changes] = {}
    for index, loan, claim, holder, change in subjects.pool_moves(
        connection, log.id, pool.id, start=0, stop=size
    ):
        stored.setdefault(index, Counter())[loan, claim, holder] += change
    digests = {index: one.digest for index, one in pool.records}
    told = dict(_transfers(pool))
    for index in sorted(told.keys() | stored.keys()):
        by_record, by_history = told.get(index, Counter()), stored.get(index, Counter())
        if by_record == by_history:
            continue
        evidence = [Evidence(index, digests[index].hex())] if index in digests else []
        for place in sorted(by_record.keys() | by_history.keys()):
            if by_record[place] == by_history[place]:
                continue
            loan, claim, holder = place
            reason = (
                f"entry {index} of {pool.subject} moves {by_record[place]} ppm for {holder}, "
                f"the history {by_history[place]} ppm"
            )
            notes.find("pledge.history_broken", f"loan:{loan}", claim=claim, evidence=evidence, reason=reason)


def _transfers(pool: Pool) -> Iterator[tuple[int, _Changes]]:
    """What each record of the pool takes and gives back, by its index."""
    held: _Changes = Counter()
    for index, one in pool.records:
        changes = _changes(one, held)
        if changes:
            yield index, changes


def _changes(one: Record, held: _Changes) -> _Changes:
    """What a record takes and gives back; ``held`` is brought up to date."""
    changes: _Changes = Counter()
    event = one.event
    if not isinstance(event, Transfer | ClaimReleased):
        return changes
    for item in event.claims:
        share = share_of(item)
        if isinstance(event, Transfer):
            place, change = (item.loan, item.claim, event.holder), WHOLE if share is None else share
        else:
            place = (item.loan, item.claim, one.party)
            change = -(held[place] if share is None else share)
        changes[place] += change
        held[place] += change
    return changes
