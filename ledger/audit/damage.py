"""A database that is damaged where an audit reads: what does not fit is told, and the audit goes on over the rest.

What cannot be read counts as missing (:mod:`ledger.store.sieve`), so nothing is green that nobody could read: entries
without records are missing, chains without a link are broken, claims without a history contradict the register.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ledger.audit.findings import Notes
from ledger.errors import IntegrityError, PoolproofError
from ledger.store import Store, sieve
from ledger.store.sieve import Misfit

#: What an audit of a pool reads of the database.
TABLES: Final = (
    "logs", "subjects", "records", "claims", "encumbrances", "registers", "register_pages", "tiles", "checkpoints",
)  # fmt: skip
#: Why nothing is said of what a register holds.
UNREAD: Final = "the register cannot be read"
#: What reading damaged values raises: our own refusal, or numbers and bytes beyond what a form can hold.
UNREADABLE: Final = (PoolproofError, ValueError, OverflowError, struct.error)


@contextmanager
def readable(store: Store, tables: Sequence[str] = TABLES) -> Iterator[tuple[Store, list[Misfit]]]:
    """The store as far as it can be read, and what cannot.

    Raises :class:`IntegrityError` where the log's own row is damaged: without it nothing else is found.
    """
    with store.read() as connection:
        found = sieve.misfits(connection, tables)
    if not found:
        yield store, []
        return
    if lost := next((one for one in found if one.table == "logs" and not one.nullable), None):
        raise IntegrityError(f"the database is damaged: {lost.place} is {lost.found}")
    with_views = Store(store.url, sieve.views(found))
    try:
        yield with_views, found
    finally:
        with_views.close()


def tell(found: Sequence[Misfit], notes: Notes) -> None:
    """Write what does not fit into the findings."""
    for one in found:
        notes.find("store.damaged", "log", place=one.place, found=one.found)
