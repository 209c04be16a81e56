"""The main job, as its users do it: a servicer's files in at one end, a sceptic with two files at the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.chain import devnet
from tests.cli.running import data, ndjson, run_command, use_home

pytestmark = pytest.mark.devnet

ROOT = Path(__file__).parents[2]
JUNE, JULY = (ROOT / "tests" / "data" / "ex102" / f"2026-{month}.xml" for month in ("06", "07"))
ORIGIN = "servicer.example/auto-2026"
POOL = "SDART-2026-1"
#: Alive after July, so that somebody might try to pledge it once more.
LOAN = "SDART0202600001:22376302"
EVENT = f"ex102:{LOAN}:2026-07:repayment"


@dataclass(frozen=True)
class Job:
    """The home after the servicer's part, and what the sceptic was handed."""

    home: Path
    url: str
    hand: Path

    def sceptic(self, *args: object, code: int = 0, cwd: Path) -> subprocess.CompletedProcess[str]:
        """`poolproof verify` in a process of its own, in a folder with nothing but the files."""
        done = subprocess.run(
            [sys.executable, "-m", "ledger", "verify", *map(str, args)],
            cwd=cwd,
            env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """init → party → two real months → anchor --wait → receipt, trust root, evidence."""
    folder = tmp_path_factory.mktemp("job")
    home, hand = folder / "home", folder / "hand"
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, home)
        started = data(run_command("devnet", "start", "--port", "0", "--json"))
        try:
            made = data(run_command("init", "--origin", ORIGIN, "--json"))
            assert made["chain"]["grade"] == "devnet"
            run_command("party", "add", "servicer", "--role", "servicer", "--role", "originator")
            run_command("party", "add", "trust", "--role", "trustee")
            run_command("party", "add", "bank", "--role", "funding_partner")
            run_command("import", "ex102", JUNE, JULY, "--pool", POOL, "--holder", "trust")
            anchored = data(run_command("anchor", "--wait", "--json"))
            assert (anchored["size"], anchored["state"]) == (30, "final")
            run_command("receipt", EVENT, "-o", hand / "r.receipt.json")
            run_command("prove", f"{LOAN}/1", "-o", hand / "claim.proof.json")
            run_command("trust", "-o", hand / "trust.json")
            run_command("evidence", "--latest", "-o", hand / "e.evidence.json")
            yield Job(home, started["url"], hand)
        finally:
            devnet.stop(home / "devnet")


@pytest.fixture
def folder(job: Job, tmp_path: Path) -> Path:
    """What the sceptic has: a receipt and a trust root."""
    for name in ("r.receipt.json", "trust.json"):
        shutil.copy(job.hand / name, tmp_path)
    return tmp_path


def block(job: Job) -> str:
    """The hash of the evidence's block, as the sceptic sees it elsewhere: here, on the chain."""
    number = json.loads((job.hand / "e.evidence.json").read_text())["block"]["number"]
    from ledger.chain.reader import ChainReader

    reader = ChainReader(job.url)
    found = reader.block(number)
    reader.close()
    assert found is not None
    return "0x" + found.hash.hex()


def test_a_receipt_and_a_trust_root_show_published(job: Job, folder: Path) -> None:
    shown = job.sceptic("r.receipt.json", "--offline", cwd=folder).stdout
    assert "VERIFIED: published" in shown
    assert "repayment.received " + EVENT in shown
    assert "claimed by the platform" in shown
    assert {path.name for path in folder.iterdir()} == {"r.receipt.json", "trust.json"}


def test_with_the_evidence_it_is_final(job: Job, folder: Path) -> None:
    shutil.copy(job.hand / "e.evidence.json", folder)
    given = ("r.receipt.json", "--offline", "--evidence", "e.evidence.json", "--require", "final")
    shown = job.sceptic(*given, "--block", block(job), cwd=folder).stdout
    assert "VERIFIED: final, on a chain of grade devnet" in shown
    job.sceptic(*given, code=3, cwd=folder)
    job.sceptic(*given, "--block", "0x" + "11" * 32, code=3, cwd=folder)


def test_against_the_chain_it_is_final(job: Job, folder: Path) -> None:
    shown = job.sceptic("r.receipt.json", "--rpc", job.url, "--require", "final", cwd=folder).stdout
    assert "VERIFIED: final, on a chain of grade devnet" in shown


def test_a_tampered_receipt_is_proved_invalid(job: Job, folder: Path) -> None:
    text = (folder / "r.receipt.json").read_text()
    (folder / "r.receipt.json").write_text(text.replace('\\"aggregate\\":true', '\\"aggregate\\":null'))
    shown = job.sceptic("r.receipt.json", "--offline", code=1, cwd=folder)
    assert shown.stdout == ""
    assert "service_signature" in shown.stderr


