"""Tiles, registers, register pages, checkpoints and receipts: what is derived from the records and published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from ledger.proofs.tiles import WIDTH
from ledger.store import bulk
from ledger.store.engine import ReadConnection, WriteConnection, streamed
from ledger.store.tables import checkpoints, receipts, records, register_pages, registers, tiles

#: Asked by each read of a receipt, so built once: to build a statement costs three times what running it does.
_RECEIPT_OF: Final = (
    select(receipts.c.receipt)
    .join(records, (receipts.c.log_id == records.c.log_id) & (receipts.c.index == records.c.index))
    .where(
        records.c.log_id == bindparam("log_id"),
        records.c.party == bindparam("party"),
        records.c.event_id == bindparam("event_id"),
    )
)


class RegisterRow(NamedTuple):
    """The register entry at leaf ``index``: claims and pools in it, the map's root, its root page."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    count: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    root: bytes
    page: int


class CheckpointRow(NamedTuple):
    """A published checkpoint, verbatim."""

    size: int
    root: bytes
    note: bytes
    published: str


def put_tiles(connection: WriteConnection, log_id: int, changed: Mapping[tuple[int, int], bytes]) -> None:
    """Store tiles by (level, n); a right-edge tile replaces the shorter one."""
    rows = [(log_id, level, n, hashes) for (level, n), hashes in changed.items()]
    bulk.upsert(connection, tiles, ("log_id", "level", "n"), ("log_id", "level", "n", "hashes"), rows)


def tile(connection: ReadConnection, log_id: int, level: int, n: int) -> bytes | None:
    """The hashes of a tile as far as the tree has grown."""
    statement = select(tiles.c.hashes).where(tiles.c.log_id == log_id, tiles.c.level == level, tiles.c.n == n)
    hashes: bytes | None = connection.execute(statement).scalar_one_or_none()
    return hashes


