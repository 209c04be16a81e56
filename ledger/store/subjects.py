"""Subjects (loans, pools, accounts) with their chain, secret and folded state; claims and who holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from ledger.store import bulk
from ledger.store.engine import ReadConnection, WriteConnection, streamed
from ledger.store.tables import claims, encumbrances, subjects


class SubjectRow(NamedTuple):
    """A subject's chain so far. ``secret`` is wrapped, None once erased; ``state`` is ledger.domain's encoding."""

    id: int
    name: str
    count: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    head: bytes | None
    last_index: int
    secret: bytes | None
    state: bytes


class ClaimRow(NamedTuple):
    """A claim's one place in the register; ``index`` is of the record that brought the asset key."""

    asset_key: bytes
    subject_id: int
    name: str
    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    version: int
    history: bytes
    holders: bytes


class EncumbranceRow(NamedTuple):
    """One step of a claim's history of pledges, sales and releases."""

    asset_key: bytes
    version: int
    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    pool_id: int
    holder: str
    change: int
    holders: bytes
    history: bytes


_SUBJECT = ("id", "log_id", "name", "count", "head", "last_index", "secret", "state")
_CLAIM = ("log_id", *ClaimRow._fields)
_ENCUMBRANCE = ("log_id", *EncumbranceRow._fields)


def by_name(connection: ReadConnection, log_id: int, names: Iterable[str]) -> dict[str, SubjectRow]:
    sql = "SELECT id, name, count, head, last_index, secret, state FROM subjects WHERE log_id = {p} AND name {keys}"
    return {row[1]: SubjectRow(*row) for row in bulk.select_in(connection, sql, names, log_id)}


def by_id(connection: ReadConnection, ids: Iterable[int]) -> dict[int, SubjectRow]:
    sql = "SELECT id, name, count, head, last_index, secret, state FROM subjects WHERE id {keys}"
    return {row[0]: SubjectRow(*row) for row in bulk.select_in(connection, sql, ids, kind="int8")}


def all_rows(connection: ReadConnection, log_id: int) -> dict[int, SubjectRow]:
    """Every subject of the log, by id."""
    columns = [subjects.c[name] for name in SubjectRow._fields]
    rows = connection.execute(select(*columns).where(subjects.c.log_id == log_id).order_by(subjects.c.id))
    return {row[0]: SubjectRow(*row) for row in rows}


def of_kind(log_id: int, kind: str) -> tuple[ColumnElement[bool], ...]:
    """That a subject is of a kind, such as ``pool``: a range of names, which their index answers. A ``LIKE`` would read
    the names of all loans.
    """
    after = chr(ord(":") + 1)
    return subjects.c.log_id == log_id, subjects.c.name >= f"{kind}:", subjects.c.name < f"{kind}{after}"


def pool_states(connection: ReadConnection, log_id: int) -> dict[str, bytes]:
    """Name, without ``pool:``, and folded state of each pool of the log, by name."""
    statement = select(subjects.c.name, subjects.c.state).where(*of_kind(log_id, "pool"))
    rows = sorted(connection.execute(statement))
    return {name.removeprefix("pool:"): bytes(state) for name, state in rows}


def accounts(connection: ReadConnection, log_id: int) -> list[int]:
    """Ids of the log's accounts, ascending."""
    statement = select(subjects.c.id).where(*of_kind(log_id, "account"))
    return sorted(connection.execute(statement).scalars())


def put(
    connection: WriteConnection, log_id: int, new: Iterable[SubjectRow], changed: Iterable[SubjectRow]
) -> None:
    """Store subjects met for the first time, and the new state of others."""
    bulk.insert(connection, subjects, _SUBJECT, [(row[0], log_id, *row[1:]) for row in new])
    moved = [(row.id, row.count, row.head, row.last_index, row.state) for row in changed]
    bulk.update(connection, subjects, ("id",), ("count", "head", "last_index", "state"), moved)


def claims_by_key(
    connection: ReadConnection, log_id: int, asset_keys: Iterable[bytes]
) -> dict[bytes, ClaimRow]:
    names = ", ".join(f'"{name}"' for name in ClaimRow._fields)
    sql = f"SELECT {names} FROM claims WHERE log_id = {{p}} AND asset_key {{keys}}"  # noqa: S608 - our own column names
    return {
        bytes(row[0]): ClaimRow(*row)
        for row in bulk.select_in(connection, sql, asset_keys, log_id, kind="bytea")
    }


