"""Erased loans: what is left of them is the same for a partner, and nobody learns of another's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Site, make_site, repaid
from tests.databases import sqlite_in
from tests.mirror.conftest import Partner, fill, owners_report


def ended(loan: str) -> dict[str, Any]:
    event = {"id": f"s-{loan}", "type": "loan.settled", "subject": f"loan:{loan}", "effective": "2026-11-21"}
    return event | {"data": {"reason": "matured"}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The small log, in which a loan of each pool has ended long ago and is erased; tests store nothing in it."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("erased")))
    fill(site)
    site.ledger.append([ended("L2"), ended("L4")], party="fenqile")
    site.ledger.publish()
    site.clock.pass_time(days=6 * 366)
    for loan in ("L2", "L4"):
        site.ledger.erase(loan, party="fenqile", basis="retention_ended")
    site.ledger.append([repaid("L1", 3)], party="fenqile")
    site.ledger.publish()
    with site.client:
        yield site
    site.ledger.store.close()


def test_an_erased_loan_is_counted_and_not_missed(site: Site, bank: Partner, kek: Path) -> None:
    own, theirs = owners_report(site, kek, "A"), bank.check("A")
    assert own.numbers["erased"] == 1
    assert theirs.numbers == own.numbers
    assert theirs.findings == own.findings
    assert theirs.totals == own.totals


def test_another_pools_erasure_is_not_told(site: Site, bank: Partner) -> None:
    bank.check("A")
    told = b"".join(file.read_bytes() for file in bank.home.rglob("*.ndjson"))
    assert b"loan:L2" in told
    assert b"loan:L4" not in told


def test_who_oversees_the_log_misses_nothing_either(site: Site, tmp_path: Path, kek: Path) -> None:
    platform = Partner(site, "fenqile", tmp_path / "platform", site.ledger.trust_root())
    assert platform.check("A") == owners_report(site, kek, "A")
