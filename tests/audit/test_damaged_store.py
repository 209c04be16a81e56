"""Every table and column that an audit reads, damaged in turn: it ends with a report, and never with one that is green.

Rows are deleted, values emptied, flipped, of another type or out of range, as a failing disk or a stranger's statement
leaves them behind in SQLite, whose columns hold whatever they are given.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, LargeBinary

from ledger.audit.damage import TABLES
from ledger.audit.findings import Finding
from ledger.audit.fsck.check import TABLES as KEPT
from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.errors import PoolproofError
from ledger.proofs.trust import TrustRoot
from ledger.store import Store, sieve, tables
from tests import book
from tests.audit.casework import provokes
from tests.conftest import TestClock, new_ledger
from tests.databases import sqlite_in

#: What the audit has from elsewhere: it is in the record's bytes, or in the histories, or not needed.
UNREAD = {
    ("checkpoints", "note"), ("checkpoints", "published"), ("checkpoints", "root"), ("checkpoints", "log_id"),
    ("claims", "version"), ("claims", "history"), ("claims", "holders"), ("records", "event_id"), ("records", "party"),
    ("subjects", "count"), ("subjects", "head"), ("subjects", "last_index"), ("subjects", "log_id"),
    ("subjects", "state"),
}  # fmt: skip
#: Without these nothing is left to audit against; a word of the error by which they are known.
CRUCIAL = {
    "tiles": ("tile", "register: the proof"),
    "checkpoints": ("checkpoint",),
    "registers": ("its row in the table registers", "register: the proof of leaf"),
    "subjects": ("has the pool 'P', the tables subjects",),
    "logs": ("logs.", "no log with origin", "time zone", "day cut", "nothing is published", "table checkpoints"),
}  # fmt: skip


#: Tables that fsck reads and no audit does, and where an audit has from what they hold.
ELSEWHERE = {
    "parties": "the reader's trust root names parties and their keys",
    "verifier_keys": "the same",
    "trust_roots": "the reader brings the trust root",
    "disclosures": "no check opens a private field",
    "batches": "acceptances are promises to who submitted; the tree has what was accepted",
    "receipts": "the tree has what a receipt shows; its holder compares",
    "seal_chunks": "a seal's leaves are made again from the records",
    "anchors": "the contract is asked, or nobody; a row tells where to begin looking, and events tell if that is late",
    "anchor_transactions": "the contract is asked, or nobody",
}


@dataclass(frozen=True)
class Sound:
    """A store with nothing wrong in it, and what its audit needs besides."""

    file: Path
    origin: str
    trust: TrustRoot
    kek: Path

    def damaged(self, folder: Path, damage: Callable[[sqlite3.Connection], object]) -> Store:
        """A copy of it with something done to it."""
        copy = folder / "damaged.db"
        copy.unlink(missing_ok=True)
        source, target = sqlite3.connect(self.file), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.execute("PRAGMA foreign_keys = OFF")
        try:
            damage(target)
            target.commit()
        finally:
            target.close()
        return Store(f"sqlite:///{copy}")

    def keys_of(self, name: str) -> list[tuple[object, ...]]:
        """The primary key of each row of a table."""
        keys = ", ".join(f'"{one.name}"' for one in tables.metadata.tables[name].primary_key.columns)
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(f'SELECT {keys} FROM "{name}" ORDER BY {keys}').fetchall()

    def audit(
        self, folder: Path, damage: Callable[[sqlite3.Connection], object], processes: int = 1
    ) -> AuditReport:
        """Audit such a copy."""
        store = self.damaged(folder, damage)
        request = Request(pool="P", as_of=date(2026, 11, 22), processes=processes)
        try:
            return audit(store, self.origin, request, trust=self.trust, kek=self.kek)
        finally:
            store.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Three loans in P; P sealed; published twice."""
    folder = tmp_path_factory.mktemp("sound")
    store = Store(sqlite_in(folder))
    ledger = new_ledger(store, folder / "kek", TestClock())
    ledger.append(list(book.loans(3, repayments=2)), party="fenqile")
    pledges = [book.pledged("P", "bank-a", (f"L{n}", "c1", 600_000), id=f"p{n}") for n in range(3)]
    ledger.append([book.pool_created("P"), *pledges], party="fenqile")
    ledger.publish()
    ledger.seal_pool("P", as_of="2026-11-21", party="fenqile")
    ledger.publish()
    file, trust = Path(store.url.removeprefix("sqlite:///")), ledger.trust_root()
    store.close()
    return Sound(file, ledger.origin, trust, folder / "kek")


