"""Audit, attest, read back: by the platform's partners, who hold a report, a trust root and a key of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.audit import reportfile
from ledger.chain import devnet, keystore
from ledger.chain.attestation import SignedAttestation
from ledger.proofs import canonical
from tests.cli.running import data, run_command, use_home
from tests.e2e.audited import PASSPHRASE, POOL, Audited, audited_in

pytestmark = pytest.mark.devnet


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with audited_in(tmp_path_factory.mktemp("attest")) as made:
        yield made


@pytest.fixture
def platform(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """In the platform's own home."""
    use_home(monkeypatch, audited.home)
    monkeypatch.chdir(audited.hand)
    return audited


@pytest.fixture
def partner(audited: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    """In a folder with the files and a keystore, with no home."""
    audited.visit(monkeypatch, tmp_path)
    return audited


def key(name: str) -> str:
    """A new keystore in the folder; its address."""
    return "0x" + keystore.create(Path(name), PASSPHRASE, iterations=2).address.hex()


def where(audited: Audited, *, rpc: str | None = None) -> list[str]:
    return ["--trust", "trust.json", "--contract", audited.contract, "--rpc", rpc or audited.url]


def by(audited: Audited, signer: str) -> Any:
    found = data(run_command("attestations", POOL, *where(audited), "--signer", signer, "--json"))
    return found["attestations"]


def test_in_the_ledgers_home(platform: Audited) -> None:
    said = run_command("attest", "audit.report.json", "--verdict", "acknowledged")
    assert "pool:W1 at size 4 acknowledged by 0x3c44" in said.stdout
    assert "everybody knows this key" in said.stderr
    listed = run_command("attestations", POOL).stdout
    assert "acknowledged 0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc  size 4, " in listed
    assert run_command("attestations", "W2").stdout == "no attestations about W2\n"
    assert data(run_command("status", "--json"))["chain"]["attestations"] == platform.contract


def test_a_partner_without_a_home(partner: Audited) -> None:
    signer = key("fund.json")
    assert run_command("attestations", POOL, *where(partner), "--signer", signer).stdout == (
        "no attestations about W1 by this signer\n"
    )
    args = ("audit.report.json", "--verdict", "checked", "--scope", "every loan", "--keystore", "fund.json")
    made = data(run_command("attest", *args, *where(partner), "--json"))
    report = Path("audit.report.json").read_bytes()
    digest = reportfile.digest(reportfile.decode(report))
    assert made["attestation"]["evidence"] == f"0x{digest}"
    assert made["block_number"] > 0
    (found,) = by(partner, signer)
    basis = json.loads(report)["basis"]
    assert (found["verdict"], found["scope"], found["rules_version"]) == ("checked", "every loan", 1)
    assert (found["size"], found["root"]) == (basis["size"], basis["root"])
    assert found["evidence"] == digest
    assert found["age"] < 600
    assert not found["disowned"]
    # A later one stands beside it.
    run_command("attest", *args[:2], "disputed", *args[5:], *where(partner))
    assert [one["verdict"] for one in by(partner, signer)] == ["disputed", "checked"]
    assert not Path(os.environ["POOLPROOF_HOME"]).exists()


def test_signed_offline_and_relayed_by_another(partner: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = key("auditor.json")
    made = run_command(
        "attest", "audit.report.json", "--verdict", "checked", "--keystore", "auditor.json",
        "--trust", "trust.json", "--contract", partner.contract, "--offline", "--nonce", 0,
        "-o", "word.json",
    )  # fmt: skip
    assert "signed, not on chain yet" in made.stdout
    monkeypatch.delenv("POOLPROOF_PASSPHRASE")  # whoever relays has another key, here the devnet's
    assert by(partner, signer) == []
    relayed = run_command("attest", "--relay", "word.json", "--rpc", partner.url)
    assert f"checked by {signer}: on chain" in relayed.stdout
    assert by(partner, signer)[0]["verdict"] == "checked"
    replayed = run_command("attest", "--relay", "word.json", "--rpc", partner.url, code=2)
    assert "was relayed already" in replayed.stderr


def test_an_altered_file(partner: Audited) -> None:
    key("one.json")
    run_command(
        "attest", "audit.report.json", "--verdict", "disputed", "--keystore", "one.json",
        *where(partner), "-o", "word.json",
    )  # fmt: skip
    text = Path("word.json").read_text()
    Path("word.json").write_text(text.replace('"disputed"', '"checked"'))
    said = run_command(
        "attest", "--relay", "word.json", "--rpc", partner.url, "--keystore", "one.json", code=1
    )
    assert "InvalidSignature" in said.stderr


def test_an_expired_one(partner: Audited) -> None:
    signer = key("late.json")
    run_command(
        "attest", "audit.report.json", "--verdict", "checked", "--keystore", "late.json", "--days", 1,
        *where(partner), "-o", "word.json",
    )  # fmt: skip
    snapshot = devnet._request(partner.url, "evm_snapshot", [])
    devnet._request(partner.url, "evm_increaseTime", [2 * 86_400])
    devnet.mine(partner.url)
    try:
        args = ("--relay", "word.json", "--rpc", partner.url, "--keystore", "late.json")
        assert "Expired" in run_command("attest", *args, code=2).stderr
    finally:
        devnet._request(partner.url, "evm_revert", [snapshot])
    assert by(partner, signer) == []


def test_a_report_with_another_root(partner: Audited) -> None:
    report = reportfile.decode(Path("audit.report.json").read_bytes()).to_json()
    report["basis"] = report["basis"] | {"root": "ab" * 32}
    Path("other.json").write_bytes(canonical.encode_file(report))
    key("k.json")
    args = ("attest", "other.json", "--verdict", "checked", "--keystore", "k.json", *where(partner))
    assert "another root at size 4" in run_command(*args, code=1).stderr
    # Signed without asking, it is the contract that refuses.
    offline = ("--offline", "--nonce", 0, "-o", "word.json")
    run_command(*args[:-2], *offline)
    relay = ("attest", "--relay", "word.json", "--keystore", "k.json", "--rpc", partner.url)
    assert "WrongRoot" in run_command(*relay, code=1).stderr


def test_a_size_that_is_not_anchored(partner: Audited) -> None:
    report = reportfile.decode(Path("audit.report.json").read_bytes()).to_json()
    report["basis"] = report["basis"] | {"size": 5}
    Path("other.json").write_bytes(canonical.encode_file(report))
    key("k.json")
    args = ("attest", "other.json", "--verdict", "checked", "--keystore", "k.json", *where(partner))
    assert "size 5 is not anchored" in run_command(*args, code=2).stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"origin": "another.example/log"}, "of another log"),
        ({"chain_id": 1}, "of another chain"),
        ({"chain_id": None}, "of another chain: none"),
        ({"contract": "0x" + "07" * 20}, "of another contract"),
        ({"fingerprint": "07" * 32}, "of another trust root"),
    ],
)
def test_a_report_of_another_place(partner: Audited, change: dict[str, Any], says: str) -> None:
    report = reportfile.decode(Path("audit.report.json").read_bytes()).to_json()
    report["basis"] = report["basis"] | change
    Path("other.json").write_bytes(canonical.encode_file(report))
    key("k.json")
    args = ("attest", "other.json", "--verdict", "checked", "--keystore", "k.json", *where(partner))
    assert says in run_command(*args, code=2).stderr


