"""The first screen: what a partner's risk officer, an investor, and the platform's operator look at in the morning.

A reader who oversees the log sees the log itself; one who holds claims sees what is theirs; another sees the pools that
it was given. *Yesterday* is the business day before that of the newest record in the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from api.chain_account import Seen
from api.portal import formats
from api.portal.models import figures as figures_of
from api.portal.models.figures import Bound, Figures, Part, ratio
from api.portal.models.ladder import Reach, Step, of_log, reach
from api.portal.models.verdict import Verdict, verdict
from api.portal.words import Words
from ledger import audits, snapshots
from ledger.access import Caller, View
from ledger.audit import pool as audited
from ledger.audit.reconcile import breaks
from ledger.audit.run import last_day
from ledger.domain import money
from ledger.domain.events.files import TapeReceived
from ledger.domain.fold import Indexed
from ledger.log import Ledger
from ledger.store import ReadConnection, anchors, exchange, jobs, logs, records, subjects, webhooks
from ledger.store.logs import LogRow

#: The criterion that bounds the borrower's whole cost.
COST_CAP: Final = "annual_cost_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool on the first screen; ``mine`` is what the reader holds of it, ``unreconciled`` the open breaks' sum."""

    name: str
    title: str
    figures: Figures | None
    mine: Part | None
    verdict: Verdict
    open_breaks: int
    unreconciled: str | None
    last_file: str | None
    sealed: str | None
    changes: tuple[tuple[str, int], ...]
    outstanding_then: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Principal in a bucket over several pools; shares of all principal, now and at the end of the month before."""

    name: str
    principal: str
    share: Decimal | None
    before: Decimal | None

    @property
    def change(self) -> str:
        """In percentage points, with its sign."""
        if self.share is None or self.before is None:
            return formats.NONE
        points = formats.percent(self.share - self.before).removesuffix("%")
        return points if points.startswith(("−", "0.00")) else f"+{points}"

    @property
    def tone(self) -> str:
        """More of what is current is good, more of what is late is bad."""
        if self.share is None or self.before is None or self.share == self.before:
            return "soft"
        return "good" if (self.share > self.before) == (self.name == "current") else "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What is the reader's in one currency, over all its pools."""

    currency: str
    day: str
    balance: str
    share: Decimal | None
    claims: int
    disbursed: str
    collected: str
    remitted: str
    buckets: tuple[Bucket, ...]
    month_before: str
    compensated: str
    compensation: Decimal | None
    above_cap: int
    above_cap_principal: str
    capped: bool
    unreconciled: str
    open_breaks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderHome:
    """The first screen of those who hold or look after pools. ``since`` is when they looked before, if they did."""

    money: tuple[Money, ...]
    pools: tuple[Pool, ...]
    limits: tuple[tuple[str, Bound], ...]
    reach: Reach
    last_file: str | None
    since: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files taken in by exchange: how many in each state, rows refused, when the newest came."""

    states: tuple[tuple[str, int], ...]
    refused: int
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorHome:
    """The first screen of those who run the log: how far it is, what waits, what does not go on."""

    ladder: tuple[Step, ...]
    pending: int
    unanchored: int
    parties: int
    jobs_waiting: int
    jobs_running: int
    webhooks: int
    webhooks_disabled: int
    files: Files | None
    pools: tuple[Pool, ...]
    anchors: tuple[anchors.AnchorRow, ...]
    log: LogRow
    account: Seen | None

    @property
    def open_breaks(self) -> int:
        """Of all pools."""
        return sum(one.open_breaks for one in self.pools)


def holder(ledger: Ledger, caller: Caller, words: Words, *, seen: tuple[int, str] | None) -> HolderHome:
    """What is the caller's. ``seen`` are the size and the instant of its last look, None at the first."""
    pools = _pools(ledger, caller, words, seen=None if seen is None else seen[0])
    with ledger.store.read() as connection:
        found = reach(connection, logs.get(connection, ledger.origin))
    limits = [(pool.name, one) for pool in pools if pool.figures is not None for one in pool.figures.limits]
    return HolderHome(
        money=tuple(_money(currency, caller, pools) for currency in _currencies(pools)),
        pools=pools,
        limits=tuple(sorted(limits, key=lambda pair: pair[1].share - pair[1].limit, reverse=True)),
        reach=found,
        last_file=max((one.last_file for one in pools if one.last_file), default=None),
        since=None if seen is None else seen[1],
    )


