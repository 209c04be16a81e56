"""A whole audited log, and one thing in it changed, dropped, moved or hidden: each audit says which step failed.

What is tampered with are the rows that a dishonest ledger would hand out with its own, unchanged checkpoints: records,
the indexes over them, the registers' pages. The log itself is never written again, so every audit starts from the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from ledger.audit.findings import Finding
from ledger.audit.perform import audit
from ledger.audit.run import Request
from ledger.errors import IntegrityError, MalformedError
from ledger.log import Ledger
from ledger.proofs.canonical import sha256
from ledger.proofs.entries import record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.store import Store, tables
from tests import book
from tests.audit.poolbook import released

#: Of the loans the first ones are pledged to P; the one named was released from it before P was sealed.
LOANS, POOLED, RELEASED = 6, 4, "L3"
RECORDS = tables.records
STEPS = tables.encumbrances
#: The id of a subject that is not there: a row of it is shown to nobody who asks by subject.
NOBODY = 9_999


@pytest.fixture
def whole(sqlite_ledger: Ledger) -> Ledger:
    """Six loans: four pledged to P (one released again), two to Q; P sealed; published three times."""
    ledger = sqlite_ledger
    ledger.append(list(book.loans(LOANS, repayments=2)), party="fenqile")
    ledger.append(
        [
            book.pool_created("P"),
            book.pool_created("Q"),
            *(book.pledged("P", "bank-a", (f"L{n}", "c1", 500_000), id=f"p{n}") for n in range(POOLED)),
            *(
                book.pledged("Q", "bank-b", (f"L{n}", "c1", 1_000_000), id=f"q{n}")
                for n in range(POOLED, LOANS)
            ),
        ],
        party="fenqile",
    )
    ledger.append([released(ledger, "bank-a", RELEASED, "r3")])
    ledger.publish()
    ledger.seal_pool("P", as_of="2026-11-21", party="fenqile")
    ledger.publish()
    ledger.append([book.repaid("L1", 3)], party="fenqile")
    ledger.publish()
    return ledger


def errors(ledger: Ledger, tmp_path: Path) -> list[Finding]:
    """What an audit of P finds of severity error."""
    request = Request(pool="P", as_of=date(2026, 11, 22), processes=1)
    report = audit(ledger.store, ledger.origin, request, trust=ledger.trust_root(), kek=tmp_path / "kek")
    return [one for one in report.findings if one.severity == "error"]


def told(ledger: Ledger, tmp_path: Path) -> set[tuple[str, str]]:
    """(code, subject) of each error; where nothing can be audited, the step that stopped it."""
    try:
        return {(one.code, one.subject) for one in errors(ledger, tmp_path)}
    except (IntegrityError, MalformedError) as error:
        return {("refused", str(error))}


@contextmanager
def undone(store: Store, *names: str) -> Iterator[None]:
    """Put these tables back as they were."""
    kept = {}
    with store.read() as connection:
        for name in names:
            table = tables.metadata.tables[name]
            kept[table] = [dict(row) for row in connection.execute(select(table)).mappings()]
    try:
        yield
    finally:
        with store.write() as connection:
            for table, rows in kept.items():
                connection.execute(delete(table))
                connection.execute(insert(table), rows)


def write(ledger: Ledger, statement: Any) -> None:
    with ledger.store.write() as connection:
        assert connection.execute(statement).rowcount == 1


def rows(ledger: Ledger) -> list[Any]:
    with ledger.store.read() as connection:
        return list(connection.execute(select(RECORDS).order_by(RECORDS.c.index)))


def row_index(every: list[Any], event_id: str) -> int:
    """Where the record stands whose id begins so."""
    return int(next(row.index for row in every if row.event_id.startswith(event_id)))


def row_of(ledger: Ledger, event_id: str) -> Any:
    return next(row for row in rows(ledger) if row.event_id == event_id)


def test_the_log_itself_is_sound(whole: Ledger, tmp_path: Path) -> None:
    assert errors(whole, tmp_path) == []


@settings(max_examples=25)
@given(data=st.data())
def test_a_changed_byte_of_any_record(whole: Ledger, tmp_path: Path, data: st.DataObject) -> None:
    """With or without its digest, in any record of the log, of whatever pool."""
    row = data.draw(st.sampled_from(rows(whole)))
    raw = bytearray(row.record)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 127))
    forged = bytes(raw)
    values = {"record": forged} | ({"digest": sha256(forged)} if data.draw(st.booleans()) else {})
    with undone(whole.store, "records"):
        write(whole, update(RECORDS).where(RECORDS.c.index == row.index).values(**values))
        found = told(whole, tmp_path)
    assert any(code in {"tree.contradicts", "refused"} for code, _ in found)


@settings(max_examples=15)
@given(data=st.data())
def test_a_dropped_record(whole: Ledger, tmp_path: Path, data: st.DataObject) -> None:
    """The audit names the entry, and in the pool's part of the log what its absence leaves unchained or unequal."""
    every = rows(whole)
    row = data.draw(st.sampled_from(every))
    with undone(whole.store, "records"):
        write(whole, delete(RECORDS).where(RECORDS.c.index == row.index))
        found = errors(whole, tmp_path)
    missing = [one for one in found if one.code == "entry.missing"]
    leaf = leaf_hash(record_entry(row.digest)).hex()
    assert [(one.subject, one.facts) for one in missing] == [
        ("log", {"entries": str(row.index), "leaf": leaf})
    ]
    others = sorted(
        (one.code, one.subject, one.claim, *(mark.index for mark in one.evidence))
        for one in found
        if one.code != "entry.missing"
    )
    assert others == sorted(left_by(row, every))


