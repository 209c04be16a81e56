"""Simulated books with frauds, mirrored over the network: a partner that sees one pool of several finds what the owner
finds, but for what only records of other pools show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.log import Ledger
from ledger.mirror.check import check
from ledger.mirror.folder import Folder
from ledger.mirror.form import RecordForm
from ledger.mirror.remote import Remote
from ledger.settings import Settings
from ledger.simulate import FRAUDS
from tests.api.conftest import new_key
from tests.audit.test_frauds import Book, book

#: What takes a record of another pool to see.
CROSSES_POOLS = {"duplicate.loan", "settlement.reference_twice"}
SMALL = {"loans": 160, "months": 5}
LARGE = {"loans": 20_000, "months": 12}


@contextmanager
def served(ledger: Ledger) -> Iterator[str]:
    """The service of a log on a port of its own; its address."""
    config = uvicorn.Config(
        create_app(Settings(), ledger=ledger), port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=5
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def mirrored(found: Book, url: str, party: str, pool: str, folder: Path) -> AuditReport:
    """What a party finds in a pool, with its own key, on the owner's day."""
    ledger = found.ledger
    day = date.fromisoformat(found.reports[pool].basis.as_of)
    with Remote(url, new_key(ledger, party, "audit")) as remote:
        return check(
            remote, Folder.open(folder, ledger.origin), ledger.trust_root(),
            Request(pool=pool, as_of=day, processes=1), chain=None, progress=lambda _what, _done, _of: None,
        )  # fmt: skip


def shown(folder: Path, origin: str, pool: str, size: int) -> set[int]:
    """Indexes of the records that the party was shown."""
    mirror = Folder.open(folder, origin)
    files = mirror.record_files(pool, size)
    return {one.index for file in files for one in mirror.items(file.name, RecordForm)}


def compare(found: Book, folder: Path) -> None:
    with served(found.ledger) as url:
        for party, pool in (("fund-a", "WAREHOUSE-A"), ("fund-b", "WAREHOUSE-B")):
            own, theirs = found.reports[pool], mirrored(found, url, party, pool, folder / party)
            seen = shown(folder / party, found.ledger.origin, pool, own.basis.size)
            of_others = [
                one for one in own.findings if not seen.issuperset(place.index for place in one.evidence)
            ]
            assert {one.code for one in of_others} <= CROSSES_POOLS
            assert theirs.findings == tuple(one for one in own.findings if one not in of_others)
            assert (theirs.totals, theirs.numbers, theirs.basis) == (own.totals, own.numbers, own.basis)
        # A trustee sees every pool of the log, and so all of what they say of each other.
        trustee = mirrored(found, url, "spv-1", "WAREHOUSE-A", folder / "spv-1")
        assert trustee == found.reports["WAREHOUSE-A"]
    codes = {one.code for report in found.reports.values() for one in report.findings}
    assert {FRAUDS[one["fraud"]][0] for one in found.planted} <= codes


def test_partners_find_what_the_owner_finds(tmp_path: Path) -> None:
    frauds = tuple((name, 1) for name in FRAUDS)
    with book(tmp_path, seed=7, frauds=frauds, **SMALL) as found:
        compare(found, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_a_book_of_twenty_thousand_loans(tmp_path: Path) -> None:
    frauds = tuple((name, 3) for name in FRAUDS)
    with book(tmp_path, seed=11, frauds=frauds, **LARGE) as found:
        compare(found, tmp_path)