def operator(ledger: Ledger, caller: Caller, words: Words, *, account: Seen | None) -> OperatorHome:
    """The log as a whole. ``account`` pays for its anchors, as far as it was looked at."""
    pools = _pools(ledger, caller, words, seen=None)
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        found = reach(connection, log)
        rows = anchors.unfinished(connection, log.id)
        queue = jobs.lengths(connection, log.id)
        receivers = webhooks.list_endpoints(connection, log.id)
        return OperatorHome(
            ladder=of_log(found, log.posted or None),
            pending=log.size - log.published,
            unanchored=max(0, found.published - found.anchored),
            parties=len(logs.list_parties(connection, log.id)),
            jobs_waiting=sum(count for (_, state), count in queue.items() if state == "queued"),
            jobs_running=sum(count for (_, state), count in queue.items() if state == "running"),
            webhooks=len(receivers),
            webhooks_disabled=sum(one.disabled is not None for one in receivers),
            files=_files(connection, log),
            pools=pools,
            anchors=tuple(rows),
            log=log,
            account=account,
        )


# -- pools -----------------------------------------------------------------------------------------------------


def _pools(ledger: Ledger, caller: Caller, words: Words, *, seen: int | None) -> tuple[Pool, ...]:
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        names = View(connection, log, caller).pools() if log.published else []
        day = last_day(connection, log, log.published) if log.published else date.min
        loaded = {
            name: audited.load(connection, log, name, before=log.published, as_of=day)
            for name in names
            if _begun(connection, log, name)
        }
        runs = {name: audits.latest(connection, log, name) for name in loaded}
    shown = {name: _figures(ledger, name) for name in loaded}
    said = {name: verdict(log, shown[name], runs[name], words) for name in loaded}
    return tuple(
        _pool(ledger, caller, one, shown[name], said[name], day=day, seen=seen)
        for name, one in loaded.items()
    )


def _figures(ledger: Ledger, pool: str, at_most: int | None = None) -> Figures | None:
    """The newest figures of a pool (of a size not above ``at_most``), in the currency with the most claims."""
    snapshot = snapshots.newest(ledger, pool, at_most=at_most)
    return None if snapshot is None else next(iter(figures_of.of(snapshot)), None)


def _begun(connection: ReadConnection, log: LogRow, name: str) -> bool:
    """Whether a record of the pool is published."""
    row = subjects.by_name(connection, log.id, [f"pool:{name}"])[f"pool:{name}"]
    return records.newest_of(connection, row.id, before=log.published) is not None


def _pool(
    ledger: Ledger, caller: Caller, pool: audited.Pool, figures: Figures | None, said: Verdict, *, day: date,
    seen: int | None,
) -> Pool:  # fmt: skip
    mine = None if figures is None else figures.held_by(caller.party)
    standing = [
        one
        for one in breaks.standing(pool.records, pool=pool.name, day=day).values()
        if one.status != "closed"
    ]
    seal = next((one for _, one in reversed(pool.records) if one.type == "pool.sealed"), None)
    before = None if seen is None else _figures(ledger, pool.name, seen)
    return Pool(
        name=pool.name, title=pool.title, figures=figures,
        mine=mine if mine is not None and mine.claims else None,
        verdict=said,
        open_breaks=len(standing),
        unreconciled=None if figures is None else _unreconciled(standing, figures.currency),
        last_file=max((one.posted for _, one in pool.records if isinstance(one.event, TapeReceived)), default=None),
        sealed=None if seal is None else seal.effective,
        changes=() if seen is None else _changes(pool.records, seen),
        outstanding_then=None if before is None else before.outstanding,
    )  # fmt: skip


