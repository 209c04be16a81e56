"""A file is compared in flat memory, whatever the size of the file and of the pool."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from ledger.log import Ledger
from tests import book
from tests.audit.tapebook import POOL, Row, run, write

MIB = 1 << 20


def peak(ledger: Ledger, path: Path, count: int) -> int:
    """Greatest traced memory of a comparison that agrees, in bytes."""
    tracemalloc.start()
    try:
        result = run(ledger, path)
        assert (result.compared, result.open) == (count, [])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grow(ledger: Ledger, first: int, count: int) -> None:
    events = []
    for n in range(first, first + count):
        events += [book.originated(f"N{n}"), book.disbursed(f"N{n}")]
    ledger.append(events, party="fenqile")
    for start in range(first, first + count, 500):
        claims = [(f"N{n}", "c1", 1_000_000) for n in range(start, min(start + 500, first + count))]
        ledger.append([book.pledged(POOL, "bank-a", *claims, id=f"p{start}")], party="fenqile")


def tape(folder: Path, count: int) -> Path:
    rows = [Row(f"N{n}", 120000, days="", rate="", left="", day="20261101") for n in range(count)]
    return write(folder, *rows)


def test_memory_does_not_grow_with_the_file(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    sqlite_ledger.append([book.pool_created(POOL)], party="fenqile")
    grow(sqlite_ledger, 0, 520)
    small = peak(sqlite_ledger, tape(tmp_path, 520), 520)
    grow(sqlite_ledger, 520, 1_040)
    large = peak(sqlite_ledger, tape(tmp_path, 1_560), 1_560)
    # What grows are the pool's own transfers, a kilobyte for each claim that came into it.
    assert large < 24 * MIB
    assert large - small < 3 * MIB