def left_by(dropped: Any, every: list[Any]) -> list[tuple[Any, ...]]:
    """(code, subject, claim, indexes) of what an audit of P says besides, when this record is gone."""
    subject, _, _ = dropped.event_id.partition(".")
    loan, pool = subject.startswith("L"), dropped.event_id.startswith(("P", "p", "r", "seal"))
    if (loan and subject >= f"L{POOLED}") or not (loan or pool):
        return []  # nothing in P
    name = f"loan:{subject}" if loan else "pool:P"
    same = [row.index for row in every if row.subject_id == dropped.subject_id]
    later = [index for index in same if index > dropped.index]
    told: list[tuple[Any, ...]] = [("record.unchained", name, None, index) for index in later]
    if not later:  # nothing is linked to it: the register counts one more than there are
        before = max(index for index in same if index < dropped.index)
        told.append(("register.contradicts", name, "c1" if loan else None, before))
    if dropped.event_id[0] in "pr":
        told.append(("pledge.history_broken", f"loan:L{dropped.event_id[1]}", "c1"))
    seal = row_index(every, "seal")
    if loan and subject != RELEASED and dropped.index < seal:
        told.append(("seal.wrong_root", "pool:P", None, seal))
    return told


@settings(max_examples=20)
@given(data=st.data())
def test_two_records_in_each_others_place(whole: Ledger, tmp_path: Path, data: st.DataObject) -> None:
    """Bytes, digest, subject and number change places: only where they stand is wrong."""
    one, other = data.draw(
        st.lists(st.sampled_from(rows(whole)), min_size=2, max_size=2, unique_by=lambda row: row.index)
    )
    with undone(whole.store, "records"):
        write(whole, delete(RECORDS).where(RECORDS.c.index == one.index))
        for at, row in ((other.index, one), (one.index, other)):
            values = {**row._mapping, "index": at}
            if at == other.index:
                write(whole, delete(RECORDS).where(RECORDS.c.index == at))
            write(whole, insert(RECORDS).values(**values))
        found = told(whole, tmp_path)
    assert ("tree.contradicts", "log") in found or any(code == "refused" for code, _ in found)


