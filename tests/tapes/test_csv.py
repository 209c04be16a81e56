"""Anyone's files by a mapping: the documented examples, and what real exports do to readers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.events import read_submission
from ledger.errors import ConfigurationError, MalformedError
from ledger.tapes import csv
from ledger.tapes import mapping as maps
from ledger.tapes.model import Reject, Submission, TapeSummary

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data" / "csv"
MAPPINGS = ROOT / "docs" / "mappings"

#: A small mapping for tests that are about the file, not about the mapping.
SMALL = """
[file]
encoding = "{encoding}"
{extra}
[[event]]
type = "repayment.received"
id = "r:{{id}}"
subject = "loan:{{loan}}"
effective = {{ column = "day", date = "YYYY-MM-DD" }}
currency = "CNY"
[event.data]
currency = "CNY"
amount = {{ column = "amount", money = "yuan" }}
payer = "obligor"
channel = {{ column = "memo", optional = true }}
[event.data.applied]
principal = {{ column = "amount", money = "yuan" }}
"""
HEADER = "id,loan,day,amount,memo"
Read = Callable[..., tuple[list[Submission], list[Reject], TapeSummary]]


def read(path: Path, mapping: maps.MappingForm) -> tuple[list[Submission], list[Reject], TapeSummary]:
    tape = csv.read(path, mapping, party="servicer")
    items = list(tape)
    submissions = [item for item in items if not isinstance(item, Reject)]
    return submissions, [item for item in items if isinstance(item, Reject)], tape.summary


@pytest.fixture
def read_small(tmp_path: Path) -> Read:
    """Writes a file (text or bytes) and reads it by the small mapping."""

    def small(content: str | bytes, encoding: str = "utf-8", extra: str = "") -> Any:
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read(path, maps.load("small", SMALL.format(encoding=encoding, extra=extra)))

    return small


def line(number: int, memo: str = "m", amount: str = "10.00") -> str:
    return f"{number},L{number},2026-07-0{number},{amount},{memo}"


# The documented examples ---------------------------------------------------------------------------------


def test_loans_of_a_chinese_platform() -> None:
    submissions, rejects, summary = read(DATA / "loans-zh.csv", maps.load(MAPPINGS / "loans-zh.toml"))
    assert summary.to_json()["counts"] == {"loan.originated": 2, "loan.disbursed": 2}
    assert summary.to_json()["sums"] == {
        "CNY": {"loan.originated.principal": "35000.50", "loan.disbursed.amount": "35000.50"}
    }
    first, paid, second, _ = submissions
    assert first["data"]["annual_rate"] == "0.18"  # 0.05 % a day, 360 days
    assert second["data"]["annual_rate"] == "0.162"
    assert [claim["share"] for claim in second["data"]["claims"]] == [666_667, 333_333]
    assert first["effective"] == "2026-06-01"
    assert paid["effective"] == "2026-06-02"
    assert paid["data"]["asset_keys"][1] == {"claim": "trust", "asset_key": "b" * 64}
    assert first["private"]["borrower_name"] == "张三"
    assert "张三" not in json.dumps(first["data"], ensure_ascii=False)
    assert first["id"] == "orig:" + hashlib.sha256("分期借字第0001号".encode()).hexdigest()[:32]
    assert [(r.record, r.line, r.field, r.value) for r in rejects] == [
        (3, 4, "(row)", ""),
        (4, 5, "合同日期, 还款方式", "20260631"),
    ]
    assert [flag.count for flag in summary.flags.values()] == [2]  # the total and the maker's line


def test_repayments_and_returns() -> None:
    submissions, rejects, summary = read(DATA / "repayments.csv", maps.load(MAPPINGS / "repayments.toml"))
    assert [s["id"] for s in submissions] == ["rep:S1", "rep:S2", "rep:S3", "ret:S4"]
    assert submissions[1]["data"]["channel"] == '付款人备注：\n"第二期", 已付'
    assert submissions[2]["data"]["payer"] == "guarantor"
    assert submissions[3]["data"]["amount"] == "12345.67"
    assert submissions[3]["data"]["repayment"] == "rep:S2"
    assert summary.to_json()["sums"]["CNY"]["repayment.received.amount"] == "13846.17"
    assert [(r.line, r.field) for r in rejects] == [
        (7, "booked"),
        (8, "amount, interest"),
        (9, "(row)"),
        (10, "contract (subject)"),
        (11, "currency"),
        (12, "(row)"),
        (13, "amount"),
    ]


def test_balances_without_a_header() -> None:
    submissions, rejects, summary = read(DATA / "balances.txt", maps.load(MAPPINGS / "balances.toml"))
    assert [s["data"]["balance"] for s in submissions] == ["12345.67", "0.00", "-12.50"]
    assert submissions[0]["data"]["current_rate"] == "0.099"
    assert submissions[0]["data"]["elements"] == [["branch", 'Köln "Süd"']]
    assert submissions[1]["data"]["elements"] == [["branch", ""]]
    assert {s["data"]["tape"] for s in submissions} == {summary.sha256}
    assert submissions[2]["data"]["place"] == "line 4"
    assert [(r.line, r.field, r.subject) for r in rejects] == [
        (5, "balance", "loan:L-4"),
        (6, "rate, dpd", "loan:L-5"),
    ]


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_names_its_sample_and_reads_it_the_same_twice(path: Path) -> None:
    command = next(text for text in path.read_text().splitlines() if "poolproof import csv" in text)
    sample = ROOT / command.split("import csv ")[1].split()[0]
    assert f"--mapping docs/mappings/{path.name}" in command
    submissions, _, _ = read(sample, maps.load(path))
    assert submissions == read(sample, maps.load(path))[0]
    for submission in submissions:
        read_submission(submission)


# What files do ----------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_header(read_small: Read) -> None:
    submissions, rejects, _ = read_small(b"\xef\xbb\xbf" + f"{HEADER}\n{line(1)}\n".encode())
    assert (len(submissions), rejects) == (1, [])


def test_line_ends_blank_lines_and_a_missing_last_line_end(read_small: Read) -> None:
    submissions, rejects, summary = read_small(f"{HEADER}\r\n{line(1)}\r\n\r\n   \n{line(2)}")
    assert [s["id"] for s in submissions] == ["r:1", "r:2"]
    assert (rejects, summary.records) == ([], 2)


@pytest.mark.parametrize("content", ["", "\n\n", "\xef\xbb\xbf"])
def test_an_empty_file_is_refused(read_small: Read, content: str) -> None:
    with pytest.raises(MalformedError, match=r"empty|no header"):
        read_small(content.encode("latin-1"))


def test_a_header_alone_is_an_empty_tape(read_small: Read) -> None:
    submissions, rejects, summary = read_small(HEADER + "\n")
    assert (submissions, rejects, summary.records) == ([], [], 0)


def test_the_wrong_encoding_shows_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("合同号,金额\n1,2\n".encode("gbk"))
    text = SMALL.format(encoding="utf-8", extra="")
    with pytest.raises(
        MalformedError, match="line 1: the header has bytes that are not utf-8; it would read as gb18030"
    ):
        read(path, maps.load("small", text))
    path.write_bytes("合同,no\n1,2\n".encode())
    with pytest.raises(MalformedError, match=r'no column "amount".*encoding \(gbk\)'):
        read(path, maps.load("small", SMALL.format(encoding="gbk", extra="")))


def test_a_row_with_broken_bytes_is_a_reject_and_the_rest_goes_in(read_small: Read) -> None:
    content = f"{HEADER}\n{line(1)}\n".encode() + b"2,L2,2026-07-02,1.00,\xff\xfe\n" + f"{line(3)}\n".encode()
    submissions, rejects, _ = read_small(content)
    assert [s["id"] for s in submissions] == ["r:1", "r:3"]
    assert [(r.line, r.reason) for r in rejects] == [(3, "has bytes that are not utf-8")]


def test_gbk_text_whose_second_byte_is_a_delimiter_or_a_backslash(read_small: Read) -> None:
    memo = "誠|乗\\"  # 誠 and 乗 have trail bytes 0x5C and 0x7C in GBK
    submissions, rejects, _ = read_small(f"{HEADER}\n{line(1, memo)}\n", "gbk")
    assert rejects == []
    assert submissions[0]["data"]["channel"] == memo


def test_gb18030_beyond_gbk(read_small: Read) -> None:
    submissions, _, _ = read_small(f"{HEADER}\n{line(1, '㐀𠮷')}\n", "gb18030")
    assert submissions[0]["data"]["channel"] == "㐀𠮷"


@pytest.mark.parametrize(("row", "cells"), [("2,L2,2026-07-02,1.00", 4), ("2,L2,2026-07-02,1.00,m,extra", 6)])
def test_ragged_rows_are_rejects(read_small: Read, row: str, cells: int) -> None:
    submissions, rejects, _ = read_small(f"{HEADER}\n{line(1)}\n{row}\n{line(3)}\n")
    assert [s["id"] for s in submissions] == ["r:1", "r:3"]
    assert [(r.line, r.reason) for r in rejects] == [(3, f"has {cells} cells where the header has 5")]


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks(read_small: Read) -> None:
    memo = '"a, ""b""\nc"'
    submissions, rejects, _ = read_small(f"{HEADER}\n{line(1, memo)}\n{line(2)}\n")
    assert rejects == []
    assert submissions[0]["data"]["channel"] == 'a, "b"\nc'
    assert submissions[1]["id"] == "r:2"


def test_an_open_quote_refuses_the_whole_file(read_small: Read) -> None:
    content = f"{HEADER}\n{line(1)}\n{line(2, chr(34) + 'open')}\n{line(3)}\n"
    with pytest.raises(MalformedError, match="quote opened in the row at line 3 does not close"):
        read_small(content)


def test_rows_inside_an_oversized_quoted_cell_never_become_rows(read_small: Read) -> None:
    """An attacker's memo that is longer than a cell may be must not smuggle repayments in."""
    smuggled = "\n".join([line(9, amount="999.00")] * 4000)
    assert len(smuggled) > 131_072 // 2
    content = f"{HEADER}\n{line(1, chr(34) + smuggled * 2 + chr(34))}\n{line(2)}\n"
    with pytest.raises(MalformedError, match="quote opened in the row at line 2"):
        read_small(content)


