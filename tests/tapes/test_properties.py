"""What goes into a file comes out of it: any text, in XML and in delimited files of any encoding."""

from __future__ import annotations

import csv as stdlib_csv
import io
import unicodedata
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.tapes import rows, xmlstream

SHAPE = xmlstream.Shape(what="test tape", root="r", namespace="urn:x", record="assets")

#: Characters that XML 1.0 can carry; a carriage return would come back as a line feed.
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co"], exclude_characters="\ufffe\uffff"),
    max_size=40,
)
NAMES = st.sampled_from(["a", "b", "loanThing", "obligorThing"])
RECORDS = st.lists(st.lists(st.tuples(NAMES, XML_TEXT), max_size=6), max_size=8)

common = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@common
@given(RECORDS, st.integers(1, 40))
def test_any_elements_come_out_as_they_went_in(
    tmp_path: Path, records: list[list[tuple[str, str]]], chunk: int
) -> None:
    path = tmp_path / "tape.xml"
    body = "".join(
        "<assets>" + "".join(f"<{n}>{escape(t)}</{n}>" for n, t in record) + "</assets>\n"
        for record in records
    )
    path.write_text(f'<r xmlns="urn:x">\n{body}</r>', "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            xmlstream, "CHUNK", chunk
        )  # so that chunk borders fall anywhere, also inside characters
        found = list(xmlstream.records(path, SHAPE, xmlstream.check(path, SHAPE)))
    assert [record.elements for record in found] == records
    assert [record.fault for record in found] == [None] * len(records)


@common
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read_never_a_foreign_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "tape.xml"
    path.write_bytes(data)
    with pytest.raises(xmlstream.MalformedError):
        xmlstream.check(path, SHAPE)


CELL = st.text(st.characters(codec="gb18030", exclude_categories=["Cc", "Cs", "Co"]), max_size=20)
CELLS = st.one_of(CELL, st.sampled_from(['"', ",", 'a,"b"', "line\nbreak", "\r\n", "", " x "]))


@common
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8),
    st.sampled_from([("utf-8", ","), ("utf-8-sig", ";"), ("gb18030", "\t")]),
)
def test_any_cells_come_out_as_they_went_in(
    tmp_path: Path, table: list[list[str]], form: tuple[str, str]
) -> None:
    encoding, delimiter = form
    text = io.StringIO(newline="")
    writer = stdlib_csv.writer(text, delimiter=delimiter, quoting=stdlib_csv.QUOTE_ALL)
    writer.writerows([["one", "two"], *table])
    path = tmp_path / "file.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    dialect = rows.Dialect(encoding, delimiter, '"', 0, header=True)
    found = list(rows.rows(path, dialect, rows.check(path, dialect)))
    assert [row.fault for row in found] == [None] * len(table)
    assert [row.cells for row in found] == table
    assert [row.number for row in found] == list(range(1, len(table) + 1))


@common
@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_our_own_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"one,two\n" + data)
    dialect = rows.Dialect("gbk", ",", '"', 0, header=True)
    try:
        found = list(rows.rows(path, dialect, rows.check(path, dialect)))
    except rows.MalformedError:
        return
    assert all(
        row.fault or all(unicodedata.category(c) != "Cs" for cell in row.cells for c in cell) for row in found
    )
