"""Totals of a general ledger: a small CSV or JSON file of name, currency and amount.

::

    name,currency,amount                    [{"name": "balance", "currency": "CNY", "amount": "1200000.00"}]
    balance,CNY,1200000.00
    collected.interest,CNY,8123.45

A name is one of :data:`NAMES`. A file that says anything else, or says something twice, is refused with its line and
field, and nothing of it counts.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from ledger.domain import money
from ledger.errors import MalformedError, NotFoundError, RefusedError
from ledger.quotes import in_quotes

#: What can be summed over a pool: claims, principal owed, and flows of a period.
FLOWS: Final = (
    "collected", "collected.principal", "collected.interest", "collected.fee", "collected.penalty",
    "collected.other", "charged_off", "recovered", "disbursed", "waived", "refunded",
)  # fmt: skip
NAMES: Final = ("count", "balance", *FLOWS)

#: More lines than a chart of accounts has for one pool; a loan-level file is not taken for totals.
MAX_TOTALS: Final = 200
#: Bytes of so many lines, generously.
MAX_SIZE: Final = 100_000

_WHAT = "totals"
_COLUMNS = ["name", "currency", "amount"]


class Total(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One total; ``amount`` as it is spelled in the currency, a whole number for a count."""

    name: str
    currency: str
    amount: str

    @property
    def units(self) -> int:
        """The amount in units of 1e-8; a count as it is."""
        if self.name == "count":
            return int(self.amount)
        sign = -1 if self.amount.startswith("-") else 1
        return sign * money.parse_total(self.amount.removeprefix("-"), self.currency)


@dataclass(frozen=True, slots=True)
class TotalsFile:
    """A file of totals, whole and well formed."""

    sha256: str
    size: int
    totals: tuple[Total, ...]


def read(path: Path) -> TotalsFile:
    """Read a file of totals. Raises :class:`MalformedError` with line and field, :class:`NotFoundError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path}") from error
    if len(data) > MAX_SIZE:
        raise MalformedError(_WHAT, f"more than {MAX_SIZE} bytes: is this a loan-level file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(_WHAT, "not UTF-8") from error
    rows = _json(text) if text.lstrip().startswith(("[", "{")) else _csv(text)
    seen: set[tuple[str, str]] = set()
    for place, total in rows:
        _check(total, place)
        if (total.name, total.currency) in seen:
            raise MalformedError(_WHAT, f"{place}: name: {total.name} in {total.currency} stands twice")
        seen.add((total.name, total.currency))
    if not rows or len(rows) > MAX_TOTALS:
        raise MalformedError(_WHAT, f"{len(rows)} totals; 1 to {MAX_TOTALS} are read")
    return TotalsFile(hashlib.sha256(data).hexdigest(), len(data), tuple(total for _, total in rows))


def _json(text: str) -> list[tuple[str, Total]]:

    try:
        items = msgspec.json.decode(text, type=list[Any])
        return [(f"item {n}", msgspec.convert(item, Total)) for n, item in enumerate(items, 1)]
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise MalformedError(_WHAT, str(error)) from error


def _csv(text: str) -> list[tuple[str, Total]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if header != _COLUMNS:
            raise MalformedError(
                _WHAT, f"line 1: the header is {in_quotes(','.join(header))}, not name,currency,amount"
            )
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(_COLUMNS):
                raise MalformedError(_WHAT, f"line {reader.line_num}: {len(cells)} cells, where 3 are wanted")
            name, currency, amount = (cell.strip() for cell in cells)
            rows.append((f"line {reader.line_num}", Total(name=name, currency=currency, amount=amount)))
    except csv.Error as error:
        raise MalformedError(_WHAT, f"line {reader.line_num}: {error}") from error
    return rows


def _check(total: Total, place: str) -> None:
    if total.name not in NAMES:
        raise MalformedError(_WHAT, f"{place}: name: {in_quotes(total.name)} is none of {', '.join(NAMES)}")
    try:
        money.check_currency(total.currency, "currency")
        total.units  # noqa: B018 - reading it is the check
    except RefusedError as error:
        raise MalformedError(_WHAT, f"{place}: {error.field}: {error.reason}") from error
    except ValueError as error:
        raise MalformedError(
            _WHAT, f"{place}: amount: {in_quotes(total.amount)} is no whole number"
        ) from error
