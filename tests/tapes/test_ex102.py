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
from ledger.errors import ConfigurationError, MalformedError
from ledger.tapes import ex102
from ledger.tapes import schedule_al as al
from ledger.tapes.model import Reject, Submission, TapeSummary
from ledger.tapes.pools import Placement, pool_created

DATA = Path(__file__).parent.parent / "data" / "ex102"
EXPECTED = json.loads((DATA / "expected.json").read_text())
MONTHS = {month["file"]: month for month in EXPECTED["months"]}
PREFIX = "SDART0202600001"


def nothing_known(_loans: set[str]) -> set[str]:
    return set()


def read(path: Path, **options: Any) -> tuple[list[Submission], list[Reject], TapeSummary]:
    tape = ex102.read(path, **{"party": "servicer", "known": nothing_known, **options})
    submissions: list[Submission] = []
    rejects: list[Reject] = []
    for item in tape:
        if isinstance(item, Reject):
            rejects.append(item)
        else:
            submissions.append(item)
    return submissions, rejects, tape.summary


def by_type(submissions: list[Submission], kind: str) -> list[Submission]:
    return [submission for submission in submissions if submission["type"] == kind]


def one(submissions: list[Submission], kind: str) -> Submission:
    (found,) = by_type(submissions, kind)
    return found


def flags(summary: TapeSummary) -> dict[str, int]:
    return {flag.field: flag.count for flag in summary.flags.values()}


# The two real months ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", MONTHS)
def test_a_real_month_yields_what_was_worked_out_by_hand(file: str) -> None:
    month = MONTHS[file]
    old = {f"{PREFIX}:{asset}" for asset in set(month["assets"]) - set(month["new_loans"])}
    submissions, rejects, summary = read(DATA / file, known=old.intersection)
    document = summary.to_json()
    assert rejects == []
    assert document["records"] == month["records"]
    assert document["counts"] == month["counts"]
    assert document["sums"] == {"USD": month["sums"]}
    assert document["sha256"] == hashlib.sha256((DATA / file).read_bytes()).hexdigest()
    settled = by_type(submissions, "loan.settled")
    assert [s["subject"] for s in settled] == [f"loan:{PREFIX}:{asset}" for asset in month["settled"]]
    assert {s["data"]["reason"] for s in settled} == {"prepaid_or_matured"}
    for submission in submissions:
        read_submission(submission)  # every one is of the domain's form


@pytest.mark.parametrize("file", MONTHS)
def test_the_cash_breaks_of_the_filing_survive(file: str) -> None:
    submissions, _, _ = read(DATA / file)
    breaks = {}
    for submission in by_type(submissions, "repayment.received"):
        data = submission["data"]
        difference = Decimal(data["amount"]) - sum(map(Decimal, data["applied"].values()))
        if difference:
            breaks[submission["subject"].rpartition(":")[2]] = str(difference)
    assert breaks == MONTHS[file]["cash_breaks"]


def test_the_break_of_21884987_stands_as_filed() -> None:
    submissions, _, summary = read(DATA / "2026-06.xml")
    repayment = by_type(submissions, "repayment.received")[0]
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
    assert flags(summary) == {"totalActualAmountPaid": 1}


def test_a_seasoned_loan_opens_with_its_position_at_the_begin() -> None:
    submissions, _, _ = read(DATA / "2026-07.xml")
    opened = by_type(submissions, "loan.opened")[2]
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
def test_every_element_of_every_record_is_somewhere_as_filed(file: str) -> None:
    """Against a second, independent reading of the file."""
    typed = {
        "balance": al.BALANCE_END, "beginning": al.BALANCE_BEGIN, "days_past_due": al.DELINQUENT,
        "zero_balance_code": al.ZERO_CODE, "zero_balance_date": al.ZERO_DATE, "current_rate": al.CURRENT_RATE,
        "remaining_instalments": al.REMAINING, "next_due": al.NEXT_DUE, "modified": al.MODIFIED,
    }  # fmt: skip
    submissions, _, _ = read(DATA / file)
    reports = by_type(submissions, "balance.reported")
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


def test_both_months_through_the_domain_end_at_the_balances_reported() -> None:
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


def test_the_july_balances_begin_where_june_ended() -> None:
    june, _, _ = read(DATA / "2026-06.xml")
    july, _, _ = read(DATA / "2026-07.xml")
    ends = {s["subject"]: s["data"]["balance"] for s in by_type(june, "balance.reported")}
    begins = {s["subject"]: s["data"]["beginning"] for s in by_type(july, "balance.reported")}
    both = ends.keys() & begins.keys()
    assert len(both) == 2
    assert all(ends[subject] == begins[subject] for subject in both)


