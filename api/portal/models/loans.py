"""The tape of a pool that its page offers: where each loan stands, as lines of CSV (see :mod:`ledger.loanlist`)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Final

from ledger.loanlist import Filter, page
from ledger.log import Ledger

#: The columns of a tape.
TAPE_COLUMNS: Final = (
    "loan", "status", "currency", "principal", "held_by_pool", "days_past_due", "bucket", "records", "as_of",
)  # fmt: skip


def tape(ledger: Ledger, pool: str) -> Iterator[str]:
    """Every loan that the pool holds, as lines of CSV; what cannot be told is empty. Each page is a snapshot."""
    yield _csv(TAPE_COLUMNS)
    after: str | None = ""
    while after is not None:
        one = page(ledger, pool, Filter(), after=after)
        for row in one.rows:
            days = "" if row.days_past_due is None else str(row.days_past_due)
            yield _csv(
                (
                    row.name, "erased" if row.erased else row.status, row.currency, row.principal, row.held, days,
                    row.bucket, str(row.records), one.as_of,
                )
            )  # fmt: skip
        after = one.after


def _csv(values: Sequence[str]) -> str:
    line = StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
