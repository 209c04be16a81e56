"""The mapping of anyone's own delimited file to events: a TOML file, checked strictly before any row is read.

::

    [file]                                   how cells are told apart
    encoding = "gbk"
    delimiter = ","
    [[event]]                                one or more events of each row
    type = "loan.disbursed"
    when = { column = "状态", in = ["已放款"] }
    id = "disb:{借据号}"
    subject = "loan:{借据号}"
    effective = { column = "放款日期", date = "YYYYMMDD" }
    currency = "CNY"
    [event.data]
    amount = { column = "放款金额", money = "fen" }

Everything a mapping may say is in docs/guides/import.md. A value in ``data`` is a constant as it stands, a
*leaf* (a table with ``column`` or ``template``), or a table or list of such. :func:`load` raises
:class:`~ledger.errors.ConfigurationError` with the place in the mapping for anything it does not know.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.errors import ConfigurationError
from ledger.quotes import in_quotes

#: Names that every row has beside its columns.
BUILT_IN = ("@line", "@row", "@sha256", "@file")

#: What makes a table in a mapping a leaf.
_LEAF_KEYS = frozenset({"column", "template", "rest"})

_PLACEHOLDER = re.compile(r"\{([^{}|]+)(?:\|([^{}]*))?\}")


class Condition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"any_of": "in"}
):
    """Which rows an event is made of: a value is in, or not in, a list; or the cell is (not) empty."""

    column: str
    any_of: list[str] | None = None
    not_in: list[str] | None = None
    empty: bool | None = None

    def holds(self, value: str, empty: bool) -> bool:
        """Whether the (stripped) cell satisfies every part of this condition."""
        return (
            (self.any_of is None or value in self.any_of)
            and (self.not_in is None or value not in self.not_in)
            and (self.empty is None or empty == self.empty)
        )


class FileForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[file]`` table: how cells are told apart and numbers are spelled."""

    encoding: Literal["utf-8", "utf-8-sig", "gbk", "gb18030"] = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: list[str] = []
    skip_lines: int = 0
    footers: list[str] = []
    decimal: str = "."
    thousands: str = ""
    empty: list[str] = []
    normalize: bool = False
    unmatched: Literal["reject", "skip"] = "reject"


class EventForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[event]]``; ``data`` and ``private`` are compiled by :mod:`ledger.tapes.csv`."""

    type: str
    id: str
    subject: str
    effective: str | dict[str, Any]
    when: Condition | list[Condition] = []
    currency: str | dict[str, Any] | None = None
    party: str | None = None
    data: dict[str, Any] = {}
    private: dict[str, Any] = {}

    @property
    def conditions(self) -> list[Condition]:
        """All conditions; every one must hold."""
        return [self.when] if isinstance(self.when, Condition) else self.when


class MappingForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file."""

    event: list[EventForm]
    file: FileForm = FileForm()
    title: str = ""
    note: str = ""


class LeafForm(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"table": "map"}
):
    """One value out of a row: a ``column`` with at most one meaning, a ``template`` of several, or the ``rest``.

    ``optional`` leaves the member out where the cell is empty; without it an empty cell is a reject.
    ``verbatim`` takes a cell as it stands, white space and all, also an empty one. ``rest`` is the list of
    [column, text] of all columns that the event uses nowhere else, verbatim, without those in ``omit``.
    """

    column: str | None = None
    template: str | None = None
    rest: bool = False
    omit: list[str] = []
    optional: bool = False
    verbatim: bool = False
    money: str | None = None
    rate: str | None = None
    days: int | None = None
    date: str | None = None
    share: str | None = None
    integer: bool = False
    decimal: bool = False
    negate: bool = False
    table: dict[str, Any] | None = None
    default: Any = None

    def meanings(self) -> list[str]:
        """The meanings that are set; a leaf has at most one (none: text)."""
        named = {
            "money": self.money,
            "rate": self.rate,
            "date": self.date,
            "share": self.share,
            "map": self.table,
        }
        return [name for name, value in named.items() if value is not None] + [
            name for name in ("integer", "decimal", "verbatim") if getattr(self, name)
        ]


def load(source: Path | str, text: str | None = None) -> MappingForm:
    """Read a mapping file and check its form. Raises ConfigurationError, with the place, for any fault."""
    name = str(source)
    if text is None:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise ConfigurationError(f"no such mapping: {name}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read mapping {name}: {error}") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"mapping {name} is no valid TOML: {error}") from error
    try:
        form = msgspec.convert(raw, MappingForm)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"mapping {name}: {error}") from error
    for place, reason in _faults(form):
        raise ConfigurationError(f"mapping {name}: {place}: {reason}")
    return form


