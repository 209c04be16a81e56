"""The money trail of a pool: what an audit adds up over its loans about cash, and the procedures that follow.

Three steps, in this order: the log's records are scanned (:mod:`ledger.audit.logscan`), which gives a :class:`Trail`;
the pool's loans are gone through with its collectors; :func:`check` performs confirmation, remittance, concentration,
borrowing_base, back_dating, days and duplicates on what they gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.audit import base, logscan, remittance
from ledger.audit.backdating import BackDating, Clock
from ledger.audit.base import Covers
from ledger.audit.cash import CashBook
from ledger.audit.collect import Collector
from ledger.audit.confirmation import Confirmations
from ledger.audit.findings import Notes
from ledger.audit.logscan import Known, LogScan
from ledger.audit.pool import Pool
from ledger.audit.remittance import Collections
from ledger.audit.rules import PoolRules
from ledger.audit.totals import Totals
from ledger.store import ReadConnection
from ledger.store.logs import LogRow

_CONFIRMED, _COLLECTED, _COVERS, _DATED = "confirmation", "collections", "covers", "back_dating"


@dataclass(frozen=True, slots=True)
class Trail:
    """What the loans' collectors have to know: what account banks settled, and when what was anchored."""

    book: CashBook
    clock: Clock

    def collectors(self, rules: PoolRules) -> dict[str, Collector]:
        """Fresh collectors for one range of the pool's loans."""
        return {
            _CONFIRMED: Confirmations(self.book),
            _COLLECTED: Collections(),
            _COVERS: Covers.of(rules),
            _DATED: BackDating.of(self.clock, rules),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a report shows: ``totals`` by currency, ``numbers`` of events by their days to the anchor."""

    totals: Mapping[str, Mapping[str, Any]]
    numbers: Mapping[str, int]


def check(
    connection: ReadConnection, log: LogRow, pool: Pool, collectors: Mapping[str, Collector], *,
    known: Known, scan: LogScan, totals: Totals, loan_ids: Sequence[int], size: int, as_of: date,
    cut_offs: Iterable[date] = (), notes: Notes,
) -> Shown:  # fmt: skip
    """Perform the procedures on what the scan and the collectors of all ranges gave.

    ``loan_ids`` are the pool's loans, ``cut_offs`` the days of its seals; ``size`` is the audited one.
    """
    confirmed, collected = collectors[_CONFIRMED], collectors[_COLLECTED]
    covers, dated = collectors[_COVERS], collectors[_DATED]
    assert isinstance(confirmed, Confirmations)
    assert isinstance(collected, Collections)
    assert isinstance(covers, Covers)
    assert isinstance(dated, BackDating)
    notes.procedure("confirmation", "payments")
    notes.add(confirmed.settlements(scan.cash.notes))
    remitted = remittance.check(notes, pool.subject, pool.records, collected, rules=pool.rules, as_of=as_of)
    base.check_limits(notes, pool.subject, totals, rules=pool.rules)
    bases = base.check_base(notes, pool.subject, pool.records, covers, rules=pool.rules, as_of=as_of)
    dated.check(notes, pool.subject, cut_offs)
    scan.days.check(notes, known.closes)
    scan.duplicates.check(
        notes, logscan.reader(connection, log, before=size), logscan.of_pool(connection, log, loan_ids)
    )
    confirmations = confirmed.to_json()
    currencies = confirmations.keys() | bases.keys() | {one.account.currency for one in remitted}
    shown: dict[str, dict[str, Any]] = {currency: {} for currency in sorted(currencies)}
    for currency, values in shown.items():
        values["confirmation"] = confirmations.get(currency)
        values["borrowing_base"] = bases[currency].to_json() if currency in bases else None
        values["remittance"] = [one.to_json() for one in remitted if one.account.currency == currency]
    return Shown(totals=shown, numbers={f"back_dating_{name}": n for name, n in dated.numbers().items()})
