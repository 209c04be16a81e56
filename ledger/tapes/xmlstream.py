"""A hardened stream over the flat XML of loan-level tapes: bytes in, whole records out, flat memory.

The shape is that of the SEC's ABS-EE exhibits: a root element, one ``assets`` element a record, and below
it leaf elements with text. :func:`check` reads the whole file once, cheaply: it hashes it and proves that
it is well formed, of the right root and not deeper than the shape allows. :func:`records` reads it again
and yields. So nothing of a truncated or broken file is ever half stored, and the file's digest is known
before the first record; the price is 40 % of the reading time (docs/guides/import.md has the numbers).

Refused outright, as :class:`~ledger.errors.MalformedError` with line and byte: a document type
declaration, and with it every entity definition (billion laughs, external entities), any other root or
namespace, deeper nesting, a tag or text without end (:data:`MAX_TOKEN`). Parsed by expat itself, which is
what defusedxml drives as well; the rules it would add are those of :class:`_Guard`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from ledger.errors import MalformedError, NotFoundError, UnavailableError
from ledger.quotes import in_quotes

#: Bytes read at once: some 70 records, small enough that a chunk's records weigh nothing.
CHUNK = 1 << 18

#: Bytes within which some element must end: bounds what a single tag, text or comment can make us buffer.
MAX_TOKEN = 1 << 20

#: Leaf elements in one record; Schedule AL item 3 has 70, some of which repeat.
MAX_ELEMENTS = 512

#: Characters in one leaf; the longest real ones are party names.
MAX_TEXT = 1 << 16

#: Root, record, leaf.
_DEPTH = 3

#: expat's codes for a file that stops early: no element found, unclosed token, unclosed CDATA.
_TRUNCATED = frozenset({3, 5, 20})

_XSI_NIL = "nil"
_STRAY = "text stands between the elements of the record"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which file this reads: its name in messages, the root's name and namespace, the record's name."""

    what: str
    root: str
    namespace: str
    record: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A whole file, found well formed: its digest and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record: its number from 1, its place, its leaf elements in file order (repeated ones repeat).

    ``fault`` is None or (element, reason) where the record is well-formed XML but not flat text.
    """

    number: int
    line: int
    byte: int
    elements: list[tuple[str, str]]
    fault: tuple[str, str] | None


def check(path: Path, shape: Shape, progress: Callable[[int], None] | None = None) -> Checked:
    """Read the whole file once: hash it, and prove that :func:`records` will get to its end.

    Raises:
        MalformedError: with line and byte of the first fault; nothing of the file should go in.
        NotFoundError, UnavailableError: the file is not there, or cannot be read.

    """
    guard = _Guard(shape)
    parser = guard.parser
    depth = 0
    closed = still = last = 0

    def start(_name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 1:
            guard.root(_name, attributes)
        elif depth > _DEPTH:
            guard.refuse(f"elements nest deeper than {_DEPTH} levels")

    def end(_name: str) -> None:
        nonlocal depth, closed
        depth -= 1
        closed += 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    digest = hashlib.sha256()
    size = 0
    for chunk in _chunks(path, shape):
        digest.update(chunk)
        size += len(chunk)
        guard.feed(chunk)
        still = size if closed != last else still
        last = closed
        if size - still > MAX_TOKEN + CHUNK:
            guard.refuse(f"no element ends for more than {MAX_TOKEN} bytes")
        if progress is not None:
            progress(size)
    guard.finish(size)
    return Checked(digest.hexdigest(), size)


def records(
    path: Path, shape: Shape, checked: Checked, progress: Callable[[int], None] | None = None
) -> Iterator[RawRecord]:
    """Yield the records of a file that :func:`check` has read; flat in memory.

    Raises:
        MalformedError: the file is not the one that was checked (it changed in between).

    """
    collector = _Collector(shape)
    guard = collector.guard
    digest = hashlib.sha256()
    size = 0
    for chunk in _chunks(path, shape):
        digest.update(chunk)
        size += len(chunk)
        guard.feed(chunk)
        yield from collector.take()
        if progress is not None:
            progress(size)
    guard.finish(size)
    if digest.hexdigest() != checked.sha256:
        raise MalformedError(
            shape.what, "the file changed while it was read; import it again once it is still"
        )
    yield from collector.take()


class _Guard:
    """An expat parser that refuses what a tape never needs, and words its refusals."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.prefix = ""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        # Without a document type there is no entity to expand, inside or outside the file. The handler
        # fires at its name, before anything of it is read.
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._external
        self.parser = parser

    def root(self, name: str, attributes: dict[str, str]) -> None:
        """Hold the root element against the shape and learn the prefix of its namespace."""
        prefix, _, local = name.rpartition(":")
        namespace = attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
        if local != self.shape.root or namespace != self.shape.namespace:
            self.refuse(
                f"the root element is {in_quotes(name)} in namespace {in_quotes(namespace, 80)}, "
                f"expected {in_quotes(self.shape.root)} in {in_quotes(self.shape.namespace, 80)}"
            )
        self.prefix = f"{prefix}:" if prefix else ""

    def feed(self, chunk: bytes) -> None:
        """Parse the next chunk; foreign errors become ours here."""
        try:
            self.parser.Parse(chunk, False)
        except expat.ExpatError as error:
            self._broken(error)

    def finish(self, size: int) -> None:
        """The end of the file: everything must be closed."""
        if size == 0:
            raise MalformedError(self.shape.what, "the file is empty")
        try:
            self.parser.Parse(b"", True)
        except expat.ExpatError as error:
            self._broken(error)

    def refuse(self, reason: str) -> NoReturn:
        """Raise with the parser's place."""
        raise MalformedError(
            self.shape.what,
            f"line {self.parser.CurrentLineNumber}, byte {self.parser.CurrentByteIndex}: {reason}; "
            "nothing of it goes in",
        )

    def _broken(self, error: expat.ExpatError) -> NoReturn:
        words = expat.ErrorString(error.code)
        if error.code in _TRUNCATED:
            reason = f"the file is truncated: it ends here before it is closed ({words})"
        else:
            reason = f"not well-formed XML ({words})"
        raise MalformedError(
            self.shape.what,
            f"line {error.lineno}, byte {self.parser.ErrorByteIndex}: {reason}; nothing of it goes in",
        ) from error

    def _doctype(self, *_: object) -> None:
        self.refuse("it declares a document type; entities and external references are refused")

    def _entity(self, *_: object) -> None:
        self.refuse("it defines an entity; entities are refused")

    def _external(self, *_: object) -> int:
        self.refuse("it refers to an external entity; entities are refused")