def _unreconciled(standing: Sequence[breaks.StandingBreak], currency: str) -> str:
    units = sum(
        abs(one.what.difference)
        for one in standing
        if one.what.difference is not None and one.what.currency == currency
    )
    return money.format(units, currency)


def _changes(records: Sequence[Indexed], seen: int) -> tuple[tuple[str, int], ...]:
    """What was recorded of the pool itself since a size, by type, the most first."""
    counted = Counter(one.type for index, one in records if index >= seen)
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


# -- money -----------------------------------------------------------------------------------------------------


def _currencies(pools: Sequence[Pool]) -> list[str]:
    return sorted({one.figures.currency for one in pools if one.figures is not None})


def _money(currency: str, caller: Caller, pools: Sequence[Pool]) -> Money:
    mine = [one.figures for one in pools if one.figures is not None and one.figures.currency == currency]
    party, plus = caller.party, mine[0].plus
    day = max(one.as_of for one in mine)
    yesterday = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    held = [one.held_by(party) for one in mine]
    balance, whole = plus(*(one.principal for one in held)), plus(*(one.outstanding for one in mine))
    over = [one.over["compensation"] for one in mine if one.over is not None]
    compensated = plus(*(one["cumulative_compensated"] for one in over))
    failing = [one.failing(COST_CAP) for one in mine]
    return Money(
        currency=currency, day=yesterday, balance=balance, share=ratio(balance, whole),
        claims=sum(one.claims for one in held),
        disbursed=plus(*(one.disbursed(party, yesterday) for one in mine)),
        collected=plus(*(one.collected(party, yesterday) for one in mine)),
        remitted=plus(*(one.remitted(party, yesterday) for one in mine)),
        buckets=_buckets(mine),
        month_before=max((one.before["month"] for one in mine if one.before is not None), default=""),
        compensated=compensated,
        compensation=ratio(compensated, plus(*(one["cumulative_balance"] for one in over))),
        above_cap=sum(one.claims for one in failing),
        above_cap_principal=plus(*(one.principal for one in failing)),
        capped=any(COST_CAP in one.document["eligibility"] for one in mine),
        unreconciled=plus(*(one.unreconciled for one in pools
                            if one.unreconciled and one.figures is not None and one.figures.currency == currency)),
        open_breaks=sum(one.open_breaks for one in pools
                        if one.figures is not None and one.figures.currency == currency),
    )  # fmt: skip


def _buckets(mine: Sequence[Figures]) -> tuple[Bucket, ...]:
    """The buckets of all pools together, in the order of the pool with the most of them."""
    with_months = [one for one in mine if one.month is not None]
    names = max(([*one.month["buckets"]] for one in with_months if one.month), key=len, default=[])
    now = {name: _in_bucket(with_months, "month", name) for name in names}
    then = {name: _in_bucket(with_months, "before", name) for name in names}
    whole_now, whole_then = sum(now.values()), sum(then.values())
    return tuple(
        Bucket(
            name=name, principal=money.format(now[name], mine[0].currency),
            share=ratio(now[name], whole_now), before=ratio(then[name], whole_then),
        )
        for name in names
        if name != "undetermined" or now[name]
    )  # fmt: skip


def _in_bucket(figures: Sequence[Figures], which: str, name: str) -> int:
    found = 0
    for one in figures:
        month = one.month if which == "month" else one.before
        if month is not None and name in month["buckets"]:
            found += int(Decimal(month["buckets"][name]["principal"]) * money.UNIT)
    return found


def _files(connection: ReadConnection, log: LogRow) -> Files | None:
    if exchange.get(connection, log.id) is None:
        return None
    rows = exchange.files(connection, log.id)
    return Files(
        states=tuple(sorted(Counter(str(one.state) for one in rows).items())),
        refused=sum(one.refused for one in rows),
        newest=max((one.arrived for one in rows), default=None),
    )
