from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.proofs.claimproof import ClaimProof
from tests.cli.running import Run, data, ndjson, opened, pledged, pool
from tests.oracles import tlog_reader


@pytest.fixture
def published(log: Run) -> Run:
    """A log with a loan that is pledged and one that is not, published."""
    log("append", "-", stdin=ndjson(opened("L1"), opened("L2"), pool("P1"), pledged("e1", "P1", "L1")))
    log("publish")
    return log


def test_a_receipt_is_always_the_same_bytes(published: Run, tmp_path: Path) -> None:
    printed = published("receipt", "L1:opened").stdout
    noted = data(published("receipt", "L1:opened", "-o", "out/l1.receipt.json", "--json"))
    assert (tmp_path / "out" / "l1.receipt.json").read_text() == printed
    assert noted == {
        "file": "out/l1.receipt.json",
        "media_type": "application/vnd.poolproof.receipt.v1+json",
        "bytes": len(printed.encode()),
    }
    assert json.loads(printed)["origin"] == "bank.example/pool-2026"


def test_a_receipt_is_not_there_before_it_is_published(log: Run) -> None:
    log("append", "-", stdin=ndjson(opened("L1")))
    assert "not published yet" in log("receipt", "L1:opened", code=2).stderr
    log("acceptance", "L1:opened")
    assert data(log("publish", "--json")) == {"published": True, "size": 2}
    assert data(log("publish", "--json")) == {"published": False, "size": 2}
    log("receipt", "L1:opened")


def test_the_tlog_proof_is_written_beside_the_receipt(published: Run, tmp_path: Path) -> None:
    published("receipt", "L1:opened", "-o", "r.json", "--tlog-proof", "r.tlog-proof")
    assert (tmp_path / "r.tlog-proof").read_bytes().startswith(b"c2sp.org/tlog-proof@v1\n")


@pytest.mark.parametrize(("claim", "present"), [("L1/1", True), ("L2/1", True), ("ab" * 32, False)])
def test_a_claim_is_proved(published: Run, claim: str, present: bool) -> None:
    proof = ClaimProof.parse(published("prove", claim).stdout.encode())
    assert proof.presence is present
    holders = proof.encumbrance.holders if proof.encumbrance else ()
    assert len(holders) == (1 if claim == "L1/1" else 0)


def test_a_claim_is_proved_as_it_was(published: Run) -> None:
    published("append", "-", stdin=ndjson(pledged("e2", "P1", "L2")))
    published("publish")
    then = ClaimProof.parse(published("prove", "L2/1", "--size", "5").stdout.encode())
    now = ClaimProof.parse(published("prove", "L2/1").stdout.encode())
    assert (len(then.history), len(now.history)) == (0, 1)


@pytest.mark.parametrize(
    "args", [["receipt", "nothing"], ["prove", "L9/1"], ["prove", "zz"], ["prove", "L1/1", "--size", "3"]]
)
def test_what_is_not_there_is_2(published: Run, args: list[str]) -> None:
    published(*args, code=2)


@pytest.mark.parametrize(
    "args", [["evidence"], ["evidence", "5", "--latest"], ["evidence", "5"], ["evidence", "--latest"]]
)
def test_evidence_needs_a_final_anchor(published: Run, args: list[str]) -> None:
    published(*args, code=2)


def test_the_ladder_has_ages(published: Run) -> None:
    ladder = data(published("status", "--json"))["ladder"]
    assert [(rung["state"], rung["size"]) for rung in ladder] == [
        ("recorded", 5),
        ("included", 5),
        ("published", 5),
        ("anchored", 0),
        ("final", 0),
    ]
    assert [rung["age"] is None for rung in ladder] == [False, False, False, True, True]
    shown = published("status").stdout
    assert "register: 3 claims and pools" in shown
    assert "chain:    none" in shown


def test_an_event_is_found_on_the_ladder(published: Run) -> None:
    published("append", "-", stdin=ndjson(opened("L3")))
    states = [
        data(published("status", "--event", f"{loan}:opened", "--json"))["state"] for loan in ("L1", "L3")
    ]
    assert states == ["published", "included"]
    assert "L1:opened of lender: published, entry 0" in published("status", "--event", "L1:opened").stdout
    published("status", "--event", "L1:opened", "--party", "fund", code=2)


def test_the_exported_log_is_read_by_another_reader(published: Run, home: Path, tmp_path: Path) -> None:
    keys = json.loads(published("trust").stdout)["log_keys"]
    first = data(published("export", "public", "--json"))
    assert (first["size"], first["evidence"]) == (5, 0)
    folder = tmp_path / "public"
    log = tlog_reader.read(folder, keys[0]["key"])
    assert log.size == 5
    assert data(published("export", "public", "--json"))["written"] == 0
    published("append", "-", stdin=ndjson(*(opened(f"M{n}") for n in range(300))))
    published("publish")
    assert data(published("export", "public", "--json"))["size"] == 306
    assert tlog_reader.read(folder, keys[0]["key"]).size == 306
    assert not list(folder.rglob("*.part"))


def test_nothing_to_export(log: Run) -> None:
    assert "no checkpoint" in log("export", "public", code=2).stderr


@pytest.mark.parametrize("place", [".", "..", "folder"])
def test_a_folder_in_the_place_of_a_file_is_2(published: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    published("trust", "-o", "trust.json")
    for args in (["receipt", "L1:opened"], ["receipt", "--pool", "W1"], ["prove", "L1/1"], ["trust"]):
        assert f"{place} is a folder" in published(*args, "-o", place, code=2).stderr
    assert f"{place} is a folder" in published("verify", place, "--trust", "trust.json", code=2).stderr
    assert f"{place} is a folder" in published("append", place, code=2).stderr
    assert f"{place} is a folder" in published("pool", "create", "W2", "--rules", place, code=2).stderr


def test_a_folder_that_cannot_be_written_is_3(published: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    published("export", "file/below", code=3)
    published("receipt", "L1:opened", "-o", "file/r.json", code=3)
