"""Simulations for tests: as values, and in a log whose clock goes with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from ledger.append import Accepted
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.simulate import Day, Options, SimulatedClock, Simulation, drive, parties
from ledger.store import Store
from ledger.vault import Vault
from tests.databases import sqlite_in

ZONE = "Asia/Shanghai"


def events(options: Options) -> list[dict[str, Any]]:
    """All events of a simulation, with the day on which each is posted as ``posted``."""
    return [
        json.loads(line) | {"posted": day.date.isoformat()}
        for day in Simulation(options).days()
        for line in day.lines
    ]


@contextmanager
def log_of(folder: Path, options: Options) -> Iterator[Ledger]:
    """A log in a SQLite database with the parties of a simulation."""
    store = Store(sqlite_in(folder))
    try:
        ledger = Ledger.create(
            store,
            options.origin,
            vault=Vault.create(folder / "kek"),
            service=Signer.generate(f"{options.origin}/service"),
            signer=Signer.generate(options.origin),
            zone=ZONE,
            clock=SimulatedClock(options.start, zone=ZONE),
        )
        for one in parties(options.seed):
            ledger.add_party(one.name, one.roles, [one.key] if one.key else [])
        yield ledger
    finally:
        store.close()


def post(ledger: Ledger, simulation: Simulation, *, publish: bool = False) -> Iterator[Day]:
    """Append the simulation day by day, with its answers; with ``publish`` each day ends in a checkpoint."""
    clock = ledger.clock
    assert isinstance(clock, SimulatedClock)

    def append(day: date, lines: Sequence[str]) -> Sequence[Accepted]:
        clock.set(day)
        return ledger.append(lines).accepted if lines else []

    for day in drive(simulation, append):
        if publish:
            ledger.publish()
        yield day
