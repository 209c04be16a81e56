"""A small simulated book with the portal over it: pools with seals and figures, published at each month's end.

What stands in free text of the pool HOSTILE is markup that would run if a page let it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.app import create_app
from ledger import audits, snapshots
from ledger.access import Scope
from ledger.jobs import Runner
from ledger.log import Ledger
from ledger.settings import Settings
from ledger.simulate import Options, SimulatedClock, Simulation
from ledger.store import access as stored
from ledger.store import logs
from tests.api.conftest import new_key
from tests.simulate.running import log_of, post

OPTIONS = Options(loans=60, months=6, start=date(2026, 4, 1))
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
#: Who looks, by what they are here for.
PARTIES = {"partner": "fund-b", "investor": "reader", "platform": "platform"}


@dataclass
class Book:
    """The service, and a session of each kind of reader."""

    ledger: Ledger
    client: TestClient
    folder: Path
    cookies: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


@contextmanager
def site(folder: Path, options: Options = OPTIONS) -> Iterator[Book]:
    """Simulate, publish at each month's end, seal, work the figures out, and open the service."""
    with log_of(folder, options) as ledger:
        day = options.start
        for one in post(ledger, Simulation(options)):
            day = one.date
            if (day + timedelta(days=1)).day == 1:
                ledger.publish()
        clock = ledger.clock
        assert isinstance(clock, SimulatedClock)
        clock.set(day)
        ledger.append([json.dumps(one) for one in _hostile(day)], party="platform")
        ledger.publish()
        clock.set(day + timedelta(days=1))
        for pool in ("WAREHOUSE-B", "ABS-1"):
            ledger.seal_pool(pool, as_of=day.isoformat(), currency="CNY", party="platform")
        ledger.publish()
        while snapshots.refresh(ledger):
            pass
        _audited(folder, ledger, "WAREHOUSE-B")
        yield _opened(folder, ledger)


def _audited(folder: Path, ledger: Ledger, pool: str) -> None:
    """A finished audit of one pool; the others have none."""
    with ledger.store.write() as connection:
        log = logs.get(connection, ledger.origin)
        audits.start(connection, log, pool, party="platform", now=ledger.clock())
    auditor = audits.Auditor(ledger, kek=folder / "kek")
    runner = Runner(ledger.store, ledger.origin, {audits.KIND: auditor.perform}, clock=ledger.clock)
    assert runner.step()


def _hostile(day: date) -> list[dict[str, Any]]:
    when = day.isoformat()
    return [
        {
            "id": "hostile-1", "type": "pool.created", "subject": "pool:HOSTILE", "effective": when,
            "data": {"rules": {"version": 1}, "title": HOSTILE, "currency": "CNY"},
        },
        {
            "id": "hostile-2", "type": "loan.originated", "subject": "loan:HOSTILE-1", "effective": when,
            "data": {
                "currency": "CNY", "principal": "1000.00", "annual_rate": "0.1", "amortisation": "annuity",
                "instalments": 3, "product": HOSTILE, "region": HOSTILE,
                "claims": [{"claim": "c1", "creditor": "microloan", "share": 1_000_000}],
            },
        },
        {
            "id": "hostile-3", "type": "loan.disbursed", "subject": "loan:HOSTILE-1", "effective": when,
            "data": {"currency": "CNY", "amount": "1000.00", "bank_ref": HOSTILE},
        },
        {
            "id": "hostile-4", "type": "claim.pledged", "subject": "pool:HOSTILE", "effective": when,
            "data": {"holder": "fund-b", "claims": [{"loan": "HOSTILE-1", "claim": "c1"}], "agreement": HOSTILE},
        },
        {
            "id": "hostile-5", "type": "tape.received", "subject": "pool:HOSTILE", "effective": when,
            "data": {"tape": "ab" * 32, "form": "csv", "cut_off": when, "records": 1},
        },
        {
            "id": "hostile-6", "type": "break.opened", "subject": "pool:HOSTILE", "effective": when,
            "data": {
                "name": "b-1", "tape": "ab" * 32, "loan": "HOSTILE-1", "item": "balance", "reported": "900.00",
                "derived": "1000.00", "currency": "CNY", "difference": "-100.00", "owner": "platform",
            },
        },
        {
            "id": "hostile-7", "type": "break.closed", "subject": "pool:HOSTILE", "effective": when,
            "data": {"name": "b-1", "resolution": "timing", "explanation": HOSTILE},
        },
    ]  # fmt: skip


def _opened(folder: Path, ledger: Ledger) -> Book:
    ledger.add_party("reader", ["investor"])
    log_id = ledger.row().id
    with ledger.store.write() as connection:
        for party, target in (("reader", "pool:ABS-1"), ("platform", "operator")):
            stored.grant(connection, log_id, party, target, given="2026-10-01T00:00:00.000000Z")
    app = create_app(Settings(), ledger=ledger)
    book = Book(ledger, TestClient(app), folder)
    for kind, party in PARTIES.items():
        book.keys[kind] = new_key(ledger, party, *Scope)
        caller = app.state.services.keys.look_up(book.keys[kind]).caller
        book.cookies[kind] = app.state.services.sessions.begin(caller)
    return book