def nothing(_connection: sqlite3.Connection) -> None:
    """Leave it as it is."""


def errors(report: AuditReport) -> set[tuple[str, str]]:
    return {(one.code, one.subject) for one in report.findings if one.severity == "error"}


Case = tuple[str, str | None, str]


def cases(names: Sequence[str] = TABLES) -> Iterator[Case]:
    """(table, column or None for the row, what is done)."""
    for name in names:
        yield name, None, "deleted"
        for column in tables.metadata.tables[name].columns:
            kinds: tuple[str, ...] = ("empty", "as bytes", "flipped")
            if isinstance(column.type, LargeBinary):
                kinds = ("as text", "empty", "flipped", "null")
            elif isinstance(column.type, Integer):
                kinds = ("huge", "as text")
            for kind in kinds:
                yield name, column.name, kind


def is_quick(case: Case) -> bool:
    """Those that have broken audits; the others take a minute."""
    name, column, kind = case
    as_text = kind == "as text" and column in (
        "record",
        "digest",
        "secret",
        "holders",
        "page",
        "root",
        "hashes",
    )
    return name != "logs" and (column is None or as_text or (column, kind) == ("change", "huge"))


def do(connection: sqlite3.Connection, case: Case) -> None:
    """Damage the table's second row, which is of the pool; its only one where there is no other."""
    name, column, kind = case
    keys = [f'"{one.name}"' for one in tables.metadata.tables[name].primary_key.columns]
    order = ", ".join(keys)
    rows = connection.execute(f'SELECT {order} FROM "{name}" ORDER BY {order} LIMIT 2').fetchall()
    here, row = " AND ".join(f"{key} = ?" for key in keys), rows[-1]
    if column is None:
        connection.execute(f'DELETE FROM "{name}" WHERE {here}', row)
        return
    [value] = connection.execute(f'SELECT "{column}" FROM "{name}" WHERE {here}', row).fetchone()
    try:
        connection.execute(f'UPDATE "{name}" SET "{column}" = ? WHERE {here}', (spoilt(value, kind), *row))
    except sqlite3.IntegrityError:
        pytest.skip("the database itself refuses it")


def spoilt(value: Any, kind: str) -> object:
    """What stands in its place."""
    raw = value.encode() if isinstance(value, str) else value
    if kind == "null" and value is None:
        pytest.skip("nothing stands there")
    if kind == "flipped":
        if not raw:
            pytest.skip("there is nothing to flip")
        flipped = bytes([raw[0] ^ 1]) + raw[1:]
        return flipped.decode() if isinstance(value, str) else flipped
    if kind == "as text":
        return raw.decode("latin-1") if isinstance(raw, bytes) else "xxxxx"
    if kind == "empty":
        return b"" if isinstance(value, bytes) else ""
    return {"null": None, "huge": 2**62, "as bytes": b"\xff\xfe"}[kind]


def test_a_sound_store_has_no_misfits(sound: Sound, tmp_path: Path) -> None:
    store = sound.damaged(tmp_path, nothing)
    with store.read() as connection:
        assert sieve.misfits(connection, tables.metadata.tables) == []
    store.close()
    assert errors(sound.audit(tmp_path, nothing)) == set()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(one, id=f"{one[0]}.{one[1]}-{one[2]}", marks=() if is_quick(one) else pytest.mark.slow)
        for one in cases()
    ],
)
def test_what_is_damaged_is_told_and_never_green(sound: Sound, tmp_path: Path, case: Case) -> None:
    name, column, kind = case
    try:
        report = sound.audit(tmp_path, lambda connection: do(connection, case))
    except PoolproofError as error:
        # Nothing can be said at all: the row of the log, or what its newest checkpoint is proved with.
        if not any(word in str(error) for word in CRUCIAL.get(name, ())):
            raise
        return
    assert report.exit_code in (1, 3)
    if name == "logs" or (name, column) in UNREAD or errors(report):
        return
    # Nothing is wrong, then, but something is not known.
    assert (column, kind) == ("secret", "null")
    assert next(one for one in report.procedures if one.name == "register").undetermined >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_each_row_that_is_gone_is_told(sound: Sound, tmp_path: Path, name: str) -> None:
    """Every row of the table, one after the other, is deleted."""
    for key in sound.keys_of(name):
        try:
            report = sound.audit(tmp_path, lambda one, key=key: one.execute(*delete_row(name, key)))
        except PoolproofError as error:
            if any(word in str(error) for word in CRUCIAL.get(name, ())):
                continue
            raise
        assert errors(report), key


