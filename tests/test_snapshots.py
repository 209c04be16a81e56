"""Figures of pools: worked out for a published size, stored, made again when something is new, by one worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger import snapshots
from ledger.audit import run
from ledger.audit.analytics import report
from ledger.audit.perform import audit
from ledger.domain.calendar import format_instant
from ledger.errors import VerificationError
from ledger.log import Ledger
from ledger.simulate import Options, Simulation
from ledger.snapshots import Snapshot
from ledger.store import Store, logs, subjects
from ledger.store import snapshots as stored
from ledger.store.snapshots import SnapshotRow
from tests.simulate.running import log_of, post

OPTIONS = Options(loans=60, months=5, start=date(2026, 3, 1), weak=200_000)
POOL = "WAREHOUSE-B"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with log_of(tmp_path_factory.mktemp("book"), OPTIONS) as ledger:
        for _ in post(ledger, Simulation(OPTIONS)):
            pass
        assert not snapshots.refresh(ledger)  # nothing is published
        ledger.publish()
        while snapshots.refresh(ledger):
            pass
        yield ledger


@pytest.fixture(scope="module")
def figures(book: Ledger) -> dict[str, Any]:
    return newest(book).figures


def stored_form(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(document))
    return found


def newest(ledger: Ledger, pool: str = POOL) -> Snapshot:
    found = snapshots.newest(ledger, pool)
    assert found is not None
    return found


def test_every_pool_has_one_of_the_published_size(book: Ledger) -> None:
    for pool in book.pools():
        assert newest(book, pool.pool).size == book.status().published
    assert snapshots.newest(book, "NOWHERE") is None
    assert snapshots.newest(book, POOL, at_most=book.status().published - 1) is None
    assert not snapshots.refresh(book)


def test_the_figures_are_those_of_analytics_and_audit(book: Ledger, figures: dict[str, Any]) -> None:
    trust = book.trust_root()
    request = run.Request(pool=POOL, processes=1)
    analysed = report.analyse(book.store, book.origin, request, trust=trust)
    assert figures["analytics"] == stored_form(analysed.to_json())
    audited = audit(book.store, book.origin, request, trust=trust)
    shown = audited.totals["CNY"]
    assert figures["base"]["CNY"] == {name: shown[name] for name in figures["base"]["CNY"]}
    assert figures["totals"]["CNY"]["principal"] == shown["principal"]
    assert figures["counts"]["weak_keys"] == audited.numbers["weak_keys"] > 0


def test_parts_give_the_whole(figures: dict[str, Any]) -> None:
    parts, totals = figures["composition"]["CNY"], figures["totals"]["CNY"]
    whole = Decimal(totals["principal"])
    alive = sum(Decimal(units) for name, units in totals["by_bucket"].items() if name != "ended")
    assert sum(Decimal(one["principal"]) for one in parts["by_holder"].values()) == whole
    for listed in parts["by_attribute"].values():
        assert sum(Decimal(one["principal"]) for one in listed) == alive
        assert [Decimal(one["principal"]) for one in listed] == sorted(
            (Decimal(one["principal"]) for one in listed), reverse=True
        )
    [fund] = parts["disbursed"]
    assert fund == "fund-b"
    assert sum(map(Decimal, parts["disbursed"][fund].values())) > 0


def test_days_and_remittances_are_of_late(figures: dict[str, Any]) -> None:
    day = date.fromisoformat(figures["analytics"]["basis"]["as_of"])
    for days in figures["collected"]["CNY"].values():
        assert all(0 <= (day - date.fromisoformat(one)).days <= snapshots.DAYS for one in days)
    made = [one["day"] for one in figures["remittances"]]
    assert made == sorted(made, reverse=True)
    assert 0 < len(made) <= snapshots.REMITTANCES


def test_limits_name_the_value_that_is_nearest(figures: dict[str, Any]) -> None:
    for one in figures["limits"]:
        largest = figures["composition"]["CNY"]["by_attribute"][one["attribute"]][0]
        assert one["value"] == largest["value"]
        assert one["over"] == (one["share"] > one["limit"])


def test_composition_is_the_same_in_ranges(
    book: Ledger, monkeypatch: pytest.MonkeyPatch, figures: dict[str, Any]
) -> None:
    monkeypatch.setattr(run, "RANGE_LOANS", 7)
    request = run.Request(pool=POOL, processes=1)
    again = snapshots.work_out(book.store, book.origin, request, trust=book.trust_root())
    assert stored_form(again) == figures


@pytest.fixture
def pool_of(book: Ledger) -> tuple[Store, int, int]:
    with book.store.read() as connection:
        log_id = logs.get(connection, book.origin).id
        return book.store, log_id, subjects.by_name(connection, log_id, ["pool:ABS-1"])["pool:ABS-1"].id


def test_one_worker_makes_a_snapshot_and_a_dead_ones_work_is_taken_over(
    pool_of: tuple[Store, int, int],
) -> None:
    store, log_id, pool_id = pool_of
    now = datetime(2027, 1, 1, 12, tzinfo=UTC)

    def claimed(at: datetime) -> bool:
        stale = format_instant(at - snapshots.STALE)
        with store.write() as connection:
            return stored.claim(connection, log_id, pool_id, 10**6, now=format_instant(at), stale=stale)

    assert claimed(now)
    assert not claimed(now + timedelta(minutes=5))
    assert claimed(now + snapshots.STALE + timedelta(minutes=1))
    with store.read() as connection:
        last = stored.newest(connection, log_id, pool_id)
    assert last is not None
    assert last.size < 10**6  # work in progress is no snapshot


def test_old_ones_are_dropped(pool_of: tuple[Store, int, int]) -> None:
    store, log_id, pool_id = pool_of
    for size in range(2_000_000, 2_000_000 + 2 * snapshots.KEPT):
        at = "2027-01-01T00:00:00.000000Z"
        with store.write() as connection:
            assert stored.claim(connection, log_id, pool_id, size, now=at, stale=at)
            stored.put(connection, log_id, pool_id, SnapshotRow(size, at, 1, b"{}"), keep=snapshots.KEPT)
    with store.read() as connection:
        oldest = 2_000_000 + snapshots.KEPT
        assert stored.newest(connection, log_id, pool_id, at_most=oldest - 1) is None
        assert stored.newest(connection, log_id, pool_id, at_most=oldest) is not None


@pytest.mark.parametrize(
    ("size", "took", "age", "due"),
    [
        (100, 0, 3600, False),
        (99, 0, 59, False),
        (99, 0, 61, True),
        (99, 60_000, 1199, False),
        (99, 60_000, 1201, True),
    ],
)
def test_a_pool_rests_the_longer_the_more_it_costs(size: int, took: int, age: int, due: bool) -> None:
    made = datetime(2026, 11, 1, tzinfo=UTC)
    last = SnapshotRow(size, format_instant(made), took, b"")
    assert snapshots.due(last, 100, made + timedelta(seconds=age)) is due
    assert snapshots.due(None, 100, made)


def test_a_pool_that_cannot_be_worked_out_holds_no_other_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(loans=8, months=1)
    made = snapshots.work_out

    def work_out(store: Store, origin: str, request: run.Request, *, trust: Any) -> dict[str, Any]:
        if request.pool == "ABS-1":
            raise VerificationError("the root is another one", step="tree")
        return made(store, origin, request, trust=trust)

    with log_of(tmp_path, options) as ledger:
        for _ in post(ledger, Simulation(options)):
            pass
        ledger.publish()
        monkeypatch.setattr(snapshots, "work_out", work_out)
        for _ in range(5):
            snapshots.refresh(ledger)
        assert snapshots.newest(ledger, "ABS-1") is None
        assert {newest(ledger, one.pool).pool for one in ledger.pools() if one.pool != "ABS-1"} == {
            "WAREHOUSE-A",
            "WAREHOUSE-B",
        }
