"""The leaves that are kept of a seal: proofs by them, and what is proved once records are erased, lost or changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from ledger import seals
from ledger.audit.fsck import fsck
from ledger.errors import NotFoundError
from ledger.log import Ledger
from ledger.proofs.sealproof import SealProof
from ledger.proofs.verify import verify_file
from ledger.store import tables
from tests import book
from tests.conftest import TestClock
from tests.sealing import TODAY, append, filled, publish, seal


def test_an_erased_loan_stays_in_the_seal(sqlite_ledger: Ledger) -> None:
    """Its amounts as long as no later record changed them; its state is not opened any more."""
    filled(sqlite_ledger, 3)
    recorded = seal(sqlite_ledger, as_of=TODAY)
    publish(sqlite_ledger)
    with sqlite_ledger.store.write() as connection:
        loan = tables.subjects.c.name == "loan:L1"
        subject = connection.execute(select(tables.subjects.c.id).where(loan)).scalar_one()
        rows = update(tables.records).where(tables.records.c.subject_id == subject)
        connection.execute(rows.values(record=None))
        connection.execute(update(tables.subjects).where(loan).values(secret=None))
    for name, opened_ in (("L0", True), ("L1", False)):
        proof = SealProof.parse(sqlite_ledger.prove_seal("P", f"{name}/c1"))
        assert proof.header == recorded.header
        assert (proof.state is not None) is opened_
    with pytest.raises(NotFoundError, match="erased"):
        sqlite_ledger.seal_pool("P", party="fenqile", as_of="2026-11-01")


def chunk_rows(ledger: Ledger) -> int:
    with ledger.store.read() as connection:
        return len(connection.execute(select(tables.seal_chunks.c.n)).all())


@pytest.fixture
def small_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves are kept four in a row, and three rows are stored at a time."""
    monkeypatch.setattr(seals, "CHUNK_LEAVES", 4)
    monkeypatch.setattr(seals, "CHUNKS_TOGETHER", 3)


@pytest.mark.usefixtures("small_rows")
@pytest.mark.parametrize("count", [1, 4, 5, 17])
def test_proofs_by_kept_leaves_are_those_by_the_records(sqlite_ledger: Ledger, count: int) -> None:
    filled(sqlite_ledger, count)
    recorded = seal(sqlite_ledger)
    publish(sqlite_ledger)
    assert chunk_rows(sqlite_ledger) == -(-count // 4)
    claims = [f"L{n}/c1" for n in {0, count // 2, count - 1}]
    quick = [sqlite_ledger.prove_seal("P", claim) for claim in claims]
    assert fsck(sqlite_ledger).problems == []
    with sqlite_ledger.store.write() as connection:
        connection.execute(delete(tables.seal_chunks))
    assert [sqlite_ledger.prove_seal("P", claim) for claim in claims] == quick
    assert seal(sqlite_ledger, size=recorded.header.size) == recorded  # the same again stores what is missing
    assert chunk_rows(sqlite_ledger) == -(-count // 4)
    assert [sqlite_ledger.prove_seal("P", claim) for claim in claims] == quick


@pytest.mark.usefixtures("small_rows")
def test_kept_leaves_outlive_the_records_of_other_claims(ledger: Ledger) -> None:
    """Erased records with a later one, so that nothing can be worked out again: the proofs stay."""
    filled(ledger, 9)
    recorded = seal(ledger)
    append(ledger, book.repaid("L1", 2))
    publish(ledger)
    with ledger.store.write() as connection:
        connection.execute(
            update(tables.records).values(record=None).where(tables.records.c.event_id.like("L1.%"))
        )
        connection.execute(
            update(tables.subjects).where(tables.subjects.c.name == "loan:L1").values(secret=None)
        )
    for claim in ("L0/c1", "L1/c1", "L8/c1"):
        data = ledger.prove_seal("P", claim)
        assert SealProof.parse(data).header == recorded.header
        verify_file(ledger.trust_root(), data)
    append(ledger, *book.loans(1, prefix="N"))
    publish(ledger)
    with pytest.raises(NotFoundError, match="not in the seal"):
        ledger.prove_seal("P", "N0/c1")


def test_a_pool_with_an_erased_loan_is_sealed_as_before(ledger: Ledger, clock: TestClock) -> None:
    """What subject.erased tells of the loan is enough; its own state is not opened any more."""
    filled(ledger, 4)
    append(ledger, book.event("loan.settled", "loan:L1", {"reason": "matured"}, id="end"))
    publish(ledger)
    before = seal(ledger)
    publish(ledger)
    clock.now += timedelta(days=6 * 366)
    ledger.erase("L1", party="fenqile", basis="retention_ended")
    publish(ledger)
    assert SealProof.parse(ledger.prove_seal("P", "L0/c1")).header == before.header
    after = seal(ledger, as_of="2032-11-20")
    publish(ledger)
    assert after.header.total == before.header.total
    for claim, opened_ in (("L0/c1", True), ("L1/c1", False)):
        data = ledger.prove_seal("P", claim)
        verify_file(ledger.trust_root(), data)
        assert SealProof.parse(data).header == after.header
        assert (SealProof.parse(data).state is not None) is opened_
    assert fsck(ledger).problems == []


@pytest.mark.usefixtures("small_rows")
def test_a_crash_between_the_record_and_its_leaves_is_no_harm(sqlite_ledger: Ledger) -> None:
    filled(sqlite_ledger, 21)
    recorded = seal(sqlite_ledger)
    publish(sqlite_ledger)
    whole = sqlite_ledger.prove_seal("P", "L3/c1")
    with sqlite_ledger.store.write() as connection:
        connection.execute(delete(tables.seal_chunks).where(tables.seal_chunks.c.n >= 3))
    assert fsck(sqlite_ledger).problems == []
    assert sqlite_ledger.prove_seal("P", "L3/c1") == whole
    assert seal(sqlite_ledger, size=recorded.header.size) == recorded
    assert chunk_rows(sqlite_ledger) == 6


@pytest.mark.usefixtures("small_rows")
@pytest.mark.parametrize("column", ["leaves", "node", "first", "seal"])
def test_leaves_that_were_changed_are_found_and_not_used(sqlite_ledger: Ledger, column: str) -> None:
    filled(sqlite_ledger, 9)
    seal(sqlite_ledger)
    publish(sqlite_ledger)
    whole = [sqlite_ledger.prove_seal("P", f"L{n}/c1") for n in range(0, 9, 2)]
    here = tables.seal_chunks.c.n == 1
    with sqlite_ledger.store.write() as connection:
        old = bytes(connection.execute(select(tables.seal_chunks.c[column]).where(here)).scalar_one())
        changed = old[:-1] + bytes([old[-1] ^ 1])
        connection.execute(update(tables.seal_chunks).where(here).values({column: changed}))
    assert {problem.code for problem in fsck(sqlite_ledger).problems} == {"seal"}
    assert [sqlite_ledger.prove_seal("P", f"L{n}/c1") for n in range(0, 9, 2)] == whole