def test_a_huge_cell_within_one_line_is_a_reject(read_small: Read) -> None:
    huge = "x" * 200_000
    submissions, rejects, _ = read_small(
        f"{HEADER}\n{line(1)}\n{line(2, chr(34) + huge + chr(34))}\n{line(3)}\n"
    )
    assert [s["id"] for s in submissions] == ["r:1", "r:3"]
    assert [(r.line, r.reason) for r in rejects] == [(3, "has a cell longer than 131072 characters")]


def test_a_line_without_end_is_refused(read_small: Read) -> None:
    with pytest.raises(MalformedError, match="line 2 is longer than"):
        read_small(f"{HEADER}\n" + "x" * (1 << 21))


def test_wrong_quoting_within_one_line_is_a_reject(read_small: Read) -> None:
    submissions, rejects, _ = read_small(f"{HEADER}\n{line(1, chr(34) + 'a' + chr(34) + 'b')}\n{line(2)}\n")
    assert [s["id"] for s in submissions] == ["r:2"]
    assert "quoted wrongly" in rejects[0].reason


def test_a_duplicate_column_is_refused_where_the_mapping_uses_it(read_small: Read) -> None:
    submissions, _, _ = read_small(f"{HEADER},other,other\n{line(1)},a,b\n")
    assert len(submissions) == 1
    with pytest.raises(MalformedError, match=r'"amount" more than once \(columns 4 and 6\)'):
        read_small(f"{HEADER},amount\n{line(1)},5\n")


