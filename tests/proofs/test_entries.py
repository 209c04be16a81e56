"""Entries: lengths decide, and nothing else is a leaf of a log."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedError
from ledger.proofs import entries
from tests.oracles import tlog_reader

DIGEST = bytes(range(32))


def test_the_bytes() -> None:
    assert entries.record_entry(DIGEST) == DIGEST + b"\x00\x00\x00\x00\x01"
    register = entries.RegisterEntry(index=7, count=3, root=DIGEST)
    assert register.encode() == b"PPR1" + b"\x00" * 7 + b"\x07" + b"\x00" * 7 + b"\x03" + DIGEST + b"\x00"
    assert len(entries.record_entry(DIGEST)) == entries.RECORD_ENTRY_SIZE == 37
    assert len(register.encode()) == entries.REGISTER_ENTRY_SIZE == 53


def test_any_addenda_reader_finds_the_record_and_nothing_in_a_register() -> None:
    assert tlog_reader.addenda(entries.record_entry(DIGEST)) == [DIGEST]
    assert tlog_reader.addenda(entries.RegisterEntry(index=7, count=3, root=DIGEST).encode()) == []


def test_greatest_numbers() -> None:
    register = entries.RegisterEntry(2**64 - 1, 2**64 - 1, DIGEST)
    assert entries.parse_entry(register.encode()) == register


@pytest.mark.parametrize(("index", "count"), [(-1, 0), (0, -1), (2**64, 0), (0, 2**64)])
def test_numbers_are_uint64(index: int, count: int) -> None:
    with pytest.raises(MalformedError, match="uint64"):
        entries.RegisterEntry(index, count, DIGEST)


def test_digests_and_roots_are_32_bytes() -> None:
    for bad in (b"", DIGEST[:-1], DIGEST + b"\x00"):
        with pytest.raises(MalformedError, match="32 bytes"):
            entries.record_entry(bad)
        with pytest.raises(MalformedError, match="32 bytes"):
            entries.RegisterEntry(0, 0, bad)


def test_every_other_length_is_refused() -> None:
    for length in {*range(100)} - {37, 53}:
        with pytest.raises(MalformedError):
            entries.parse_entry(bytes(length))