# Repeating ----------------------------------------------------------------------------------------------------


def test_ids_say_what_happened_and_only_the_report_names_the_tape(write_tape: Any) -> None:
    first, _, _ = read(write_tape({}))
    with_comment = write_tape({}, name="other.xml")
    with_comment.write_text(with_comment.read_text() + "<!-- filed again -->\n")
    second, _, _ = read(with_comment)
    reports = (one(first, "balance.reported"), one(second, "balance.reported"))
    assert [s for s in first if s not in reports] == [s for s in second if s not in reports]
    assert reports[0]["id"] != reports[1]["id"]


def test_a_corrected_refiling_uses_the_same_ids_so_that_the_ledger_refuses_it(write_tape: Any) -> None:
    first, _, _ = read(write_tape({}))
    second, _, _ = read(write_tape({"totalActualAmountPaid": "111.00"}))
    before, after = one(first, "repayment.received"), one(second, "repayment.received")
    assert before["id"] == after["id"]
    assert before != after


def test_known_is_asked_in_chunks_and_a_loan_is_opened_once(
    write_tape: Any, monkeypatch: pytest.MonkeyPatch
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
    opened = [s["subject"] for s in by_type(submissions, "loan.opened")]
    assert opened == ["loan:TRUST1:A1", "loan:TRUST1:A2", "loan:TRUST1:A4"]


# Names ----------------------------------------------------------------------------------------------------------


def test_asset_numbers_with_other_signs_are_named_by_digest_and_kept(write_tape: Any) -> None:
    asset = "rYz3+0/abc== 17"
    submissions, rejects, _ = read(write_tape({"assetNumber": asset}))
    assert rejects == []
    opened = one(submissions, "loan.opened")
    digest = hashlib.sha256(asset.encode()).hexdigest()[:24]
    assert opened["subject"] == f"loan:TRUST1:{digest}"
    assert opened["data"]["attributes"]["asset_number"] == asset
    assert all(len(s["id"]) <= 64 for s in submissions)


def test_long_asset_numbers_still_give_good_ids(write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"assetNumber": "9" * 60, "zeroBalanceCode": ["1", "4"]}), trust="T" * 32, prefix="P" * 32
    )
    assert rejects == []
    assert len({s["id"] for s in submissions}) == len(submissions)


@pytest.mark.parametrize("text", ["RANDOMID", "CIK number-Sequential asset number", None])
def test_a_trust_that_the_file_does_not_name_must_be_given(write_tape: Any, text: str | None) -> None:
    path = write_tape({"assetTypeNumber": text})
    with pytest.raises(ConfigurationError, match="does not name its trust"):
        read(path)
    submissions, rejects, _ = read(path, trust="TAOT-2025-A")
    assert rejects == []
    assert one(submissions, "loan.opened")["subject"] == "loan:TAOT-2025-A:A1"


def test_one_prefix_makes_one_loan_of_an_account_in_two_trusts(write_tape: Any) -> None:
    subjects = {
        one(read(write_tape({}), trust=trust, prefix="SC")[0], "loan.opened")["subject"]
        for trust in ("T1", "T2")
    }
    assert subjects == {"loan:SC:A1"}


@pytest.mark.parametrize("trust", ["a b", "x" * 33])
def test_a_trust_that_is_no_name_is_refused(write_tape: Any, trust: str) -> None:
    with pytest.raises(ConfigurationError, match="trust"):
        read(write_tape({}), trust=trust)


# Traps -----------------------------------------------------------------------------------------------------------


def test_eight_decimals_are_carried_exactly(write_tape: Any) -> None:
    submissions, _, summary = read(
        write_tape({"actualInterestCollectedAmount": "18.05383199", "totalActualAmountPaid": "118.05383199"})
    )
    assert one(submissions, "repayment.received")["data"]["applied"]["interest"] == "18.05383199"
    assert summary.sums[("repayment.received", "applied.interest", "USD")] == 1_805_383_199


def test_a_month_without_money_has_no_repayment(write_tape: Any) -> None:
    zero = "0.00000000"
    submissions, _, _ = read(
        write_tape({
            "totalActualAmountPaid": zero, "actualPrincipalCollectedAmount": zero,
            "actualInterestCollectedAmount": None, "actualOtherCollectedAmount": None,
        })
    )  # fmt: skip
    assert [s["type"] for s in submissions] == ["loan.opened", "balance.reported"]


