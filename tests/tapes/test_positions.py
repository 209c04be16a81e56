"""Positions out of files: the rows that are reconciled, whatever the form."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import ConfigurationError, MalformedError
from ledger.tapes import positions
from ledger.tapes.model import Reject
from ledger.tapes.positions import Reported
from tests.tapes.conftest import WriteTape

ROOT = Path(__file__).parents[2]
CSV, MAPPINGS = ROOT / "tests" / "data" / "csv", ROOT / "docs" / "mappings"

ESMA_HEADER = "CMRL1,CMRL2,CMRL3,CMRL6,CMRL23,CMRL26,CMRL27,CMRL28,CMRL36"


def esma(folder: Path, *lines: str) -> Path:
    """A consumer file by field codes."""
    path = folder / "esma.csv"
    path.write_text("\n".join([ESMA_HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_month_is_one_position_with_its_flows(write_tape: WriteTape) -> None:
    path = write_tape(
        {"currentDelinquencyStatus": "5", "reportingPeriodInterestRatePercentage": "0.1",
         "remainingTermToMaturityNumber": "7"},
        {"assetNumber": "A2", "zeroBalanceCode": "1", "chargedoffPrincipalAmount": "2.5"},
    )  # fmt: skip
    tape = positions.of_ex102(path, prefix="P")
    first, second = list(tape)
    assert first == Reported(
        loan="P:A1", place="assets[1]", cut_off="2026-06-30", currency="USD", balance=900 * 10**8,
        days_past_due=5, over=False, rate="0.1", remaining=7, begin="2026-06-01",
        flows={"collected": 110 * 10**8, "collected.principal": 100 * 10**8, "collected.interest": 10 * 10**8,
               "collected.other": 0},
    )  # fmt: skip
    assert isinstance(second, Reported)
    assert (second.over, second.status, second.flows["charged_off"]) == (True, "code 1", 25 * 10**7)
    assert tape.flows == {
        "collected", "collected.principal", "collected.interest", "collected.other", "charged_off", "recovered",
    }  # fmt: skip
    assert (tape.form, tape.summary.records, len(tape.summary.sha256)) == ("ex102", 2, 64)


def test_a_mapped_file_keeps_its_rejects() -> None:
    tape = positions.of_csv(CSV / "balances.txt", MAPPINGS / "balances.toml")
    rows = list(tape)
    assert [row.loan for row in rows if isinstance(row, Reported)] == ["L-1", "L-2", "L-3"]
    assert [row.field for row in rows if isinstance(row, Reject)] == ["balance", "rate, dpd"]
    first = rows[0]
    assert isinstance(first, Reported)
    assert (first.balance, first.currency, first.rate) == (1_234_567 * 10**6, "EUR", "0.099")
    assert (first.over, first.status, first.days_past_due, first.remaining) == (None, "current", 0, 23)
    assert tape.mapping is not None
    assert len(tape.mapping) == 64


def test_esmas_consumer_template_by_its_field_codes(tmp_path: Path) -> None:
    path = esma(
        tmp_path,
        "LEI,OLD-1,E-1,2026-06-30,12,EUR,1200.00,913.29,106.62",
        "LEI,E-2,E-2,2026-06-30,ND1,EUR,ND5,ND1,ND5",
        "LEI,E-3,E-3,2026-06-30,12,EUR,1200.00,-5,0",
    )
    tape = positions.of_esma(path)
    rows = [row for row in tape if isinstance(row, Reported)]
    assert [(row.loan, row.balance, row.currency) for row in rows] == [
        ("E-1", 91329 * 10**6, "EUR"), ("E-2", None, "EUR"), ("E-3", -5 * 10**8, "EUR"),
    ]  # fmt: skip
    assert {row.cut_off for row in rows} == {"2026-06-30"}
    assert rows[0].days_past_due is rows[0].rate is rows[0].remaining is rows[0].over is None
    assert tape.form == "esma_cmrl"
    first = next(iter(positions.of_esma(path, prefix="T")))
    assert isinstance(first, Reported)
    assert first.loan == "T:E-1"


def test_esmas_faults_are_by_line_and_field(tmp_path: Path) -> None:
    path = esma(tmp_path, "LEI,E-1,E-1,30.06.2026,12,EUR,1,2,3", "LEI,E-2,ND1,2026-06-30,12,EUX,1,2,3")
    first, second = list(positions.of_esma(path))
    assert isinstance(first, Reject)
    assert isinstance(second, Reject)
    assert (first.line, first.field) == (2, "CMRL6")
    assert (second.line, "CMRL3" in second.field) == (3, True)


def test_esmas_template_is_known_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("CMRL3;CMRL6\n1;2\n")
    with pytest.raises(MalformedError, match="CMRL26"):
        positions.of_esma(tmp_path / "x.csv")


def test_more_of_esmas_fields_by_a_mapping_of_ones_own(tmp_path: Path) -> None:
    """The built-in mapping, copied and taken further: which field is what, its reader says."""
    built_in = (ROOT / "ledger" / "tapes" / "esma_consumer.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(
        built_in.replace('"ND5"]', '"ND5"]\ndelimiter = ";"')
        + 'next_due = { column = "CMRL36", money = "major", optional = true }\n'
        + 'days_past_due = { column = "arrears", integer = true }\n'
    )
    path = tmp_path / "esma.csv"
    header = ESMA_HEADER.replace(",", ";") + ";arrears"
    path.write_text(f"{header}\nLEI;E-1;E-1;2026-06-30;12;EUR;1200.00;913.29;106.62;25\n")
    [row] = list(positions.of_esma(path, mapping_file=own))
    assert isinstance(row, Reported)
    assert row.days_past_due == 25
    with pytest.raises(ConfigurationError, match="prefix"):
        positions.of_esma(path, mapping_file=own, prefix="T")


def test_flows_beside_a_report_in_one_row_belong_to_it(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        """
[[event]]
type = "repayment.received"
id = "r:{loan}"
subject = "loan:{loan}"
effective = { column = "month", date = "YYYY-MM" }
currency = "USD"
[event.data]
currency = "USD"
aggregate = true
amount = { column = "paid", money = "major" }
applied = { interest = { column = "paid", money = "major" } }
[[event]]
type = "balance.reported"
id = "b:{loan}"
subject = "loan:{loan}"
effective = { column = "month", date = "YYYY-MM" }
currency = "USD"
[event.data]
tape = { column = "@sha256" }
place = { template = "line {@line}" }
currency = "USD"
balance = { column = "left", money = "major" }
"""
    )
    path = tmp_path / "x.csv"
    path.write_text("loan,month,paid,left\nA,2026-06,5,95\nB,2026-06,6,94\nB,2026-06,6,94\n")
    first, twice = list(positions.of_csv(path, mapping))
    assert isinstance(first, Reported)
    assert (first.flows, first.cut_off) == (
        {"collected": 5 * 10**8, "collected.interest": 5 * 10**8}, "2026-06",
    )  # fmt: skip
    assert isinstance(twice, Reject)
    assert (twice.line, twice.field) == (4, "loan")
