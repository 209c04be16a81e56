"""A log whose parties are told, and the receiver that hears it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from ledger.domain.calendar import format_instant
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import Store, logs
from ledger.vault import Vault
from ledger.webhooks.courier import Courier
from ledger.webhooks.endpoints import Endpoints
from ledger.webhooks.guard import Guard
from ledger.webhooks.messages import announce
from ledger.webhooks.sending import Sender
from ledger.webhooks.sources import Source
from tests import book
from tests.databases import sqlite_in
from tests.webhooks.receiving import LOOPBACK, Got, Receiver, receiving


@dataclass
class Clock:
    """Begins now, since verifiers of signatures ask the machine's clock, and goes on by being moved."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class Office:
    """One log's webhooks and a receiver."""

    def __init__(self, ledger: Ledger, receiver: Receiver) -> None:
        self.ledger = ledger
        self.receiver = receiver
        self.clock = Clock()
        self.guard = Guard(LOOPBACK)
        self.endpoints = Endpoints(
            ledger.store, ledger.origin, vault=ledger.vault, guard=self.guard, clock=self.clock
        )
        self.courier = self.new_courier()

    def new_courier(self, *sources: Source) -> Courier:
        """Another worker on the same database."""
        return Courier(
            self.ledger.store,
            self.ledger.origin,
            vault=self.ledger.vault,
            sender=Sender(self.guard, seconds=5),
            clock=self.clock,
            sources=sources,
        )

    def add(self, party: str, *types: str, path: str = "/in") -> tuple[str, str]:
        """(id, secret) of a new webhook."""
        made = self.endpoints.add(party, self.receiver.url(path), types)
        return made.endpoint.id, made.secret

    def announce(self, number: int = 0, **about: Any) -> bool:
        """Something that happened."""
        with self.ledger.store.write() as connection:
            log = logs.get(connection, self.ledger.origin)
            at = format_instant(self.clock())
            return announce(connection, log, "anchor.late", {"number": number}, at=at, **about)

    def run(self) -> None:
        """Until nothing is due."""
        while self.courier.step():
            pass

    def pools(self) -> None:
        """Pools A and B, with a claim pledged to bank-a and bank-b; bank-c holds nothing."""
        events = list(book.loans(2))
        for number, name in enumerate("AB"):
            events.append(book.pool_created(name))
            holder = f"bank-{name.lower()}"
            events.append(book.pledged(name, holder, (f"L{number}", "c1", 1_000_000), id=f"pledge-{name}"))
        self.ledger.append(events, party="fenqile")
        self.ledger.publish()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What has arrived."""
        return [json.loads(got.body) for got in self.receiver.got]


def verify(got: Got, secret: str) -> Any:
    """As a receiver does it, by the specification's own library."""
    return Webhook(secret).verify(got.body, got.headers)


ORIGIN = "fenqile.example/consumer-2026"
KEYS = {
    "vault": Vault(bytes(range(32))),
    "service": Signer.from_seed("fenqile.example/service", bytes(32)),
    "signer": Signer.from_seed(ORIGIN, bytes([1]) * 32),
}


@pytest.fixture(scope="session")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty log with its parties, made once: the tests of this folder begin with a copy of it."""
    folder = tmp_path_factory.mktemp("webhooks")
    store = Store(sqlite_in(folder))
    ledger = Ledger.create(store, ORIGIN, **KEYS)
    ledger.add_party("fenqile", ["originator", "servicer"])
    for bank in ("bank-a", "bank-b", "bank-c"):
        ledger.add_party(bank, ["funding_partner"])
    store.close()
    return folder / "ledger.db"


@pytest.fixture
def sqlite_ledger(
    ledger_file: Path, tmp_path: Path, clock: Callable[[], datetime], open_store: Callable[[str], Store]
) -> Ledger:
    """A copy of the empty log."""
    shutil.copy(ledger_file, tmp_path / "ledger.db")
    return Ledger(open_store(f"sqlite:///{tmp_path / 'ledger.db'}"), ORIGIN, clock=clock, **KEYS)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def office(sqlite_ledger: Ledger, receiver: Receiver) -> Office:
    """On SQLite, for what does not depend on the database."""
    return Office(sqlite_ledger, receiver)


@pytest.fixture
def any_office(ledger: Ledger, receiver: Receiver) -> Office:
    """On both databases."""
    return Office(ledger, receiver)


@pytest.fixture
def postgres_office(fresh_postgres: str, make_ledger: Callable[[str], Ledger], receiver: Receiver) -> Office:
    """On PostgreSQL, where several write at the same time."""
    return Office(make_ledger(fresh_postgres), receiver)
