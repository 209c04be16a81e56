"""Directories and object stores, through one door."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from ledger.errors import ConfigurationError, MalformedError, NotFoundError
from ledger.exchange import Place
from ledger.exchange.layout import Slot, inbound


@pytest.fixture(params=["directory", "url", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each make."""
    if request.param == "memory":
        return Place(MemoryStore(), "memory://")
    return Place.open(str(tmp_path) if request.param == "directory" else tmp_path.as_uri())


def test_what_is_written_is_there_whole(place: Place, tmp_path: Path) -> None:
    assert place.entries("in") == []
    place.write("in/bank:a/2026-11-20/loans.csv", b"one")
    place.write("in/bank:a/2026-11-20/loans.ok", b"")
    place.write("out/x", b"elsewhere")
    first = place.entries("in")
    assert [(one.path, one.size) for one in first] == [
        ("in/bank:a/2026-11-20/loans.csv", 3), ("in/bank:a/2026-11-20/loans.ok", 0),
    ]  # fmt: skip
    seen: list[tuple[int, int]] = []
    copy = tmp_path / "copy"
    digest = place.fetch(first[0].path, copy, lambda done, total: seen.append((done, total)))
    assert (copy.read_bytes(), digest, seen) == (b"one", hashlib.sha256(b"one").hexdigest(), [(3, 3)])
    place.write(first[0].path, copy)
    again = place.entries("in")[0]
    assert again.tag != first[0].tag, "the same bytes, written again"
    (ready,), strays = inbound(place.entries("in"))
    assert (str(ready.slot), strays) == ("bank:a/2026-11-20/loans", [])


def test_what_is_not_there_and_what_is_too_long(place: Place, tmp_path: Path) -> None:
    place.remove("nothing")
    with pytest.raises(NotFoundError):
        place.read("nothing", limit=1)
    with pytest.raises(NotFoundError):
        place.fetch("nothing", tmp_path / "copy")
    place.write("long", b"12345")
    assert place.read("long", limit=5) == b"12345"
    with pytest.raises(MalformedError, match="longer than 4 bytes"):
        place.read("long", limit=4)
    place.remove("long")
    assert place.entries("long") == []


def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no directory"):
        Place.open(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"nonsense://x: "):
        Place.open("nonsense://x")


@pytest.mark.parametrize(
    "path",
    [
        "in/bank/2026-02-30/loans.ok",
        "in/bank/20260220/loans.ok",
        "in/bank/2026-02-20/loans.0.ok",
        "in/bank/2026-02-20/more/loans.ok",
        "in/b nk/2026-02-20/loans.ok",
        "in/bank/2026-02-20/..ok",
        "in/2026-02-20/loans.ok",
    ],
)
def test_a_flag_where_no_file_can_lie_is_a_stray(path: str) -> None:
    place = Place(MemoryStore(), "memory://")
    place.write(path, b"")
    place.write(path.removesuffix("ok") + "csv", b"")
    assert inbound(place.entries("in")) == ([], [place.entries("in")[1].path])


def test_further_files_count_up() -> None:
    numbers = [Slot(None, "bank", name).number for name in ("loans", "loans.2", "loans.10")]  # type: ignore[arg-type]
    assert numbers == [1, 2, 10]
    assert Slot(None, "bank", "loans.10").base == "loans"  # type: ignore[arg-type]