def test_text_out_of_normal_form_is_a_reject_or_converted_on_request(read_small: Read) -> None:
    content = f"{HEADER}\n{line(1, 'Cafe' + chr(0x301))}\n"
    _, rejects, _ = read_small(content)
    assert [(r.field, "NFC" in r.reason) for r in rejects] == [("memo", True)]
    submissions, _, _ = read_small(content, extra="normalize = true")
    assert submissions[0]["data"]["channel"] == "Café"


def test_separators_of_other_kinds(tmp_path: Path) -> None:
    for delimiter, extra in (
        ("\t", 'delimiter = "\\t"'),
        (";", 'delimiter = ";"'),
        ("|!|", 'delimiter = "|!|"\nquote = ""'),
    ):
        path = tmp_path / "file.csv"
        path.write_text(f"{HEADER}\n{line(1)}\n".replace(",", delimiter))
        submissions, rejects, _ = read(path, maps.load("small", SMALL.format(encoding="utf-8", extra=extra)))
        assert (len(submissions), rejects) == (1, [])


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{HEADER}\n{line(1)}\n")
    tape = csv.read(path, maps.load("small", SMALL.format(encoding="utf-8", extra="")), party="servicer")
    path.write_text(f"{HEADER}\n{line(2)}\n")
    with pytest.raises(MalformedError, match="changed while it was read"):
        list(tape)


