"""What the search box finds: the page of a loan, a pool, an event, an index or a hash that the reader may see."""

from __future__ import annotations

import re
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


def find(ledger: Ledger, caller: Caller, text: str) -> list[str]:
    """Addresses of what is called so, the best first; without those that the caller may not see."""
    wanted = text.strip().removeprefix("loan:").removeprefix("pool:")
    found: list[str] = []
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        view = View(connection, log, caller)
        if NAME.fullmatch(wanted):
            found += [f"/pools/{quote(wanted)}"] if view.sees_pool(wanted) else []
            found += [f"/loans/{quote(wanted)}"] if view.sees_loan(wanted) else []
            found += _events(connection, log, view, wanted)
        digits = wanted.replace(",", "")
        if digits.isdecimal() and digits.isascii() and len(digits) <= _MAX_DIGITS and int(digits) < log.size:
            row = records.at(connection, log.id, int(digits))
            found += [] if row is None else _record(connection, view, row.subject_id, row.index)
        if HASH.fullmatch(wanted):
            found += _hashes(connection, log, view, bytes.fromhex(wanted.removeprefix("0x")))
    return found


def _hashes(connection: ReadConnection, log: LogRow, view: View, digest: bytes) -> list[str]:
    """A root of a tree or a register, a transaction that anchors, a record's digest, a claim's asset key."""
    sizes = trees.sizes_of_root(connection, log.id, digest)
    anchored = anchors.size_of_transaction(connection, log.id, digest)
    places = [
        f"/explorer/checkpoints/{size}" for size in dict.fromkeys([*sizes, *([anchored] if anchored else [])])
    ]
    index = trees.index_of_leaf(connection, log.id, merkle.leaf_hash(record_entry(digest)))
    row = None if index is None else records.at(connection, log.id, index)
    if row is not None:
        places += _record(connection, view, row.subject_id, row.index) or [
            f"/explorer/entries?first={row.index}"
        ]
    for claim in subjects.claims_by_key(connection, log.id, [digest]).values():
        loan = subjects.by_id(connection, [claim.subject_id])[claim.subject_id].name.removeprefix("loan:")
        places += [f"/loans/{quote(loan)}"] if view.sees_loan(loan) else []
    return places


def _events(connection: ReadConnection, log: LogRow, view: View, name: str) -> list[str]:
    parties = [one.name for one in logs.list_parties(connection, log.id)]
    rows = records.find_ids(connection, log.id, [(party, name) for party in parties])
    return [
        place
        for row in sorted(rows.values())
        for place in _record(connection, view, row.subject_id, row.index)
    ]


def _record(connection: ReadConnection, view: View, subject_id: int, index: int) -> list[str]:
    subject = subjects.by_id(connection, [subject_id])[subject_id]
    return [f"/records/{index}"] if view.sees(subject) else []