def test_another_logs_trust_root_proves_nothing(
    job: Job, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLPROOF_HOME", str(folder / "other"))
    run_command("init", "--origin", "other.example/auto-2026")
    run_command("trust", "-o", folder / "trust.json")
    shown = job.sceptic("r.receipt.json", "--offline", code=1, cwd=folder)
    assert "trust_root" in shown.stderr


def test_the_claims_place_is_proved(job: Job, folder: Path) -> None:
    shutil.copy(job.hand / "claim.proof.json", folder)
    shown = job.sceptic("claim.proof.json", "--rpc", job.url, "--require", "final", cwd=folder).stdout
    assert "held by trust 1000000 ppm" in shown


@pytest.fixture
def servicer(job: Job, monkeypatch: pytest.MonkeyPatch) -> Path:
    """At the servicer's desk again."""
    use_home(monkeypatch, job.home)
    return job.home


def test_a_second_pledge_is_refused(servicer: Path) -> None:
    pool = {
        "id": "w",
        "type": "pool.created",
        "subject": "pool:warehouse",
        "effective": "2026-07-01",
        "party": "servicer",
    }
    pool["data"] = {"rules": {"version": 1}, "structure": "warehouse", "currency": "USD"}  # type: ignore[assignment]
    pledge = {
        "id": "p",
        "type": "claim.pledged",
        "subject": "pool:warehouse",
        "effective": "2026-07-31",
        "party": "servicer",
    }
    pledge["data"] = {"holder": "bank", "claims": [{"loan": LOAN, "claim": "1"}]}  # type: ignore[assignment]
    error = data(run_command("append", "-", "--json", stdin=ndjson(pool, pledge), code=2))["error"]
    assert error["code"] == "taken"
    assert error["line"] == 2
    assert data(run_command("status", "--json"))["pending"] == 0


def test_everything_fits_together(servicer: Path) -> None:
    found = data(run_command("fsck", "--json"))
    assert found["clean"]
    assert found["anchors"] == 1
    assert data(run_command("doctor", "--json"))["sound"]
    ladder = data(run_command("status", "--json"))["ladder"]
    assert {rung["size"] for rung in ladder} == {30}


def test_a_pinned_block_spares_the_sceptic_the_hash(job: Job, servicer: Path, folder: Path) -> None:
    pinned = data(run_command("trust", "--pin", "-o", folder / "trust.json", "--json"))
    assert (pinned["changed"], pinned["on_chain"]) == (True, True)
    assert not data(run_command("trust", "--pin", "-o", folder / "trust.json", "--json"))["changed"]
    shutil.copy(job.hand / "e.evidence.json", folder)
    job.sceptic(
        "r.receipt.json", "--offline", "--evidence", "e.evidence.json", "--require", "final", cwd=folder
    )
    job.sceptic("r.receipt.json", "--rpc", job.url, "--require", "final", cwd=folder)
    # The trust root handed out before is stale now, and the contract says so.
    stale = job.sceptic(
        "r.receipt.json", "--trust", job.hand / "trust.json", "--rpc", job.url, "--json", code=1, cwd=folder
    )
    assert "trust" in stale.stderr


def test_nothing_new_anchors_nothing(servicer: Path) -> None:
    again = data(run_command("anchor", "--wait", "--json"))
    assert (again["size"], again["state"]) == (30, "final")
    assert data(run_command("init", "--json"))["made"] == []


def test_another_chain_is_refused(
    job: Job, servicer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devnet.running(tmp_path / "other", options=("--timestamp", "1700000000")) as other:
        monkeypatch.setenv("POOLPROOF_RPC_URL", other.url)
        assert "wrong chain" in run_command("doctor", code=1).stdout
        assert "wrong chain" in run_command("init", code=2).stderr
        shown = job.sceptic(
            job.hand / "r.receipt.json",
            "--trust",
            job.hand / "trust.json",
            "--rpc",
            other.url,
            code=2,
            cwd=tmp_path,
        )
        assert "wrong chain" in shown.stderr


def test_the_pool_is_audited_against_the_chain(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLPROOF_HOME", str(job.home))
    trust = ("--trust", tmp_path / "trust.json")
    run_command("trust", "-o", trust[1])
    report = data(run_command("audit", POOL, "--as-of", "2026-07-31", *trust, "--json", code=1))
    assert "error" not in report, report
    outcome = {one["name"]: one["outcome"] for one in report["procedures"]}
    assert (report["basis"]["level"], report["basis"]["grade"]) == ("final", "devnet")
    assert (outcome["anchor"], outcome["back_dating"]) == ("passed", "findings")
    assert report["counts"]["error"] == 1
    assert report["numbers"]["anchored_within_30_days_ppm"] == 0, "months later, as the block says"