def claims_of(connection: ReadConnection, subject_ids: Iterable[int]) -> list[ClaimRow]:
    """Every claim of these loans."""
    names = ", ".join(f'"{name}"' for name in ClaimRow._fields)
    sql = f"SELECT {names} FROM claims WHERE subject_id {{keys}}"  # noqa: S608 - our own column names
    return [ClaimRow(*row) for row in bulk.select_in(connection, sql, subject_ids, kind="int8")]


def all_claims(connection: ReadConnection, log_id: int) -> list[ClaimRow]:
    """Every claim of the log."""
    columns = [claims.c[name] for name in ClaimRow._fields]
    return [ClaimRow(*row) for row in connection.execute(select(*columns).where(claims.c.log_id == log_id))]


def put_claims(
    connection: WriteConnection, log_id: int, new: Iterable[ClaimRow], changed: Iterable[ClaimRow]
) -> None:
    bulk.insert(connection, claims, _CLAIM, [(log_id, *row) for row in new])
    moved = [(log_id, row.asset_key, row.version, row.history, row.holders) for row in changed]
    bulk.update(connection, claims, ("log_id", "asset_key"), ("version", "history", "holders"), moved)


def add_encumbrances(connection: WriteConnection, log_id: int, rows: Iterable[EncumbranceRow]) -> None:
    bulk.insert(connection, encumbrances, _ENCUMBRANCE, [(log_id, *row) for row in rows])


def encumbrances_of(
    connection: ReadConnection, log_id: int, asset_keys: Iterable[bytes], *, before: int | None = None
) -> list[EncumbranceRow]:
    """The history of each of these claims in the order of its versions, steps with index < ``before`` where given."""
    names = ", ".join(f'"{name}"' for name in EncumbranceRow._fields)
    sql = f"SELECT {names} FROM encumbrances WHERE log_id = {{p}} AND asset_key {{keys}}"  # noqa: S608 - our own column names
    rows = [EncumbranceRow(*row) for row in bulk.select_in(connection, sql, asset_keys, log_id, kind="bytea")]
    return sorted((row for row in rows if before is None or row.index < before), key=lambda row: row[:2])


def all_encumbrances(connection: ReadConnection, log_id: int) -> dict[bytes, list[EncumbranceRow]]:
    """Every claim's history of the log, each in the order of its versions."""
    columns = [encumbrances.c[name] for name in EncumbranceRow._fields]
    statement = select(*columns).where(encumbrances.c.log_id == log_id).order_by(encumbrances.c.version)
    histories: dict[bytes, list[EncumbranceRow]] = {}
    for row in connection.execute(statement):
        histories.setdefault(bytes(row[0]), []).append(EncumbranceRow(*row))
    return histories


def claims_encumbered(connection: ReadConnection, log_id: int, start: int, stop: int) -> list[bytes]:
    """Asset keys whose holders changed by records with start ≤ index < stop."""
    statement = select(encumbrances.c.asset_key).where(
        encumbrances.c.log_id == log_id, encumbrances.c.index >= start, encumbrances.c.index < stop
    )
    return sorted(connection.execute(statement.distinct()).scalars())


def pool_positions(connection: ReadConnection, log_id: int, pool_id: int) -> list[tuple[bytes, str, int]]:
    """(asset key, holder, share in ppm) for each claim that the pool holds a share of now."""
    share = func.sum(encumbrances.c.change)
    statement = (
        select(encumbrances.c.asset_key, encumbrances.c.holder, share)
        .where(encumbrances.c.log_id == log_id, encumbrances.c.pool_id == pool_id)
        .group_by(encumbrances.c.asset_key, encumbrances.c.holder)
        .having(share > 0)
        .order_by(encumbrances.c.asset_key)
    )
    return [(row[0], row[1], int(row[2])) for row in connection.execute(statement)]


def pool_shares(
    connection: ReadConnection, log_id: int, pool_id: int, *, before: int
) -> Iterator[tuple[bytes, int]]:
    """(asset key, ppm) of each claim that the pool holds after the records with index < ``before``, streamed."""
    share = func.sum(encumbrances.c.change)
    statement = (
        select(encumbrances.c.asset_key, share)
        .where(
            encumbrances.c.log_id == log_id,
            encumbrances.c.pool_id == pool_id,
            encumbrances.c.index < before,
        )
        .group_by(encumbrances.c.asset_key)
        .having(share > 0)
        .order_by(encumbrances.c.asset_key)
    )
    result = streamed(connection, statement, at_a_time=5_000)
    return ((bytes(row[0]), int(row[1])) for row in result)


