"""Rows out of delimited text files, with their line numbers, in flat memory and without guessing.

Two passes, as for XML: :func:`check` hashes the file and proves its structure (every quote closed, header
readable), :func:`rows` yields. A fault that makes the boundaries of rows uncertain refuses the whole file,
because text inside a quoted cell must never be read as rows of its own; a fault inside one line is a fault
of that row only, and the rest goes in.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ledger.errors import MalformedError, NotFoundError, UnavailableError

_WHAT = "CSV file"

#: Characters in one cell; the csv module's own default. No bank reference or name comes near it.
MAX_CELL = 131_072

#: Bytes in one physical line: a file of another kind (binary, one endless line) is refused early.
MAX_LINE = 1 << 20

#: Encodings tried for the hint when a file is not in the encoding that its mapping names.
_LIKELY = ("utf-8", "gb18030")

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart: see the ``[file]`` table of a mapping (docs/guides/import.md)."""

    encoding: str
    delimiter: str
    quote: str
    skip_lines: int
    header: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row of cells. ``number`` counts rows of data from 1, ``line`` is where it begins.

    ``fault`` is None or the reason why this row cannot be read (then ``cells`` says nothing).
    """

    number: int
    line: int
    cells: list[str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole file whose structure holds: digest, size, and its header (empty where it has none)."""

    sha256: str
    size: int
    header: list[str]


def check(path: Path, dialect: Dialect, progress: Callable[[int], None] | None = None) -> Checked:
    """Read the whole file once: hash it, read its header, prove that all quotes close.

    Raises:
        MalformedError: with the line of the first fault; nothing of the file should go in.
        NotFoundError, UnavailableError: the file is not there, or cannot be read.

    """
    digest = hashlib.sha256()
    header: list[str] = []
    with _opened(path) as file:
        source = _Lines(file, dialect, digest.update, progress)
        for row in _split(source, dialect):
            if dialect.header and row.number == 0:
                header = _header(row, dialect, source.first)
    if source.size == 0:
        raise MalformedError(_WHAT, "the file is empty")
    if dialect.header and not header:
        raise MalformedError(_WHAT, f"there is no header row after {dialect.skip_lines} skipped lines")
    return Checked(digest.hexdigest(), source.size, header)


def rows(
    path: Path, dialect: Dialect, checked: Checked, progress: Callable[[int], None] | None = None
) -> Iterator[Row]:
    """Yield the data rows of a file that :func:`check` has read; blank lines are left out.

    Raises:
        MalformedError: the file is not the one that was checked (it changed in between).

    """
    digest = hashlib.sha256()
    with _opened(path) as file:
        source = _Lines(file, dialect, digest.update, progress)
        for row in _split(source, dialect):
            if row.number:
                yield row
    if digest.hexdigest() != checked.sha256:
        raise MalformedError(_WHAT, "the file changed while it was read; import it again once it is still")


class _Lines:
    """Decoded physical lines with their numbers; ``first`` keeps the raw bytes of the first one used."""

    def __init__(
        self,
        file: BinaryIO,
        dialect: Dialect,
        digest: Callable[[bytes], None],
        progress: Callable[[int], None] | None,
    ) -> None:
        self.line = 0
        self.size = 0
        self.first = b""
        self.text = ""
        self._file = file
        self._dialect = dialect
        self._digest = digest
        self._progress = progress

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            try:
                raw = self._file.readline(MAX_LINE + 1)
            except OSError as error:
                raise UnavailableError(f"cannot read the {_WHAT}: {error.strerror or error}") from error
            if not raw:
                raise StopIteration
            self.line += 1
            if len(raw) > MAX_LINE:
                raise MalformedError(
                    _WHAT, f"line {self.line} is longer than {MAX_LINE} bytes; nothing goes in"
                )
            self._digest(raw)
            self.size += len(raw)
            if self._progress is not None and not self.line % 2000:
                self._progress(self.size)
            if (
                self.line == 1
                and raw.startswith(b"\xef\xbb\xbf")
                and self._dialect.encoding.startswith("utf-8")
            ):
                raw = raw[3:]
            if self.line <= self._dialect.skip_lines:
                continue
            self.first = self.first or raw
            # Undecodable bytes become lone surrogates, which no valid text holds: their row is refused
            # later by name, and the rows around it go in.
            encoding = "utf-8" if self._dialect.encoding == "utf-8-sig" else self._dialect.encoding
            self.text = raw.decode(encoding, "surrogateescape")
            return self.text


def _split(source: _Lines, dialect: Dialect) -> Iterator[Row]:
    """Rows from lines; the header, where there is one, is number 0."""
    split = _quoted(source, dialect) if dialect.quote else _plain(source, dialect)
    number = -1 if dialect.header else 0
    for line, cells, fault in split:
        if fault is None and (not cells or (len(cells) == 1 and not cells[0].strip())):
            continue
        number += 1
        undecoded = fault is None and any(_broken(cell) for cell in cells)
        yield Row(number, line, cells, f"has bytes that are not {dialect.encoding}" if undecoded else fault)


def _plain(source: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str], str | None]]:
    """Lines split at the delimiter, without quotes: a line is a row."""
    for text in source:
        yield source.line, text.rstrip("\r\n").split(dialect.delimiter), None


def _quoted(source: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str], str | None]]:
    """Rows by the csv module, strict; a fault whose extent is uncertain ends the file."""
    reader = csv.reader(source, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
    while True:
        begin = source.line + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The module dropped the rest of this line and starts afresh at the next one. That is right
            # only where the row was this one line, with its quotes in pairs.
            begin = max(begin, 1 + dialect.skip_lines)
            if source.line != begin or source.text.count(dialect.quote) % 2:
                raise MalformedError(
                    _WHAT,
                    f"a quote opened in the row at line {begin} does not close properly "
                    f"({error}, line {source.line}); nothing goes in",
                ) from error
            reason = "field larger" in str(error)
            yield (
                begin,
                [],
                f"has a cell longer than {MAX_CELL} characters" if reason else f"is quoted wrongly ({error})",
            )
            continue
        yield max(begin, 1 + dialect.skip_lines), cells, None


def _header(row: Row, dialect: Dialect, raw: bytes) -> list[str]:
    if row.fault is not None:
        hint = [name for name in _LIKELY if name != dialect.encoding and _decodes(raw, name)]
        also = f"; it would read as {hint[0]}" if hint else ""
        raise MalformedError(_WHAT, f"line {row.line}: the header {row.fault}{also}")
    return [cell.strip() for cell in row.cells]


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _broken(cell: str) -> bool:
    return not cell.isascii() and _SURROGATE.search(cell) is not None


def _opened(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise NotFoundError(f"{path} is a folder, not a {_WHAT}")
        return io.BufferedReader(path.open("rb", buffering=0), 1 << 18)
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {path}") from error
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror or error}") from error
