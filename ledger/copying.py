"""A log into another database, SQLite or PostgreSQL, with its proofs: all of it or nothing.

No other process writes to the source meanwhile, and the target shows nothing before everything stands there and was
compared: every row of every table, then the root of the tree from the copied entries against the checkpoint and the
tiles, and the register's root from its pages.

A log may go on in **one** place only: two databases that publish the same origin would sign two trees of one size. Two
databases share no transaction, so a move is three, in an order in which at most one of the two is open at any moment:

1. the source is closed, with a mark that names the target;
2. the target gets everything, and is opened by the same commit;
3. the source says since when the log goes on there.

A move that was cut off after any of them is carried on by the same call. Until the second has happened it can be given
up (:func:`give_up`), and where :func:`copy` fails before, it gives itself up. With ``keep`` the source stays open and
the copy is born closed, in one commit. Where a log is closed nothing is appended or published
(:func:`ledger.store.logs.lock`), and everything can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ledger import register
from ledger.errors import ConfigurationError, IntegrityError, PoolproofError, UnavailableError
from ledger.proofs import tiles
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
    :class:`IntegrityError` where the copy is not what was read; the target is then as empty as before, and the log
    goes on in the source.
    """
    if (version := migrations.current(source)) != migrations.newest():
        raise ConfigurationError(
            f"the database is at schema {version}, this version copies {migrations.newest()}:"
            " run `poolproof init` first"
        )
    migrations.upgrade(target)
    if keep:
        with source.write() as taken, target.write() as given:
            rows.hold(taken)
            _check_empty(given, target)
            _check_open(taken)
            made = _transfer(taken, given, progress)
            logs.close(given, successor=str(source), moved=now)
        return made
    _begin(source, target)
    try:
        made = _move(source, target, progress)
    except BaseException:
        # Also for an interrupt. Where it cannot be given up, since the target has the log or does not answer, the
        # source stays closed: the same call goes on from there.
        with suppress(PoolproofError):
            give_up(source, target)
        raise
    with source.write() as connection:
        logs.close(connection, successor=str(target), moved=now)
    return made


def give_up(source: Store, target: Store) -> None:
    """Let the log go on in the source, whose move to ``target`` was cut off before the log stood there.

    Raises :class:`ConfigurationError` where no such move is under way, or the target has the log.
    """
    with source.write() as taken:
        rows.hold(taken)
        if not _is_under_way(taken, target):
            raise ConfigurationError(f"the log of this database is not being moved to {target}")
        if migrations.current(target) is not None:
            with target.write() as given:
                rows.hold(given)  # whatever another process writes there has ended by now, or never will
                _check_empty(given, target)
        logs.reopen(taken)


def _begin(source: Store, target: Store) -> None:
    """Close the source with the mark that names the target, unless an earlier call has done so."""
    with source.write() as taken:
        if _is_under_way(taken, target):
            return
        with target.read() as given:
            _check_empty(given, target)
        _check_open(taken)
        logs.close(taken, successor=str(target), moved=None)


def _move(source: Store, target: Store, progress: Progress) -> tuple[list[Copied], dict[str, int]]:
    """Bring everything into the target and open the log there, or find that an earlier call has."""
    with source.write() as taken, target.write() as given:
        rows.hold(taken)
        rows.hold(given)
        if not _is_under_way(taken, target):  # another call has ended it meanwhile
            raise UnavailableError(f"the move to {target} was ended by somebody else", retry_after=1)
        if logs.origins(given):
            counts = {name: rows.count(given, name) for name in rows.tables()}
            return [_verify(given, logs.get(given, one), progress) for one in logs.origins(given)], counts
        made = _transfer(taken, given, progress)
        # The transaction on the target ends first; until then the source is held, so that nobody gives the move up.
        logs.reopen(given)
    return made


def _is_under_way(connection: ReadConnection, target: Store) -> bool:
    """Whether the log of this database is being moved to the target."""
    found = [logs.get(connection, origin) for origin in logs.origins(connection)]
    return bool(found) and all(one.successor == str(target) and one.moved is None for one in found)


def _check_open(connection: WriteConnection) -> None:
    """Hold every log of this database; refused where there is none, or it goes on elsewhere already."""
    origins = logs.origins(connection)
    if not origins:
        raise ConfigurationError("there is no log in this database to copy")
    for origin in origins:
        logs.lock(connection, origin)


def _check_empty(connection: ReadConnection, target: Store) -> None:
    if standing := logs.origins(connection):
        raise ConfigurationError(f"{target} has the log {standing[0]!r} already: copy into an empty database")


def _transfer(
    taken: WriteConnection, given: WriteConnection, progress: Progress
) -> tuple[list[Copied], dict[str, int]]:
    """All rows, compared; then the trees and registers from what was written."""
    counts = {name: _copy_table(taken, given, name, progress) for name in rows.tables()}
    rows.restart_counters(given)
    copied = [_verify(given, logs.get(given, origin), progress) for origin in logs.origins(given)]
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
    if (
        row is None
        or register.fold(lambda ids: trees.pages(connection, log.id, ids), row.page)[0] != row.root
    ):
        raise IntegrityError(f"{log.origin}: the copied register has another root than the tree commits to")