HIDDEN = {
    "L1.originated": ("record.unchained", "loan:L1"),
    "L1.repaid.1": ("record.unchained", "loan:L1"),
    "L1.repaid.3": ("register.contradicts", "loan:L1"),
    "P.rules.1": ("record.unchained", "pool:P"),
    "p2": ("record.unchained", "pool:P"),
    "r3": ("record.unchained", "pool:P"),
    "seal": ("register.contradicts", "pool:P"),
}


@pytest.mark.parametrize("event_id", HIDDEN)
@pytest.mark.parametrize("how", ["no bytes", "another subject"])
def test_a_record_that_is_kept_from_the_reader(
    whole: Ledger, tmp_path: Path, event_id: str, how: str
) -> None:
    """The tree still hashes, since its digest stands there; the chain or the register says that it is missing."""
    code, subject = HIDDEN[event_id]
    row = next(row for row in rows(whole) if row.event_id.startswith(event_id))
    values: dict[str, Any] = {"record": None}
    if how == "another subject":
        values = {"subject_id": NOBODY}
    else:
        code = "record.withheld"
    write(whole, update(RECORDS).where(RECORDS.c.index == row.index).values(**values))
    found = told(whole, tmp_path)
    assert (code, subject) in found
    assert "tree.contradicts" not in {name for name, _ in found}


def hide_the_pledge(ledger: Ledger) -> None:
    key = bytes.fromhex(book.asset_key("L2"))
    write(ledger, delete(STEPS).where(STEPS.c.asset_key == key))
    place = {"version": 0, "history": bytes(32), "holders": b"\0"}
    write(ledger, update(tables.claims).where(tables.claims.c.asset_key == key).values(**place))


def hide_the_claim(ledger: Ledger) -> None:
    key = bytes.fromhex(book.asset_key("L2"))
    write(ledger, delete(tables.claims).where(tables.claims.c.asset_key == key))


def swap_into_another_pool(ledger: Ledger) -> None:
    key, other = bytes.fromhex(book.asset_key("L2")), row_of(ledger, "q4").subject_id
    write(ledger, update(STEPS).where(STEPS.c.asset_key == key).values(pool_id=other))


def swap_out_of_another_pool(ledger: Ledger) -> None:
    key, own = bytes.fromhex(book.asset_key("L4")), row_of(ledger, "p2").subject_id
    write(ledger, update(STEPS).where(STEPS.c.asset_key == key).values(pool_id=own))


def name_another_holder(ledger: Ledger) -> None:
    key = bytes.fromhex(book.asset_key("L2"))
    write(ledger, update(STEPS).where(STEPS.c.asset_key == key).values(holder="bank-c"))


def hide_the_release(ledger: Ledger) -> None:
    at = row_of(ledger, "r3").index
    write(ledger, delete(STEPS).where(STEPS.c.index == at))


@pytest.mark.parametrize(
    ("tamper", "loan"),
    [
        (hide_the_pledge, "L2"),
        (hide_the_claim, "L2"),
        (swap_into_another_pool, "L2"),
        (swap_out_of_another_pool, "L4"),
        (name_another_holder, "L2"),
        (hide_the_release, "L3"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_claim_that_the_index_hides_moves_or_adds(
    whole: Ledger, tmp_path: Path, tamper: Callable[[Ledger], None], loan: str
) -> None:
    """The pool's records say which claims came and left, whatever the index over them says."""
    tamper(whole)
    assert ("pledge.history_broken", f"loan:{loan}") in told(whole, tmp_path)


@settings(max_examples=15)
@given(data=st.data())
def test_a_changed_byte_of_the_register(whole: Ledger, tmp_path: Path, data: st.DataObject) -> None:
    with whole.store.read() as connection:
        newest = connection.execute(
            select(tables.registers).order_by(tables.registers.c.index.desc())
        ).first()
        assert newest is not None
        pages = tables.register_pages
        page = connection.execute(select(pages).where(pages.c.id == newest.page)).one()
    raw = bytearray(page.page)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with undone(whole.store, "register_pages"):
        write(whole, update(pages).where(pages.c.id == page.id).values(page=bytes(raw)))
        found = told(whole, tmp_path)
    assert ("register.unreadable", "log") in found
