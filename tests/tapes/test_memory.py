"""A tape is read in flat memory, whatever its size."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.tapes import ex102

DATA = Path(__file__).parent.parent / "data" / "ex102" / "2026-06.xml"
MIB = 1 << 20


def write_tape(path: Path, records: int) -> Path:
    """A file of the four real records, over and over under other asset numbers."""
    head, _, rest = DATA.read_text().partition("  <assets>")
    body = "  <assets>" + rest.rpartition("</assetData>")[0]
    assets = ("21884987", "21904424", "21919291", "22365316")

    def parts() -> Iterator[str]:
        yield head
        for number in range(0, records, len(assets)):
            part = body
            for offset, asset in enumerate(assets):
                part = part.replace(asset, str(30_000_000 + number + offset))
            yield part
        yield "</assetData>\n"

    with path.open("w", encoding="utf-8") as file:
        file.writelines(parts())
    return path


def peak(path: Path) -> int:
    """Greatest traced memory while a tape is read to its end, in bytes."""
    tracemalloc.start()
    try:
        ex102.read(path, party="servicer", known=lambda loans: loans).drain()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small = peak(write_tape(tmp_path / "small.xml", 520))
    large = peak(write_tape(tmp_path / "large.xml", 1520))
    assert large < 24 * MIB
    assert large - small < MIB


#: Reads a tape in a process of its own and prints records, rejects, seconds of processor time and the growth
#: of its resident memory in MiB.
_READ = """
import sys, time
import psutil
from ledger.tapes import ex102
me = psutil.Process()
before = highest = me.memory_info().rss
def watch(done, total):
    global highest
    highest = max(highest, me.memory_info().rss)
start = time.process_time()
summary = ex102.read(sys.argv[1], party="servicer", known=lambda loans: set(), progress=watch).drain()
print(summary.records, summary.rejected, time.process_time() - start, (highest - before) / 2**20)
"""


@pytest.mark.slow
def test_sixty_megabytes_in_a_process_of_their_own(tmp_path: Path) -> None:
    path = write_tape(tmp_path / "tape.xml", 16_000)
    assert path.stat().st_size > 55 * MIB
    command = [sys.executable, "-c", _READ, str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout
    records, rejected, seconds, grown = map(float, out.split())
    print(f"{records / seconds:,.0f} records/s, {grown:.0f} MiB more than at the start")
    assert (records, rejected) == (16_000, 0)
    assert grown < 64