def tiles_at(
    connection: ReadConnection, log_id: int, places: Collection[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Several tiles by (level, n), in one statement: the right edge of a tree has one at each level."""
    here = tuple_(tiles.c.level, tiles.c.n).in_(places)
    statement = select(tiles.c.level, tiles.c.n, tiles.c.hashes).where(tiles.c.log_id == log_id, here)
    return {(level, n): bytes(hashes) for level, n, hashes in connection.execute(statement)}


def index_of_leaf(connection: ReadConnection, log_id: int, leaf: bytes) -> int | None:
    """Where a leaf hash stands. An index of leaves would cost every append; this looks through the lowest tiles, which
    are 32 bytes an entry.
    """
    find = "instr(hashes, ?)" if connection.dialect.name == "sqlite" else "position(%s::bytea in hashes)"
    here = "?" if connection.dialect.name == "sqlite" else "%s"
    sql = f"SELECT n, hashes FROM tiles WHERE log_id = {here} AND level = 0 AND {find} > 0"  # noqa: S608 - our own words
    for n, hashes in connection.exec_driver_sql(sql, (log_id, leaf)):
        for place in range(0, len(hashes), len(leaf)):
            if bytes(hashes[place : place + len(leaf)]) == leaf:
                return int(n) * WIDTH + place // len(leaf)
    return None


def add_register(connection: WriteConnection, log_id: int, row: RegisterRow) -> None:
    bulk.insert(connection, registers, ("log_id", *RegisterRow._fields), [(log_id, *row)])


def register_at(connection: ReadConnection, log_id: int, index: int) -> RegisterRow | None:
    columns = [registers.c[name] for name in RegisterRow._fields]
    row = connection.execute(
        select(*columns).where(registers.c.log_id == log_id, registers.c.index == index)
    ).one_or_none()
    return RegisterRow(*row) if row else None


def register_before(connection: ReadConnection, log_id: int, index: int) -> RegisterRow | None:
    """The newest register entry before ``index``."""
    columns = [registers.c[name] for name in RegisterRow._fields]
    statement = select(*columns).where(registers.c.log_id == log_id, registers.c.index < index)
    row = connection.execute(statement.order_by(registers.c.index.desc()).limit(1)).one_or_none()
    return RegisterRow(*row) if row else None


def registers_between(
    connection: ReadConnection, log_id: int, start: int, stop: int, *, limit: int | None = None
) -> list[RegisterRow]:
    """Register entries with start ≤ index < stop, the first ``limit`` of them where given."""
    columns = [registers.c[name] for name in RegisterRow._fields]
    statement = select(*columns).where(
        registers.c.log_id == log_id, registers.c.index >= start, registers.c.index < stop
    )
    rows = connection.execute(statement.order_by(registers.c.index).limit(limit))
    return [RegisterRow(*row) for row in rows]


def add_pages(connection: WriteConnection, log_id: int, pages: Iterable[tuple[int, bytes]]) -> None:
    bulk.insert(connection, register_pages, ("log_id", "id", "page"), [(log_id, *row) for row in pages])


def pages(connection: ReadConnection, log_id: int, ids: Iterable[int]) -> dict[int, bytes]:
    sql = "SELECT id, page FROM register_pages WHERE log_id = {p} AND id {keys}"
    return {row[0]: bytes(row[1]) for row in bulk.select_in(connection, sql, ids, log_id, kind="int8")}


def greatest_entry(connection: ReadConnection, log_id: int) -> int:
    """The greatest index at which a record or a register stands, -1 for none."""
    found = [
        connection.execute(select(func.max(table.c.index)).where(table.c.log_id == log_id)).scalar_one()
        for table in (records, registers)
    ]
    return max(-1 if one is None else int(one) for one in found)


def greatest_page(connection: ReadConnection, log_id: int) -> int:
    """The greatest id of a stored page, 0 for none."""
    statement = select(func.max(register_pages.c.id)).where(register_pages.c.log_id == log_id)
    return int(connection.execute(statement).scalar_one() or 0)


def drop_pages(connection: WriteConnection, log_id: int, ids: Iterable[int]) -> None:
    """Remove pages that no published register refers to."""
    wanted = list(ids)
    for start in range(0, len(wanted), bulk.MAX_VARIABLES):
        part = wanted[start : start + bulk.MAX_VARIABLES]
        connection.execute(
            delete(register_pages).where(register_pages.c.log_id == log_id, register_pages.c.id.in_(part))
        )


def add_checkpoint(connection: WriteConnection, log_id: int, row: CheckpointRow) -> None:
    connection.execute(insert(checkpoints).values(log_id=log_id, **row._asdict()))


def checkpoint(connection: ReadConnection, log_id: int, size: int | None = None) -> CheckpointRow | None:
    """The checkpoint of this size, or the newest."""
    columns = [checkpoints.c[name] for name in CheckpointRow._fields]
    statement = select(*columns).where(checkpoints.c.log_id == log_id)
    statement = (
        statement.order_by(checkpoints.c.size.desc()).limit(1)
        if size is None
        else statement.where(checkpoints.c.size == size)
    )
    row = connection.execute(statement).one_or_none()
    return CheckpointRow(*row) if row else None


def first_checkpoint_above(connection: ReadConnection, log_id: int, index: int) -> CheckpointRow | None:
    """The smallest published checkpoint that covers the entry at ``index``."""
    columns = [checkpoints.c[name] for name in CheckpointRow._fields]
    statement = select(*columns).where(checkpoints.c.log_id == log_id, checkpoints.c.size > index)
    row = connection.execute(statement.order_by(checkpoints.c.size).limit(1)).one_or_none()
    return CheckpointRow(*row) if row else None


def checkpoints_from(
    connection: ReadConnection, log_id: int, after: int = 0, *, limit: int | None = None
) -> list[CheckpointRow]:
    """Checkpoints with a size above ``after``, ascending: every one, or the first ``limit``."""
    columns = [checkpoints.c[name] for name in CheckpointRow._fields]
    statement = select(*columns).where(checkpoints.c.log_id == log_id, checkpoints.c.size > after)
    rows = connection.execute(statement.order_by(checkpoints.c.size).limit(limit))
    return [CheckpointRow(*row) for row in rows]


def checkpoints_before(
    connection: ReadConnection, log_id: int, *, before: int | None, limit: int
) -> list[CheckpointRow]:
    """The newest checkpoints with a size below ``before`` (None: of all), the greatest first."""
    columns = [checkpoints.c[name] for name in CheckpointRow._fields]
    statement = select(*columns).where(checkpoints.c.log_id == log_id)
    if before is not None:
        statement = statement.where(checkpoints.c.size < before)
    return [
        CheckpointRow(*row)
        for row in connection.execute(statement.order_by(checkpoints.c.size.desc()).limit(limit))
    ]


def sizes_of_root(connection: ReadConnection, log_id: int, root: bytes) -> list[int]:
    """The sizes at which the published tree had this root, or its register had: one, or none."""
    trees = select(checkpoints.c.size).where(checkpoints.c.log_id == log_id, checkpoints.c.root == root)
    maps = select(registers.c.index + 1).where(registers.c.log_id == log_id, registers.c.root == root)
    return sorted({*connection.execute(trees).scalars(), *connection.execute(maps).scalars()})


def published(connection: ReadConnection, log_id: int, sizes: Iterable[int]) -> set[int]:
    """Which of these sizes have a checkpoint."""
    sql = "SELECT size FROM checkpoints WHERE log_id = {p} AND size {keys}"
    return {int(row[0]) for row in bulk.select_in(connection, sql, sizes, log_id, kind="int8")}


def count_checkpoints(connection: ReadConnection, log_id: int) -> int:
    return int(connection.execute(select(func.count()).where(checkpoints.c.log_id == log_id)).scalar_one())


class ReceiptRow(NamedTuple):
    """A receipt as issued; ``bare`` is the same without its disclosures, None until one who may not have them asks."""

    receipt: bytes
    bare: bytes | None


def receipt(connection: ReadConnection, log_id: int, index: int) -> ReceiptRow | None:
    """What was issued for the record at ``index``."""
    statement = select(receipts.c.receipt, receipts.c.bare).where(
        receipts.c.log_id == log_id, receipts.c.index == index
    )
    row = connection.execute(statement).one_or_none()
    return ReceiptRow(bytes(row[0]), None if row[1] is None else bytes(row[1])) if row else None


def receipts_at(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> dict[int, ReceiptRow]:
    """What was issued for the records at these indexes."""
    sql = 'SELECT "index", receipt, bare FROM receipts WHERE log_id = {p} AND "index" {keys}'
    return {
        int(row[0]): ReceiptRow(bytes(row[1]), None if row[2] is None else bytes(row[2]))
        for row in bulk.select_in(connection, sql, indexes, log_id, kind="int8")
    }


def receipt_of(connection: ReadConnection, log_id: int, party: str, event_id: str) -> bytes | None:
    """The receipt of a party's event, if one was issued; one statement."""
    given = {"log_id": log_id, "party": party, "event_id": event_id}
    document: bytes | None = connection.execute(_RECEIPT_OF, given).scalar_one_or_none()
    return document


def add_receipts(connection: WriteConnection, log_id: int, issued: Iterable[tuple[int, bytes]]) -> None:
    """Keep what was issued, as (index, document)."""
    rows = [(log_id, index, document) for index, document in issued]
    bulk.insert(connection, receipts, ("log_id", "index", "receipt"), rows)


def add_bare(connection: WriteConnection, log_id: int, index: int, document: bytes) -> None:
    """Keep an issued receipt's other kind, without its disclosures."""
    where = (receipts.c.log_id == log_id) & (receipts.c.index == index)
    connection.execute(update(receipts).where(where).values(bare=document))


def all_receipts(connection: ReadConnection, log_id: int) -> Iterator[tuple[int, bytes]]:
    """(index, receipt) of every receipt issued, of both kinds, streamed."""
    statement = select(receipts.c.index, receipts.c.receipt, receipts.c.bare).where(
        receipts.c.log_id == log_id
    )
    result = streamed(connection, statement.order_by(receipts.c.index), at_a_time=1_000)
    return ((row[0], bytes(kind)) for row in result for kind in row[1:] if kind is not None)