def delete_row(name: str, key: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """The statement that takes out the row with this primary key."""
    here = " AND ".join(f'"{one.name}" = ?' for one in tables.metadata.tables[name].primary_key.columns)
    return f'DELETE FROM "{name}" WHERE {here}', key


def test_every_other_table_is_listed_with_the_reason() -> None:
    assert set(TABLES).isdisjoint(ELSEWHERE)
    assert set(TABLES) | ELSEWHERE.keys() == set(KEPT)


# -- what is said ----------------------------------------------------------------------------------------------


@provokes("store.damaged")
def test_bytes_as_text_are_named_and_read_as_bytes(sound: Sound, tmp_path: Path) -> Sequence[Finding]:
    report = sound.audit(
        tmp_path,
        lambda one: one.execute('UPDATE records SET record = CAST(record AS TEXT) WHERE "index" = 2'),
    )
    assert errors(report) == {("store.damaged", "log")}
    [found] = [one for one in report.findings if one.code == "store.damaged"]
    assert found.facts["place"] == "records.record of log_id 1, index 2"
    assert str(found.facts["found"]).startswith("text of ")
    assert report.exit_code == 1
    return report.findings


@provokes("subject.unreadable")
def test_a_loan_whose_row_is_missing(sound: Sound, tmp_path: Path) -> Sequence[Finding]:
    report = sound.audit(tmp_path, lambda one: one.execute("DELETE FROM subjects WHERE name = 'loan:L1'"))
    assert ("subject.unreadable", "log") in errors(report)
    assert report.numbers["unreadable"] == 1
    assert report.numbers["loans"] == 2, "the others are audited"
    secret = sound.audit(
        tmp_path, lambda one: one.execute("UPDATE subjects SET secret = zeroblob(60) WHERE name = 'loan:L1'")
    )
    assert errors(secret) == {("subject.unreadable", "loan:L1")}
    return report.findings


@provokes("claim.unreadable")
def test_a_claim_whose_place_is_damaged(sound: Sound, tmp_path: Path) -> Sequence[Finding]:
    change = """UPDATE encumbrances SET change = 2000000 WHERE "index" =
        (SELECT min("index") FROM encumbrances)"""
    report = sound.audit(tmp_path, lambda one: one.execute(change))
    assert ("claim.unreadable", "loan:L0") in errors(report)
    return report.findings


@provokes("register.unreadable")
def test_a_register_whose_pages_are_missing(sound: Sound, tmp_path: Path) -> Sequence[Finding]:
    report = sound.audit(tmp_path, lambda one: one.execute("DELETE FROM register_pages"))
    assert ("register.unreadable", "log") in errors(report)
    register = next(one for one in report.procedures if one.name == "register")
    assert (register.asked, register.reasons) == (4, {"the register cannot be read": 4})
    records = next(one for one in report.procedures if one.name == "records")
    assert records.asked > records.undetermined, "the rest is audited"
    return report.findings


def test_a_secret_that_is_gone_makes_no_loan_erased(sound: Sound, tmp_path: Path) -> None:
    """Its records are there, so they are judged; only what the register holds of it is not opened."""
    report = sound.audit(
        tmp_path, lambda one: one.execute("UPDATE subjects SET secret = NULL WHERE name = 'loan:L1'")
    )
    assert (report.numbers["erased"], report.numbers["loans"]) == (0, 3)
    assert report.exit_code == 3


def test_processes_of_their_own_see_the_same(sound: Sound, tmp_path: Path) -> None:
    def damage(one: sqlite3.Connection) -> None:
        one.execute("UPDATE records SET digest = 'short' WHERE \"index\" = 2")

    assert errors(sound.audit(tmp_path, damage, processes=2)) == errors(sound.audit(tmp_path, damage))
