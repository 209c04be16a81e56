"""Of which accounts a party is shown the records: those to which loans that it is shown were paid, and no others.

A bank's statement of a day is over all payments to an account, whoever's they are, so whoever sees it sees their sum.
For the cash of one pool the statements of the accounts to which it was paid are needed, all of them: a later one may
take back an earlier one, and that none is left out in between shows in the chain of the account's own records. Accounts
to which nothing of the pool was paid say nothing of it (docs/decisions/0019).

An account comes into sight with the record that shows both: a payment to it, and the pledge that brought the loan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ledger.audit.scan import cash
from ledger.domain import record
from ledger.store import ReadConnection, records, shown
from ledger.store.logs import LogRow
from ledger.store.shown import Pledged

#: Loans whose records are read at a time: each has tens of them.
_LOANS: Final = 500
#: Pools at a size that are remembered: a mirror asks for many pages of one, and few mirror at a time.
_REMEMBERED: Final = 64


class _Replacement(msgspec.Struct):
    account: str | None = None


class _Data(msgspec.Struct):
    account: str | None = None
    replacement: _Replacement | None = None


class _Paid(msgspec.Struct):
    """What a payment, or a correction of one, says of its account."""

    data: _Data


_read = msgspec.json.Decoder(_Paid).decode


class Accounts:
    """Finds them, and remembers what it found: the records below a published size do not change."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int], Mapping[str, int]] = {}

    def in_sight(self, connection: ReadConnection, log: LogRow, pool_id: int, size: int) -> Mapping[str, int]:
        """Name of each account → the index at which it came into sight, below ``size``."""
        key = (log.id, pool_id, size)
        found = self._found.get(key)
        if found is None:
            found = _in_sight(connection, log, Pledged(pool_id, size))
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[key] = found
        return found


def _in_sight(connection: ReadConnection, log: LogRow, pledged: Pledged) -> Mapping[str, int]:
    brought = shown.first_pledged(connection, log.id, pledged)
    loans, found = sorted(brought), dict[str, int]()
    for start in range(0, len(loans), _LOANS):
        for row in records.of_subjects(connection, loans[start : start + _LOANS], before=pledged.before):
            raw = b"" if row.record is None else bytes(row.record)
            name = _account(raw) if raw and record.type_of(raw) in cash.SCANNED else None
            if name is not None:
                at = max(row.index, brought[row.subject_id])
                found[name] = min(at, found.get(name, at))
    return found


def _account(raw: bytes) -> str | None:
    data = _read(raw).data
    return data.account if data.replacement is None else data.replacement.account
