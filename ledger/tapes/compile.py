"""A mapping's tables compiled to functions of a row (see :mod:`ledger.tapes.mapping` for what they may say).

Compiling holds the mapping against the domain's event types and against the file's header; what remains to
go wrong with a row is its cells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ledger.domain import money
from ledger.domain.events import EVENTS
from ledger.errors import ConfigurationError, MalformedError, RefusedError
from ledger.quotes import in_quotes
from ledger.tapes import mapping as maps
from ledger.tapes import units
from ledger.tapes.model import MAX_QUOTED, FieldError

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")

#: Stands for "this member is left out": None is a value that events have.
OMIT: Any = object()


@dataclass(slots=True)
class Cells:
    """One row while it is mapped: its cells, its built-in names, and the sums and faults it gathers."""

    cells: list[str]
    built_in: dict[str, str]
    sums: list[tuple[str, str, str, int]] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)


Make: TypeAlias = Callable[[Cells], Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One compiled ``[[event]]``. ``columns`` says which column feeds which path of the submission."""

    type: str
    party: str | None
    applies: Callable[[Cells], bool]
    id: Make
    subject: Make
    effective: Make
    data: Make
    private: Make
    columns: dict[str, str]


def guarded(make: Make, cells: Cells) -> Any:
    """What ``make`` makes of the row; its fault goes to the row's faults, and the member is left out."""
    try:
        return make(cells)
    except FieldError as fault:
        cells.faults.append(fault)
        return OMIT


def compile_events(mapping: maps.MappingForm, header: list[str] | None) -> list[Event]:
    """The events of a mapping against a header; None checks everything but the columns.

    Raises:
        ConfigurationError: the mapping asks for something that does not exist.
        MalformedError: the header lacks a column that the mapping uses, or has it twice.

    """
    compiler = _Compiler(mapping.file, header)
    events = [compiler.event(number, form) for number, form in enumerate(mapping.event, 1)]
    if compiler.missing:
        missing = ", ".join(map(in_quotes, sorted(compiler.missing)))
        shown = in_quotes(", ".join(header or []), MAX_QUOTED)
        raise MalformedError(
            "CSV file",
            f"the header has no column {missing}; it reads {shown}. Are the mapping, its encoding "
            f"({mapping.file.encoding}) and its delimiter ({in_quotes(mapping.file.delimiter)}) those of this file?",
        )
    return events