def test_absent_parts_stay_absent_and_an_absent_total_is_flagged(write_tape: Any) -> None:
    submissions, _, summary = read(
        write_tape({"totalActualAmountPaid": None, "actualOtherCollectedAmount": None})
    )
    data = one(submissions, "repayment.received")["data"]
    assert data["amount"] == "110.00"
    assert data["applied"] == {"principal": "100.00", "interest": "10.00"}
    assert flags(summary) == {"totalActualAmountPaid": 1}


def test_a_month_of_reversals_may_be_negative(write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({
            "totalActualAmountPaid": "-110.00", "actualPrincipalCollectedAmount": "-100.00",
            "actualInterestCollectedAmount": "-10.00", "reportingPeriodActualEndBalanceAmount": "1100.00",
        })
    )  # fmt: skip
    assert rejects == []
    assert one(submissions, "repayment.received")["data"]["amount"] == "-110.00"


def test_negative_balances_are_customer_credits(write_tape: Any) -> None:
    submissions, rejects, summary = read(
        write_tape({
            "reportingPeriodBeginningLoanBalanceAmount": "-12.34000000",
            "reportingPeriodActualEndBalanceAmount": "-112.34000000",
        })
    )  # fmt: skip
    assert rejects == []
    assert one(submissions, "loan.opened")["data"]["balances"] == {"principal": "-12.34"}
    assert one(submissions, "balance.reported")["data"]["balance"] == "-112.34"
    assert {al.BALANCE_BEGIN, al.BALANCE_END} <= flags(summary).keys()


def test_repeated_elements_are_all_kept(write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape(
            {
                "subvented": ["1", "2"],
                "modificationTypeCode": ["3", "98"],
                "obligorCreditScore": ["610", "650"],
            }
        )
    )
    assert [r.field for r in rejects] == []
    report = one(submissions, "balance.reported")
    pairs = report["data"]["elements"]
    assert [text for name, text in pairs if name == "subvented"] == ["1", "2"]
    assert [text for name, text in pairs if name == "modificationTypeCode"] == ["3", "98"]
    assert report["private"]["obligor_credit_score"] == ["610", "650"]


def test_an_element_that_says_two_things_is_a_reject(write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"totalActualAmountPaid": ["110.00", "111.00"]}, {"assetNumber": "A2"})
    )
    assert [(r.record, r.field, r.value) for r in rejects] == [
        (1, "totalActualAmountPaid", "110.00 | 111.00")
    ]
    assert {s["subject"] for s in submissions} == {"loan:TRUST1:A2"}


def test_an_element_that_says_the_same_twice_is_flagged_and_kept_twice(write_tape: Any) -> None:
    submissions, rejects, summary = read(
        write_tape({"reportingPeriodActualEndBalanceAmount": ["900.00", "900.00"]})
    )
    assert rejects == []
    report = one(submissions, "balance.reported")["data"]
    assert report["balance"] == "900.00"
    assert report["elements"].count(["reportingPeriodActualEndBalanceAmount", "900.00"]) == 2
    assert al.BALANCE_END in flags(summary)


@pytest.mark.parametrize("text", ["0", "NONE", "None", "-", "0.0", ""])
def test_no_credit_score_is_no_score(write_tape: Any, text: str) -> None:
    submissions, rejects, summary = read(
        write_tape({"obligorCreditScore": text, "obligorCreditScoreType": "Bureau"})
    )
    assert rejects == []
    assert "obligor_credit_score" not in one(submissions, "loan.opened")["private"]
    assert one(submissions, "balance.reported")["private"]["obligor_credit_score"] == text
    assert al.SCORE in flags(summary)


def test_rates_that_read_as_percentages_are_flagged_and_not_taken(write_tape: Any) -> None:
    changes = {
        "originalInterestRatePercentage": "10.66",
        "reportingPeriodInterestRatePercentage": "10.66000000",
    }
    submissions, rejects, summary = read(write_tape(changes))
    assert rejects == []
    data = one(submissions, "loan.opened")["data"]
    assert "annual_rate" not in data
    assert "current_rate" not in data
    assert flags(summary)[al.CURRENT_RATE] == 2  # for the opening and for the report
    elements = one(submissions, "balance.reported")["data"]["elements"]
    assert ["reportingPeriodInterestRatePercentage", "10.66000000"] in elements
    submissions, _, _ = read(write_tape(changes), percent=True)
    assert one(submissions, "loan.opened")["data"]["annual_rate"] == "0.1066"


