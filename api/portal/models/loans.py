"""The loans of a pool, page by page in the order of their names, with where each stands.

A name's beginning is looked up; status and delinquency are derived, so a filter by them goes through the loans in
order and stops after :data:`MOST_EXAMINED` of them: the page then says how far it has looked, and goes on from there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Final

from ledger.audit.chains import read_records
from ledger.audit.findings import Notes
from ledger.audit.run import last_day
from ledger.domain import loans, money, seals
from ledger.domain import pools as states
from ledger.domain.delinquency import Measure
from ledger.domain.fold import unsuperseded
from ledger.domain.position import Life
from ledger.log import Ledger
from ledger.store import ReadConnection, logs, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.subjects import SubjectRow

#: Loans on a page.
PAGE: Final = 50
#: Loans that are folded for one page at most: about a second's work.
MOST_EXAMINED: Final = 1_000
#: The statuses that may be asked for.
STATUSES: Final = ("originated", "active", "settled", "charged_off", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which loans are wanted: by the beginning of the name, by status, past due only."""

    name: str = ""
    status: str = ""
    late: bool = False

    @property
    def derives(self) -> bool:
        """Whether a loan has to be looked at to know."""
        return bool(self.status) or self.late


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A loan in the list; amounts of its whole, as decimal strings. ``held`` is principal on the pool's shares."""

    name: str
    status: str
    erased: bool
    currency: str = ""
    principal: str = ""
    held: str = ""
    bucket: str = ""
    days_past_due: int | None = None
    undetermined: bool = False
    records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of loans. ``after`` leads to the next one; ``examined`` loans were looked at for it."""

    rows: tuple[Row, ...]
    after: str | None
    examined: int
    as_of: str


def page(ledger: Ledger, pool: str, wanted: Filter, *, after: str) -> Page:
    """The loans of a pool that the reader was found to see, after a name."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"])[f"pool:{pool}"]
        rules = states.decode(row.state).rules_data
        measure, day = Measure.of(rules), last_day(connection, log, log.size)
        found: list[Row] = []
        examined, last = 0, after
        while len(found) < PAGE and examined < MOST_EXAMINED:
            ids = subjects.loans_held(
                connection, log.id, row.id, after=f"loan:{last}", prefix=f"loan:{wanted.name}", limit=PAGE
            )
            for one in _rows(connection, log, row.id, ids, measure=measure, day=day):
                examined, last = examined + 1, one.name
                if _fits(one, wanted):
                    found.append(one)
                if len(found) == PAGE:
                    break
            if len(ids) < PAGE and len(found) < PAGE:
                return Page(rows=tuple(found), after=None, examined=examined, as_of=day.isoformat())
    return Page(rows=tuple(found), after=last, examined=examined, as_of=day.isoformat())


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


def _fits(one: Row, wanted: Filter) -> bool:
    if wanted.status and one.status != wanted.status:
        return False
    return not wanted.late or bool(one.days_past_due)


def _rows(
    connection: ReadConnection, log: LogRow, pool_id: int, ids: Sequence[int], *, measure: Measure, day: date
) -> Iterator[Row]:
    rows = subjects.by_id(connection, ids)
    own: dict[int, list[RecordRow]] = {one: [] for one in ids}
    for record in records.of_subjects(connection, ids, before=log.size):
        own[record.subject_id].append(record)
    shares = _shares(connection, log, pool_id, ids)
    for one in ids:
        yield _row(rows[one], own[one], shares[one], origin=log.origin, measure=measure, day=day)


def _shares(
    connection: ReadConnection, log: LogRow, pool_id: int, ids: Sequence[int]
) -> dict[int, dict[str, int]]:
    """Loan → claim → ppm that the pool holds."""
    claims = {bytes(one.asset_key): one for one in subjects.claims_of(connection, ids)}
    found: dict[int, dict[str, int]] = {one: {} for one in ids}
    for step in subjects.encumbrances_of(connection, log.id, claims):
        if step.pool_id == pool_id:
            claim = claims[bytes(step.asset_key)]
            mine = found[claim.subject_id]
            mine[claim.name] = mine.get(claim.name, 0) + step.change
    return found


def _row(
    row: SubjectRow,
    own: Sequence[RecordRow],
    shares: dict[str, int],
    *,
    origin: str,
    measure: Measure,
    day: date,
) -> Row:
    name = row.name.removeprefix("loan:")
    if row.secret is None:
        return Row(name=name, status="", erased=True, records=row.count)
    state = loans.decode(row.state)
    held = sum(
        seals.held(part.principal, shares.get(part.name, 0), state.currency)[0] for part in state.claims
    )
    standing = unsuperseded(read_records(row.name, origin, own, Notes()), until=day)
    days, undetermined = None, True
    if standing and standing[0].record.kind.begins:
        position = Life(standing, count=row.count).at(day)
        days, undetermined = measure.days(position), bool(position.undetermined)
    return Row(
        name=name, status=state.status, erased=False, currency=state.currency,
        principal=money.format(state.principal, state.currency), held=money.format(held, state.currency),
        bucket="" if state.ended else measure.bucket(days), days_past_due=days, undetermined=undetermined,
        records=row.count,
    )  # fmt: skip
