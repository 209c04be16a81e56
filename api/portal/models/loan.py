"""A loan's page: its records with both clocks, its schedule against payments, its claims, where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from msgspec import UNSET

from api.portal.models import records as shown
from api.portal.models.ladder import reach
from api.portal.models.records import Entry
from ledger.access import Caller, View
from ledger.audit.chains import read_records
from ledger.audit.findings import Notes
from ledger.audit.run import last_day
from ledger.domain import loans, money
from ledger.domain.delinquency import Measure
from ledger.domain.events.terms import Terms
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.domain.loans import LoanState
from ledger.domain.position import Life, Position
from ledger.domain.settled import Instalment, instalments_on
from ledger.errors import UndeterminedError
from ledger.log import Ledger
from ledger.store import ReadConnection, logs, records, subjects
from ledger.store.logs import LogRow
from ledger.store.subjects import SubjectRow

#: Members of the terms that the head of the page lists, where they are told.
_TERMS: Final = (
    "principal", "annual_rate", "amortisation", "instalments", "first_due", "product", "scene", "region",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds how much (ppm) of a claim, in which pool; both are None where the reader may not know them."""

    pool: str | None
    name: str | None
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One creditor's share in ppm; principal as a decimal string."""

    name: str
    creditor: str
    share: int
    principal: str
    asset_key: str
    weak: bool
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An instalment, amounts as decimal strings; ``state``: paid, part, late, by_others, next or future."""

    number: int
    day: str
    principal: str
    interest: str
    fee: str
    total: str
    paid: str
    open: str
    others: tuple[tuple[str, str], ...]
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the loan stands on a day, derived; amounts as decimal strings, None where they cannot be told."""

    as_of: str
    status: str
    bucket: str
    days_past_due: int | None
    oldest_unpaid: str | None
    arrears: str | None
    principal: str
    disbursed: str
    collected: str
    paid_by_others: tuple[str, ...]
    undetermined: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPage:
    """Everything of one loan. ``standing`` is None for an erased one; ``no_schedule`` says why none is shown."""

    name: str
    currency: str
    erased: bool
    standing: Standing | None
    terms: tuple[tuple[str, str], ...]
    claims: tuple[Claim, ...]
    pools: tuple[str, ...]
    schedule: tuple[Row, ...]
    no_schedule: str
    entries: tuple[Entry, ...]


def page(ledger: Ledger, row: SubjectRow, *, caller: Caller) -> LoanPage:
    """A loan that the caller was found to see, as of the newest record's day."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = records.of_subject(connection, row.id)
        entries = shown.entries(own, reach(connection, log), log)
        day = last_day(connection, log, log.size)
        parsed = read_records(row.name, log.origin, own, Notes())
        state = None if row.secret is None else loans.decode(row.state)
        claims = () if state is None else _claims(connection, View(connection, log, caller), log, row, state)
    life = _life(parsed, day)
    standing, schedule, reason = (None, (), "") if life is None else _stands(life, day)
    return LoanPage(
        name=row.name.removeprefix("loan:"),
        currency="" if state is None else state.currency,
        erased=row.secret is None,
        standing=standing,
        terms=() if life is None else _terms(life.terms),
        claims=claims,
        pools=tuple(sorted({one.pool for claim in claims for one in claim.holders if one.pool is not None})),
        schedule=schedule,
        no_schedule=reason,
        entries=tuple(reversed(entries)),
    )


def _life(parsed: list[Indexed], day: date) -> Life | None:
    held = unsuperseded(parsed, until=day)
    if not held or not held[0].record.kind.begins:
        return None
    return Life(held, count=len(parsed))


def _stands(life: Life, day: date) -> tuple[Standing, tuple[Row, ...], str]:
    state = state_of(life.held, count=life.count)
    position = life.at(day, state=state)
    try:
        rows, reason = instalments_on(life, day), ""
    except UndeterminedError as error:
        rows, reason = (), str(error)
    coming = next((one.due.number for one in rows if not one.past), None)
    schedule = tuple(_row(one, state, coming) for one in rows if one.due.total)
    return _standing(position, state, day), schedule, reason


def _standing(position: Position, state: LoanState, day: date) -> Standing:
    currency, measure = state.currency, Measure()
    return Standing(
        as_of=day.isoformat(),
        status=state.status,
        bucket="" if state.ended else measure.bucket(position.days_past_due),
        days_past_due=position.days_past_due,
        oldest_unpaid=None if position.oldest_unpaid is None else position.oldest_unpaid.isoformat(),
        arrears=None if position.arrears is None else money.format(position.arrears, currency),
        principal=money.format(state.principal, currency),
        disbursed=money.format(state.disbursed, currency),
        collected=money.format(state.collected, currency),
        paid_by_others=position.paid_by_others,
        undetermined=position.undetermined,
    )


def _row(one: Instalment, state: LoanState, coming: int | None) -> Row:
    def text(units: int) -> str:
        return money.format(units, state.currency)

    due = one.due
    return Row(
        number=due.number, day=due.date.isoformat(), principal=text(due.principal), interest=text(due.interest),
        fee=text(due.fee), total=text(due.total), paid=text(one.paid), open=text(one.open),
        others=tuple((payer, text(units)) for payer, units in one.others),
        state=_state(one, state, coming),
    )  # fmt: skip


def _state(one: Instalment, state: LoanState, coming: int | None) -> str:
    if one.open <= 0:
        return "paid"
    if one.others and sum(units for _, units in one.others) >= one.open:
        return "by_others"
    if state.ended:
        return "ended"
    if one.past:
        return "part" if one.paid else "late"
    return "next" if one.due.number == coming else "future"


def _terms(terms: Terms) -> tuple[tuple[str, str], ...]:
    found = ((name, getattr(terms, name, UNSET)) for name in _TERMS)
    return tuple((name, str(value)) for name, value in found if value is not UNSET and value is not None)


def _claims(
    connection: ReadConnection, view: View, log: LogRow, row: SubjectRow, state: LoanState
) -> tuple[Claim, ...]:
    places = {one.name: one for one in subjects.claims_of(connection, [row.id])}
    keys = [bytes(one.asset_key) for one in places.values()]
    steps = subjects.encumbrances_of(connection, log.id, keys)
    pools = subjects.by_id(connection, {step.pool_id for step in steps})
    held: dict[tuple[bytes, str, str], int] = {}
    for step in steps:
        place = (bytes(step.asset_key), pools[step.pool_id].name.removeprefix("pool:"), step.holder)
        held[place] = held.get(place, 0) + step.change
    found = []
    for part in state.claims:
        key = bytes(places[part.name].asset_key) if part.name in places else b""
        found.append(
            Claim(
                name=part.name, creditor=part.creditor, share=part.share,
                principal=money.format(part.principal, state.currency), asset_key=key.hex(), weak=part.weak,
                holders=tuple(
                    _holder(view, pool, holder, share)
                    for (mine, pool, holder), share in sorted(held.items())
                    if mine == key and share > 0
                ),
            )
        )  # fmt: skip
    return tuple(found)


def _holder(view: View, pool: str, name: str, share: int) -> Holder:
    """What a reader is told of a holding: of another lender's no more than how much it is."""
    if view.is_party(name) or view.sees_pool(pool):
        return Holder(pool=pool, name=name, share=share)
    return Holder(pool=None, name=None, share=share)
