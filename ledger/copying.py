"""A log into another database, SQLite or PostgreSQL, with its proofs: all of it or nothing.

One transaction on each side. No other process writes to the source meanwhile, and the target shows nothing before
everything stands there and was compared: every row of every table, then the root of the tree from the copied entries
against the checkpoint and the tiles, and the register's root from its pages.

A log may go on in **one** place only: two databases that publish the same origin would sign two trees of one size.
So the source, which waits until the target is complete, is closed then; or, with ``keep``, the copy is born closed.
Where a log is closed nothing is appended or published (:func:`ledger.store.logs.lock`), and everything can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger import register
from ledger.errors import ConfigurationError, IntegrityError
from ledger.proofs import mpt, tiles
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.store import ReadConnection, Store, WriteConnection, logs, migrations, records, rows, trees
from ledger.store.logs import LogRow
from ledger.tree import tree_at

#: Called with (stage, done, of all): a stage for each table, then one for the tree.
Progress = Callable[[str, int, int], None]

#: Entries hashed at a time, whole tiles of them.
_CHUNK: Final = 32 * tiles.WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A log as it stands in the target: sizes of its tree and of the published one, with its root."""

    origin: str
    size: int
    published: int
    root: bytes | None


def copy(
    source: Store, target: Store, *, now: str, keep: bool = False, progress: Progress = lambda *_: None
) -> tuple[list[Copied], dict[str, int]]:
    """Copy every log of ``source``; what they are in the target, and the number of rows of each table.

    Raises :class:`ConfigurationError` for a target that has a log already and for a source of another version,
    :class:`IntegrityError` where the copy is not what was read; the target is then as empty as before.
    """
    if (version := migrations.current(source)) != migrations.newest():
        raise ConfigurationError(
            f"the database is at schema {version}, this version copies {migrations.newest()}:"
            " run `poolproof init` first"
        )
    migrations.upgrade(target)
    with target.read() as connection:
        if standing := logs.origins(connection):
            raise ConfigurationError(
                f"{target} has the log {standing[0]!r} already: copy into an empty database"
            )
    with source.write() as taken, target.write() as given:
        rows.hold(taken)
        origins = [logs.lock(taken, origin).origin for origin in logs.origins(taken)]
        if not origins:
            raise ConfigurationError("there is no log in this database to copy")
        counts = {name: _copy_table(taken, given, name, progress) for name in rows.tables()}
        rows.restart_counters(given)
        copied = [_verify(given, logs.get(given, origin), progress) for origin in origins]
        # The transaction on the target ends first; the source is held until its own ends, closed.
        logs.close(given if keep else taken, now)
    return copied, counts


def _copy_table(taken: ReadConnection, given: WriteConnection, name: str, progress: Progress) -> int:
    total = rows.count(taken, name)
    read, written = rows.Sum(), rows.Sum()
    progress(name, 0, total)
    for part in rows.read(taken, name):
        rows.write(given, name, part)
        read.add(part)
        progress(name, read.rows, total)
    for part in rows.read(given, name):
        written.add(part)
    if read != written:
        raise IntegrityError(
            f"table {name}: {read.rows} rows were read, {written.rows} stand in the copy, or not the same"
        )
    return read.rows


def _verify(connection: ReadConnection, log: LogRow, progress: Progress) -> Copied:
    """Hold a copied log to its own checkpoint."""
    grown = tiles.extend(0, {}, [])
    signed = None
    for stop in _stops(log):
        leaves = [leaf_hash(entry) for entry in _entries(connection, log, grown.size, stop)]
        grown = tiles.extend(grown.size, grown.edge, leaves)
        signed = grown.root() if grown.size == log.published else signed
        progress("tree", grown.size, log.size)
    if log.size and grown.root() != tree_at(connection, log.id, log.size).root():
        raise IntegrityError(f"{log.origin}: the copied entries and tiles give different trees")
    checkpoint = trees.checkpoint(connection, log.id)
    if (checkpoint.root if checkpoint else None) != signed:
        raise IntegrityError(f"{log.origin}: the copied entries give another root than the checkpoint signs")
    if checkpoint is not None:
        _verify_register(connection, log)
    return Copied(origin=log.origin, size=log.size, published=log.published, root=signed)


def _stops(log: LogRow) -> list[int]:
    """Where hashing pauses: after each chunk, at the published size, at the end."""
    return sorted({*range(_CHUNK, log.size, _CHUNK), log.published, log.size} - {0})


def _entries(connection: ReadConnection, log: LogRow, start: int, stop: int) -> list[bytes]:
    digests = records.digests_between(connection, log.id, start, stop)
    entries = {index: record_entry(bytes(digest)) for index, digest in digests.items()}
    for row in trees.registers_between(connection, log.id, start, stop):
        entries[row.index] = RegisterEntry(index=row.index, count=row.count, root=bytes(row.root)).encode()
    if len(entries) != stop - start:
        raise IntegrityError(f"{log.origin}: an entry between {start} and {stop} is missing in the copy")
    return [entries[index] for index in range(start, stop)]


def _verify_register(connection: ReadConnection, log: LogRow) -> None:
    """The newest register's leaves give the root that the tree commits to."""
    row = trees.register_at(connection, log.id, log.published - 1)
    found = register.leaves(lambda ids: trees.pages(connection, log.id, ids), row.page) if row else ()
    root = mpt.fold_sorted([(key, mpt.leaf_hash(key, value)) for key, value in found])
    if row is None or root != row.root:
        raise IntegrityError(f"{log.origin}: the copied register has another root than the tree commits to")
