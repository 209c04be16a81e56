"""Totals of a general ledger: read exactly, or refused with line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.domain import money
from ledger.errors import MalformedError, NotFoundError
from ledger.proofs.amounts import MINOR_DIGITS
from ledger.tapes.totals import MAX_SIZE, MAX_TOTALS, Total, read

CSV = "name,currency,amount\nbalance,CNY,1200.00\ncount,CNY,3\ncollected.interest,JPY,-5\n"
JSON = """
[{"name": "balance", "currency": "CNY", "amount": "1200.00"},
 {"name": "count", "currency": "CNY", "amount": "3"},
 {"name": "collected.interest", "currency": "JPY", "amount": "-5"}]
"""


def given(folder: Path, text: str) -> Path:
    (folder / "totals").write_text(text, encoding="utf-8")
    return folder / "totals"


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, CSV + "\n,,\n", JSON])
def test_both_forms_say_the_same(tmp_path: Path, text: str) -> None:
    found = read(given(tmp_path, text))
    assert found.totals == (
        Total(name="balance", currency="CNY", amount="1200.00"),
        Total(name="count", currency="CNY", amount="3"),
        Total(name="collected.interest", currency="JPY", amount="-5"),
    )
    assert [one.units for one in found.totals] == [1200 * 10**8, 3, -5 * 10**8]
    assert (len(found.sha256), found.size) == (64, len(text.encode()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,amount\n", "line 1: the header"),
        ("name,currency,amount\nbalance,CNY,1.005,7\n", "line 2: 4 cells"),
        ("name,currency,amount\nbalnce,CNY,1.00\n", 'line 2: name: "balnce" is none of count, balance'),
        ("name,currency,amount\ncount,CNY,1\nbalance,CNY,1.0\n", 'line 3: amount: "1.0" is not CNY'),
        ("name,currency,amount\ncount,CNY,1.5\n", 'line 2: amount: "1.5" is no whole number'),
        ("name,currency,amount\nbalance,XXX,1\n", "line 2: currency"),
        ("name,currency,amount\nbalance,CNY,1.00\nbalance,CNY,1.00\n", "line 3: name: balance in CNY stands twice"),
        ("name,currency,amount\n", "0 totals"),
        ('[{"name": "balance", "currency": "CNY", "amount": 1.5}]', "amount"),
        ('[{"name": "balance", "currency": "CNY"}]', "amount"),
        ("{}", "array"),
        ('name,currency,amount\nbalance,CNY,"1.00', "line 2"),
        ("x" * (MAX_SIZE + 1), "is this a loan-level file?"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_total_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(MalformedError) as error:
        read(given(tmp_path, text))
    assert told in str(error.value)


def test_more_totals_than_a_pool_has(tmp_path: Path) -> None:
    pairs = [(name, code) for name in ("balance", "collected") for code in MINOR_DIGITS]
    rows = "".join(f"{name},{code},{money.format(0, code)}\n" for name, code in pairs[: MAX_TOTALS + 1])
    with pytest.raises(MalformedError, match=f"{MAX_TOTALS + 1} totals"):
        read(given(tmp_path, "name,currency,amount\n" + rows))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MalformedError, match="UTF-8"):
        read(tmp_path / "t")
    with pytest.raises(NotFoundError):
        read(tmp_path / "nowhere")
