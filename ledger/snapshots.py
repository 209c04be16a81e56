"""Snapshots of pools: the figures that pages show, made once for a published size and stored, since they take long.

A snapshot is what one pass over a pool's records gives: the analytics document, the composition, limits and borrowing
base, what was paid out, collected and remitted of late. It names the size and the day that it is of; the tree is hashed
and each record held against its digest on the way, as in an audit, but nothing is judged: findings are an audit's.

:func:`refresh` is the worker's step. It makes a pool's snapshot anew once something was published since, and rests for
:data:`REST` times as long as the last one took, so that at most a small part of a core goes into figures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from ledger.audit import run
from ledger.audit.analytics import report
from ledger.audit.collectors import Collector, base
from ledger.audit.collectors.base import Covers
from ledger.audit.collectors.composition import Composition
from ledger.audit.collectors.remittance import Collections
from ledger.audit.collectors.totals import Totals
from ledger.audit.findings import Notes
from ledger.audit.job import Job
from ledger.domain import calendar, money
from ledger.domain.events.cash import RemittanceMade
from ledger.errors import PoolproofError, UnavailableError
from ledger.proofs.trust import TrustRoot
from ledger.store import Store, logs, subjects
from ledger.store import snapshots as stored

if TYPE_CHECKING:
    from ledger.log import Ledger

#: Days of payouts and collections that are told one by one: this month and the one before.
DAYS: Final = 62
#: Remittances that are listed, the newest ones: two years of monthly ones.
REMITTANCES: Final = 24
#: How much longer than the work a pool rests before it is done again, and the least: a page need not be fresher.
REST: Final = 20
MIN_REST: Final = timedelta(seconds=60)
#: Snapshots that are kept of a pool: the newest, and some to compare with.
KEPT: Final = 8
#: After this long a worker that took a snapshot on and has not brought it is taken for dead.
STALE: Final = timedelta(hours=2)
#: Ranges of loans go through processes of their own, so that a service in this process goes on answering.
_PROCESSES: Final = 2

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A stored snapshot: of which pool and size, made when, and its figures."""

    pool: str
    size: int
    made: str
    figures: dict[str, Any]


def collectors(job: Job) -> dict[str, Collector]:
    """What a snapshot adds up over one range of loans."""
    rules = job.pool.rules
    return {
        **report.collectors(job),
        "totals": Totals(tuple(sorted({limit.attribute for limit in rules.limits}))),
        "covers": Covers.of(rules),
        "collections": Collections(),
        "composition": Composition(since=job.as_of.toordinal() - DAYS),
    }


def work_out(store: Store, origin: str, request: run.Request, *, trust: TrustRoot) -> dict[str, Any]:
    """The figures of one pool, as they are stored. Raises what :func:`ledger.audit.run.over_cases` raises."""
    examined = run.over_cases(store, origin, request, trust=trust, collect=collectors)
    found = examined.whole.collectors
    totals, covers, composition, collected = (
        found[name] for name in ("totals", "covers", "composition", "collections")
    )
    assert isinstance(totals, Totals)
    assert isinstance(covers, Covers)
    assert isinstance(composition, Composition)
    assert isinstance(collected, Collections)
    pool, as_of = examined.job.pool, examined.job.as_of
    bases = base.check_base(Notes(), pool.subject, pool.records, covers, rules=pool.rules, as_of=as_of)
    return {
        "analytics": report.figures_of(examined, trust).to_json(),
        "counts": dict(totals.counts),
        "totals": totals.to_json(),
        "composition": composition.to_json(),
        "limits": _limits(totals, examined.job),
        "base": {currency: one.to_json() for currency, one in bases.items()},
        "advance_rate": None if pool.rules.advance_rate is None else str(pool.rules.advance_rate),
        "bucket_bounds": list(pool.rules.measure.bounds),
        "eligibility": dict(pool.rules.eligibility),
        "collected": _collected(collected, as_of.toordinal()),
        "remittances": _remittances(examined.job),
    }


def _limits(totals: Totals, job: Job) -> list[dict[str, Any]]:
    """Each concentration limit with the value that is nearest to it, or above; shares in ppm."""
    found = []
    for currency, sums in sorted(totals.sums.items()):
        for limit in job.pool.rules.limits if sums.principal else ():
            values = base.limited(limit, sums.by_attribute.get(limit.attribute, Counter()))
            most, units = max(values.items(), key=lambda pair: pair[1], default=("", 0))
            found.append(
                {
                    "currency": currency,
                    "attribute": limit.attribute,
                    "only": limit.value,
                    "limit": limit.share,
                    "value": most,
                    "principal": money.format(units, currency),
                    "share": units * 1_000_000 // sums.principal,
                    "over": units * 1_000_000 > limit.share * sums.principal,
                }
            )
    return found


