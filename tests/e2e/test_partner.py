"""A partner with a node of its own: what the contract holds is what its audit stands on, and an old copy is caught."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.chain import devnet
from ledger.chain.reader import ChainReader
from ledger.chain.sources import OnlineAnchors
from ledger.errors import VerificationError
from ledger.home import Home
from ledger.mirror.check import check
from ledger.mirror.folder import Folder
from ledger.mirror.remote import Remote
from ledger.proofs.trust import TrustRoot
from ledger.settings import Settings
from tests.api.conftest import new_key
from tests.cli.running import ORIGIN, data, ndjson, opened, pledged, pool, run_command, use_home
from tests.mirror.test_books import served

pytestmark = pytest.mark.devnet

POOL = "W1"


@dataclass(frozen=True)
class Sites:
    """The service, an older copy of it, the trust root and the node. ``sizes`` are anchored ones."""

    now: str
    old: str
    key: str
    trust: TrustRoot
    node: str
    sizes: tuple[int, int]

    def check(self, url: str, folder: Path, *, later: float = 0.0) -> AuditReport:
        """Mirror into a fresh folder, ``later`` seconds from now."""

        def clock() -> float:
            return time.time() + later

        chain = OnlineAnchors(ChainReader(self.node), self.trust, clock=clock)
        with Remote(url, self.key) as remote:
            return check(
                remote, Folder.open(folder, ORIGIN), self.trust, Request(pool=POOL, processes=1), chain=chain,
                progress=lambda _what, _done, _of: None, clock=clock,
            )  # fmt: skip

    @property
    def allowed(self) -> int:
        assert self.trust.chain is not None
        assert self.trust.chain.max_anchor_age is not None
        return self.trust.chain.max_anchor_age


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Two anchors, and a copy of the database from between them."""
    folder = tmp_path_factory.mktemp("partner")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, home)
        with devnet.running(folder / "devnet") as chain:
            parties = ("--party", "lender:originator,servicer", "--party", "fund:funding_partner")
            run_command("init", "--origin", ORIGIN, *parties, "--rpc", chain.url, "--json")
            run_command("append", "-", stdin=ndjson(opened("L1"), pool(POOL), pledged("p1", POOL, "L1")))
            first = data(run_command("anchor", "--json"))["size"]
            with Home(Settings.load()) as opened_home:
                key = new_key(opened_home.ledger, "fund", "audit")
            run_command("trust", "-o", folder / "trust.json")
            for file in home.glob("ledger.db*"):
                shutil.copy(file, folder / file.name.replace("ledger", "old"))
            run_command("append", "-", stdin=ndjson(opened("L2"), pledged("p2", POOL, "L2")))
            second = data(run_command("anchor", "--json"))["size"]
            trust = TrustRoot.parse((folder / "trust.json").read_bytes())
            old = Settings.load().model_copy(update={"database_url": f"sqlite:///{folder / 'old.db'}"})
            with (
                Home(Settings.load()) as current, Home(old) as stale,
                served(current.ledger) as now, served(stale.ledger) as then,
            ):  # fmt: skip
                yield Sites(now, then, key, trust, chain.url, (first, second))


def test_a_partner_stands_on_what_the_contract_holds(sites: Sites, tmp_path: Path) -> None:
    report = sites.check(sites.now, tmp_path)
    assert (report.basis.size, report.basis.level) == (sites.sizes[1], "anchored")
    assert report.basis.anchored_at is not None
    assert report.numbers["claims"] == 2
    assert "anchor" not in {one.entry.procedure for one in report.findings}


def test_an_older_copy_is_taken_as_long_as_an_anchor_may_age(sites: Sites, tmp_path: Path) -> None:
    report = sites.check(sites.old, tmp_path)
    assert (report.basis.size, report.numbers["claims"]) == (sites.sizes[0], 1)


def test_an_older_copy_is_caught_afterwards(sites: Sites, tmp_path: Path) -> None:
    with pytest.raises(VerificationError) as caught:
        sites.check(sites.old, tmp_path, later=sites.allowed + 60)
    assert caught.value.step == "fresh"
    assert (caught.value.evidence["shown"], caught.value.evidence["newest"]) == sites.sizes


def test_a_log_that_has_stopped_is_a_finding(sites: Sites, tmp_path: Path) -> None:
    report = sites.check(sites.now, tmp_path, later=sites.allowed + 60)
    assert "anchor.old" in {one.code for one in report.findings}


def test_an_older_copy_is_caught_by_who_has_seen_more(sites: Sites, tmp_path: Path) -> None:
    sites.check(sites.now, tmp_path)
    with pytest.raises(VerificationError) as caught:
        sites.check(sites.old, tmp_path)
    assert caught.value.step == "checkpoint"
