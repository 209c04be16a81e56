"""What a file is said to be: a small JSON file beside it, written by whoever sends it.

::

    {"format": "poolproof/exchange/v1", "party": "lender", "date": "2026-03-02", "name": "repayments",
     "mapping": "repayments", "rows": 2, "sums": {"amount": "414.20"}, "sha256": "…"}

``rows`` counts rows of data (lines that are not blank, of a file of events); ``sums`` are of columns as they stand in
the file, in the file's own unit, exactly; an empty cell is zero. ``mapping`` is null for a file of events. Any spelling
of the JSON is taken; a member more or less is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Context, Decimal, Inexact, localcontext
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from ledger.errors import MalformedError
from ledger.quotes import in_quotes
from ledger.tapes import ndjson, rows
from ledger.tapes.mapping import FileForm

FORMAT: Final = "poolproof/exchange/v1"
#: Bytes of a manifest: room for a sum of every column of any file, none for anything else.
MAX_BYTES: Final = 64 * 1024

_Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Decimal = Annotated[str, Meta(pattern=r"^-?[0-9]{1,38}(\.[0-9]{1,18})?$")]
#: Sums without rounding: numbers have at most 38 digits before and 18 after the point, and no file 10^20 rows.
_EXACT: Final = Context(prec=80, traps=[Inexact])
_NUMBER = re.compile(r"[+-]?[0-9]{1,38}(?:\.[0-9]{0,18})?", re.ASCII)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest, read."""

    format: Literal["poolproof/exchange/v1"] = FORMAT
    party: str
    date: date
    name: str
    mapping: str | None
    rows: Annotated[int, Meta(ge=0)]
    sums: dict[str, _Decimal]
    sha256: _Hex32

    def encode(self) -> bytes:
        """The file, as we write it."""
        return document(msgspec.to_builtins(self))


_decode = msgspec.json.Decoder(Manifest).decode


def document(value: dict[str, Any]) -> bytes:
    """A JSON file for people and programs."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def parse(data: bytes) -> Manifest:
    """Read a manifest; raises :class:`MalformedError`."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedError("manifest", str(error)) from None


class Counted(msgspec.Struct, frozen=True):
    """What a file is found to be: its rows, and sums of the columns that were asked for."""

    rows: int
    sums: dict[str, Decimal]


def count(path: Path, form: FileForm | None, columns: Sequence[str]) -> Counted:
    """Go through a file, of rows of this form or (None) of events.

    Raises :class:`MalformedError` for a file that cannot be read, a column that it does not have, and a cell that is no
    number.
    """
    wanted = list(columns)
    if form is None:
        if wanted:
            raise MalformedError("manifest", "sums: a file of events has no columns")
        with path.open("rb") as file:
            return Counted(sum(1 for _ in ndjson.lines(file)), {})
    dialect = rows.Dialect(form.encoding, form.delimiter, form.quote, form.skip_lines, form.header)
    checked = rows.check(path, dialect)
    header = checked.header or list(form.columns)
    for name in wanted:
        if header.count(name) != 1:
            raise MalformedError("manifest", f"sums: the file has no column {in_quotes(name)}, or several")
    places = [(header.index(name), name) for name in wanted]
    totals = dict.fromkeys(wanted, Decimal(0))
    number = 0
    with localcontext(_EXACT):
        for row in rows.rows(path, dialect, checked):
            if not row.fault and form.footers and row.cells[0].strip().startswith(tuple(form.footers)):
                continue
            number += 1
            if row.fault or len(row.cells) != len(header):
                continue  # counted; its own reply says what is wrong with it
            for place, name in places:
                totals[name] += _number(row.cells[place], form, name, row.line)
    return Counted(number, totals)


def _number(cell: str, form: FileForm, column: str, line: int) -> Decimal:
    text = cell.strip()
    if not text or text in form.empty:
        return Decimal(0)
    if form.thousands:
        text = text.replace(form.thousands, "")
    if form.decimal != ".":
        text = text.replace(form.decimal, ".")
    if _NUMBER.fullmatch(text) is None:
        raise MalformedError("file", f"line {line}: {column} is no number, and its sum is stated")
    return Decimal(text)


def differences(stated: Manifest, found: Counted) -> list[str]:
    """What of rows and sums is not as stated, in words; nothing where all is."""
    said = []
    if found.rows != stated.rows:
        said.append(f"rows: {stated.rows} stated, {found.rows} there")
    for column, total in stated.sums.items():
        if Decimal(total) != found.sums[column]:
            said.append(f"sum of {column}: {total} stated, {found.sums[column]:f} there")
    return said
