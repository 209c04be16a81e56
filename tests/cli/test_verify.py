"""`poolproof verify`: what it prints, how it ends, and what it does without. What verifies is tests/proofs' matter."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.proofs.note import Signer
from tests.chain.anchored import FOLDER, Anchored
from tests.cli.running import Run, data, ndjson, opened, pledged, pool
from tests.samples import LOG, SERVICE

ROOT = Path(__file__).parents[2]
RECEIPT, EVIDENCE, TRUST = (
    FOLDER / "sample.receipt.json",
    FOLDER / "anchor-6.evidence.json",
    FOLDER / "trust.json",
)
#: What `verify --offline` must not pay for. (typer itself brings pydantic.)
HEAVY = {
    "web3",
    "eth_account",
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "structlog",
    "msgspec",
}


def block_hash() -> str:
    return "0x" + Anchored.load().evidence.block_hash.hex()


def test_the_ladder_is_printed(run: Run) -> None:
    shown = run("verify", RECEIPT, "--trust", TRUST, "--offline").stdout
    for step in ("form", "trust_root", "checkpoint", "service_signature", "record", "inclusion", "register"):
        assert f"  ok  {step} " in shown
    assert "not checked: " in shown
    assert f"trust root {Anchored.load().trust.fingerprint}" in shown
    assert "VERIFIED: " in shown


def test_json_says_the_same(run: Run) -> None:
    verdict = data(run("verify", RECEIPT, "--trust", TRUST, "--offline", "--json"))
    assert verdict["verified"] is True
    assert verdict["trust_root"] == Anchored.load().trust.fingerprint
    assert verdict["steps"][0]["name"] == "form"
    assert verdict["not_checked"]


def test_evidence_shows_final_offline(run: Run) -> None:
    given = ("verify", RECEIPT, "--trust", TRUST, "--offline", "--evidence", EVIDENCE)
    shown = run(*given, "--block", block_hash(), "--require", "final").stdout
    assert "VERIFIED: final, on a chain of grade devnet" in shown


def test_evidence_alone_shows_nothing_more(run: Run) -> None:
    """The block hash must come from the verifier."""
    result = run("verify", RECEIPT, "--trust", TRUST, "--evidence", EVIDENCE, "--require", "final", code=3)
    assert "VERIFIED" not in result.stdout
    run(
        "verify",
        RECEIPT,
        "--trust",
        TRUST,
        "--evidence",
        EVIDENCE,
        "--block",
        "0x" + "00" * 32,
        "--require",
        "final",
        code=3,
    )


@pytest.mark.parametrize("level", ["anchored", "final"])
def test_a_level_not_shown_is_3(run: Run, level: str) -> None:
    error = data(run("verify", RECEIPT, "--trust", TRUST, "--offline", "--require", level, "--json", code=3))[
        "error"
    ]
    assert error["code"] == "undetermined"


def test_a_changed_record_names_the_step(run: Run, tmp_path: Path) -> None:
    document = json.loads(RECEIPT.read_text())
    document["record"] = document["record"].replace("207.10", "307.10")
    changed = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"
    (tmp_path / "changed.json").write_text(changed)
    error = data(run("verify", "changed.json", "--trust", TRUST, "--offline", "--json", code=1))["error"]
    assert error["code"] == "verification_failed"
    assert error["step"] == "service_signature"


def test_no_changed_character_verifies(run: Run, tmp_path: Path) -> None:
    original = RECEIPT.read_text()
    chance = random.Random(102)
    for _ in range(30):
        place = chance.randrange(len(original))
        changed = original[:place] + chance.choice('aA0 "}é=\n') + original[place + chance.randrange(2) :]
        if changed == original:
            continue
        (tmp_path / "changed.json").write_text(changed)
        result = run("verify", "changed.json", "--trust", TRUST, "--offline", code=None)
        assert result.exit_code in (1, 2), f"character {place}"
        assert "VERIFIED" not in result.stdout


@pytest.mark.parametrize(
    "args",
    [
        [RECEIPT, "--trust", "nowhere.json"],
        ["nowhere.json", "--trust", TRUST],
        [TRUST, "--trust", TRUST],
        [RECEIPT, "--trust", RECEIPT],
        [RECEIPT, "--trust", TRUST, "--block", "0x" + "00" * 32],
        [RECEIPT, "--trust", TRUST, "--evidence", EVIDENCE, "--block", "0x00"],
        [RECEIPT, "--trust", TRUST, "--require", "sure"],
        [RECEIPT, "--trust", TRUST, "--evidence", TRUST],
    ],
)
def test_wrong_input_is_2(run: Run, args: list[object]) -> None:
    assert "VERIFIED" not in run("verify", *args, code=2).stdout


def test_the_trust_root_lies_here_or_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "trust root" in run("verify", RECEIPT, "--offline", code=2).stderr
    (tmp_path / "trust.json").write_bytes(TRUST.read_bytes())
    run("verify", RECEIPT, "--offline")
    monkeypatch.setenv("POOLPROOF_TRUST", "elsewhere.json")
    assert "elsewhere.json" in run("verify", RECEIPT, "--offline", code=2).stderr


def test_a_huge_file_is_refused_early(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1 << 33)
    run("verify", "huge.json", "--trust", TRUST, code=2)


def test_a_node_that_does_not_answer_is_3(run: Run) -> None:
    run("verify", RECEIPT, "--trust", TRUST, "--rpc", "http://127.0.0.1:9", "--require", "anchored", code=3)
    run("verify", RECEIPT, "--trust", TRUST, "--rpc", "http://127.0.0.1:9", "--offline")


def test_documents_of_a_log_verify(log: Run, tmp_path: Path) -> None:
    log("append", "-", stdin=ndjson(opened("L1"), pool("P1"), pledged("e1", "P1", "L1")))
    log("publish")
    log("trust", "-o", "trust.json")
    for command, name in (("receipt", "e1"), ("prove", "L1/1"), ("acceptance", "e1")):
        log(command, name, "-o", "file.json")
        log("verify", "file.json", "--offline")


def test_a_claim_proof_is_held_against_an_earlier_one(log: Run) -> None:
    log("append", "-", stdin=ndjson(opened("L1"), pool("P1")))
    log("publish")
    log("prove", "L1/1", "-o", "then.json")
    log("append", "-", stdin=ndjson(pledged("e1", "P1", "L1")))
    log("publish")
    log("prove", "L1/1", "-o", "now.json")
    log("trust", "-o", "trust.json")
    log("verify", "now.json", "--earlier", "then.json")
    assert "later register" in log("verify", "then.json", "--earlier", "now.json", code=3).stderr


def test_it_starts_without_what_it_does_not_need(tmp_path: Path) -> None:
    """In a process of its own, in an empty directory, without a home."""
    script = (
        "import sys; sys.argv = ['poolproof', 'verify', *sys.argv[1:]]\n"
        "from ledger.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    for more in ([], ["--evidence", str(EVIDENCE), "--block", block_hash()]):
        done = subprocess.run(
            [sys.executable, "-c", script, str(RECEIPT), "--trust", str(TRUST), "--offline", *more],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        loaded = {name.strip("' ") for name in done.stderr.strip().strip("[]").split(",")}
        assert "cryptography" in loaded
        assert not loaded & HEAVY
    assert list(tmp_path.iterdir()) == []


def test_the_samples_are_of_known_keys() -> None:
    trust = Anchored.load().trust
    assert [span.verifier.vkey for span in (*trust.log_keys, *trust.service_keys)] == [
        LOG.verifier.vkey,
        SERVICE.verifier.vkey,
    ]
    assert isinstance(LOG, Signer)


def test_a_bundle_is_verified_line_by_line(log: Run, tmp_path: Path) -> None:
    log("append", "-", stdin=ndjson(opened("L1"), opened("L2"), pool("P1"), pledged("e1", "P1", "L1")))
    log("publish")
    log("trust", "-o", "trust.json")
    noted = data(log("receipt", "--pool", "P1", "-o", "out/p1.receipts.ndjson", "--json"))
    bundle = tmp_path / "out" / "p1.receipts.ndjson"
    assert (noted["receipts"], noted["bytes"]) == (3, bundle.stat().st_size)
    assert bundle.read_text().splitlines(keepends=True)[0] == log("receipt", "L1:opened").stdout

    check = ("verify", bundle, "--trust", "trust.json", "--offline")
    said = log(*check).stdout
    assert "3 documents of bank.example/pool-2026" in said
    assert "VERIFIED: 3 valid, 0 invalid, 0 undetermined" in said
    found = data(log(*check, "--json"))
    assert (found["verified"], found["count"], found["levels"]) == (True, 3, {"published": 3})
    assert found["not_checked"]
    assert data(log(*check, "--require", "anchored", "--json", code=3))["undetermined"] == 3

    text = bundle.read_text()
    bundle.write_text(text.replace("lender", "Lender", 1) + "{}\n")
    wrong = data(log(*check, "--json", code=1))
    assert (wrong["valid"], wrong["invalid"], [one["line"] for one in wrong["problems"]]) == (2, 2, [1, 4])
    assert "line 1 at step service_signature" in log(*check, code=1).stdout
    # A line that lacks its end, and a single file that was edited to have two lines.
    bundle.write_text(text.rstrip("\n"))
    assert data(log(*check, "--json", code=1))["invalid"] == 1
    single = text.splitlines(keepends=True)[0]
    bundle.write_text(single.replace(",", ",\n", 1))
    assert "malformed" in log(*check, code=2).stderr
    bundle.write_text(single)
    assert "receipt of bank.example/pool-2026" in log(*check).stdout


def test_many_lines_that_fail_are_counted(log: Run, tmp_path: Path) -> None:
    log("append", "-", stdin=ndjson(opened("L1")))
    log("publish")
    log("trust", "-o", "trust.json")
    good = log("receipt", "L1:opened").stdout
    bad = good.replace('"index":0', '"index":1')
    assert bad != good
    file = tmp_path / "many.ndjson"
    file.write_text(good + bad * 30)
    said = log("verify", file, "--trust", "trust.json", "--offline", code=1).stdout
    assert "NOT VERIFIED: 1 valid, 30 invalid, 0 undetermined" in said
    assert "and 10 more" in said


def test_a_bundle_is_of_a_pool_and_goes_to_a_file(log: Run) -> None:
    for args in (
        (),
        ("e1", "--pool", "P1"),
        ("--pool", "P1"),
        ("--pool", "P1", "-o", "x", "--party", "fund"),
    ):
        log("receipt", *args, code=2)
    assert "no pool 'P9'" in log("receipt", "--pool", "P9", "-o", "p9.ndjson", code=2).stderr
