"""Erasure: what goes, what stays, when it is refused, and what is told of it afterwards."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from ledger import audits
from ledger.audit.fsck import fsck
from ledger.domain import loans
from ledger.domain.erasure import years_after
from ledger.domain.events import read_submission
from ledger.domain.events.corrections import SubjectErased
from ledger.erasure import Journal, Noted
from ledger.errors import MalformedError, NotFoundError, RefusedError, UnavailableError, UndeterminedError
from ledger.log import Ledger
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import verify_claim_proof, verify_receipt
from ledger.store import audits as stored_audits
from ledger.store import logs, tables
from tests import book
from tests.conftest import TestClock
from tests.test_log import released

#: What must be in no file of the database afterwards: a borrower's name, and a word of the record itself.
PRIVATE = "王小明七号"
CLEAR = "brown-paper-parcel"

CLAIM = {"claim": "c1", "share": 1_000_000, "asset_key": None, "principal": "-1.00"}


def settled(loan: str, day: str = "2026-11-01", **more: Any) -> book.Event:
    return book.event(
        "loan.settled",
        f"loan:{loan}",
        {"reason": "matured", "note": CLEAR},
        id=f"{loan}.end",
        effective=day,
        **more,
    )


@pytest.fixture
def ended(ledger: Ledger, clock: TestClock) -> Ledger:
    """A log with three loans; L1 has ended, is pledged in part, published, has receipts, and its retention is over."""
    events = [
        book.originated("L1", private={"name": PRIVATE}), book.disbursed("L1"), *book.loans(1),
        book.originated("L2", private={"name": "李四"}), book.disbursed("L2"), book.pool_created("P"),
        book.pledged("P", "bank-a", ("L1", "c1", 500_000), ("L2", "c1", 400_000), id="p1"), settled("L1"),
    ]  # fmt: skip
    ledger.append(events, party="fenqile")
    ledger.publish()
    ledger.receipt("L1.originated")
    ledger.receipt("L2.originated")
    clock.now += timedelta(days=5 * 366)
    return ledger


def erase(ledger: Ledger, loan: str = "L1", **more: Any) -> int:
    return ledger.erase(loan, party="fenqile", basis="retention_ended", **more).index


def refused(ledger: Ledger, loan: str = "L1", **more: Any) -> RefusedError:
    size = ledger.status().size
    with pytest.raises(RefusedError) as raised:
        erase(ledger, loan, **more)
    assert ledger.status().size == size
    return raised.value


# -- what goes and what stays -----------------------------------------------------------------------------------


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
        with pytest.raises(UndeterminedError, match="it went with a loan that was erased"):
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


# -- when it is refused -----------------------------------------------------------------------------------------


def test_a_live_loan_is_not_erased(ended: Ledger) -> None:
    error = refused(ended, "L2")
    assert (error.field, error.rule) == ("subject", "live")
    assert "active" in error.reason


@pytest.mark.parametrize("basis", ["retention_ended", "request", "court", "other"])
def test_no_basis_shortens_the_retention(ended: Ledger, clock: TestClock, basis: str) -> None:
    # 31 October 2031 in Shanghai, an hour before the day on which five years are over.
    clock.now = clock.now.replace(year=2031, month=10, day=31, hour=15)
    with pytest.raises(RefusedError) as raised:
        ended.erase("L1", party="fenqile", basis=basis)
    assert (raised.value.rule, raised.value.details) == ("retention", {"until": "2031-11-01"})
    clock.now += timedelta(hours=2)
    ended.erase("L1", party="fenqile", basis=basis)


def test_a_loan_that_goes_on_is_live_again(ended: Ledger) -> None:
    data = {"currency": "CNY", "amount": "10.00", "reason": "payment_returned"}
    again = book.event("loan.reinstated", "loan:L1", data, id="again", effective="2026-11-20")
    ended.append([again], party="fenqile")
    ended.publish()
    assert refused(ended).rule == "live"


def test_what_is_not_published_yet_waits(ended: Ledger) -> None:
    ended.append([book.repaid("L1", 1, effective="2026-11-02")], party="fenqile")
    error = refused(ended)
    assert error.rule == "not_published"
    ended.publish()
    ended.append([released(ended, "L1", id="r1", share=500_000)])
    assert refused(ended).rule == "not_published"
    ended.publish()
    erase(ended)
    ended.publish()
    assert fsck(ended).problems == []


def test_unknown_and_erased_loans(ended: Ledger) -> None:
    assert refused(ended, "L9").rule == "unknown_subject"
    erase(ended)
    assert refused(ended).rule == "erased"


@pytest.mark.parametrize(("party", "rule"), [("bank-a", "not_allowed"), ("nobody", "unknown_party")])
def test_only_who_services_loans_erases(ended: Ledger, party: str, rule: str) -> None:
    with pytest.raises(RefusedError) as raised:
        ended.erase("L1", party=party, basis="court")
    assert raised.value.rule == rule
    assert ended.state_of("L1.originated")["state"] == "published"
    assert fsck(ended).erased == 0


def test_nobody_else_says_that_something_is_erased(ended: Ledger) -> None:
    data = {
        "subject": "loan:L1", "records": [[0, "ab" * 32]], "ended": "2026-11-01", "status": "settled",
        "currency": "CNY", "basis": "court", "claims": [CLAIM],
    }  # fmt: skip
    with pytest.raises(RefusedError, match="poolproof erase"):
        ended.append([book.event("subject.erased", "log", data, id="x")], party="fenqile")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"records": []}, "data.records"),
        ({"records": [[0, "ab"]]}, "data.records[0][1]"),
        ({"records": [[1, "ab" * 32], [1, "cd" * 32]]}, "data.records[1]"),
        ({"subject": "pool:P"}, "data.subject"),
        ({"ended": "2026"}, "data.ended"),
        ({"status": "active"}, "data.status"),
        ({"claims": []}, "data.claims"),
        ({"claims": [CLAIM | {"claim": "a b"}]}, "data.claims[0].claim"),
        ({"claims": [CLAIM | {"share": 0}]}, "data.claims[0].share"),
        ({"claims": [CLAIM | {"asset_key": "ab"}]}, "data.claims[0].asset_key"),
        ({"claims": [CLAIM | {"principal": "1"}]}, "data.claims[0].principal"),
        ({"basis": "because"}, "data.basis"),
    ],
)
def test_the_form_of_subject_erased(data: dict[str, Any], field: str) -> None:
    whole = {
        "subject": "loan:L1", "records": [[0, "ab" * 32]], "ended": "2026-11", "status": "settled",
        "currency": "CNY", "basis": "court", "claims": [CLAIM],
    }  # fmt: skip
    event = book.event("subject.erased", "log", whole, id="x")
    assert isinstance(read_submission(event, party="fenqile").event, SubjectErased)
    with pytest.raises(RefusedError) as raised:
        read_submission({**event, "data": {**whole, **data}}, party="fenqile")
    assert raised.value.field == field


# -- afterwards -------------------------------------------------------------------------------------------------


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


def codes(ledger: Ledger) -> set[str]:
    return {problem.code for problem in fsck(ledger).problems}


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


def test_another_process_that_reads_keeps_old_pages(ended: Ledger) -> None:
    if not ended.store.is_sqlite:
        pytest.skip("PostgreSQL takes its locks and waits")
    with ended.store.read() as connection:
        connection.execute(select(tables.logs.c.id)).all()
        with pytest.raises(UnavailableError, match="another process"):
            erase(ended)
    ended.eraser.rewrite()
    assert fsck(ended).problems == []


def test_years_later() -> None:
    assert years_after(date(2026, 11, 1), 5) == date(2031, 11, 1)
    assert years_after(date(2024, 2, 29), 5) == date(2029, 3, 1)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)


# -- the journal ------------------------------------------------------------------------------------------------


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