def test_a_payment_to_income_in_percent_is_flagged(write_tape: Any) -> None:
    submissions, _, summary = read(write_tape({"paymentToIncomePercentage": "5.58"}))
    assert flags(summary)[al.PAYMENT_TO_INCOME] == 1
    assert one(submissions, "balance.reported")["private"]["payment_to_income_percentage"] == "5.58"


@pytest.mark.parametrize("text", ["-", "N/A", ""])
def test_dashes_for_nothing_read_as_absent(write_tape: Any, text: str) -> None:
    submissions, rejects, _ = read(
        write_tape({"nextReportingPeriodPaymentAmountDue": text, "originationDate": text})
    )
    assert rejects == []
    report = one(submissions, "balance.reported")["data"]
    assert "next_due" not in report
    assert ["nextReportingPeriodPaymentAmountDue", text] in report["elements"]
    assert "originated" not in one(submissions, "loan.opened")["data"]


def test_dates_of_either_form_stay_what_they_are(write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape(
            {
                "originationDate": "01/2020",
                "loanMaturityDate": "05-17-2026",
                "zeroBalanceEffectiveDate": "06/2026",
            }
        )
    )
    data = one(submissions, "loan.opened")["data"]
    assert (data["originated"], data["maturity"]) == ("2020-01", "2026-05-17")
    assert one(submissions, "balance.reported")["data"]["zero_balance_date"] == "2026-06"


def test_a_period_that_is_no_calendar_month_is_known_by_its_last_day(write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape({"reportingPeriodBeginningDate": "06-11-2026", "reportingPeriodEndingDate": "07-10-2026"})
    )
    assert one(submissions, "repayment.received")["effective"] == "2026-07-10"
    assert one(submissions, "loan.opened")["data"]["as_of"] == "2026-06-10"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"assetNumber": None}, "assetNumber", "is missing"),
        ({"reportingPeriodBeginningDate": "06/2026"}, "reportingPeriodBeginningDate", "is a month"),
        ({"reportingPeriodEndingDate": "05-31-2026"}, "reportingPeriodEndingDate", "lies before"),
        ({"reportingPeriodEndingDate": "06-31-2026"}, "reportingPeriodEndingDate", "not a day that exists"),
        (
            {"reportingPeriodBeginningLoanBalanceAmount": None},
            "reportingPeriodBeginningLoanBalanceAmount",
            "is missing",
        ),
        ({"totalActualAmountPaid": "1,110.00"}, "totalActualAmountPaid", "not a plain decimal"),
        ({"totalActualAmountPaid": "1e3"}, "totalActualAmountPaid", "not a plain decimal"),
        ({"recoveredAmount": "1.123456789"}, "recoveredAmount", "more than 8 decimals"),
        ({"originationDate": "2020-01"}, "originationDate", "neither MM/YYYY"),
        (
            {"totalActualAmountPaid": "99999999999999.00"},
            "repayment.received data.amount",
            "at most 10 digits",
        ),
        ({"vehicleModelName": "Cafe\u0301"}, "vehicleModelName", "not in Unicode NFC"),
        ({"vehicleModelName": "x" * 20_000}, "balance.reported data.elements", "length"),
    ],
)
def test_a_bad_record_is_rejected_by_place_and_field_and_the_rest_goes_in(
    write_tape: Any, changes: dict[str, Any], field: str, reason: str
) -> None:
    submissions, rejects, summary = read(write_tape({"assetNumber": "A0"}, changes, {"assetNumber": "A2"}))
    (reject,) = rejects
    assert (reject.record, reject.line) == (2, 15)
    assert reject.field.startswith(field)
    assert reason in reject.reason
    assert {s["subject"] for s in submissions} == {"loan:TRUST1:A0", "loan:TRUST1:A2"}
    assert (summary.records, summary.rejected, summary.rejects) == (3, 1, [reject])


def test_all_faults_of_a_record_are_named_and_borrower_facts_are_not_quoted(write_tape: Any) -> None:
    changes = {"coObligorIndicator": "Mu\u0308ller", "recoveredAmount": "x", "originationDate": "y"}
    _, (reject,), _ = read(write_tape(changes))
    assert reject.field == "coObligorIndicator, originationDate, recoveredAmount"
    assert "ller" not in json.dumps(reject.to_json())


