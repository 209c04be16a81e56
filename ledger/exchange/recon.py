"""The partner's reconciliation file (对账文件) of a business date.

::

    recon.csv             a row for each part of an event that is the partner's, by :mod:`ledger.domain.dayclose`
    recon.manifest.json   rows, sums by type and currency as in day.closed, SHA-256, how far the log was
    close.json            the partner's day.closed, to be signed, once the servicer has closed the date
    recon.ok              written last; taken away first when the file is made again

It is made once all files of its date are in, and again when more records of the date come; so it always equals what a
close of the date at the same index says, to the cent. Rows of a type like ``correction.made/repayment.received`` are
what a correction changes of an earlier record: differences, with their sign, and in no sum.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, Final

from ledger.domain import money
from ledger.domain.dayclose import COMPONENTS
from ledger.exchange import layout
from ledger.exchange.daybook import DayBook, lines_of
from ledger.exchange.manifest import FORMAT, document
from ledger.exchange.place import Place
from ledger.store.logs import LogRow

COLUMNS: Final = (
    "index", "id", "type", "loan", "claim", "contract", "pool", "share", "value_date", "bank_ref", "currency",
    *COMPONENTS, "amount",
)  # fmt: skip


def rows_of(book: DayBook, partner: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a partner's file, by index, loan, claim and pool."""
    events = {one.index: one for one in book.records}
    for flow in sorted([*book.flows, *book.corrections]):
        if flow.party != partner:
            continue
        event = events.get(flow.index)
        found_by = ("", "") if event is None else (event.value_date, event.bank_ref)
        yield (
            flow.index, flow.id, flow.type, flow.loan, flow.claim, book.contracts.get((flow.loan, flow.claim), ""),
            flow.pool, flow.share, *found_by, flow.currency,
            *(money.format(units, flow.currency) for units in flow.parts), money.format(flow.amount, flow.currency),
        )  # fmt: skip


def write(
    place: Place, log: LogRow, book: DayBook, partner: str, *, lines: list[dict[str, Any]], close: dict[str, Any] | None
) -> None:  # fmt: skip
    """Put a partner's file there. ``lines`` are those of the date's close, ``close`` the partner's answer to one."""
    path = {
        file: layout.partner(partner, book.day, file)
        for file in ("recon.csv", "recon.manifest.json", "close.json", "recon.ok")
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = list(rows_of(book, partner))
    writer.writerows(rows)
    data = text.getvalue().encode()
    place.remove(path["recon.ok"])
    place.write(path["recon.csv"], data)
    manifest = {
        "format": FORMAT,
        "origin": log.origin,
        "partner": partner,
        "date": book.day.isoformat(),
        "before": book.before,
        "rows": len(rows),
        "lines": lines_of(lines, partner),
        "corrections": len({one.index for one in book.corrections if one.party == partner}),
        "erased": book.erased,
        "closed": close is not None,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    place.write(path["recon.manifest.json"], document(manifest))
    if close is None:
        place.remove(path["close.json"])
    else:
        place.write(path["close.json"], document(close))
    place.write(path["recon.ok"], b"")


def is_there(there: Collection[str], partner: str, day: date) -> bool:
    """Whether a partner's file of a date lies there whole; ``there`` are all paths."""
    return layout.partner(partner, day, "recon.ok") in there
