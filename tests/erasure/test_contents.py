"""What goes with an erased loan, from every file of the database, and what stays."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from ledger import audits
from ledger.audit.fsck import fsck
from ledger.domain import loans
from ledger.errors import NotFoundError, UnavailableError, UndeterminedError
from ledger.log import Ledger
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import verify_claim_proof, verify_receipt
from ledger.store import audits as stored_audits
from ledger.store import logs, tables
from tests import book
from tests.erasure.conftest import CLEAR, PRIVATE, erase


def test_the_log_says_what_was_erased_and_stays_sound(ended: Ledger) -> None:
    digests = {one: ended.state_of(f"L1.{one}")["digest"] for one in ("originated", "disbursed", "end")}
    index = erase(ended, note="letter of 3 March")
    ended.publish()
    receipt = ended.receipt(ended_event(ended, index))
    verify_receipt(ended.trust_root(), receipt)
    record = json.loads(Receipt.parse(receipt).record)
    assert (record["type"], record["subject"], record["party"]) == ("subject.erased", "log", "fenqile")
    assert record["data"] == {
        "subject": "loan:L1", "records": [[0, digests["originated"]], [1, digests["disbursed"]], [9, digests["end"]]],
        "ended": "2026-11-01", "status": "settled", "currency": "CNY", "basis": "retention_ended",
        "note": "letter of 3 March", "claims": [{
            "claim": "c1", "share": 1_000_000, "asset_key": book.asset_key("L1"), "principal": "1200.00",
        }],
    }  # fmt: skip
    report = fsck(ended)
    assert (report.problems, report.erased) == ([], 3)


def ended_event(ledger: Ledger, index: int) -> str:
    with ledger.store.read() as connection:
        row = connection.execute(select(tables.records.c.event_id).where(tables.records.c.index == index))
        return str(row.scalar_one())


def test_nothing_of_the_loan_is_left_in_the_database(ended: Ledger) -> None:
    erase(ended)
    with ended.store.read() as connection:
        subject = connection.execute(select(tables.subjects).where(tables.subjects.c.name == "loan:L1")).one()
        assert subject.secret is None
        rest = loans.decode(bytes(subject.state))
        assert [(part.name, part.creditor, part.principal) for part in rest.claims] == [
            ("c1", "", 1200 * 10**8)
        ]
        assert (rest.status, rest.disbursed, rest.collected) == ("settled", 0, 0)
        rows = connection.execute(
            select(tables.records).where(tables.records.c.subject_id == subject.id)
        ).all()
        assert [row.record for row in rows] == [None] * 3
        indexes = [row.index for row in rows]
        for table in (tables.disclosures, tables.receipts):
            left = connection.execute(select(table.c.index).where(table.c.index.in_(indexes))).all()
            assert left == []
        other = connection.execute(select(tables.receipts.c.index)).all()
        assert len(other) == 1


def test_no_file_of_the_database_holds_a_value_or_a_record(
    ended: Ledger, database_files: Callable[[], Iterator[bytes]]
) -> None:
    sealed = sealed_disclosures(ended, "L1.originated")
    words = [PRIVATE.encode(), CLEAR.encode(), sealed]
    before = {word for content in database_files() for word in words if word in content}
    assert before == set(words), "the search would find them"
    erase(ended)
    for content in database_files():
        for word in words:
            assert word not in content
    assert any("李四".encode() in content for content in database_files()), "the others stay"


def sealed_disclosures(ledger: Ledger, event_id: str) -> bytes:
    with ledger.store.read() as connection:
        index = connection.execute(
            select(tables.records.c.index).where(tables.records.c.event_id == event_id)
        ).scalar_one()
        sealed = select(tables.disclosures.c.sealed).where(tables.disclosures.c.index == index)
        return bytes(connection.execute(sealed).scalar_one())


@pytest.fixture
def database_files(ledger: Ledger, database_url: str) -> Callable[[], Iterator[bytes]]:
    """Reads every file that holds this database's tables now."""

    def sqlite() -> Iterator[bytes]:
        path = Path(database_url.removeprefix("sqlite:///"))
        for file in path.parent.glob(path.name + "*"):
            yield file.read_bytes()

    def postgresql() -> Iterator[bytes]:
        with ledger.store.maintain() as connection:
            connection.exec_driver_sql("CHECKPOINT")
            root = Path(connection.execute(text("SHOW data_directory")).scalar_one())
            number = connection.execute(
                text("SELECT oid FROM pg_database WHERE datname = current_database()")
            ).scalar_one()
        for file in (root / "base" / str(number)).iterdir():
            yield file.read_bytes()

    return sqlite if database_url.startswith("sqlite") else postgresql


