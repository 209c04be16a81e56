"""The audit's procedure tapes: what became of files and breaks, as of the audit's day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from ledger.audit import pool as pools
from ledger.audit.findings import Finding, Notes, Outcome
from ledger.audit.reconcile import breaks, tapes
from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import logs
from tests.audit import tapebook
from tests.audit.casework import provokes
from tests.audit.tapebook import CLEAN, POOL, Row, changed, post, run, without, write

AS_OF = date(2026, 5, 10)


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    return tapebook.fill(sqlite_ledger)


def check(ledger: Ledger, *shown: Reconciliation, as_of: date = AS_OF) -> Notes:
    notes = Notes()
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = pools.load(connection, log, POOL, before=log.size, as_of=as_of).records
    tapes.check(own, pool=POOL, as_of=as_of, notes=notes, shown=shown)
    return notes


def agree(ledger: Ledger, party: str, *, signer: Signer | None = None) -> None:
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = pools.load(connection, log, POOL, before=log.size, as_of=AS_OF).records
    for one in breaks.standing(own, pool=POOL).values():
        raw = breaks.closing(one, party=party, resolution="timing", explanation="late", today=AS_OF)
        signed = statements.sign_submission(signer, ledger.origin, read_submission(raw)) if signer else raw
        ledger.append([signed], party=party)


def test_without_a_file_nothing_is_asked(ledger: Ledger) -> None:
    notes = check(ledger)
    assert notes.procedure("tapes").outcome is Outcome.NOT_APPLICABLE


def test_a_file_that_agrees_is_passed(ledger: Ledger, tmp_path: Path) -> None:
    post(ledger, run(ledger, write(tmp_path, *CLEAN)))
    procedure = check(ledger).procedure("tapes")
    assert (procedure.outcome, procedure.asked, procedure.unit) == (Outcome.PASSED, 1, "files")
    before = check(ledger, as_of=date(2026, 4, 29)).procedure("tapes")
    assert before.outcome is Outcome.NOT_APPLICABLE, "the file is of a later day"


@provokes("break.open")
def test_an_open_break_has_its_age_and_owner(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    post(ledger, run(ledger, write(tmp_path, *changed("L1", fen=1))))
    notes = check(ledger)
    [found] = notes.findings
    assert (found.subject, found.claim, found.facts["age"], found.facts["owner"]) == (
        "loan:L1",
        "c1",
        10,
        "fenqile",
    )
    assert "balance reported 0.01 CNY, derived 913.29 CNY; open for 10 days" in found.text()
    assert len(found.evidence) == 1
    assert notes.procedure("tapes").outcome is Outcome.FINDINGS
    return notes.findings


def test_what_is_no_amount_has_no_currency_in_an_open_break(ledger: Ledger, tmp_path: Path) -> None:
    post(ledger, run(ledger, write(tmp_path, *changed("L1", days="47", rate="11"))))
    said = sorted(one.text().partition(": ")[2] for one in check(ledger).findings)
    assert said == [
        "annual rate reported 0.11, derived 0.12; open for 10 days with fenqile.",
        "days past due reported 47 (M2), derived 0 (current); open for 10 days with fenqile.",
    ]


@provokes("tape.absent")
def test_a_claim_that_the_file_lacks(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    post(ledger, run(ledger, write(tmp_path, *without("L2"))))
    return check(ledger).findings


@provokes("tape.extra")
def test_a_loan_that_the_pool_lacks(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    post(ledger, run(ledger, write(tmp_path, *CLEAN, Row("OUT", 5))))
    [found] = check(ledger).findings
    assert (found.subject, found.severity) == ("loan:OUT", "error")
    return [found]


@provokes("break.agreed")
def test_one_side_alone_is_said_to_be_alone(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    post(ledger, run(ledger, write(tmp_path, *changed("L1", fen=1))))
    agree(ledger, "bank-a")
    [found] = check(ledger).findings
    assert found.facts["agreed"] == "bank-a"
    assert "the word of fenqile is missing" in found.text()
    assert "尚缺 fenqile 的确认" in found.text("zh")
    return [found]


def test_owner_and_maker_do_not_close_it_without_a_holder(ledger: Ledger, tmp_path: Path) -> None:
    """The platform made the file, and its servicer explains what the records lack: the pool's funds have no say yet."""
    post(ledger, run(ledger, write(tmp_path, *CLEAN, Row("OUT", 5))))
    agree(ledger, "fenqile")
    agree(ledger, "bank-c")
    [found] = check(ledger).findings
    assert (found.code, found.facts["agreed"]) == ("break.agreed", "fenqile, bank-c")
    assert "the word of bank-a is missing" in found.text()


@provokes("break.unsigned")
def test_a_word_that_nobody_signed_is_the_platforms(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    post(ledger, run(ledger, write(tmp_path, *changed("L1", fen=1))))
    agree(ledger, "fenqile")
    agree(ledger, "bank-a", signer=Signer.from_seed("bank-a", bytes([10]) * 32))
    [found] = check(ledger).findings
    assert found.facts["parties"] == "fenqile"
    return [found]


def test_a_file_laid_before_the_audit_needs_not_be_in_the_log(ledger: Ledger, tmp_path: Path) -> None:
    result = run(ledger, write(tmp_path, *changed("L1", fen=1)))
    notes = check(ledger, result)
    assert [(one.code, one.facts["age"]) for one in notes.findings] == [("break.open", 10)]
    assert notes.procedure("tapes").asked == 1
    post(ledger, result)
    once = check(ledger, run(ledger, write(tmp_path, *changed("L1", fen=1))))
    assert [one.code for one in once.findings] == ["break.open"], "the log's own break is not told twice"
    assert once.procedure("tapes").asked == 1


def test_what_a_file_says_and_the_records_cannot_is_undetermined(ledger: Ledger, tmp_path: Path) -> None:
    result = run(ledger, write(tmp_path, *CLEAN))
    result.undetermined["rate", "why"] = 2  # type: ignore[index]  # a plain dict behind a read-only view
    procedure = check(ledger, result).procedure("tapes")
    assert (procedure.outcome, procedure.reasons) == (Outcome.UNDETERMINED, {"rate: why": 2})