def loans_of_pool(connection: ReadConnection, log_id: int, pool_id: int, *, before: int) -> list[int]:
    """Ids of the loans of which a record with index < ``before`` brought a share into the pool, still there or not."""
    statement = (
        select(claims.c.subject_id)
        .join(
            encumbrances,
            (encumbrances.c.log_id == claims.c.log_id) & (encumbrances.c.asset_key == claims.c.asset_key),
        )
        .where(
            encumbrances.c.log_id == log_id, encumbrances.c.pool_id == pool_id, encumbrances.c.index < before
        )
    )
    return sorted(connection.execute(statement.distinct()).scalars())


def holders_in(connection: ReadConnection, log_id: int, pool_id: int) -> list[str]:
    """Who holds a share of a claim in the pool now, by name."""
    statement = (
        select(encumbrances.c.holder)
        .where(encumbrances.c.log_id == log_id, encumbrances.c.pool_id == pool_id)
        .group_by(encumbrances.c.holder)
        .having(func.sum(encumbrances.c.change) > 0)
        .order_by(encumbrances.c.holder)
    )
    return list(connection.execute(statement).scalars())


def loans_held(
    connection: ReadConnection,
    log_id: int,
    pool_id: int,
    *,
    after: str,
    prefix: str,
    limit: int,
    holder: str | None = None,
) -> list[int]:
    """Ids of loans of which the pool holds a share now, in the order of their names, those above ``after``.

    ``prefix`` is the beginning that their names (with ``loan:``) must have; ``holder`` who must hold the share.
    """
    mine = [] if holder is None else [encumbrances.c.holder == holder]
    in_names = subjects.c.name.startswith(prefix, autoescape=True)
    statement = (
        select(claims.c.subject_id)
        .join(
            encumbrances,
            (encumbrances.c.log_id == claims.c.log_id) & (encumbrances.c.asset_key == claims.c.asset_key),
        )
        .join(subjects, claims.c.subject_id == subjects.c.id)
        .where(
            encumbrances.c.log_id == log_id,
            encumbrances.c.pool_id == pool_id,
            subjects.c.name > after,
            in_names,
            *mine,
        )
        .group_by(claims.c.subject_id, subjects.c.name)
        .having(func.sum(encumbrances.c.change) > 0)
        .order_by(subjects.c.name)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def pool_moves(
    connection: ReadConnection, log_id: int, pool_id: int, *, start: int, stop: int
) -> Iterator[tuple[int, str, str, str, int]]:
    """Every step of a pool's claims by records with start ≤ index < stop, in the order of the records.

    As (index of the record, loan, claim, holder, change in ppm).
    """
    statement = (
        select(
            encumbrances.c.index, subjects.c.name, claims.c.name, encumbrances.c.holder, encumbrances.c.change
        )
        .join(
            claims,
            (encumbrances.c.log_id == claims.c.log_id) & (encumbrances.c.asset_key == claims.c.asset_key),
        )
        .join(subjects, claims.c.subject_id == subjects.c.id)
        .where(
            encumbrances.c.log_id == log_id,
            encumbrances.c.pool_id == pool_id,
            encumbrances.c.index >= start,
            encumbrances.c.index < stop,
        )
        .order_by(encumbrances.c.index, encumbrances.c.asset_key)
    )
    result = streamed(connection, statement, at_a_time=5_000)
    return ((int(row[0]), row[1].removeprefix("loan:"), row[2], row[3], int(row[4])) for row in result)


def been_in_pool(connection: ReadConnection, log_id: int, pool: str, loans: Iterable[str]) -> set[str]:
    """Which of these loans (subject names) has a claim that the pool holds, or held once."""
    rows = by_name(connection, log_id, [*loans, pool])
    standing = rows.pop(pool, None)
    if standing is None:
        return set()
    names = {row.id: row.name for row in rows.values()}
    owners = {bytes(claim.asset_key): names[claim.subject_id] for claim in claims_of(connection, names)}
    sql = "SELECT DISTINCT asset_key FROM encumbrances WHERE log_id = {p} AND pool_id = {p} AND asset_key {keys}"
    found = bulk.select_in(connection, sql, owners, log_id, standing.id, kind="bytea")
    return {owners[bytes(row[0])] for row in found}


def any_secret(connection: ReadConnection, log_id: int) -> tuple[str, bytes] | None:
    """Some subject's name and wrapped secret; None where there is none."""
    statement = select(subjects.c.name, subjects.c.secret).where(
        subjects.c.log_id == log_id, subjects.c.secret.is_not(None)
    )
    row = connection.execute(statement.limit(1)).one_or_none()
    return (row.name, bytes(row.secret)) if row else None