def _collected(collected: Collections, last: int) -> dict[str, dict[str, dict[str, str]]]:
    """Currency → holder → day → what payments of that day brought, for the days that are told one by one."""
    shown: dict[str, dict[str, dict[str, str]]] = {}
    for account, spans in sorted(collected.units.items()):
        days = {
            date.fromordinal(span.first).isoformat(): money.format(units, account.currency)
            for span, units in sorted(spans.items())
            if span.first == span.last and last - DAYS <= span.first <= last
        }
        shown.setdefault(account.currency, {})[account.holder] = days
    return shown


def _remittances(job: Job) -> list[dict[str, Any]]:
    """The newest remittances, newest first."""
    made = [
        {
            "index": index,
            "holder": one.event.holder,
            "currency": one.event.currency,
            "first": one.event.first,
            "last": one.event.last,
            "collected": one.event.collected,
            "amount": one.event.amount,
            "day": one.when.text,
        }
        for index, one in job.pool.records
        if isinstance(one.event, RemittanceMade) and one.when.last_day <= job.as_of
    ]
    return sorted(made, key=lambda one: (one["day"], one["index"]), reverse=True)[:REMITTANCES]


# -- stored ----------------------------------------------------------------------------------------------------


def newest(ledger: Ledger, pool: str, *, at_most: int | None = None) -> Snapshot | None:
    """The snapshot of the greatest size (not above ``at_most``); None before the first."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        row = subjects.by_name(connection, log.id, [f"pool:{pool}"]).get(f"pool:{pool}")
        found = None if row is None else stored.newest(connection, log.id, row.id, at_most=at_most)
    if found is None:
        return None
    return Snapshot(pool=pool, size=found.size, made=found.made, figures=msgspec.json.decode(found.document))


def take(ledger: Ledger, pool: str, *, size: int, trust: TrustRoot) -> bool:
    """Make and store a pool's snapshot of a published size; False where another worker has it or is about it."""
    now = datetime.now(UTC)
    with ledger.store.write() as connection:
        log = logs.lock(connection, ledger.origin)
        pool_id = subjects.by_name(connection, log.id, [f"pool:{pool}"])[f"pool:{pool}"].id
        stale = calendar.format_instant(now - STALE)
        if not stored.claim(connection, log.id, pool_id, size, now=calendar.format_instant(now), stale=stale):
            return False
    request = run.Request(pool=pool, size=size, processes=_PROCESSES)
    figures = work_out(ledger.store, ledger.origin, request, trust=trust)
    done = datetime.now(UTC)
    row = stored.SnapshotRow(
        size=size,
        made=calendar.format_instant(done),
        took_ms=int((done - now) / timedelta(milliseconds=1)),
        document=msgspec.json.encode(figures),
    )
    with ledger.store.write() as connection:
        stored.put(connection, log.id, pool_id, row, keep=KEPT)
    _logger.info("snapshot", origin=ledger.origin, pool=pool, size=size, milliseconds=row.took_ms)
    return True


def refresh(ledger: Ledger) -> bool:
    """Make one snapshot that is due, of the pool that has waited longest; whether another may be due."""
    now = datetime.now(UTC)
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        alive = log.published and not log.closed
        names = list(subjects.pool_states(connection, log.id)) if alive else []
        rows = subjects.by_name(connection, log.id, [f"pool:{name}" for name in names])
        last = {
            name: stored.newest(connection, log.id, rows[f"pool:{name}"].id, with_document=False)
            for name in names
        }
        issued = logs.latest_trust_root(connection, log.id)
    waiting = sorted(
        (one.made if one else "", name) for name, one in last.items() if due(one, log.published, now)
    )
    if not waiting:
        return False
    trust = ledger.trust_root() if issued is None else TrustRoot.parse(bytes(issued))
    for _, name in waiting:
        if _taken(ledger, name, log.published, trust):
            return len(waiting) > 1
    return False


def _taken(ledger: Ledger, pool: str, size: int, trust: TrustRoot) -> bool:
    """Make a snapshot; False where another has it, and where it cannot be made: that must not stop the worker, which
    publishes and anchors too. What is wrong is for an audit to say; it is tried again once the claim is stale.
    """
    try:
        return take(ledger, pool, size=size, trust=trust)
    except UnavailableError:
        raise
    except PoolproofError as error:
        _logger.error("snapshot.failed", origin=ledger.origin, pool=pool, size=size, reason=str(error))  # noqa: TRY400 - no trace: it is no fault of the code
        return False


def due(last: stored.SnapshotRow | None, published: int, now: datetime) -> bool:
    """Whether a snapshot is to be made: something is new, and the last one is old enough for what it took."""
    if last is None:
        return True
    rest = max(MIN_REST, REST * timedelta(milliseconds=last.took_ms))
    return last.size < published and now >= calendar.parse_instant(last.made) + rest