class _Collector:
    """Builds :class:`RawRecord` values from expat's callbacks, which are the hot path of an import."""

    __slots__ = (
        "_byte", "_cut", "_depth", "_elements", "_fault", "_line", "_number", "_ready", "_record", "_text", "guard",
    )  # fmt: skip

    def __init__(self, shape: Shape) -> None:
        self.guard = _Guard(shape)
        self._record = shape.record
        self._cut = self._depth = self._number = self._line = self._byte = 0
        self._ready: list[RawRecord] = []
        self._text: list[str] = []
        self._elements: list[tuple[str, str]] = []
        self._fault: tuple[str, str] | None = None
        parser = self.guard.parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append

    def take(self) -> list[RawRecord]:
        """The records completed since the last call."""
        done = self._ready[:]
        self._ready.clear()
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == _DEPTH:
            if self._text and not self._text[0].isspace():
                self._blame(name, _STRAY)
            if attributes:
                self._check_attributes(name, attributes)
        elif depth == _DEPTH - 1:
            self._begin(name, attributes)
        elif depth == 1:
            self.guard.root(name, attributes)
            self._cut = len(self.guard.prefix)
        else:
            self.guard.refuse(f"elements nest deeper than {_DEPTH} levels")
        self._text.clear()

    def _end(self, name: str) -> None:
        self._depth = depth = self._depth - 1
        text = self._text
        if depth == _DEPTH - 1:
            value = text[0] if len(text) == 1 else "".join(text)
            text.clear()
            if len(self._elements) < MAX_ELEMENTS and len(value) <= MAX_TEXT:
                self._elements.append((name[self._cut :], value))
            else:
                self._blame(
                    name, f"more than {MAX_ELEMENTS} elements, or one of more than {MAX_TEXT} characters"
                )
        elif depth == 1:
            if text and not text[0].isspace():
                self._blame(name, _STRAY)
            text.clear()
            self._ready.append(RawRecord(self._number, self._line, self._byte, self._elements, self._fault))

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        parser = self.guard.parser
        self._number += 1
        self._line, self._byte = parser.CurrentLineNumber, parser.CurrentByteIndex
        self._elements = []
        self._fault = None
        if name[self._cut :] != self._record:
            self._blame(name, f"is no {in_quotes(self._record)} element")
        self._check_attributes(name, attributes)

    def _check_attributes(self, name: str, attributes: dict[str, str]) -> None:
        """Only ``xsi:nil`` is harmless on an element of a record."""
        for attribute in attributes:
            if attribute.rpartition(":")[2] != _XSI_NIL:
                self._blame(
                    name, f"carries the attribute {in_quotes(attribute)}, which the schema does not have"
                )

    def _blame(self, name: str, reason: str) -> None:
        self._fault = self._fault or (name[self._cut :], reason)


def _chunks(path: Path, shape: Shape) -> Iterator[bytes]:
    """The file's bytes; the operating system's errors become ours."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {path}") from error
    except IsADirectoryError as error:
        raise NotFoundError(f"{path} is a folder, not an {shape.what}") from error
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror or error}") from error
