"""Lines out of a file of events, one JSON object a line, in flat memory whatever a line's length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

#: The greatest length of a record (design section 4); of a longer line one byte more is read, to be refused.
MAX_LINE: Final = 1024 * 1024
_SKIP: Final = 64 * 1024


def lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line without its end); empty lines are passed over, the rest of an overlong line is dropped."""
    number = 0
    while line := stream.readline(MAX_LINE + 2):
        number += 1
        if not line.endswith(b"\n") and len(line) > MAX_LINE:
            while (rest := stream.readline(_SKIP)) and not rest.endswith(b"\n"):
                pass
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line