def test_a_loan_twice_in_one_month_is_a_reject(write_tape: Any) -> None:
    submissions, (reject,), _ = read(write_tape({}, {"totalActualAmountPaid": "5.00"}))
    assert (reject.record, reject.field) == (2, "assetNumber")
    assert one(submissions, "repayment.received")["data"]["amount"] == "110.00"


def test_a_file_without_records_and_a_truncated_one_are_refused(write_tape: Any) -> None:
    with pytest.raises(MalformedError, match="no record"):
        read(write_tape())
    path = write_tape({}, {"assetNumber": "A2"})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MalformedError, match=r"EX-102 file: line 25, byte \d+: the file is truncated"):
        read(path)


# Ends ----------------------------------------------------------------------------------------------------------


def test_charge_off_and_recovery(write_tape: Any) -> None:
    submissions, rejects, summary = read(
        write_tape({
            "chargedoffPrincipalAmount": "900.00000000", "recoveredAmount": "55.50000000", "zeroBalanceCode": "4",
            "zeroBalanceEffectiveDate": "06/2026", "reportingPeriodActualEndBalanceAmount": "0.00",
        })
    )  # fmt: skip
    assert rejects == []
    assert [s["type"] for s in submissions] == [
        "loan.opened", "repayment.received", "loan.charged_off", "recovery.received", "balance.reported",
    ]  # fmt: skip
    off = one(submissions, "loan.charged_off")
    assert off["effective"] == "2026-06"
    assert off["data"] == {"currency": "USD", "amount": "900.00", "zero_balance_code": "4"}
    assert one(submissions, "recovery.received")["data"]["amount"] == "55.50"
    assert summary.to_json()["sums"]["USD"]["recovery.received.amount"] == "55.50"
    assert summary.flags == {}


REASONS = [
    ("1", "prepaid_or_matured"),
    ("2", "sold"),
    ("3", "repurchased"),
    ("5", "servicing_transferred"),
    ("99", "other"),
]


@pytest.mark.parametrize(("code", "reason"), REASONS)
def test_every_code_ends_the_loan_in_its_own_words(write_tape: Any, code: str, reason: str) -> None:
    submissions, _, summary = read(
        write_tape({"zeroBalanceCode": code, "zeroBalanceEffectiveDate": "06/2026"})
    )
    settled = one(submissions, "loan.settled")
    assert settled["data"] == {"reason": reason, "zero_balance_code": code, "value_date": "2026-06"}
    assert (al.ZERO_CODE in flags(summary)) == (code != "1")


def test_a_code_that_the_specification_does_not_have_is_kept_and_flagged(write_tape: Any) -> None:
    submissions, rejects, summary = read(write_tape({"zeroBalanceCode": "7"}))
    assert rejects == []
    assert by_type(submissions, "loan.settled") == []
    assert one(submissions, "balance.reported")["data"]["zero_balance_code"] == "7"
    assert flags(summary)[al.ZERO_CODE] == 1


def test_two_codes_are_two_ends_and_both_stay_verbatim(write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"zeroBalanceCode": ["3", "4"], "chargedoffPrincipalAmount": "10.00"})
    )
    assert rejects == []
    assert one(submissions, "loan.charged_off")["data"]["amount"] == "10.00"
    assert one(submissions, "loan.settled")["data"]["reason"] == "repurchased"
    elements = one(submissions, "balance.reported")["data"]["elements"]
    assert [text for name, text in elements if name == "zeroBalanceCode"] == ["3", "4"]


#: A loan that was charged off in March and stands in the June file once more, as some filers do for years.
OLD_END: dict[str, Any] = {
    "zeroBalanceCode": "4", "zeroBalanceEffectiveDate": "03/2026", "chargedoffPrincipalAmount": "0.00",
    "reportingPeriodBeginningLoanBalanceAmount": "0.00", "reportingPeriodActualEndBalanceAmount": "0.00",
    "totalActualAmountPaid": None, "actualPrincipalCollectedAmount": None,
    "actualInterestCollectedAmount": None, "actualOtherCollectedAmount": None,
}  # fmt: skip


def test_an_end_repeated_from_an_earlier_month_is_no_new_event(write_tape: Any) -> None:
    submissions, _, _ = read(write_tape(OLD_END), known=lambda loans: loans)
    assert [s["type"] for s in submissions] == ["balance.reported"]


