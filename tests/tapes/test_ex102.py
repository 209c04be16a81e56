"""EX-102 to events: the two real months as worked out by hand, and every trap that such files are known for."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ledger.domain import money
from ledger.domain.admission import Book, Party, admit
from ledger.domain.events import read_submission
from ledger.errors import ConfigurationError
from ledger.tapes import ex102
from ledger.tapes import schedule_al as al
from ledger.tapes.model import Submission
from ledger.tapes.pools import Placement, pool_created

DATA = Path(__file__).parent.parent / "data" / "ex102"
EXPECTED = json.loads((DATA / "expected.json").read_text())
MONTHS = {month["file"]: month for month in EXPECTED["months"]}
PREFIX = "SDART0202600001"


# The two real months ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", MONTHS)
def test_a_real_month_yields_what_was_worked_out_by_hand(read: Any, file: str) -> None:
    month = MONTHS[file]
    old = {f"{PREFIX}:{asset}" for asset in set(month["assets"]) - set(month["new_loans"])}
    submissions, rejects, summary = read(DATA / file, known=old.intersection)
    document = summary.to_json()
    assert rejects == []
    assert document["records"] == month["records"]
    assert document["counts"] == month["counts"]
    assert document["sums"] == {"USD": month["sums"]}
    assert document["sha256"] == hashlib.sha256((DATA / file).read_bytes()).hexdigest()
    settled = read.of(submissions, "loan.settled")
    assert [s["subject"] for s in settled] == [f"loan:{PREFIX}:{asset}" for asset in month["settled"]]
    assert {s["data"]["reason"] for s in settled} == {"prepaid_or_matured"}
    for submission in submissions:
        read_submission(submission)  # every one is of the domain's form


@pytest.mark.parametrize("file", MONTHS)
def test_the_cash_breaks_of_the_filing_survive(read: Any, file: str) -> None:
    submissions, _, _ = read(DATA / file)
    breaks = {}
    for submission in read.of(submissions, "repayment.received"):
        data = submission["data"]
        difference = Decimal(data["amount"]) - sum(map(Decimal, data["applied"].values()))
        if difference:
            breaks[submission["subject"].rpartition(":")[2]] = str(difference)
    assert breaks == MONTHS[file]["cash_breaks"]


def test_the_break_of_21884987_stands_as_filed(read: Any) -> None:
    submissions, _, summary = read(DATA / "2026-06.xml")
    repayment = read.of(submissions, "repayment.received")[0]
    assert repayment == {
        "id": "ex102:SDART0202600001:21884987:2026-06:repayment",
        "type": "repayment.received",
        "subject": "loan:SDART0202600001:21884987",
        "effective": "2026-06",
        "party": "servicer",
        "data": {
            "currency": "USD",
            "amount": "210.00",
            "applied": {"principal": "207.10", "interest": "0.00", "other": "10.35"},
            "aggregate": True,
        },
    }
    assert read.flags(summary) == {"totalActualAmountPaid": 1}


def test_a_seasoned_loan_opens_with_its_position_at_the_begin(read: Any) -> None:
    submissions, _, _ = read(DATA / "2026-07.xml")
    opened = read.of(submissions, "loan.opened")[2]
    assert opened["subject"] == "loan:SDART0202600001:22376302"
    assert opened["effective"] == "2026-07-01"
    data = opened["data"]
    assert (data["as_of"], data["basis"], data["balances"]) == (
        "2026-06-30",
        "asserted",
        {"principal": "3114.93"},
    )
    # The modified rate beside the original one, though the file says that nothing was modified.
    assert (data["annual_rate"], data["current_rate"]) == ("0.2155", "0.06")
    assert (data["originated"], data["first_due"], data["maturity"]) == ("2020-02", "2020-04", "2026-12")
    assert data["claims"] == [{"claim": "1", "creditor": "servicer", "share": 1_000_000}]
    assert opened["private"]["obligor_credit_score"] == "733"
    assert "733" not in json.dumps(data)


@pytest.mark.parametrize("file", MONTHS)
def test_every_element_of_every_record_is_somewhere_as_filed(read: Any, file: str) -> None:
    """Against a second, independent reading of the file."""
    typed = {
        "balance": al.BALANCE_END, "beginning": al.BALANCE_BEGIN, "days_past_due": al.DELINQUENT,
        "zero_balance_code": al.ZERO_CODE, "zero_balance_date": al.ZERO_DATE, "current_rate": al.CURRENT_RATE,
        "remaining_instalments": al.REMAINING, "next_due": al.NEXT_DUE, "modified": al.MODIFIED,
    }  # fmt: skip
    submissions, _, _ = read(DATA / file)
    reports = read.of(submissions, "balance.reported")
    root = ET.parse(DATA / file).getroot()
    for number, (report, assets) in enumerate(zip(reports, root, strict=True), 1):
        data = report["data"]
        assert data["place"] == f"assets[{number}]"
        found = [tuple(pair) for pair in data["elements"]]
        found += [(element, None) for member, element in typed.items() if member in data]
        found += [(name, text) for name, text in private_elements(report["private"])]
        filed = [(element.tag.rpartition("}")[2], element.text) for element in assets]
        assert sorted(name for name, _ in found) == sorted(name for name, _ in filed)
        assert all(pair in filed for pair in found if pair[1] is not None)
        clear = {name for name, _ in data["elements"]}
        assert [pair for pair in filed if pair[0] in clear] == [tuple(pair) for pair in data["elements"]]


def private_elements(private: dict[str, Any]) -> list[tuple[str, str]]:
    names = ["obligorCreditScoreType", "obligorCreditScore", "obligorIncomeVerificationLevelCode",
             "obligorEmploymentVerificationCode", "coObligorIndicator", "paymentToIncomePercentage"]  # fmt: skip
    return [(name, private[al.snake(name)]) for name in names if al.snake(name) in private]


def admitted(book: Book, submissions: list[Submission]) -> None:
    for index, submission in enumerate(submissions):
        admit(read_submission(submission), book, today=date(2026, 8, 15), index=index)


def test_both_months_through_the_domain_end_at_the_balances_reported(read: Any) -> None:
    roles = {"servicer": frozenset({"servicer"}), "trust": frozenset({"trustee"})}
    book = Book("example/log", parties={name: Party(name, held) for name, held in roles.items()})
    admitted(book, [pool_created("SDART-2026-1", party="servicer", effective="2026-06-01")])
    placement = Placement(pool="SDART-2026-1", holder="trust")

    def known(loans: set[str]) -> set[str]:
        return {loan for loan in loans if f"loan:{loan}" in book.loans}

    for file in MONTHS:
        submissions, rejects, _ = read(DATA / file, known=known, placement=placement)
        assert rejects == []
        admitted(book, submissions)
        again, _, summary = read(DATA / file, known=known, placement=placement)
        assert "loan.opened" not in summary.counts
        ids = {submission["id"]: submission for submission in submissions}
        assert all(ids[submission["id"]] == submission for submission in again)
    principal = {
        subject.rpartition(":")[2]: money.format(state.principal, "USD")
        for subject, state in book.loans.items()
    }
    assert principal == EXPECTED["principal_after_both"]
    statuses = {subject.rpartition(":")[2]: state.status for subject, state in book.loans.items()}
    assert sorted(asset for asset, status in statuses.items() if status == "settled") == sorted(
        asset for month in EXPECTED["months"] for asset in month["settled"]
    )


def test_the_july_balances_begin_where_june_ended(read: Any) -> None:
    june, _, _ = read(DATA / "2026-06.xml")
    july, _, _ = read(DATA / "2026-07.xml")
    ends = {s["subject"]: s["data"]["balance"] for s in read.of(june, "balance.reported")}
    begins = {s["subject"]: s["data"]["beginning"] for s in read.of(july, "balance.reported")}
    both = ends.keys() & begins.keys()
    assert len(both) == 2
    assert all(ends[subject] == begins[subject] for subject in both)


# Repeating ----------------------------------------------------------------------------------------------------


def test_ids_say_what_happened_and_only_the_report_names_the_tape(read: Any, write_tape: Any) -> None:
    first, _, _ = read(write_tape({}))
    with_comment = write_tape({}, name="other.xml")
    with_comment.write_text(with_comment.read_text() + "<!-- filed again -->\n")
    second, _, _ = read(with_comment)
    reports = (read.one(first, "balance.reported"), read.one(second, "balance.reported"))
    assert [s for s in first if s not in reports] == [s for s in second if s not in reports]
    assert reports[0]["id"] != reports[1]["id"]


def test_a_corrected_refiling_uses_the_same_ids_so_that_the_ledger_refuses_it(
    read: Any, write_tape: Any
) -> None:
    first, _, _ = read(write_tape({}))
    second, _, _ = read(write_tape({"totalActualAmountPaid": "111.00"}))
    before, after = read.one(first, "repayment.received"), read.one(second, "repayment.received")
    assert before["id"] == after["id"]
    assert before != after


def test_known_is_asked_in_chunks_and_a_loan_is_opened_once(
    read: Any, write_tape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ex102, "CHUNK", 2)
    asked: list[set[str]] = []

    def known(loans: set[str]) -> set[str]:
        asked.append(loans)
        return {"TRUST1:A3"} & loans

    months = [{"assetNumber": f"A{n}"} for n in range(1, 5)]
    july: dict[str, Any] = {
        "assetNumber": "A1",
        "reportingPeriodBeginningDate": "07-01-2026",
        "reportingPeriodEndingDate": "07-31-2026",
    }
    submissions, rejects, _ = read(write_tape(*months, july), known=known)
    assert rejects == []
    assert asked == [{"TRUST1:A1", "TRUST1:A2"}, {"TRUST1:A3", "TRUST1:A4"}]
    opened = [s["subject"] for s in read.of(submissions, "loan.opened")]
    assert opened == ["loan:TRUST1:A1", "loan:TRUST1:A2", "loan:TRUST1:A4"]


# Names ----------------------------------------------------------------------------------------------------------


def test_asset_numbers_with_other_signs_are_named_by_digest_and_kept(read: Any, write_tape: Any) -> None:
    asset = "rYz3+0/abc== 17"
    submissions, rejects, _ = read(write_tape({"assetNumber": asset}))
    assert rejects == []
    opened = read.one(submissions, "loan.opened")
    digest = hashlib.sha256(asset.encode()).hexdigest()[:24]
    assert opened["subject"] == f"loan:TRUST1:{digest}"
    assert opened["data"]["attributes"]["asset_number"] == asset
    assert all(len(s["id"]) <= 64 for s in submissions)


def test_long_asset_numbers_still_give_good_ids(read: Any, write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"assetNumber": "9" * 60, "zeroBalanceCode": ["1", "4"]}), trust="T" * 32, prefix="P" * 32
    )
    assert rejects == []
    assert len({s["id"] for s in submissions}) == len(submissions)


@pytest.mark.parametrize("text", ["RANDOMID", "CIK number-Sequential asset number", None])
def test_a_trust_that_the_file_does_not_name_must_be_given(
    read: Any, write_tape: Any, text: str | None
) -> None:
    path = write_tape({"assetTypeNumber": text})
    with pytest.raises(ConfigurationError, match="does not name its trust"):
        read(path)
    submissions, rejects, _ = read(path, trust="TAOT-2025-A")
    assert rejects == []
    assert read.one(submissions, "loan.opened")["subject"] == "loan:TAOT-2025-A:A1"


def test_one_prefix_makes_one_loan_of_an_account_in_two_trusts(read: Any, write_tape: Any) -> None:
    subjects = {
        read.one(read(write_tape({}), trust=trust, prefix="SC")[0], "loan.opened")["subject"]
        for trust in ("T1", "T2")
    }
    assert subjects == {"loan:SC:A1"}


def test_a_record_of_another_trust_is_a_reject_unless_the_trust_is_given(write_tape: Any, read: Any) -> None:
    path = write_tape({}, {"assetNumber": "A2", "assetTypeNumber": "TRUST2"})
    _, (reject,), _ = read(path)
    assert (reject.record, reject.field, reject.value) == (2, "assetTypeNumber", "TRUST2")
    assert read(path, trust="TRUST1")[1] == []


@pytest.mark.parametrize("trust", ["a b", "x" * 33])
def test_a_trust_that_is_no_name_is_refused(read: Any, write_tape: Any, trust: str) -> None:
    with pytest.raises(ConfigurationError, match="trust"):
        read(write_tape({}), trust=trust)


# Pools ---------------------------------------------------------------------------------------------------------


def test_new_loans_are_placed_in_batches_before_their_months(
    read: Any, write_tape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ex102, "CHUNK", 3)
    monkeypatch.setattr("ledger.tapes.pools.BATCH", 2)
    path = write_tape(*[{"assetNumber": f"A{n}", "zeroBalanceCode": "1"} for n in range(4)])
    submissions, _, summary = read(
        path,
        placement=Placement(pool="P1", holder="fund", kind="pledged"),
        known=lambda loans: {"TRUST1:A1"} & loans,
    )
    assert [s["type"] for s in submissions][:3] == ["loan.opened", "loan.opened", "claim.pledged"]
    pledged = read.of(submissions, "claim.pledged")
    assert [[claim["loan"] for claim in s["data"]["claims"]] for s in pledged] == [
        ["TRUST1:A0", "TRUST1:A2"], ["TRUST1:A3"],
    ]  # fmt: skip
    assert {s["subject"] for s in pledged} == {"pool:P1"}
    assert {s["effective"] for s in pledged} == {"2026-06-01"}
    assert read.one(submissions[:1], "loan.opened")["data"]["claims"][0]["creditor"] == "fund"
    assert summary.counts["claim.pledged"] == 2
    for submission in pledged:
        read_submission(submission)


def test_an_interrupted_placement_is_finished_by_the_next_import(read: Any, write_tape: Any) -> None:
    path = write_tape({"assetNumber": "A1"}, {"assetNumber": "A2"})
    placement = Placement(pool="P1", holder="trust", placed=lambda loans: loans & {"TRUST1:A1"})
    submissions, _, _ = read(path, placement=placement, known=lambda loans: loans)
    sold = read.one(submissions, "claim.sold")
    assert sold["data"]["claims"] == [{"loan": "TRUST1:A2", "claim": "1"}]


def test_transfers_are_named_by_what_they_transfer(read: Any, write_tape: Any) -> None:
    placement = Placement(pool="P1", holder="trust")
    path = write_tape({})
    first, second = (read.one(read(path, placement=placement)[0], "claim.sold") for _ in range(2))
    assert first == second
    other = read.one(read(path, placement=Placement(pool="P2", holder="trust"))[0], "claim.sold")
    assert other["id"] != first["id"]


def test_a_pool_is_created_with_rules_that_promise_nothing() -> None:
    created = pool_created("SDART-2026-1", party="servicer", effective="2026-06-01", title="SDART 2026-1")
    assert read_submission(created).subject == "pool:SDART-2026-1"


def test_progress_runs_to_the_end_over_both_passes(read: Any, write_tape: Any) -> None:
    seen: list[tuple[int, int]] = []
    path = write_tape(*[{"assetNumber": f"A{n}"} for n in range(1200)])
    read(path, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (2 * path.stat().st_size, 2 * path.stat().st_size)