class _Compiler:
    """Compiles the values of a mapping; gathers the columns that the header lacks."""

    def __init__(self, form: maps.FileForm, header: list[str] | None) -> None:
        self.missing: set[str] = set()
        self._header = header
        self._empty = frozenset({"", *form.empty})
        self._normalize = form.normalize
        try:
            self._numbers = units.NumberForm(form.decimal, form.thousands)
        except ValueError as error:
            raise ConfigurationError(f"mapping: file: {error}") from error
        self._columns: dict[str, str] = {}

    def event(self, number: int, form: maps.EventForm) -> Event:
        """Compile one ``[[event]]``."""
        place = f"mapping: event {number} ({form.type})"
        kind = EVENTS.get(form.type)
        if kind is None:
            raise ConfigurationError(f"{place}: unknown event type; there are {', '.join(sorted(EVENTS))}")
        members = kind.data.__struct_encode_fields__
        if unknown := sorted(set(form.data) - set(members)):
            raise ConfigurationError(
                f"{place}: data: {form.type} has no member {', '.join(unknown)}; it has {', '.join(members)}"
            )
        if form.party is not None and not _NAME.fullmatch(form.party):
            raise ConfigurationError(f"{place}: party is 1 to 64 of A-Z a-z 0-9 . _ : -")
        columns: dict[str, str] = {}
        self._columns = columns
        conditions = [(self._cell(c.column, f"{place}: when"), c) for c in form.conditions]
        empty = self._empty

        def applies(cells: Cells) -> bool:
            return all(c.holds(value := read(cells), value in empty) for read, c in conditions)

        currency = self._currency(form.currency, f"{place}: currency")
        _mandatory(form.effective, f"{place}: effective")
        make_id = self._text(form.id, f"{place}: id")
        for path, text in (("id", form.id), ("subject", form.subject)):
            for found in re.findall(r"\{([^{}|]+)", text):
                columns.setdefault(path, found.strip())
        return Event(
            type=form.type,
            party=form.party,
            applies=applies,
            id=make_id,
            subject=self._text(form.subject, f"{place}: subject"),
            effective=self._value(form.effective, "effective", form.type, currency, place),
            data=self._table(form.data, "data", form.type, currency, place),
            private=self._table(form.private, "private", form.type, currency, place),
            columns=columns,
        )

    def _text(self, text: str, place: str) -> Make:
        return maps.template(text, lambda column: self._required(column, place), place)

    def _currency(self, value: str | dict[str, Any] | None, place: str) -> Callable[[Cells], str] | None:
        if value is None:
            return None
        _mandatory(value, place)
        make = self._value(value, "currency", "", None, place)

        def read(cells: Cells) -> str:
            code = make(cells)
            try:
                money.minor_digits(code)
            except RefusedError as error:
                raise FieldError("currency", error.reason) from error
            return str(code)

        if isinstance(value, str):
            try:
                money.minor_digits(value)
            except RefusedError as error:
                raise ConfigurationError(f"{place}: {error.reason}") from error
        return read

    def _value(
        self, value: Any, path: str, kind: str, currency: Callable[[Cells], str] | None, place: str
    ) -> Make:
        """A constant, a leaf, a table or a list."""
        if maps.is_leaf(value):
            return self._leaf(value, path, kind, currency, f"{place}: {path}")
        if isinstance(value, dict):
            return self._table(value, path, kind, currency, place)
        if isinstance(value, list):
            makes = [self._value(item, f"{path}[{n}]", kind, currency, place) for n, item in enumerate(value)]
            return lambda cells: [made for make in makes if (made := guarded(make, cells)) is not OMIT]
        if isinstance(value, float) or not isinstance(value, str | int | bool):
            raise ConfigurationError(
                f"{place}: {path}: a constant is text, a whole number or true/false; "
                "amounts and rates are written as text"
            )
        return lambda _cells: value

    def _table(
        self,
        table: dict[str, Any],
        path: str,
        kind: str,
        currency: Callable[[Cells], str] | None,
        place: str,
    ) -> Make:
        makes = {
            name: self._value(value, f"{path}.{name}", kind, currency, place) for name, value in table.items()
        }

        def make(cells: Cells) -> dict[str, Any]:
            made = {name: guarded(one, cells) for name, one in makes.items()}
            return {name: value for name, value in made.items() if value is not OMIT}

        return make

    def _leaf(
        self,
        value: dict[str, Any],
        path: str,
        kind: str,
        currency: Callable[[Cells], str] | None,
        place: str,
    ) -> Make:
        form = maps.leaf(value, place)
        if form.template is not None:
            return self._text(form.template, place)
        if form.rest:
            return self._rest(form.omit, place)
        assert form.column is not None
        column, empty, optional = form.column, self._empty, form.optional
        self._columns[path] = column
        read = self._cell(column, place)
        if form.verbatim:
            return self._raw(column)
        convert = self._convert(form, path, kind, currency, place)
        private = path.startswith("private.")

        def make(cells: Cells) -> Any:
            text = read(cells)
            if text in empty:
                if optional:
                    return OMIT
                raise FieldError(column, "is empty")
            try:
                return convert(text, cells)
            except ValueError as error:
                raise FieldError(column, str(error), "" if private else text) from error

        return make

    def _raw(self, column: str) -> Make:
        """A cell as it stands."""
        at = self._header.index(column) if self._header and column in self._header else 0
        return lambda cells: cells.cells[at]

    def _rest(self, omit: list[str], place: str) -> Make:
        """All columns that the event uses nowhere else, known once it is compiled."""
        header, columns = self._header or [], self._columns
        if header and (unknown := sorted(set(omit) - set(header))):
            raise ConfigurationError(
                f"{place}: omit names {', '.join(unknown)}, which the header does not have"
            )

        def make(cells: Cells) -> list[list[str]]:
            used = {*columns.values(), *omit}
            return [[name, text] for name, text in zip(header, cells.cells, strict=True) if name not in used]

        return make

    def _convert(
        self, form: maps.LeafForm, path: str, kind: str, currency: Callable[[Cells], str] | None, place: str
    ) -> Callable[[str, Cells], Any]:
        """The meaning of a leaf's text."""
        sign = -1 if form.negate else 1
        try:
            if form.money is not None:
                return self._money(form.money, sign, path, kind, currency)
            if form.rate is not None:
                plain = units.rate(form.rate, form.days, self._numbers)
            elif form.date is not None:
                plain = units.date(form.date)
            elif form.share is not None:
                plain = units.share(form.share, self._numbers)
            elif form.table is not None:
                plain = units.lookup(form.table, form.default)
            elif form.integer:
                whole = units.integer(self._numbers)
                return lambda text, _cells: sign * whole(text)
            elif form.decimal:
                number = units.decimal(self._numbers, sign)
                return lambda text, _cells: number(text)
            else:
                return lambda text, _cells: text
        except ValueError as error:
            raise ConfigurationError(f"{place}: {error}") from error
        return lambda text, _cells: plain(text)

    def _money(
        self, unit: str, sign: int, path: str, kind: str, currency: Callable[[Cells], str] | None
    ) -> Callable[[str, Cells], str]:
        if currency is None:
            raise ValueError("money needs the event's currency")
        units.money_units(unit, "USD", self._numbers)  # an unknown unit is a fault of the mapping
        readers: dict[str, Callable[[str], int]] = {}
        shown = path.removeprefix("data.")

        def convert(text: str, cells: Cells) -> str:
            code = currency(cells)
            read = readers.get(code)
            if read is None:
                read = readers[code] = units.money_units(unit, code, self._numbers)
            amount = sign * read(text)
            if path.startswith("data."):
                cells.sums.append((kind, shown, code, amount))
            return money.format(amount, code)

        return convert

    def _required(self, column: str, place: str) -> Callable[[Cells], str]:
        """A cell that a name is made of: empty is a fault."""
        read, empty = self._cell(column, place), self._empty

        def required(cells: Cells) -> str:
            text = read(cells)
            if text in empty:
                raise FieldError(column, "is empty")
            return text

        return required

    def _cell(self, column: str, place: str) -> Callable[[Cells], str]:
        """The stripped text of a column, or of a built-in name."""
        if column.startswith("@"):
            if column not in maps.BUILT_IN:
                raise ConfigurationError(
                    f"{place}: there is no {column}; built in are {', '.join(maps.BUILT_IN)}"
                )
            return lambda cells: cells.built_in[column]
        if self._header is None:
            return lambda _cells: ""
        found = [at for at, name in enumerate(self._header) if name == column]
        if not found:
            self.missing.add(column)
            return lambda _cells: ""
        if len(found) > 1:
            places = " and ".join(str(at + 1) for at in found)
            raise MalformedError(
                "CSV file",
                f"the header names {in_quotes(column)} more than once (columns {places}), and the mapping uses it",
            )
        at, normalize = found[0], self._normalize

        def read(cells: Cells) -> str:
            text = cells.cells[at].strip()
            if not text.isascii() and not unicodedata.is_normalized("NFC", text):
                if not normalize:
                    raise FieldError(
                        column, "is not in Unicode NFC; set file.normalize = true to convert", text
                    )
                text = unicodedata.normalize("NFC", text)
            return text

        return read


def _mandatory(value: Any, place: str) -> None:
    """An event has one effective date and one currency: neither may be left out."""
    if isinstance(value, dict) and (not maps.is_leaf(value) or value.get("optional")):
        raise ConfigurationError(f"{place}: is a constant or a leaf, and never optional")
