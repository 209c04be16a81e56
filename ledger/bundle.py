"""All receipts of a pool that one reader may have, as one file: each is a line, in the order of the log.

A receipt's file is canonical JSON and a newline, and no newline stands inside it; so receipts one after the other are
a file that every tool splits, and each line of it verifies by itself. A pool's bundle has the pool's own records and
those of the loans of which a claim is or was in it; none of an erased loan.

Made in pages, each from one snapshot of the store: memory does not grow with the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.access import PRIVATE
from ledger.reading import Reader
from ledger.store import logs, shown, subjects
from ledger.store.shown import Pledged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.access import Caller
    from ledger.log import Ledger
    from ledger.store.records import RecordRow

MEDIA_TYPE: Final = "application/x-ndjson"
#: Records of a page: half a megabyte of receipts. Where none is issued yet the log is locked for a tenth of a second.
PAGE: Final = 200


def receipts(ledger: Ledger, caller: Caller, pool: str, *, since: int = 0) -> Iterator[bytes]:
    """Whole receipts in pieces, from the record at ``since`` on, of what is published when it begins.

    Raises :class:`~ledger.errors.NotFoundError`, at the first piece, for a pool that the caller does not see.
    """
    with ledger.store.read() as connection:
        reader = Reader(connection, logs.get(connection, ledger.origin), caller)
        reader.view.pool(pool)
        stop = reader.log.published
        pool_id = subjects.by_name(connection, reader.log.id, [f"pool:{pool}"])[f"pool:{pool}"].id
    start = since
    while start < stop:
        with ledger.store.read() as connection:
            reader = Reader(connection, logs.get(connection, ledger.origin), caller)
            rows = shown.records_between(
                connection, reader.log.id, start, stop, loans=Pledged(pool_id, stop), others=[pool_id], most=PAGE
            )  # fmt: skip
            wanted = _opened(reader, pool, pool_id, rows)
        yield b"".join(ledger.receipts(wanted))
        if len(rows) < PAGE:
            return
        start = rows[-1].index + 1


def _opened(reader: Reader, pool: str, pool_id: int, rows: list[RecordRow]) -> list[tuple[RecordRow, bool]]:
    """Each record with whether the caller may have its private fields."""
    granted, party = reader.caller.grants, reader.caller.party
    names = {
        one.id: one.name
        for one in subjects.by_id(reader.connection, {row.subject_id for row in rows}).values()
    }
    open_loans = reader.view.private_loans(name for name in names.values() if name.startswith("loan:"))
    open_pool = PRIVATE in granted or f"{PRIVATE}:{pool}" in granted
    return [
        (
            row,
            row.party == party
            or (open_pool if row.subject_id == pool_id else names[row.subject_id] in open_loans),
        )
        for row in rows
        if row.record is not None
    ]
