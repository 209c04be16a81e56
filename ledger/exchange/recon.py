"""The partner's reconciliation file (对账文件) of a business date, and what it is made from.

::

    recon.csv             a row for each part of an event that is the partner's, by :mod:`ledger.domain.dayclose`
    recon.manifest.json   rows, sums by type and currency as in day.closed, SHA-256, how far the log was
    recon.ok              written last; taken away first when the file is made again

It is made once all files of its date are in, and again when more records of the date come; so it always equals what a
close of the date at the same index says, to the cent.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from ledger.domain import calendar, dayclose, fold, loans, money, record
from ledger.domain.calendar import parse_effective
from ledger.domain.dayclose import COMPONENTS, Flow, Owned
from ledger.domain.fold import Indexed
from ledger.domain.loans import LoanState
from ledger.exchange import layout
from ledger.exchange.manifest import FORMAT, document
from ledger.exchange.place import Place
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.subjects import EncumbranceRow

COLUMNS: Final = (
    "index", "id", "type", "loan", "claim", "contract", "pool", "share", "value_date", "bank_ref", "currency",
    *COMPONENTS, "amount",
)  # fmt: skip
_CORRECTION: Final = "correction.made"


@dataclass(slots=True, kw_only=True)
class DayBook:
    """What the records with an index below ``before`` say of a business date.

    ``corrections`` took effect on it, of whatever date's records; they are in no sum. ``erased`` records may have been
    of the date: nobody can tell any more.
    """

    day: date
    before: int
    records: list[Indexed] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    contracts: dict[tuple[str, str], str] = field(default_factory=dict)
    corrections: int = 0
    erased: int = 0

    def lines(self) -> list[dict[str, Any]]:
        """The lines of a close of the date."""
        return dayclose.lines(self.records, self.flows)

    def lines_of(self, party: str) -> list[dict[str, Any]]:
        """Those of one party."""
        return [line for line in self.lines() if line["holder"] == party]


def touched(connection: ReadConnection, log: LogRow, start: int, stop: int) -> set[str]:
    """The business dates that records with start ≤ index < stop belong to, as far as a close counts them."""
    found = set()
    for row in records.between(connection, log.id, start, stop):
        if row.record is not None and record.type_of(raw := bytes(row.record)) in dayclose.TYPES:
            found.add(record.effective_of(raw))
    return {day for day in found if len(day) == len("YYYY-MM-DD")}


def read(
    connection: ReadConnection, log: LogRow, days: Collection[date], *, before: int
) -> dict[date, DayBook]:
    """What the records below ``before`` say of each of these dates, in one pass over those that can."""
    books = {day: DayBook(day=day, before=before) for day in days}
    if not books:
        return books
    by_text = {day.isoformat(): book for day, book in books.items()}
    # No record is effective after the day on which it was posted, so none of a date stands before its morning.
    morning = calendar.end_of_business_day(min(books) - timedelta(days=1), log.zone, log.day_cut)
    start = records.first_posted_from(connection, log.id, calendar.format_instant(morning))
    owners: dict[int, list[Indexed]] = {}
    for row in records.between(connection, log.id, before if start is None else start, before):
        if row.record is None:
            for book in books.values():
                book.erased += 1
            continue
        raw = bytes(row.record)
        kind, of_day = record.type_of(raw), by_text.get(record.effective_of(raw))
        if of_day is None:
            continue
        if kind in dayclose.TYPES:
            one = record.parse(raw)
            of_day.records.append((row.index, one))
            owners.setdefault(row.subject_id, []).append((row.index, one))
        elif kind == _CORRECTION:
            of_day.corrections += 1
    _divide(connection, log, by_text, owners, before=before)
    return books


def _divide(
    connection: ReadConnection, log: LogRow, books: dict[str, DayBook], owners: dict[int, list[Indexed]], *, before: int
) -> None:  # fmt: skip
    """Fill in whose the records are."""
    places = _Places(connection, log, owners, before=before)
    for subject, known in owners.items():
        for index, one in known:
            book, state = books[one.effective], places.states.get(subject)
            claims = [] if state is None else places.owned(subject, state, one.when.ordinal)
            book.flows += dayclose.flows(index, one, claims, 0 if state is None else state.remainder)
            if state is not None:
                book.contracts |= places.contracts(subject)
    for book in books.values():
        book.records.sort(key=lambda pair: pair[0])
        book.flows.sort()


class _Places:
    """Whose the claims of some loans were on a morning, by the records below an index."""

    def __init__(
        self, connection: ReadConnection, log: LogRow, subject_ids: Collection[int], *, before: int
    ) -> None:
        self._connection = connection
        self._before = before
        rows = subjects.by_id(connection, subject_ids)
        #: loans only; a pool has no claims of its own
        self.states: dict[int, LoanState] = {
            row.id: loans.decode(row.state) for row in rows.values() if row.name.startswith("loan:")
        }
        self._names = {row.id: row.name.removeprefix("loan:") for row in rows.values()}
        self._firsts = records.first_of(connection, self.states)
        keys = {
            bytes(claim.asset_key): (claim.subject_id, claim.name)
            for claim in subjects.claims_of(connection, self.states)
        }
        steps = subjects.encumbrances_of(connection, log.id, keys, before=before)
        self._days = _effective(connection, log, {step.index for step in steps})
        pools = subjects.by_id(connection, {step.pool_id for step in steps})
        self._pools = {row.id: row.name.removeprefix("pool:") for row in pools.values()}
        self._steps: dict[tuple[int, str], list[EncumbranceRow]] = {}
        for step in steps:
            self._steps.setdefault(keys[bytes(step.asset_key)], []).append(step)
        self._creditors: dict[tuple[int, int], list[str]] = {}

    def owned(self, subject: int, state: LoanState, ordinal: int) -> list[Owned]:
        """The claims of a loan as they were when the day began."""
        creditors = self._creditors_of(subject, state, ordinal)
        return [
            Owned(part.name, part.share, creditor, self._holders(subject, part.name, ordinal))
            for part, creditor in zip(state.claims, creditors, strict=True)
        ]

    def contracts(self, subject: int) -> dict[tuple[str, str], str]:
        """(loan, claim) → the creditor's own number of it (借据号), as the loan began."""
        raw = self._firsts.get(subject)
        if raw is None:
            return {}
        claims = msgspec.json.decode(raw)["data"]["claims"]
        return {(self._names[subject], claim["claim"]): claim.get("contract", "") for claim in claims}

    def _holders(self, subject: int, claim: str, ordinal: int) -> tuple[tuple[str, str, int], ...]:
        shares: dict[tuple[str, str], int] = {}
        for step in self._steps.get((subject, claim), ()):
            if self._days[step.index] < ordinal:
                place = (self._pools[step.pool_id], step.holder)
                shares[place] = shares.get(place, 0) + step.change
        return tuple((pool, holder, share) for (pool, holder), share in sorted(shares.items()) if share > 0)

    def _creditors_of(self, subject: int, state: LoanState, ordinal: int) -> list[str]:
        """Each claim's creditor on that morning: as the state has it, unless one was ever bought back."""
        if all(part.bought[1] < 0 for part in state.claims):
            return [part.creditor for part in state.claims]
        key = (subject, ordinal)
        if key not in self._creditors:
            rows = records.of_subject(self._connection, subject, before=self._before)
            known = [(row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None]
            first, *rest = fold.unsuperseded(known)
            then = [first, *(one for one in rest if one.record.when.ordinal < ordinal)]
            self._creditors[key] = [part.creditor for part in fold.state_of(then, count=len(then)).claims]
        return self._creditors[key]


def _effective(connection: ReadConnection, log: LogRow, indexes: Iterable[int]) -> dict[int, int]:
    """Index → effective day (ordinal) of records that moved shares; pools' records are never erased."""
    found = records.raw_at(connection, log.id, indexes)
    return {
        index: parse_effective(record.effective_of(raw)).ordinal
        for index, raw in found.items()
        if raw is not None
    }


# -- the file ----------------------------------------------------------------------------------------------


def rows_of(book: DayBook, partner: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a partner's file, by index, loan, claim and pool."""
    events = dict(book.records)
    for flow in book.flows:
        if flow.party != partner:
            continue
        event: Any = events[flow.index].event
        yield (
            flow.index, flow.id, flow.type, flow.loan, flow.claim, book.contracts.get((flow.loan, flow.claim), ""),
            flow.pool, flow.share, _text(event, "value_date"), _text(event, "bank_ref"), flow.currency,
            *(money.format(units, flow.currency) for units in flow.parts), money.format(flow.amount, flow.currency),
        )  # fmt: skip


def write(place: Place, log: LogRow, book: DayBook, partner: str, *, close: dict[str, Any] | None) -> None:
    """Put a partner's file there; ``close`` is its day.closed, to be signed, once the servicer has closed the date."""
    path = {
        file: layout.partner(partner, book.day, file)
        for file in ("recon.csv", "recon.manifest.json", "recon.ok")
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
        "lines": book.lines_of(partner),
        "corrections": book.corrections,
        "erased": book.erased,
        "closed": close is not None,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    place.write(path["recon.manifest.json"], document(manifest))
    closing = layout.partner(partner, book.day, "close.json")
    if close is None:
        place.remove(closing)
    else:
        place.write(closing, document(close))
    place.write(path["recon.ok"], b"")


def is_there(there: Collection[str], partner: str, day: date) -> bool:
    """Whether a partner's file of a date lies there whole; ``there`` are all paths."""
    return layout.partner(partner, day, "recon.ok") in there


def _text(event: Any, name: str) -> str:
    value = getattr(event, name, None)
    return value if isinstance(value, str) else ""