def test_another_chain(partner: Audited, tmp_path: Path) -> None:
    key("k.json")
    args = ("audit.report.json", "--verdict", "checked", "--keystore", "k.json")
    run_command("attest", *args, *where(partner), "-o", "word.json")
    with devnet.running(tmp_path / "other") as other:
        devnet._request(other.url, "anvil_setChainId", [31338])
        relay = ("attest", "--relay", "word.json", "--keystore", "k.json", "--rpc", other.url)
        assert "signed for chain 31337; " in run_command(*relay, code=2).stderr
        assert "wrong chain" in run_command("attest", *args, *where(partner, rpc=other.url), code=2).stderr
        assert (
            "wrong chain" in run_command("attestations", POOL, *where(partner, rpc=other.url), code=2).stderr
        )
    with devnet.running(tmp_path / "same-id") as other:  # the same chain id, another chain
        relay = ("attest", "--relay", "word.json", "--keystore", "k.json", "--rpc", other.url)
        assert "there is no contract" in run_command(*relay, code=1).stderr
        assert "another chain" in run_command("attest", *args, *where(partner, rpc=other.url), code=2).stderr


def test_a_contract_that_is_not_ours(partner: Audited) -> None:
    key("k.json")
    trust = json.loads(Path("trust.json").read_bytes())
    anchors = trust["chain"]["contract"]
    args = ["--trust", "trust.json", "--contract", anchors, "--rpc", partner.url]
    assert "is not the AttestationRegistry" in run_command("attestations", POOL, *args, code=1).stderr
    report = ("audit.report.json", "--verdict", "checked", "--keystore", "k.json")
    assert "is not the AttestationRegistry" in run_command("attest", *report, *args, code=1).stderr


