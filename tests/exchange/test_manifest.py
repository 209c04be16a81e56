"""What a file is said to be, and what it is found to be."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.exchange import manifest
from ledger.exchange.manifest import Manifest
from ledger.tapes.mapping import FileForm

GOOD = (
    b'{"sums":{"amount":"414.20"},"format":"poolproof/exchange/v1","party":"lender","date":"2026-03-02",'
    b'"name":"repayments","mapping":"repayments","rows":2,"sha256":"%s"}' % (b"ab" * 32)
)


def test_any_spelling_is_read_and_ours_reads_the_same() -> None:
    stated = manifest.parse(GOOD)
    assert (stated.rows, stated.date.isoformat(), stated.sums) == (2, "2026-03-02", {"amount": "414.20"})
    assert manifest.parse(stated.encode()) == stated
    assert isinstance(stated, Manifest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v1", b"v2"),
        (b'"rows":2', b'"rows":-1'),
        (b'"rows":2', b'"rows":2.0'),
        (b'"rows":2', b'"rows":"2"'),
        (b"2026-03-02", b"2026-02-30"),
        (b"414.20", b"4e2"),
        (b"414.20", b""),
        (b"abab", b"ABAB"),
        (b'"name"', b'"names"'),
        (b"}", b',"more":1}'),
        (b'"mapping":"repayments",', b""),
        (b"lender", b"\xff"),
    ],
)
def test_anything_else_is_refused(old: bytes, new: bytes) -> None:
    assert old in GOOD
    with pytest.raises(MalformedError):
        manifest.parse(GOOD.replace(old, new))


def test_sums_are_of_the_columns_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "file"
    text = '日报\n编号;金额\n1;"1.234,50"\n2;-0,5\n3;无\n4;\n合计;99\n'
    path.write_bytes(text.encode("gbk"))
    form = FileForm(
        encoding="gbk",
        delimiter=";",
        skip_lines=1,
        footers=["合计"],
        decimal=",",
        thousands=".",
        empty=["无"],
    )
    found = manifest.count(path, form, ["金额"])
    assert (found.rows, found.sums) == (4, {"金额": Decimal("1234.0")})
    stated = manifest.parse(GOOD.replace(b'"rows":2', b'"rows":4').replace(b'"amount":"414.20"', b"%s" % b""))
    assert manifest.differences(stated, found) == []


def test_events_are_counted_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{}\n\n{}\n")
    assert manifest.count(path, None, []).rows == 2
    with pytest.raises(MalformedError, match="no columns"):
        manifest.count(path, None, ["amount"])


@given(st.lists(st.decimals(-(10**36), 10**36, places=8), max_size=30))
def test_a_sum_is_exact(tmp_path: Path, amounts: list[Decimal]) -> None:
    path = tmp_path / "file"
    path.write_text("id,amount\n" + "".join(f"{n},{amount:f}\n" for n, amount in enumerate(amounts)))
    found = manifest.count(path, FileForm(), ["amount"])
    assert found.rows == len(amounts)
    assert Fraction(found.sums["amount"]) == sum(map(Fraction, amounts))
