"""What is kept of a refusal has no value in it."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.calendar import parse_day, parse_effective, parse_instant
from ledger.domain.events import read_submission
from ledger.domain.events.base import check_decimal, check_name
from ledger.domain.money import parse, parse_total
from ledger.errors import MalformedError, RefusedError
from ledger.jobs import problem_of
from ledger.quotes import in_quotes, without_values
from ledger.tapes import ex102, totals
from ledger.tapes import mapping as maps
from ledger.tapes.compile import compile_events
from tests import book
from tests.exchange.conftest import MAPPING


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("Wang 138-0013", "Aaaa 999-9999"), ("王小明", "aaa"), ('a"b\\c', "a?a?a"), ("", ""),
        ("x" * 50, "a" * 39 + "…"), ("\n\ud800", "??"),
    ],
)  # fmt: skip
def test_a_value_is_told_by_its_shape(value: str, shape: str) -> None:
    assert without_values(f"{in_quotes(value)} is no name") == f'"{shape}" is no name'


@given(st.lists(st.text(), max_size=3))
def test_nothing_of_a_value_is_left_whatever_is_in_it(values: list[str]) -> None:
    kept = without_values("<" + "><".join(in_quotes(value, 500) for value in values) + ">")
    assert set(kept) <= {*'aA9?<>"…', *string.punctuation, " "} - {"\\"}
    assert kept.count('"') == 2 * len(values)
    assert without_values(kept) == kept


#: Whatever reads a file that somebody hands in.
FILES = [
    file
    for folder in ("tapes", "exchange")
    for file in (Path(__file__).parents[1] / "ledger" / folder).glob("*.py")
]
PERSON = "Wang Xiaoming 310101199003074411"
CHECKS = [
    lambda: parse_effective(PERSON),
    lambda: parse_instant(PERSON),
    lambda: parse_day("1990-03", "data.first"),
    lambda: check_name(PERSON, "data.holder"),
    lambda: check_decimal("0310101.0", "data.annual_rate"),
    lambda: parse("310101199003074411", "CNY"),
    lambda: parse("5", PERSON),
    lambda: parse_total("-310101.00", "CNY"),
    lambda: read_submission(book.originated("L1") | {"subject": PERSON}),
    lambda: read_submission(book.originated("L1") | {"party": PERSON}),
    lambda: read_submission(book.originated("L1") | {"type": PERSON}),
    lambda: read_submission(book.originated("L1") | {"private": {PERSON: "x"}}),
    lambda: read_submission(with_data(book.originated("L1"), amortisation=PERSON)),
    lambda: read_submission(with_data(book.originated("L1"), remainder=PERSON)),
]


def with_data(event: dict[str, object], **members: object) -> dict[str, object]:
    data = event["data"]
    assert isinstance(data, dict)
    return event | {"data": data | members}


@pytest.mark.parametrize("number", range(len(CHECKS)))
def test_no_check_of_a_members_form_leaves_its_value_in_what_is_stored(number: int) -> None:
    with pytest.raises(RefusedError) as refused:
        CHECKS[number]()
    told = problem_of(refused.value)
    text = f"{told['detail']} {told['field']} {told.get('details')}"
    assert not any(part in text for part in ("Wang", "Xiaoming", "310101", "1990"))


@pytest.mark.parametrize(
    "text",
    [
        f"{PERSON},CNY,1\n",
        f"name,currency,amount\n{PERSON},CNY,1\n",
        f"name,currency,amount\ncount,CNY,{PERSON}\n",
    ],
)
def test_nor_does_a_file_that_was_handed_in(text: str, tmp_path: Path) -> None:
    (tmp_path / "totals.csv").write_text(text)
    with pytest.raises(MalformedError) as refused:
        totals.read(tmp_path / "totals.csv")
    kept = problem_of(refused.value)["detail"]
    assert not any(part in kept for part in ("Wang", "310101"))
    (tmp_path / "tape.xml").write_text('<Wang310101 xmlns="urn:Xiaoming"/>')
    with pytest.raises(MalformedError) as refused:
        ex102.read(tmp_path / "tape.xml", party="servicer", known=lambda _names: set())
    kept = problem_of(refused.value)["detail"]
    assert not any(part in kept for part in ("Wang", "310101", "Xiaoming"))
    with pytest.raises(MalformedError) as refused:
        compile_events(maps.load("payments", MAPPING), [PERSON, "1"])
    assert "Aaaa" in problem_of(refused.value)["detail"], "a file without a header begins with a row"


@pytest.mark.parametrize("file", sorted(FILES), ids=lambda file: file.name)
def test_readers_of_files_have_one_way_of_quoting(file: Path) -> None:
    assert "!r}" not in file.read_text("utf-8"), "what stands in other quotes is kept as it is: use in_quotes"
