"""A platform with a chain and an audited pool, and what it hands to a partner: for the tests of attestations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.chain import devnet
from tests.cli.running import ORIGIN, data, ndjson, opened, pledged, pool, run_command, use_home

POOL = "W1"
PASSPHRASE = "correct horse"


@dataclass(frozen=True)
class Audited:
    """The platform's ``home``, what lies in the partner's ``hand``, the node, and the contract of attestations."""

    home: Path
    hand: Path
    url: str
    contract: str
    size: int

    def visit(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        """Be a partner: in a folder with the files, with a passphrase for keystores and no home."""
        use_home(patch, folder / "none")
        patch.setenv("POOLPROOF_PASSPHRASE", PASSPHRASE)
        shutil.copytree(self.hand, folder / "partner")
        patch.chdir(folder / "partner")


@contextmanager
def audited_in(folder: Path) -> Iterator[Audited]:
    """init → append → anchor → trust → audit; meanwhile the settings are those of the platform's home."""
    home, hand = folder / "home", folder / "hand"
    hand.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, home)
        with devnet.running(folder / "devnet") as chain:
            parties = ("--party", "lender:originator,servicer", "--party", "fund:funding_partner")
            made = data(run_command("init", "--origin", ORIGIN, *parties, "--rpc", chain.url, "--json"))
            assert "attestation contract" in made["made"]
            run_command("append", "-", stdin=ndjson(opened("L1"), pool(POOL), pledged("p1", POOL, "L1")))
            size = data(run_command("anchor", "--json"))["size"]
            run_command("trust", "-o", hand / "trust.json")
            report = hand / "audit.report.json"
            run_command(
                "audit", POOL, "--trust", hand / "trust.json", "--processes", 1, "-o", report, code=None
            )
            assert json.loads(report.read_bytes())["basis"]["level"] == "anchored"
            yield Audited(home, hand, chain.url, made["chain"]["attestations"], size)
