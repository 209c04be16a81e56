"""The book that admission works on, filled from the store: a few queries for a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.domain import admission, loans, pools
from ledger.domain.admission import Book, Party
from ledger.domain.claims import ClaimPlace
from ledger.domain.events import Submission
from ledger.domain.fold import Indexed
from ledger.store import ReadConnection, logs, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.subjects import ClaimRow, SubjectRow


@dataclass(frozen=True, slots=True)
class Loaded:
    """A book, and the stored rows that it was made from: subjects by name, claims by asset key."""

    book: Book
    subjects: dict[str, SubjectRow]
    claims: dict[bytes, ClaimRow]


def load(
    connection: ReadConnection,
    log: LogRow,
    submissions: list[Submission],
    *,
    history: Callable[[str], Iterable[Indexed]],
    erasing: str | None = None,
) -> Loaded:
    """All that these events look at; ``history`` and ``erasing`` are the book's own."""
    book = Book(log.origin, history=history, erasing=erasing)
    for party in logs.list_parties(connection, log.id):
        book.parties[party.name] = Party(party.name, frozenset(party.roles), party.keys)
    names: set[str] = set()
    sizes: set[int] = set()
    for submission in submissions:
        wanted = admission.needs(submission)
        names |= wanted.subjects
        sizes |= wanted.sizes
    book.sizes = trees.published(connection, log.id, sizes)
    rows = subjects.by_name(connection, log.id, names)
    for name, row in rows.items():
        if row.secret is None:
            book.erased.add(name)
        elif name.startswith("loan:"):
            book.loans[name] = loans.decode(row.state)
        elif name.startswith("pool:"):
            book.pools[name] = pools.decode(row.state)
    return Loaded(book, rows, _load_places(connection, log, admission.place_keys(submissions, book), book))


def _load_places(
    connection: ReadConnection, log: LogRow, asset_keys: set[bytes], book: Book
) -> dict[bytes, ClaimRow]:
    found = subjects.claims_by_key(connection, log.id, asset_keys)
    if not found:
        return found
    names = {
        row.id: row.name
        for row in subjects.by_id(connection, {row.subject_id for row in found.values()}).values()
    }
    steps: dict[bytes, list[tuple[str, str, int, int]]] = {}
    moved = [row.asset_key for row in found.values() if row.version]
    history = subjects.encumbrances_of(connection, log.id, moved)
    pool_names = subjects.by_id(connection, {step.pool_id for step in history})
    for step in history:
        pool = pool_names[step.pool_id].name.removeprefix("pool:")
        steps.setdefault(bytes(step.asset_key), []).append((pool, step.holder, step.change, step.index))
    for key, row in found.items():
        book.places[key] = ClaimPlace.restore(
            loan=names[row.subject_id].removeprefix("loan:"),
            claim=row.name,
            index=row.index,
            version=row.version,
            history=bytes(row.history),
            steps=steps.get(key, ()),
        )
    return found
