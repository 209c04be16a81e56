"""After an erasure: what is refused, what `fsck` tells, and how a restored backup is put right."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from ledger.audit.fsck import fsck
from ledger.domain import loans
from ledger.erasure import Journal, Noted
from ledger.errors import MalformedError, RefusedError
from ledger.log import Ledger
from ledger.store import tables
from tests import book
from tests.erasure.conftest import codes, erase
from tests.log.conftest import released


def test_nothing_is_added_to_an_erased_loan_taken_or_given_back(ended: Ledger) -> None:
    erase(ended)
    ended.publish()
    key_taken = {**book.disbursed("L3"), "data": book.disbursed("L1")["data"]}
    for events in (
        [book.repaid("L1", 1)],
        [book.originated("L1", effective="2026-11-02") | {"id": "anew"}],
        [book.pledged("P", "bank-b", ("L1", "c1", 1), id="p2")],
        [released(ended, "L1", id="r1", share=500_000)],
    ):
        with pytest.raises(RefusedError, match="loan:L1 is erased") as raised:
            ended.append(events, party=None if not isinstance(events[0], dict) else "fenqile")
        assert raised.value.rule == "erased"
    with pytest.raises(RefusedError, match="asset key") as raised:
        ended.append([book.originated("L3"), key_taken], party="fenqile")
    assert raised.value.rule == "taken_asset_key"
    assert ended.append([book.disbursed("L1")], party="fenqile").accepted[0].repeated
    assert fsck(ended).problems == []


def test_bytes_that_are_gone_without_a_word_are_missing(ended: Ledger) -> None:
    from ledger.store import erasure

    with ended.store.write() as connection:
        subject = connection.execute(
            select(tables.subjects.c.id).where(tables.subjects.c.name == "loan:L1")
        ).scalar_one()
        erasure.erase(connection, 1, subject, rest=b"")
    [problem] = fsck(ended).problems
    assert (problem.code, problem.place) == ("erasure", "loan:L1")
    assert "no subject.erased" in problem.message


def test_what_a_restored_backup_brings_back_is_erased_again(ended: Ledger) -> None:
    """Rows of an older backup are put back one by one, as a restore of single tables does."""
    with ended.store.read() as connection:
        subject = connection.execute(select(tables.subjects).where(tables.subjects.c.name == "loan:L1")).one()
        rows = connection.execute(
            select(tables.records).where(tables.records.c.subject_id == subject.id)
        ).all()
    erase(ended)
    assert ended.eraser.again() == []
    with ended.store.write() as connection:
        connection.execute(
            update(tables.records)
            .where(tables.records.c.index == rows[0].index)
            .values(record=rows[0].record)
        )
    assert "erasure" in codes(ended)
    with ended.store.write() as connection:
        for row in rows:
            connection.execute(
                update(tables.records).where(tables.records.c.index == row.index).values(record=row.record)
            )
        connection.execute(
            update(tables.subjects)
            .where(tables.subjects.c.id == subject.id)
            .values(secret=subject.secret, state=subject.state)
        )
    problem = next(one for one in fsck(ended).problems if one.code == "erasure")
    assert "erase --replay" in problem.message
    assert ended.eraser.again() == ["loan:L1"]
    ended.eraser.rewrite()
    assert fsck(ended).problems == []


def test_an_erasure_that_names_other_records_is_found(ended: Ledger) -> None:
    index = erase(ended)
    with ended.store.write() as connection:
        here = tables.records.c.index == index
        record = bytes(connection.execute(select(tables.records.c.record).where(here)).scalar_one())
        forged = record.replace(b'"records":[[0,', b'"records":[[2,', 1).replace(b"],[1,", b"],[3,", 1)
        assert forged != record
        connection.execute(update(tables.records).where(here).values(record=forged))
    found = [one for one in fsck(ended).problems if one.code == "erasure"]
    assert [one.place for one in found] == ["loan:L1"]
    assert "other records" in found[0].message


def test_what_is_left_of_the_state_is_what_the_log_says(ended: Ledger) -> None:
    erase(ended)
    with ended.store.write() as connection:
        here = tables.subjects.c.name == "loan:L1"
        state = loans.decode(
            bytes(connection.execute(select(tables.subjects.c.state).where(here)).scalar_one())
        )
        state.claims[0].principal -= 1
        connection.execute(update(tables.subjects).where(here).values(state=loans.encode(state)))
    assert codes(ended) == {"subject"}


def test_a_pool_with_an_erased_loan_is_still_sealed(ended: Ledger) -> None:
    before = ended.seal_pool("P", party="fenqile", as_of="2026-11-20")
    erase(ended)
    ended.publish()
    after = ended.seal_pool("P", party="fenqile", as_of="2031-11-01")
    assert after.header.total.receivable == before.header.total.receivable
    assert (after.header.total.count, before.header.total.count) == (2, 2)
    ended.publish()
    assert fsck(ended).problems == []


def test_the_journal_remembers_what_an_older_backup_does_not(ended: Ledger, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "erasures.jsonl")
    assert journal.entries(ended.origin) == []
    one = Noted(origin=ended.origin, loan="L1", party="fenqile", basis="court", note=None)
    for noted in (one, Noted(origin="other.example", loan="L1", party="x", basis="court", note="n")):
        journal.add(noted)
    journal.add(Noted(origin=ended.origin, loan="L9", party="fenqile", basis="court", note=None))
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert [noted.loan for noted in journal.entries(ended.origin)] == ["L1", "L9"]
    assert ended.eraser.returned(journal.entries(ended.origin)) == [one]
    erase(ended)
    assert ended.eraser.returned(journal.entries(ended.origin)) == []
    journal.path.write_bytes(b"{}\n")
    with pytest.raises(MalformedError):
        journal.entries(ended.origin)
