"""The money trail of a pool: what an audit adds up over its loans about cash, and the procedures that follow.

Three steps, in this order: the log's records are scanned (:mod:`ledger.audit.scan`), which gives a :class:`Trail`; the
pool's loans are gone through with its collectors; :func:`check` performs confirmation, remittance, concentration,
borrowing_base, back_dating, days and duplicates on what they gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.audit.collectors import Collector, backdating, base, remittance
from ledger.audit.collectors.backdating import BackDating, Clock
from ledger.audit.collectors.base import Base, Covers
from ledger.audit.collectors.confirmation import Confirmations
from ledger.audit.collectors.remittance import Collections, Remitted
from ledger.audit.collectors.totals import Totals
from ledger.audit.findings import Notes
from ledger.audit.pool import Pool
from ledger.audit.rules import PoolRules
from ledger.audit.scan import logscan
from ledger.audit.scan.cash import CashBook
from ledger.audit.scan.logscan import Known, LogScan
from ledger.domain import money
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
    """What a report shows beside its other totals and numbers, in the same form."""

    totals: Mapping[str, Mapping[str, str | Mapping[str, str]]]
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
    notes.procedure("confirmation")
    notes.add(confirmed.settlements(scan.cash.notes))
    remitted = remittance.check(notes, pool.subject, pool.records, collected, rules=pool.rules, as_of=as_of)
    base.check_limits(notes, pool.subject, totals, rules=pool.rules)
    bases = base.check_base(notes, pool.subject, pool.records, covers, rules=pool.rules, as_of=as_of)
    dated.check(notes, pool.subject, cut_offs)
    backdating.check_transfers(notes, pool, as_of)
    scan.check(notes)
    scan.days.check(notes, known.closes)
    scan.duplicates.check(
        notes, logscan.reader(connection, log, before=size), logscan.of_pool(connection, log, loan_ids)
    )
    return Shown(
        totals=_totals(confirmed, remitted, bases), numbers={**_counts(confirmed), **dated.numbers()}
    )


def _totals(
    confirmed: Confirmations, remitted: Sequence[Remitted], bases: Mapping[str, Base]
) -> dict[str, dict[str, str | dict[str, str]]]:
    """By currency: what was collected and passed on to each holder, the base, what the bank says of the payments."""
    shown: dict[str, dict[str, str | dict[str, str]]] = {}
    for currency, kinds in confirmed.tallies.items():
        units = {kind: money.format(tally.units, currency) for kind, tally in sorted(kinds.items())}
        shown.setdefault(currency, {})["by_confirmation"] = units
    for one in remitted:
        holder, currency = one.account
        for name, text in one.to_json().items():
            by_holder = shown.setdefault(currency, {}).setdefault(f"{name}_by_holder", {})
            assert isinstance(by_holder, dict)
            by_holder[holder] = text
    for currency, found in bases.items():
        shown.setdefault(currency, {}).update(found.to_json())
    return shown


def _counts(confirmed: Confirmations) -> dict[str, int]:
    """How many payments the bank confirmed and how many not, over all currencies."""
    counts: Counter[str] = Counter()
    for kinds in confirmed.tallies.values():
        for kind, tally in kinds.items():
            counts[f"payments_{kind}"] += tally.count
    return dict(counts)