def test_another_process_that_reads_keeps_old_pages(ended: Ledger) -> None:
    if not ended.store.is_sqlite:
        pytest.skip("PostgreSQL takes its locks and waits")
    with ended.store.read() as connection:
        connection.execute(select(tables.logs.c.id)).all()
        with pytest.raises(UnavailableError, match="another process"):
            erase(ended)
    ended.eraser.rewrite()
    assert fsck(ended).problems == []


def test_the_claims_place_stays_in_the_register(ended: Ledger) -> None:
    before = ended.checkpoint_sizes()[-1]
    erase(ended)
    ended.append([book.repaid("L2", 1)], party="fenqile")
    ended.publish()
    with pytest.raises(NotFoundError, match="erased"):
        ended.prove_claim("L1/c1", size=before)
    proof = ClaimProof.parse(ended.prove_claim("L2/c1"))
    verify_claim_proof(ended.trust_root(), proof.encode())
    summary = ended.pool("P")
    assert (summary.claims, summary.erased) == (2, 1)
    assert summary.statuses == {"active": 1, "settled": 1}
    assert summary.principal == {"CNY": "2305.38"}
    assert fsck(ended).problems == []


def test_its_receipts_are_gone_and_not_made_again(ended: Ledger) -> None:
    erase(ended)
    with pytest.raises(NotFoundError, match="erased"):
        ended.receipt("L1.originated")
    assert ended.state_of("L1.originated")["state"] == "published"
    assert json.loads(ended.acceptance("L1.originated"))["index"] == 0


def test_what_audits_and_webhooks_said_of_it_goes(ended: Ledger) -> None:
    """A report and a message with a finding about the loan; those about others stay, and the run with its counts."""
    runs = {loan: run_with_finding(ended, loan) for loan in ("L1", "L2")}
    erase(ended)
    with ended.store.read() as connection:
        log = logs.get(connection, ended.origin)
        with pytest.raises(UndeterminedError, match="or it went with a loan that was erased"):
            audits.report_file(connection, log, runs["L1"], view=None)
        assert audits.get(connection, log, runs["L1"]).summary == {"counts": {}}
        assert b"loan:L2" in audits.report_file(connection, log, runs["L2"], view=None)
        newest = audits.latest(connection, log, "P")
        assert newest is not None
        assert newest.id == runs["L2"]
        messages = tables.webhook_messages.c
        left = connection.execute(select(messages.payload).where(messages.type == "finding.opened")).scalars()
        assert [b"loan:L1" in one for one in left] == [False]
        assert (
            connection.execute(select(func.count()).select_from(tables.webhook_deliveries)).scalar_one() == 1
        )


def run_with_finding(ledger: Ledger, loan: str) -> str:
    """A finished run of the pool P with a report about a loan, and the message of it on its way."""
    file = b'{"findings":[{"subject":"loan:%b"}]}\n' % loan.encode()
    with ledger.store.write() as connection:
        log = logs.get(connection, ledger.origin)
        row = audits.start(connection, log, "P", party="fenqile", now=ledger.clock())
        stored_audits.finish(
            connection, row.id, size=log.size, summary={"counts": {}}, report=zlib.compress(file)
        )
        queue = tables.jobs.c
        connection.execute(update(tables.jobs).where(queue.id == row.id).values(state="done"))
        message = {
            "log_id": log.id,
            "id": f"m-{loan}",
            "type": "finding.opened",
            "time": row.created,
            "payload": file,
        }
        connection.execute(insert(tables.webhook_messages).values(message))
        delivery = {
            "log_id": log.id,
            "endpoint": "hook",
            "message": f"m-{loan}",
            "state": "waiting",
            "attempts": 0,
        }
        connection.execute(insert(tables.webhook_deliveries).values(delivery))
    return row.id
