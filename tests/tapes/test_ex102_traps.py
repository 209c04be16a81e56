"""What EX-102 files are known for: units, nothings, repetitions, odd dates, ends of all kinds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.tapes import schedule_al as al
from ledger.tapes.pools import Placement

# Traps -----------------------------------------------------------------------------------------------------------


def test_eight_decimals_are_carried_exactly(read: Any, write_tape: Any) -> None:
    submissions, _, summary = read(
        write_tape({"actualInterestCollectedAmount": "18.05383199", "totalActualAmountPaid": "118.05383199"})
    )
    assert read.one(submissions, "repayment.received")["data"]["applied"]["interest"] == "18.05383199"
    assert summary.sums[("repayment.received", "applied.interest", "USD")] == 1_805_383_199


def test_a_month_without_money_has_no_repayment(read: Any, write_tape: Any) -> None:
    zero = "0.00000000"
    submissions, _, _ = read(
        write_tape({
            "totalActualAmountPaid": zero, "actualPrincipalCollectedAmount": zero,
            "actualInterestCollectedAmount": None, "actualOtherCollectedAmount": None,
        })
    )  # fmt: skip
    assert [s["type"] for s in submissions] == ["loan.opened", "balance.reported"]


def test_absent_parts_stay_absent_and_an_absent_total_is_flagged(read: Any, write_tape: Any) -> None:
    submissions, _, summary = read(
        write_tape({"totalActualAmountPaid": None, "actualOtherCollectedAmount": None})
    )
    data = read.one(submissions, "repayment.received")["data"]
    assert data["amount"] == "110.00"
    assert data["applied"] == {"principal": "100.00", "interest": "10.00"}
    assert read.flags(summary) == {"totalActualAmountPaid": 1}


def test_a_month_of_reversals_may_be_negative(read: Any, write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({
            "totalActualAmountPaid": "-110.00", "actualPrincipalCollectedAmount": "-100.00",
            "actualInterestCollectedAmount": "-10.00", "reportingPeriodActualEndBalanceAmount": "1100.00",
        })
    )  # fmt: skip
    assert rejects == []
    assert read.one(submissions, "repayment.received")["data"]["amount"] == "-110.00"


def test_negative_balances_are_customer_credits(read: Any, write_tape: Any) -> None:
    submissions, rejects, summary = read(
        write_tape({
            "reportingPeriodBeginningLoanBalanceAmount": "-12.34000000",
            "reportingPeriodActualEndBalanceAmount": "-112.34000000",
        })
    )  # fmt: skip
    assert rejects == []
    assert read.one(submissions, "loan.opened")["data"]["balances"] == {"principal": "-12.34"}
    assert read.one(submissions, "balance.reported")["data"]["balance"] == "-112.34"
    assert {al.BALANCE_BEGIN, al.BALANCE_END} <= read.flags(summary).keys()


def test_repeated_elements_are_all_kept(read: Any, write_tape: Any) -> None:
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
    report = read.one(submissions, "balance.reported")
    pairs = report["data"]["elements"]
    assert [text for name, text in pairs if name == "subvented"] == ["1", "2"]
    assert [text for name, text in pairs if name == "modificationTypeCode"] == ["3", "98"]
    assert report["private"]["obligor_credit_score"] == ["610", "650"]


def test_an_element_that_says_two_things_is_a_reject(read: Any, write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"totalActualAmountPaid": ["110.00", "111.00"]}, {"assetNumber": "A2"})
    )
    assert [(r.record, r.field, r.value) for r in rejects] == [
        (1, "totalActualAmountPaid", "110.00 | 111.00")
    ]
    assert {s["subject"] for s in submissions} == {"loan:TRUST1:A2"}


def test_an_element_that_says_the_same_twice_is_flagged_and_kept_twice(read: Any, write_tape: Any) -> None:
    submissions, rejects, summary = read(
        write_tape({"reportingPeriodActualEndBalanceAmount": ["900.00", "900.00"]})
    )
    assert rejects == []
    report = read.one(submissions, "balance.reported")["data"]
    assert report["balance"] == "900.00"
    assert report["elements"].count(["reportingPeriodActualEndBalanceAmount", "900.00"]) == 2
    assert al.BALANCE_END in read.flags(summary)


@pytest.mark.parametrize("text", ["0", "NONE", "None", "-", "0.0", ""])
def test_no_credit_score_is_no_score(read: Any, write_tape: Any, text: str) -> None:
    submissions, rejects, summary = read(
        write_tape({"obligorCreditScore": text, "obligorCreditScoreType": "Bureau"})
    )
    assert rejects == []
    assert "obligor_credit_score" not in read.one(submissions, "loan.opened")["private"]
    assert read.one(submissions, "balance.reported")["private"]["obligor_credit_score"] == text
    assert al.SCORE in read.flags(summary)


def test_rates_that_read_as_percentages_are_flagged_and_not_taken(read: Any, write_tape: Any) -> None:
    changes = {
        "originalInterestRatePercentage": "10.66",
        "reportingPeriodInterestRatePercentage": "10.66000000",
    }
    submissions, rejects, summary = read(write_tape(changes))
    assert rejects == []
    data = read.one(submissions, "loan.opened")["data"]
    assert "annual_rate" not in data
    assert "current_rate" not in data
    assert read.flags(summary)[al.CURRENT_RATE] == 1
    elements = read.one(submissions, "balance.reported")["data"]["elements"]
    assert ["reportingPeriodInterestRatePercentage", "10.66000000"] in elements
    submissions, _, _ = read(write_tape(changes), percent=True)
    assert read.one(submissions, "loan.opened")["data"]["annual_rate"] == "0.1066"


def test_a_payment_to_income_in_percent_is_flagged(read: Any, write_tape: Any) -> None:
    submissions, _, summary = read(write_tape({"paymentToIncomePercentage": "5.58"}))
    assert read.flags(summary)[al.PAYMENT_TO_INCOME] == 1
    assert read.one(submissions, "balance.reported")["private"]["payment_to_income_percentage"] == "5.58"


@pytest.mark.parametrize("text", ["-", "N/A", ""])
def test_dashes_for_nothing_read_as_absent(read: Any, write_tape: Any, text: str) -> None:
    submissions, rejects, _ = read(
        write_tape({"nextReportingPeriodPaymentAmountDue": text, "originationDate": text})
    )
    assert rejects == []
    report = read.one(submissions, "balance.reported")["data"]
    assert "next_due" not in report
    assert ["nextReportingPeriodPaymentAmountDue", text] in report["elements"]
    assert "originated" not in read.one(submissions, "loan.opened")["data"]


def test_dates_of_either_form_stay_what_they_are(read: Any, write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape(
            {
                "originationDate": "01/2020",
                "loanMaturityDate": "05-17-2026",
                "zeroBalanceEffectiveDate": "06/2026",
            }
        )
    )
    data = read.one(submissions, "loan.opened")["data"]
    assert (data["originated"], data["maturity"]) == ("2020-01", "2026-05-17")
    assert read.one(submissions, "balance.reported")["data"]["zero_balance_date"] == "2026-06"


def test_a_period_that_is_no_calendar_month_is_known_by_its_last_day(read: Any, write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape({"reportingPeriodBeginningDate": "06-11-2026", "reportingPeriodEndingDate": "07-10-2026"})
    )
    assert read.one(submissions, "repayment.received")["effective"] == "2026-07-10"
    assert read.one(submissions, "loan.opened")["data"]["as_of"] == "2026-06-10"


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
    read: Any, write_tape: Any, changes: dict[str, Any], field: str, reason: str
) -> None:
    submissions, rejects, summary = read(write_tape({"assetNumber": "A0"}, changes, {"assetNumber": "A2"}))
    (reject,) = rejects
    assert (reject.record, reject.line) == (2, 15)
    assert reject.field.startswith(field)
    assert reason in reject.reason
    assert {s["subject"] for s in submissions} == {"loan:TRUST1:A0", "loan:TRUST1:A2"}
    assert (summary.records, summary.rejected, summary.rejects) == (3, 1, [reject])


def test_all_faults_of_a_record_are_named_and_borrower_facts_are_not_quoted(
    read: Any, write_tape: Any
) -> None:
    changes = {"coObligorIndicator": "Mu\u0308ller", "recoveredAmount": "x", "originationDate": "y"}
    _, (reject,), _ = read(write_tape(changes))
    assert reject.field == "coObligorIndicator, originationDate, recoveredAmount"
    assert "ller" not in json.dumps(reject.to_json())


def test_a_loan_twice_in_one_month_is_a_reject(read: Any, write_tape: Any) -> None:
    submissions, (reject,), _ = read(write_tape({}, {"totalActualAmountPaid": "5.00"}))
    assert (reject.record, reject.field) == (2, "assetNumber")
    assert read.one(submissions, "repayment.received")["data"]["amount"] == "110.00"


def test_a_file_without_records_and_a_truncated_one_are_refused(read: Any, write_tape: Any) -> None:
    with pytest.raises(MalformedError, match="no record"):
        read(write_tape())
    path = write_tape({}, {"assetNumber": "A2"})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MalformedError, match=r"EX-102 file: line 25, byte \d+: the file is truncated"):
        read(path)


# Ends ----------------------------------------------------------------------------------------------------------


def test_charge_off_and_recovery(read: Any, write_tape: Any) -> None:
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
    off = read.one(submissions, "loan.charged_off")
    assert off["effective"] == "2026-06"
    assert off["data"] == {"currency": "USD", "amount": "900.00", "zero_balance_code": "4"}
    assert read.one(submissions, "recovery.received")["data"]["amount"] == "55.50"
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
def test_every_code_ends_the_loan_in_its_own_words(
    read: Any, write_tape: Any, code: str, reason: str
) -> None:
    submissions, _, summary = read(
        write_tape({"zeroBalanceCode": code, "zeroBalanceEffectiveDate": "06/2026"})
    )
    settled = read.one(submissions, "loan.settled")
    assert settled["data"] == {"reason": reason, "zero_balance_code": code, "value_date": "2026-06"}
    assert (al.ZERO_CODE in read.flags(summary)) == (code != "1")


def test_a_code_that_the_specification_does_not_have_is_kept_and_flagged(read: Any, write_tape: Any) -> None:
    submissions, rejects, summary = read(write_tape({"zeroBalanceCode": "7"}))
    assert rejects == []
    assert read.of(submissions, "loan.settled") == []
    assert read.one(submissions, "balance.reported")["data"]["zero_balance_code"] == "7"
    assert read.flags(summary)[al.ZERO_CODE] == 1


def test_two_codes_are_two_ends_and_both_stay_verbatim(read: Any, write_tape: Any) -> None:
    submissions, rejects, _ = read(
        write_tape({"zeroBalanceCode": ["3", "4"], "chargedoffPrincipalAmount": "10.00"})
    )
    assert rejects == []
    assert read.one(submissions, "loan.charged_off")["data"]["amount"] == "10.00"
    assert read.one(submissions, "loan.settled")["data"]["reason"] == "repurchased"
    elements = read.one(submissions, "balance.reported")["data"]["elements"]
    assert [text for name, text in elements if name == "zeroBalanceCode"] == ["3", "4"]


#: A loan that was charged off in March and stands in the June file once more, as some filers do for years.
OLD_END: dict[str, Any] = {
    "zeroBalanceCode": "4", "zeroBalanceEffectiveDate": "03/2026", "chargedoffPrincipalAmount": "0.00",
    "reportingPeriodBeginningLoanBalanceAmount": "0.00", "reportingPeriodActualEndBalanceAmount": "0.00",
    "totalActualAmountPaid": None, "actualPrincipalCollectedAmount": None,
    "actualInterestCollectedAmount": None, "actualOtherCollectedAmount": None,
}  # fmt: skip


def test_an_end_repeated_from_an_earlier_month_is_no_new_event(read: Any, write_tape: Any) -> None:
    submissions, _, _ = read(write_tape(OLD_END), known=lambda loans: loans)
    assert [s["type"] for s in submissions] == ["balance.reported"]


def test_but_a_loan_first_met_ends_with_it_after_it_was_placed(read: Any, write_tape: Any) -> None:
    submissions, _, _ = read(write_tape(OLD_END), placement=Placement(pool="P1", holder="trust"))
    assert [s["type"] for s in submissions] == [
        "loan.opened",
        "claim.sold",
        "loan.charged_off",
        "balance.reported",
    ]
    assert read.one(submissions, "loan.charged_off")["effective"] == "2026-06"


def test_a_late_end_is_an_event_though_its_date_is_earlier(read: Any, write_tape: Any) -> None:
    submissions, _, _ = read(
        write_tape({"zeroBalanceCode": "1", "zeroBalanceEffectiveDate": "05/2026"}), known=lambda loans: loans
    )
    settled = read.one(submissions, "loan.settled")
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
    read: Any, write_tape: Any, changes: dict[str, str], field: str
) -> None:
    submissions, rejects, summary = read(write_tape(changes))
    assert rejects == []
    assert read.flags(summary)[field] == 1
    ((name, text),) = changes.items()
    report = read.one(submissions, "balance.reported")["data"]
    assert [name, text] in report["elements"] or report["balance"] == text