def _faults(form: MappingForm) -> list[tuple[str, str]]:
    """What the types cannot say about a mapping."""
    file = form.file
    faults = []
    if not form.event:
        faults.append(("event", "there is no [[event]]"))
    if not file.delimiter or any(char in "\r\n" or char == file.quote for char in file.delimiter):
        faults.append(("file.delimiter", "is a tab, a comma, … : not empty, no line break, not the quote"))
    if len(file.delimiter) > 1 and file.quote:
        faults.append(("file.delimiter", 'more than one character works only without quoting: quote = ""'))
    if len(file.quote) > 1:
        faults.append(("file.quote", "is one character, or empty for files without quoting"))
    if file.header == bool(file.columns):
        faults.append(("file.columns", "names the columns where header = false, and only there"))
    if len(set(file.columns)) != len(file.columns):
        faults.append(("file.columns", "names a column twice"))
    if not 0 <= file.skip_lines <= 1000:
        faults.append(("file.skip_lines", "is 0 to 1000"))
    if "" in file.footers:
        faults.append(("file.footers", "an empty text would match every row"))
    for number, event in enumerate(form.event, 1):
        for at, condition in enumerate(event.conditions, 1):
            if condition.any_of is None and condition.not_in is None and condition.empty is None:
                faults.append((f"event {number}.when {at}", "has none of in, not_in, empty"))
    return faults


def is_leaf(value: Any) -> bool:
    """Whether a value in a mapping is a leaf, rather than a constant, a table or a list."""
    return isinstance(value, dict) and not _LEAF_KEYS.isdisjoint(value)


def leaf(value: Mapping[str, Any], place: str) -> LeafForm:
    """A leaf, checked. Raises ConfigurationError naming ``place``."""
    try:
        form = msgspec.convert(dict(value), LeafForm)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    meanings = form.meanings()
    if [form.column is not None, form.template is not None, form.rest].count(True) != 1:
        raise ConfigurationError(f"{place}: has one of column, template and rest = true")
    if form.omit and not form.rest:
        raise ConfigurationError(f"{place}: omit goes with rest only")
    if len(meanings) > 1:
        raise ConfigurationError(f"{place}: {' and '.join(meanings)} exclude each other")
    if form.column is None and (meanings or form.optional):
        raise ConfigurationError(f"{place}: {(meanings or ['optional'])[0]} goes with a column only")
    if form.days is not None and form.rate is None:
        raise ConfigurationError(f"{place}: days goes with rate only")
    if form.default is not None and form.table is None:
        raise ConfigurationError(f"{place}: default goes with map only")
    if form.negate and meanings not in (["money"], ["integer"], ["decimal"]):
        raise ConfigurationError(f"{place}: negate goes with money, integer or decimal only")
    return form


def template(text: str, column: Callable[[str], Callable[[Any], str]], place: str) -> Callable[[Any], str]:
    """Compile ``"rep:{流水号}:{还款日期|digits}"`` to a function of the row.

    ``column`` gives the reader of a column's cell. Filters: ``digits`` keeps the ASCII digits, ``hash`` gives
    32 hex digits of the SHA-256 of the text (for numbers with signs that an id cannot have), ``short`` the
    first 8 characters (of ``@sha256``).
    """
    parts: list[str | Callable[[Any], str]] = []
    at = 0
    for found in _PLACEHOLDER.finditer(text):
        parts.append(text[at : found.start()])
        read = column(found[1].strip())
        name = found[2]
        if name is not None and name not in _FILTERS:
            raise ConfigurationError(
                f"{place}: unknown filter {in_quotes(name)}; there are {', '.join(sorted(_FILTERS))}"
            )
        parts.append(_filtered(read, _FILTERS[name]) if name is not None else read)
        at = found.end()
    parts.append(text[at:])
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise ConfigurationError(f"{place}: a placeholder is {{column}} or {{column|filter}}")
    fixed = [part for part in parts if part != ""]

    def make(row: Any) -> str:
        return "".join(part if isinstance(part, str) else part(row) for part in fixed)

    return make


def _filtered(read: Callable[[Any], str], change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda row: change(read(row))


def _digits(text: str) -> str:
    return "".join(char for char in text if "0" <= char <= "9")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


_FILTERS: dict[str, Callable[[str], str]] = {"digits": _digits, "hash": _hash, "short": lambda text: text[:8]}
