"""The XML stream: whole records or a clear refusal, whatever the file does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ledger.errors import MalformedError, NotFoundError
from ledger.tapes import xmlstream
from ledger.tapes.xmlstream import CHUNK, MAX_TEXT, MAX_TOKEN, RawRecord, Shape

NS = "urn:example:tape"
SHAPE = Shape(what="test tape", root="assetData", namespace=NS, record="assets")


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "tape.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def tape(*records: str) -> str:
    return f'<?xml version="1.0"?>\n<assetData xmlns="{NS}">\n' + "\n".join(records) + "\n</assetData>\n"


def read(path: Path) -> list[RawRecord]:
    return list(xmlstream.records(path, SHAPE, xmlstream.check(path, SHAPE)))


def test_records_come_with_their_place_and_everything_verbatim(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        tape(
            "<assets><a>1.500</a><b> x &amp; y </b><a>2</a><c/></assets>", "<assets>\n  <a>七</a>\n</assets>"
        ),
    )
    first, second = read(path)
    assert first.elements == [("a", "1.500"), ("b", " x & y "), ("a", "2"), ("c", "")]
    assert (first.number, first.line, first.fault) == (1, 3, None)
    assert (second.number, second.line, second.elements) == (2, 4, [("a", "七")])
    assert path.read_bytes()[second.byte :].startswith(b"<assets>")
    assert xmlstream.check(path, SHAPE).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_prefixed_namespace_is_the_same_namespace(tmp_path: Path) -> None:
    text = f'<p:assetData xmlns:p="{NS}"><p:assets><p:a>1</p:a></p:assets></p:assetData>'
    assert read(written(tmp_path, text))[0].elements == [("a", "1")]


def test_records_and_characters_across_chunks_stay_whole(tmp_path: Path) -> None:
    value = "七" * 20_000  # 60,000 bytes, so that chunk borders fall inside characters
    path = written(tmp_path, tape(*[f"<assets><n>{n}</n><v>{value}</v></assets>" for n in range(12)]))
    assert path.stat().st_size > 2 * CHUNK
    assert [record.elements for record in read(path)] == [[("n", str(n)), ("v", value)] for n in range(12)]


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_whole_naming_the_place(tmp_path: Path, keep: float) -> None:
    whole = tape(*[f"<assets><n>{n}</n></assets>" for n in range(100)]).encode()
    path = written(tmp_path, whole[: int(len(whole) * keep)])
    with pytest.raises(
        MalformedError, match=r"line \d+, byte \d+: the file is truncated.*nothing of it goes in"
    ):
        xmlstream.check(path, SHAPE)


def test_a_fault_in_the_middle_is_refused_naming_the_place(tmp_path: Path) -> None:
    path = written(tmp_path, tape("<assets><a>1</a></assets>", "<assets><a>1</b></assets>"))
    with pytest.raises(MalformedError, match=r"line 4, byte \d+: not well-formed XML \(mismatched tag\)"):
        xmlstream.check(path, SHAPE)


BOMBS = {
    "billion laughs": '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]>',
    "external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    "external subset": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x">%a;]>',
    "plain document type": "<!DOCTYPE assetData>",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_entities_and_document_types_are_refused(tmp_path: Path, bomb: str) -> None:
    path = written(tmp_path, f'{bomb}<assetData xmlns="{NS}"><assets><a>&a;</a></assets></assetData>')
    with pytest.raises(MalformedError, match="document type; entities and external references are refused"):
        xmlstream.check(path, SHAPE)


def test_an_undefined_entity_is_no_xml(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="undefined entity"):
        xmlstream.check(written(tmp_path, tape("<assets><a>&b;</a></assets>")), SHAPE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("<html/>", 'root element is "html"'),
        ('<assetData xmlns="urn:other"/>', 'namespace "urn:other"'),
        ("<assetData/>", 'namespace ""'),
        (tape("<assets><a><b>1</b></a></assets>"), "deeper than 3 levels"),
        (b"\x00\x01\x02", "not well-formed|truncated"),
        ('{"json": true}', "not well-formed"),
        ("PK\x03\x04", "not well-formed"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        xmlstream.check(written(tmp_path, text), SHAPE)


@pytest.mark.parametrize(
    ("record", "element", "reason"),
    [
        ("<assets><a>1</a>stray<b>2</b></assets>", "b", "text stands between"),
        ("<assets><a>1</a>stray</assets>", "assets", "text stands between"),
        ('<assets><a unit="USD">1</a></assets>', "a", 'carries the attribute "unit"'),
        ("<other><a>1</a></other>", "other", 'is no "assets" element'),
        (f"<assets><a>{'x' * (MAX_TEXT + 1)}</a></assets>", "a", "more than"),
        ("<assets>" + "<a>1</a>" * 600 + "</assets>", "a", "more than 512 elements"),
    ],
)
def test_a_record_that_is_not_flat_is_a_fault_of_that_record_only(
    tmp_path: Path, record: str, element: str, reason: str
) -> None:
    good, bad, after = read(
        written(tmp_path, tape("<assets><a>1</a></assets>", record, "<assets><a>2</a></assets>"))
    )
    assert bad.fault is not None
    assert bad.fault[0] == element
    assert reason in bad.fault[1]
    assert (good.fault, after.fault, after.elements) == (None, None, [("a", "2")])


def test_nil_is_an_empty_element(tmp_path: Path) -> None:
    text = (
        f'<assetData xmlns="{NS}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<assets><a xsi:nil="true"/></assets></assetData>'
    )
    record = read(written(tmp_path, text))[0]
    assert (record.elements, record.fault) == ([("a", "")], None)


@pytest.mark.parametrize(
    "filler", ["<a>" + "x" * 3_000_000, "<a b='" + "x" * 3_000_000, "<!-- " + "x" * 3_000_000]
)
def test_endless_tokens_are_refused_before_they_fill_the_memory(tmp_path: Path, filler: str) -> None:
    assert len(filler) > 2 * MAX_TOKEN
    with pytest.raises(MalformedError, match="no element ends for more than"):
        xmlstream.check(written(tmp_path, tape("<assets>" + filler)), SHAPE)


def test_a_file_that_changes_between_the_passes_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, tape("<assets><a>1</a></assets>"))
    checked = xmlstream.check(path, SHAPE)
    path.write_bytes(path.read_bytes().replace(b">1<", b">2<"))
    with pytest.raises(MalformedError, match="changed while it was read"):
        list(xmlstream.records(path, SHAPE, checked))


def test_a_missing_file_and_a_folder_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        xmlstream.check(tmp_path / "none.xml", SHAPE)
    with pytest.raises(NotFoundError, match="is a folder"):
        xmlstream.check(tmp_path, SHAPE)


def test_progress_counts_bytes_up_to_the_size(tmp_path: Path) -> None:
    path = written(tmp_path, tape(*[f"<assets><v>{'x' * 50_000}</v></assets>" for _ in range(20)]))
    seen: list[int] = []
    checked = xmlstream.check(path, SHAPE, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == checked.size == path.stat().st_size
    assert len(seen) > 3