# Rejects -------------------------------------------------------------------------------------------------


def test_a_reject_names_the_column_and_the_member_that_the_domain_refuses(read_small: Read) -> None:
    _, rejects, _ = read_small(f"{HEADER}\n{line(1, amount='-5.00')}\n{line(2, 'x' * 1001)}\n")
    assert [r.field for r in rejects] == ["amount (data.amount)", "memo (data.channel)"]
    assert "negative" in rejects[0].reason


def test_a_row_goes_in_whole_or_not_at_all(tmp_path: Path) -> None:
    text = (MAPPINGS / "loans-zh.toml").read_text()
    content = (
        (DATA / "loans-zh.csv").read_bytes().decode("gbk").replace("20260602,1000000", "2026-06-02,1000000")
    )
    path = tmp_path / "file.csv"
    path.write_bytes(content.encode("gbk"))
    submissions, rejects, summary = read(path, maps.load("loans", text))
    assert {s["subject"] for s in submissions} == {"loan:FQ2026060002"}
    assert rejects[0].field == "放款日期"
    assert summary.to_json()["sums"]["CNY"]["loan.originated.principal"] == "25000.50"


def test_borrower_facts_are_not_quoted_in_rejects(tmp_path: Path) -> None:
    text = (
        SMALL.format(encoding="utf-8", extra="")
        + '[event.private]\nincome = { column = "memo", integer = true }\n'
    )
    text = text.replace('channel = { column = "memo", optional = true }\n', "")
    path = tmp_path / "file.csv"
    path.write_text(f"{HEADER}\n{line(1, 'secret')}\n{line(2, '5')}\n")
    submissions, rejects, _ = read(path, maps.load("small", text))
    assert submissions[0]["private"] == {"income": 5}
    assert "secret" not in json.dumps([r.to_json() for r in rejects])


def test_rejects_are_counted_beyond_those_that_are_kept(
    read_small: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.tapes.model.MAX_KEPT_REJECTS", 3)
    rows = "\n".join(["a,b"] * 10)
    _, rejects, summary = read_small(f"{HEADER}\n{rows}\n")
    assert (len(rejects), summary.rejected, len(summary.rejects)) == (10, 10, 3)


def test_a_mapping_that_cannot_work_is_said_before_the_file_is_read(tmp_path: Path) -> None:
    text = SMALL.format(encoding="utf-8", extra="").replace("repayment.received", "repayment.paid")
    with pytest.raises(ConfigurationError, match="unknown event type"):
        csv.read(tmp_path / "none.csv", maps.load("small", text), party="servicer")
