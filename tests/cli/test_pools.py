from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.sealproof import SealProof
from tests.cli.running import Run, data, ndjson, opened, pledged

RULES = Path(__file__).parents[2] / "docs" / "rules" / "warehouse.json"
DAY = "2026-04-01"


@pytest.fixture
def filled(log: Run) -> Run:
    """A pool made from the documented rules, with two loans pledged and one that is not, published."""
    log("pool", "create", "W1", "--rules", RULES, "--title", "Warehouse 1", "--effective", "2026-03-01")
    log(
        "append",
        "-",
        stdin=ndjson(*(opened(name) for name in ("L1", "L2", "L3")), pledged("e1", "W1", "L1", "L2")),
    )
    log("publish")
    log("trust", "-o", "trust.json")
    return log


@pytest.fixture
def sealed(filled: Run) -> Run:
    filled("pool", "seal", "W1", "--as-of", DAY)
    filled("publish")
    return filled


def test_a_pool_is_made_from_a_file_of_rules(log: Run) -> None:
    log("pool", "create", "W1", "--rules", RULES, "--dry-run", "--effective", DAY)
    assert data(log("pool", "list", "--json")) == {"pools": []}
    assert "no pool yet" in log("pool", "list").stdout
    made = log("pool", "create", "W1", "--rules", RULES, "--structure", "warehouse", "--currency", "CNY",
               "--effective", DAY)  # fmt: skip
    assert made.stdout == "pool W1: rules version 1, is now entry 0\n"
    again = log("pool", "create", "W1", "--rules", RULES, "--structure", "warehouse", "--currency", "CNY",
                "--effective", DAY)  # fmt: skip
    assert "was before entry 0" in again.stdout
    shown = data(log("pool", "show", "W1", "--json"))
    assert shown["rules"] == json.loads(RULES.read_bytes())
    assert (shown["claims"], shown["seals"]) == (0, [])


def test_the_next_rules_are_the_next_version(log: Run, tmp_path: Path) -> None:
    log("pool", "create", "W1", "--rules", RULES, "--effective", DAY)
    rules = json.loads(RULES.read_bytes())
    (tmp_path / "next.json").write_text(json.dumps(rules | {"version": 2, "advance_rate": "0.8"}))
    log("pool", "create", "W1", "--rules", "next.json")
    assert data(log("pool", "show", "W1", "--json"))["rules"]["advance_rate"] == "0.8"
    (tmp_path / "wrong.json").write_text(json.dumps(rules | {"version": 4}))
    wrong = log("pool", "create", "W1", "--rules", "wrong.json", code=2).stderr
    assert wrong.startswith("poolproof: data.rules.version: "), (
        "it names no line: the event stands in no file"
    )
    (tmp_path / "other.json").write_text(json.dumps(rules | {"advance_rate": "0.7"}))
    other = log("pool", "create", "W1", "--rules", "other.json", code=2).stderr
    assert "rules.version: version 1 of W1 is recorded otherwise, as entry 0" in other


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"version": 1.0}', '{"version": 1, "haircut": "0.1"}', "{}"]
)
def test_rules_that_are_none_are_2(log: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.json").write_text(text)
    log("pool", "create", "W1", "--rules", "rules.json", code=2)
    assert data(log("pool", "list", "--json")) == {"pools": []}


def test_a_pool_is_sealed_shown_and_listed(filled: Run) -> None:
    rehearsed = data(filled("pool", "seal", "W1", "--as-of", DAY, "--dry-run", "--json"))
    done = filled("pool", "seal", "W1", "--as-of", DAY, "--json")
    recorded = data(done)
    assert rehearsed == recorded | {"dry_run": True}
    assert (recorded["count"], recorded["receivable"], recorded["credit"]) == (2, "414.20", "0.00")
    assert (recorded["size"], recorded["index"], recorded["restates"]) == (6, 6, None)
    assert recorded["lag_days"] > 0
    assert "poolproof publish" in done.stderr
    shown = data(filled("pool", "show", "W1", "--json"))
    assert [recorded] == [one | {"dry_run": False} for one in shown["seals"]]
    text = filled("pool", "show", "W1").stdout
    assert f"seal:      {recorded['seal']}, entry 6" in text
    assert "W1: Warehouse 1" in text
    assert "2 claims, 414.20 CNY receivable, 0.00 credit" in text
    assert "  principal: 414.20 CNY, of whole claims\n" in text
    line = "W1: rules version 1, 2 claims, sealed in CNY at size 6\n"
    assert filled("pool", "list").stdout == line


def test_a_seal_takes_the_place_of_the_last_one_by_its_name(sealed: Run) -> None:
    first = data(sealed("pool", "show", "W1", "--json"))["seals"][0]["seal"]
    again = ("pool", "seal", "W1", "--as-of", "2026-03-31", "--size", "6")
    assert "was sealed by record 6" in sealed(*again, code=2).stderr
    assert "data.restates" in sealed(*again, "--restates", "00" * 32, code=2).stderr
    sealed(*again, "--restates", "zz", code=2)
    assert data(sealed(*again, "--restates", first, "--json"))["restates"] == first


def test_a_day_that_was_not_over_is_warned_of(filled: Run) -> None:
    from datetime import UTC, datetime

    today = datetime.now(UTC).date().isoformat()
    assert "was not over" in filled("pool", "seal", "W1", "--as-of", today).stderr


def test_a_seal_of_nothing_is_warned_of(filled: Run) -> None:
    done = filled("pool", "seal", "W1", "--as-of", DAY, "--currency", "USD", "--dry-run")
    assert "0 claims, 0.00 USD receivable" in done.stdout
    assert "W1 holds no claim in USD at size 6: this is a seal of nothing" in done.stderr
    assert "nothing" not in filled("pool", "seal", "W1", "--as-of", DAY, "--dry-run").stderr
    wrong = filled("pool", "seal", "W1", "--as-of", DAY, "--currency", "cny", code=2).stderr
    assert wrong.startswith('poolproof: currency: "cny" is not an active ISO 4217 currency')


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2099-01-01", "poolproof: --as-of: 2099-01-01 has not come"),
        ("2026-04", 'poolproof: --as-of: "2026-04" is a month'),
        ("today", 'poolproof: --as-of: "today" is not a day'),
    ],
)
def test_a_cut_off_that_cannot_be_is_named_by_its_option(filled: Run, day: str, says: str) -> None:
    assert filled("pool", "seal", "W1", "--as-of", day, code=2).stderr.startswith(says)


