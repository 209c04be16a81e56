"""What the search box finds: the page of a loan, a pool, an event, an index or a hash that the reader may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ledger.access import Caller, View
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.documents import NAME
from ledger.proofs.entries import record_entry
from ledger.store import ReadConnection, anchors, logs, records, subjects, trees
from ledger.store.logs import LogRow

#: Indexes have no more digits.
_MAX_DIGITS: Final = 15
#: A digest, a root, an asset key or a transaction's hash.
HASH: Final = re.compile(r"(?:0x)?[0-9a-f]{64}", re.ASCII)
#: Names are completed from so many characters on, in so many pools, to so many loans: a list to choose from, no export.
MIN_BEGINNING: Final = 3
MAX_POOLS: Final = 20
MAX_SUGGESTED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that is called so: a ``pool``, a ``loan``, a ``record`` or ``entry`` by its index, a ``checkpoint`` by
    its size.
    """

    kind: str
    name: str
    address: str


def find(ledger: Ledger, caller: Caller, text: str) -> list[Found]:
    """What is called exactly so, the best first; without what the caller may not see."""
    wanted = _name(text)
    found: list[Found] = []
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        view = View(connection, log, caller)
        if NAME.fullmatch(wanted):
            found += [_pool(wanted)] if view.sees_pool(wanted) else []
            found += [_loan(wanted)] if view.sees_loan(wanted) else []
            found += _events(connection, log, view, wanted)
        digits = wanted.replace(",", "")
        if digits.isdecimal() and digits.isascii() and len(digits) <= _MAX_DIGITS and int(digits) < log.size:
            row = records.at(connection, log.id, int(digits))
            found += [] if row is None else _record(connection, view, row.subject_id, row.index)
        if HASH.fullmatch(wanted):
            found += _hashes(connection, log, view, bytes.fromhex(wanted.removeprefix("0x")))
    return list(dict.fromkeys(found))


def beginning(ledger: Ledger, caller: Caller, text: str) -> list[Found]:
    """Pools that the caller sees whose names begin so, and loans that are in its pools now."""
    wanted = _name(text)
    if len(wanted) < MIN_BEGINNING or not NAME.fullmatch(wanted):
        return []
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        names = View(connection, log, caller).pools()
        loans: set[str] = set()
        for row in subjects.by_name(
            connection, log.id, [f"pool:{name}" for name in names[:MAX_POOLS]]
        ).values():
            ids = subjects.loans_held(
                connection, log.id, row.id, after="", prefix=f"loan:{wanted}", limit=MAX_SUGGESTED
            )
            loans |= {one.name.removeprefix("loan:") for one in subjects.by_id(connection, ids).values()}
    pools = [_pool(name) for name in names if name.startswith(wanted)]
    return [*pools, *map(_loan, sorted(loans))][:MAX_SUGGESTED]


def _name(text: str) -> str:
    return text.strip().removeprefix("loan:").removeprefix("pool:")


def _pool(name: str) -> Found:
    return Found(kind="pool", name=name, address=f"/pools/{quote(name)}")


def _loan(name: str) -> Found:
    return Found(kind="loan", name=name, address=f"/loans/{quote(name)}")


def _hashes(connection: ReadConnection, log: LogRow, view: View, digest: bytes) -> list[Found]:
    """A root of a tree or a register, a transaction that anchors, a record's digest, a claim's asset key."""
    sizes = trees.sizes_of_root(connection, log.id, digest)
    anchored = anchors.size_of_transaction(connection, log.id, digest)
    found = [
        Found(kind="checkpoint", name=f"{size:,}", address=f"/explorer/checkpoints/{size}")
        for size in dict.fromkeys([*sizes, *([anchored] if anchored else [])])
    ]
    index = trees.index_of_leaf(connection, log.id, merkle.leaf_hash(record_entry(digest)))
    row = None if index is None else records.at(connection, log.id, index)
    if row is not None:
        entry = Found(kind="entry", name=f"{row.index:,}", address=f"/explorer/entries?first={row.index}")
        found += _record(connection, view, row.subject_id, row.index) or [entry]
    for claim in subjects.claims_by_key(connection, log.id, [digest]).values():
        loan = subjects.by_id(connection, [claim.subject_id])[claim.subject_id].name.removeprefix("loan:")
        found += [_loan(loan)] if view.sees_loan(loan) else []
    return found


def _events(connection: ReadConnection, log: LogRow, view: View, name: str) -> list[Found]:
    parties = [one.name for one in logs.list_parties(connection, log.id)]
    rows = records.find_ids(connection, log.id, [(party, name) for party in parties])
    return [
        place
        for row in sorted(rows.values())
        for place in _record(connection, view, row.subject_id, row.index)
    ]


def _record(connection: ReadConnection, view: View, subject_id: int, index: int) -> list[Found]:
    subject = subjects.by_id(connection, [subject_id])[subject_id]
    if not view.sees(subject):
        return []
    return [Found(kind="record", name=f"{index:,}", address=f"/records/{index}")]