def test_but_a_loan_first_met_ends_with_it_after_it_was_placed(write_tape: Any) -> None:
    submissions, _, _ = read(write_tape(OLD_END), placement=Placement(pool="P1", holder="trust"))
    assert [s["type"] for s in submissions] == [
        "loan.opened",
        "claim.sold",
        "loan.charged_off",
        "balance.reported",
    ]
    assert one(submissions, "loan.charged_off")["effective"] == "2026-06"


def test_a_late_end_is_an_event_though_its_date_is_earlier(write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape({"zeroBalanceCode": "1", "zeroBalanceEffectiveDate": "05/2026"}), known=lambda loans: loans
    )
    settled = one(submissions, "loan.settled")
    assert (settled["effective"], settled["data"]["value_date"]) == ("2026-06", "2026-05")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"otherPrincipalAdjustmentAmount": "-3.00"}, al.ADJUSTMENT),
        ({"repossessedProceedsAmount": "3.00"}, al.PROCEEDS),
        ({"chargedoffPrincipalAmount": "-3.00"}, al.CHARGED_OFF),
        ({"chargedoffPrincipalAmount": "3.00"}, al.CHARGED_OFF),
        ({"reportingPeriodActualEndBalanceAmount": "899.00"}, al.BALANCE_END),
        ({"currentDelinquencyStatus": "-4"}, al.DELINQUENT),
        ({"currentDelinquencyStatus": "30-59"}, al.DELINQUENT),
        ({"remainingTermToMaturityNumber": "7.5"}, al.REMAINING),
        ({"reportingPeriodModificationIndicator": "maybe"}, al.MODIFIED),
    ],
)
def test_what_no_event_carries_is_flagged_and_verbatim(
    write_tape: Any, changes: dict[str, str], field: str
) -> None:
    submissions, rejects, summary = read(write_tape(changes))
    assert rejects == []
    assert flags(summary)[field] == 1
    ((name, text),) = changes.items()
    report = one(submissions, "balance.reported")["data"]
    assert [name, text] in report["elements"] or report["balance"] == text


# Pools ---------------------------------------------------------------------------------------------------------


def test_new_loans_are_placed_in_batches_before_their_months(
    write_tape: Any, monkeypatch: pytest.MonkeyPatch
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
    pledged = by_type(submissions, "claim.pledged")
    assert [[claim["loan"] for claim in s["data"]["claims"]] for s in pledged] == [
        ["TRUST1:A0", "TRUST1:A2"], ["TRUST1:A3"],
    ]  # fmt: skip
    assert {s["subject"] for s in pledged} == {"pool:P1"}
    assert {s["effective"] for s in pledged} == {"2026-06-01"}
    assert one(submissions[:1], "loan.opened")["data"]["claims"][0]["creditor"] == "fund"
    assert summary.counts["claim.pledged"] == 2
    for submission in pledged:
        read_submission(submission)


def test_an_interrupted_placement_is_finished_by_the_next_import(write_tape: Any) -> None:
    path = write_tape({"assetNumber": "A1"}, {"assetNumber": "A2"})
    placement = Placement(pool="P1", holder="trust", placed=lambda loans: loans & {"TRUST1:A1"})
    submissions, _, _ = read(path, placement=placement, known=lambda loans: loans)
    sold = one(submissions, "claim.sold")
    assert sold["data"]["claims"] == [{"loan": "TRUST1:A2", "claim": "1"}]


def test_transfers_are_named_by_what_they_transfer(write_tape: Any) -> None:
    placement = Placement(pool="P1", holder="trust")
    path = write_tape({})
    first, second = (one(read(path, placement=placement)[0], "claim.sold") for _ in range(2))
    assert first == second
    other = one(read(path, placement=Placement(pool="P2", holder="trust"))[0], "claim.sold")
    assert other["id"] != first["id"]


def test_a_pool_is_created_with_rules_that_promise_nothing() -> None:
    created = pool_created("SDART-2026-1", party="servicer", effective="2026-06-01", title="SDART 2026-1")
    assert read_submission(created).subject == "pool:SDART-2026-1"


def test_progress_runs_to_the_end_over_both_passes(write_tape: Any) -> None:
    seen: list[tuple[int, int]] = []
    path = write_tape(*[{"assetNumber": f"A{n}"} for n in range(1200)])
    read(path, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (2 * path.stat().st_size, 2 * path.stat().st_size)