@pytest.mark.parametrize(
    "args",
    [
        ["pool", "seal", "W1", "--as-of", "2026-04"],
        ["pool", "seal", "W1", "--as-of", DAY, "--size", "5"],
        ["pool", "seal", "W9", "--as-of", DAY],
        ["pool", "seal", "W1"],
        ["pool", "show", "W9"],
        ["prove", "seal", "W1", "L1/1"],
        ["prove", "seal", "W9", "L1/1"],
        ["pool", "create", "W2", "--rules", "nothing.json"],
    ],
)
def test_what_is_not_there_is_2(filled: Run, args: list[str]) -> None:
    filled(*args, code=2)


def test_a_place_in_the_seal_is_proved_and_verified(sealed: Run, tmp_path: Path) -> None:
    sealed("prove", "seal", "W1", "L2/1", "-o", "l2.seal-proof.json")
    shown = sealed("verify", "l2.seal-proof.json", "--offline").stdout
    assert "seal proof of bank.example/pool-2026" in shown
    assert "W1 at size 6 as of 2026-04-01: 2 claims, 414.20 CNY receivable, 0.00 credit" in shown
    assert "of 2: 1000000 ppm, 207.10 receivable, 0.00 credit" in shown
    assert "claim 1 of L2: active, 207.10 CNY" in shown
    proof = (tmp_path / "l2.seal-proof.json").read_bytes()
    (tmp_path / "edited.json").write_bytes(proof.replace(b'"share":1000000', b'"share":1000001'))
    sealed("verify", "edited.json", "--offline", code=2)
    (tmp_path / "edited.json").write_bytes(
        proof.replace(b'"receivable":"207.10"', b'"receivable":"207.11"', 1)
    )
    assert "service_signature" in sealed("verify", "edited.json", "--offline", code=1).stderr
    kept = SealProof.parse(sealed("prove", "seal", "W1", "L2/1", "--without-state").stdout.encode())
    assert kept.state is None
    assert "not in the seal" in sealed("prove", "seal", "W1", "L3/1", code=2).stderr


@pytest.mark.parametrize("claim", ["L1/1", "L3/1", "ab" * 32])
def test_the_short_form_is_presence_or_absence(filled: Run, claim: str) -> None:
    present = claim != "ab" * 32
    short = filled("prove", claim).stdout
    assert filled("prove", "claim", claim).stdout == short
    assert filled("prove", "--size", "6", claim).stdout == short
    one, other = ("presence", "absence") if present else ("absence", "presence")
    assert filled("prove", one, claim).stdout == short
    assert ClaimProof.parse(short.encode()).presence is present
    refused = filled("prove", other, claim, "-o", "proof.json", "--json", code=1)
    error = data(refused)["error"]
    assert (error["code"], error["step"]) == ("verification_failed", other)
    assert ("holds nothing" in error["reason"]) is not present
    assert not Path("proof.json").exists()


def test_a_claim_is_absent_before_it_was_there(filled: Run) -> None:
    filled("append", "-", stdin=ndjson(opened("N")))
    filled("publish")
    filled("prove", "absence", "N/1", "--size", "6")
    filled("prove", "presence", "N/1")
    filled("prove", "presence", "N/1", "--size", "6", code=1)