def test_a_closed_log_disowns_sizes(partner: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.chain.client import ChainClient

    signer = key("k.json")
    args = ("audit.report.json", "--verdict", "checked", "--keystore", "k.json", *where(partner))
    run_command("attest", *args)
    snapshot = devnet._request(partner.url, "evm_snapshot", [])
    try:
        chain = json.loads(Path("trust.json").read_bytes())["chain"]
        contract, log = (bytes.fromhex(chain[name][2:]) for name in ("contract", "log_id"))
        client = ChainClient(partner.url).at(contract, log)
        client.execute(keystore.devnet_account(31337), "close", log, 0, bytes(32))
        client.close()
        assert [one["disowned"] for one in by(partner, signer)] == [True]
        listed = run_command("attestations", POOL, *where(partner), "--signer", signer).stdout
        assert "DISOWNED by the log's owner" in listed
    finally:
        devnet._request(partner.url, "evm_revert", [snapshot])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "give a REPORT and --verdict"),
        (["audit.report.json"], "give a REPORT and --verdict"),
        (["audit.report.json", "--relay", "word.json"], "signed already, and nothing else"),
        (["audit.report.json", "--verdict", "checked", "--offline"], "give -o FILE and --nonce"),
        (
            ["audit.report.json", "--verdict", "checked", "--trust", "trust.json"],
            "which AttestationRegistry?",
        ),
        (["nothing.json", "--verdict", "checked"], "no file nothing.json"),
        (["trust.json", "--verdict", "checked"], "malformed audit report"),
        (["--relay", "trust.json"], "malformed attestation"),
    ],
)
def test_wrong_use(partner: Audited, args: list[str], says: str) -> None:
    assert says in run_command("attest", *args, code=2).stderr


def test_keys_are_needed(partner: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    args = ("attest", "audit.report.json", "--verdict", "checked", *where(partner))
    assert "cannot read nothing.json" in run_command(*args, "--keystore", "nothing.json", code=2).stderr
    key("k.json")
    scope = ("--keystore", "k.json", "--scope", "每笔借据")
    assert "printable ASCII" in run_command(*args, *scope, code=2).stderr
    monkeypatch.delenv("POOLPROOF_PASSPHRASE")
    assert "POOLPROOF_PASSPHRASE_FILE" in run_command(*args, "--keystore", "k.json", code=2).stderr


def test_a_written_file_is_what_was_signed(partner: Audited) -> None:
    signer = key("k.json")
    args = ("audit.report.json", "--verdict", "disputed", "--keystore", "k.json", *where(partner))
    run_command("attest", *args, "-o", "word.json")
    signed = SignedAttestation.parse(Path("word.json").read_bytes())
    assert signed.attestation.signer.hex() == signer[2:]
    assert str(signed.attestation.verdict) == "disputed"
    assert signed.attestation.subject == f"pool:{POOL}"
    assert by(partner, signer) == []
