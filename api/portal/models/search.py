"""What the search box finds: the page of a loan, a pool, an event or an index that the reader may see."""

from __future__ import annotations

from urllib.parse import quote

from ledger.access import Caller, View
from ledger.errors import NotFoundError
from ledger.log import Ledger
from ledger.proofs.documents import NAME
from ledger.store import ReadConnection, logs, records, subjects
from ledger.store.logs import LogRow

#: Indexes have no more digits.
_MAX_DIGITS = 15


def find(ledger: Ledger, caller: Caller, text: str) -> list[str]:
    """Addresses of what is called so, the best first; without those that the caller may not see."""
    wanted = text.strip().removeprefix("loan:").removeprefix("pool:")
    found: list[str] = []
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        view = View(connection, log, caller)
        if NAME.fullmatch(wanted):
            found += [f"/pools/{quote(wanted)}"] if _seen(view.pool, wanted) else []
            found += [f"/loans/{quote(wanted)}"] if _seen(view.loan, wanted) else []
            found += _events(connection, log, view, wanted)
        digits = wanted.replace(",", "")
        if digits.isdecimal() and digits.isascii() and len(digits) <= _MAX_DIGITS and int(digits) < log.size:
            row = records.at(connection, log.id, int(digits))
            found += [] if row is None else _record(connection, view, row.subject_id, row.index)
    return found


def _seen(look: object, name: str) -> bool:
    assert callable(look)
    try:
        look(name)
    except NotFoundError:
        return False
    return True


def _events(connection: ReadConnection, log: LogRow, view: View, name: str) -> list[str]:
    parties = [one.name for one in logs.list_parties(connection, log.id)]
    rows = records.find_ids(connection, log.id, [(party, name) for party in parties])
    return [
        place
        for row in sorted(rows.values())
        for place in _record(connection, view, row.subject_id, row.index)
    ]


def _record(connection: ReadConnection, view: View, subject_id: int, index: int) -> list[str]:
    kind, _, name = subjects.by_id(connection, [subject_id])[subject_id].name.partition(":")
    look = {"loan": view.loan, "pool": view.pool}.get(kind)
    return [f"/records/{index}"] if look is not None and _seen(look, name) else []
