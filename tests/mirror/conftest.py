"""A small log behind its service, and partners that mirror it over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.audit.watch import Look
from ledger.mirror.check import Chain, check, watch
from ledger.mirror.folder import Folder
from ledger.mirror.remote import Remote
from ledger.proofs.trust import TrustRoot
from ledger.vault import Vault
from tests.api.conftest import Site, disbursed, make_site, new_key, originated, pledged, pool, repaid
from tests.databases import sqlite_in

#: What the log's owner does to an answer: (path, parameters, its body) → what the partner gets.
Tamper = Callable[[str, Mapping[str, Any], bytes], bytes]


class Asked(Remote):
    """Asks the service itself, counts what it asks, and lets an owner who cheats have the answers first."""

    def __init__(self, site: Site, party: str, tamper: Tamper | None = None) -> None:
        super().__init__("http://testserver", site.tokens[party], client=site.client)
        self.paths: list[str] = []
        self.tamper = tamper

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        self.paths.append(path)
        body = super().get(path, params)
        return body if self.tamper is None else self.tamper(path, params or {}, body)


@dataclass
class Partner:
    """A party with its own directory and trust root; each check is a run of its own."""

    site: Site
    party: str
    home: Path
    trust: TrustRoot
    asked: list[str] = field(default_factory=list)

    def check(
        self, pool: str, *, tamper: Tamper | None = None, chain: Chain | None = None, now: float = 0.0, **request: Any
    ) -> AuditReport:  # fmt: skip
        remote = Asked(self.site, self.party, tamper)
        folder = Folder.open(self.home, self.trust.origin)
        try:
            return check(
                remote, folder, self.trust, Request(pool=pool, processes=1, **request), chain=chain,
                progress=lambda _what, _done, _of: None, clock=lambda: now,
            )  # fmt: skip
        finally:
            self.asked = remote.paths

    def watch(
        self, pool: str, *, tamper: Tamper | None = None, chain: Chain | None = None, since: int = 0, last: int = 0,
        now: float = 0.0,
    ) -> Look | None:  # fmt: skip
        remote = Asked(self.site, self.party, tamper)
        folder = Folder.open(self.home, self.trust.origin)
        try:
            return watch(
                remote, folder, self.trust, pool, since=since, last=last, chain=chain,
                progress=lambda _what, _done, _of: None, clock=lambda: now,
            )  # fmt: skip
        finally:
            self.asked = remote.paths


def owners_report(site: Site, kek: Path, pool: str, **request: Any) -> AuditReport:
    """What the log's owner finds, with its own key."""
    ledger = site.ledger
    asked = Request(pool=pool, processes=1, **request)
    return audit(ledger.store, ledger.origin, asked, trust=ledger.trust_root(), kek=kek)


def fill(site: Site) -> None:
    """Two pools of two loans each, with payments, published twice."""
    for name in ("L1", "L2", "L3", "L4"):
        for one in (originated(name), disbursed(name, name.encode().hex().ljust(64, "0")), repaid(name)):
            site.ledger.append([one], party="fenqile")
    for name, holder, loans in (("A", "bank", ("L1", "L2")), ("B", "fund", ("L3", "L4"))):
        site.ledger.append([pool(name)], party="fenqile")
        for loan in loans:
            site.ledger.append([pledged(name, loan, holder=holder)], party="fenqile")
    site.ledger.publish()
    short = repaid("L1", 2)
    short["data"]["amount"] = "207.00"  # applied are 207.10: a finding
    site.ledger.append([short, repaid("L3", 2)], party="fenqile")
    site.ledger.publish()


@pytest.fixture(scope="session")
def kek(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key-encryption key of the site's log, as a file."""
    file = tmp_path_factory.mktemp("kek") / "kek"
    file.write_text(f"poolproof-kek-v1 {base64.b64encode(bytes(range(32))).decode()}\n")
    Vault.load(file)
    return file


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The small log; tests that use it store nothing in it."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("site")))
    site.ledger.add_party("auditor", ["auditor"])
    site.tokens["auditor"] = new_key(site.ledger, "auditor")
    fill(site)
    with site.client:
        yield site
    site.ledger.store.close()


def alone(tmp_path: Path) -> Iterator[Site]:
    """A small log of one test alone: a module that stores in it says ``site = pytest.fixture(alone)``."""
    site = make_site(sqlite_in(tmp_path))
    fill(site)
    with site.client:
        yield site
    site.ledger.store.close()


@pytest.fixture
def bank(site: Site, tmp_path: Path) -> Partner:
    """The partner that holds pool A."""
    return Partner(site, "bank", tmp_path / "mirror", site.ledger.trust_root())
