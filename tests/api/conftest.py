"""A log, the service over it, and callers with keys of two parties."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from ledger.access import DAILY_SCOPES, Scope
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.settings import Settings
from ledger.store import Store, access, keys
from ledger.store.keys import Bounds
from ledger.vault import Vault
from tests.databases import sqlite_in

ORIGIN = "fenqile.example/consumer-2026"
JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"


@dataclass
class Clock:
    """23:30 in UTC on 21 November is 07:30 on the 22nd in the log's zone."""

    now: datetime = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def signer(name: str) -> Signer:
    return Signer.from_seed(name, name.encode().ljust(32, b".")[:32])


LOG, SERVICE = signer(ORIGIN), signer("fenqile.example/service")
BANK = signer("bank")


def originated(name: str, **changes: Any) -> dict[str, Any]:
    """A loan of one claim, as its originator states it."""
    data = {
        "currency": "CNY",
        "principal": "12000.00",
        "annual_rate": "0.18",
        "amortisation": "annuity",
        "instalments": 12,
        "claims": [{"claim": "c1", "creditor": "fenqile", "share": 1_000_000}],
    }
    event = {
        "id": f"o-{name}",
        "type": "loan.originated",
        "subject": f"loan:{name}",
        "effective": "2026-11-20",
    }
    return event | {"data": data} | changes


def disbursed(name: str, asset_key: str | None = None, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"currency": "CNY", "amount": "12000.00"}
    if asset_key is not None:
        data["asset_keys"] = [{"claim": "c1", "asset_key": asset_key}]
    event = {
        "id": f"d-{name}",
        "type": "loan.disbursed",
        "subject": f"loan:{name}",
        "effective": "2026-11-20",
    }
    return event | {"data": data} | changes


def repaid(name: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    data = {
        "currency": "CNY",
        "amount": "207.10",
        "applied": {"principal": "200.00", "interest": "7.10"},
        "payer": "obligor",
    }
    event = {"type": "repayment.received", "subject": f"loan:{name}", "effective": "2026-11-21"}
    return {"id": f"r-{name}-{number}"} | event | {"data": data} | changes


def pool(name: str) -> dict[str, Any]:
    event = {"id": f"p-{name}", "type": "pool.created", "subject": f"pool:{name}", "effective": "2026-11-20"}
    return event | {"data": {"rules": {"version": 1}, "structure": "warehouse", "currency": "CNY"}}


def pledged(
    name: str, loan: str, share: int | None = None, *, holder: str = "bank", n: int = 1
) -> dict[str, Any]:
    claim: dict[str, Any] = {"loan": loan, "claim": "c1"}
    if share is not None:
        claim["share"] = share
    event = {"type": "claim.pledged", "subject": f"pool:{name}", "effective": "2026-11-21"}
    return {"id": f"c-{name}-{loan}-{n}"} | event | {"data": {"holder": holder, "claims": [claim]}}


def taped(name: str, tape: str = "ab" * 32) -> list[dict[str, Any]]:
    """A file about a pool, and a break that it showed."""
    common = {"subject": f"pool:{name}", "effective": "2026-11-21"}
    data = {"tape": tape, "form": "csv", "cut_off": "2026-11-21", "records": 1}
    opened = {
        "name": "b1", "tape": tape, "loan": "L1", "item": "balance", "reported": "11900.00", "derived": "12000.00",
        "currency": "CNY", "difference": "-100.00", "owner": "fenqile",
    }  # fmt: skip
    return [
        {"id": f"t-{name}", "type": "tape.received", **common, "data": data},
        {"id": f"b-{name}", "type": "break.opened", **common, "data": opened},
    ]


def ndjson(*events: dict[str, Any] | bytes) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in events)


@dataclass
class Site:
    """A service with what stands behind it."""

    ledger: Ledger
    client: TestClient
    clock: Clock
    tokens: dict[str, str] = field(default_factory=dict)

    def auth(self, party: str = "fenqile") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[party]}"}

    def post(self, event: dict[str, Any] | bytes, party: str = "fenqile") -> Any:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return self.client.post("/v1/events", content=body, headers={"Content-Type": JSON} | self.auth(party))

    def post_batch(self, body: bytes, on_error: str | None = None, party: str = "fenqile") -> Any:
        query = {"on_error": on_error} if on_error else {}
        headers = {"Content-Type": NDJSON} | self.auth(party)
        return self.client.post("/v1/events", content=body, headers=headers, params=query)

    def get(self, path: str, party: str | None = "fenqile") -> Any:
        return self.client.get(path, headers=self.auth(party) if party else {})


def refused(answer: Any, status: int, rule: str | None = None, field: str | None = None) -> dict[str, Any]:
    """The problem, after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = answer.json()
    if rule is not None:
        assert problem["rule"] == rule, problem
    if field is not None:
        assert problem["field"] == field, problem
    return problem


def open_ledger(url: str, clock: Callable[[], datetime]) -> Ledger:
    return Ledger.create(
        Store(url),
        ORIGIN,
        vault=Vault(bytes(range(32))),
        service=SERVICE,
        signer=LOG,
        clock=clock,  # type: ignore[arg-type]
    )


def new_key(ledger: Ledger, party: str, *scopes: str, **bounds: Any) -> str:
    """A key of a party, for the daily work where no scopes are named."""
    limits = Bounds(scopes=frozenset(scopes or DAILY_SCOPES), **bounds)
    with ledger.store.write() as connection:
        return keys.create(
            connection, ledger.row().id, party, created="2026-11-21T00:00:00.000000Z", bounds=limits
        )


def operate(site: Site, party: str) -> None:
    """Make a party an operator of the log, with a key for that under ``"PARTY operator"``."""
    with site.ledger.store.write() as connection:
        access.grant(connection, site.ledger.row().id, party, "operator", given="2026-11-21T00:00:00.000000Z")
    site.tokens[f"{party} operator"] = new_key(site.ledger, party, *Scope)


def make_site(url: str, **settings: Any) -> Site:
    clock = Clock()
    ledger = open_ledger(url, clock)
    ledger.add_party("fenqile", ["originator", "servicer"])
    ledger.add_party("bank", ["funding_partner"], [BANK.verifier.vkey])
    ledger.add_party("fund", ["investor"])
    app = create_app(Settings(**settings), ledger=ledger)
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    return Site(
        ledger, client, clock, {party: new_key(ledger, party) for party in ("fenqile", "bank", "fund")}
    )


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """An empty log, on both databases."""
    site = make_site(database_url)
    with site.client:
        yield site
    site.ledger.store.close()


@pytest.fixture(scope="module")
def still_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An empty log for the tests of a module that store nothing."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("still")))
    with site.client:
        yield site
    assert site.ledger.status().size == 0
    site.ledger.store.close()


@pytest.fixture
def small_site(fresh_sqlite: str) -> Iterator[Site]:
    """An empty log on SQLite, for what does not depend on the database."""
    site = make_site(fresh_sqlite)
    with site.client:
        yield site
    site.ledger.store.close()
