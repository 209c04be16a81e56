"""``poolproof sign``: what comes out is accepted by a log that asks for signatures, and nothing else is signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import ORIGIN, Run, data, opened, pool, run_command

SIG = {"key": "fund+00000000", "value": "A" * 86 + "=="}
PLEDGE = {
    "id": "pledge-1", "type": "claim.pledged", "subject": "pool:W1", "effective": "2026-03-02", "party": "lender",
    "data": {"holder": "fund", "claims": [{"loan": "L1", "claim": "1"}]},
}  # fmt: skip
RELEASE = {
    "id": "release-1", "type": "claim.released", "subject": "pool:W1", "effective": "2026-03-03",
    "data": {"claims": [{"loan": "L1", "claim": "1"}], "reason": "repaid"},
}  # fmt: skip


def written(name: str, *events: dict[str, Any]) -> str:
    Path(name).write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events))
    return name


@pytest.fixture
def keyed(log: Run) -> Run:
    """The log knows a key of each party, and its trust root says so."""
    for party, role in (("fund", "funding_partner"), ("lender", "servicer")):
        key = log("party", "keygen", party, "-o", f"{party}.key").stdout.strip()
        log("party", "add", party, "--role", role, "--role", "originator", "--key", key)
    log("trust", "-o", "trust.json")
    return log


def test_a_release_that_its_holder_signed_is_accepted(keyed: Run) -> None:
    pledge = written("pledge.ndjson", PLEDGE)
    shown = keyed(
        "sign", pledge, "--accept", "--key", "fund.key", "--trust", "trust.json", "-o", "accepted.ndjson"
    )
    assert shown.stdout == "1 accepted by fund: accepted.ndjson\n"
    keyed("sign", "accepted.ndjson", "--key", "lender.key", "--origin", ORIGIN, "-o", "signed.ndjson")
    keyed("append", written("before.ndjson", opened("L1"), pool("W1")))
    keyed("append", "signed.ndjson")
    release = written("release.ndjson", RELEASE)
    assert "must be signed by fund" in keyed("append", release, "--party", "fund", code=2).stderr
    done = data(keyed("sign", release, "--key", "fund.key", "--trust", "trust.json", "--json"))
    assert (done["origin"], done["party"], done["signed"]) == (ORIGIN, "fund", 1)
    assert {"party": "fund"}.items() <= done["events"][0].items(), "an absent party is filled in"
    keyed("append", written("release.signed.ndjson", *done["events"]))
    keyed("publish")
    keyed("receipt", "pledge-1", "-o", "pledge.receipt.json")
    checked = keyed("verify", "pledge.receipt.json", "--trust", "trust.json", "--offline").stdout
    assert "claimed by the platform" not in checked


def test_a_statement_stays_as_it_was_written(keyed: Run) -> None:
    event = opened("贷1", private={"customer": "张伟"}) | {"subject": "loan:L1", "id": "o-1"}
    event["data"] |= {"product": "消费贷"}
    shown = keyed("sign", "-", "--key", "lender.key", "--origin", ORIGIN, stdin=json.dumps(event) + "\n\n")
    [line] = shown.stdout.splitlines()
    found = json.loads(line)
    assert found.pop("sig")["key"].startswith("lender+")
    assert found == event
    keyed("append", "-", stdin=line)


@pytest.mark.parametrize(
    ("events", "more", "says"),
    [
        ([RELEASE, opened("L1")], (), 'line 2: party: "lender" is not fund'),
        ([RELEASE | {"sig": SIG}], (), "line 1: sig: the event is signed"),
        ([RELEASE | {"effective": "yesterday"}], (), "line 1: effective"),
        ([RELEASE | {"origin": "other.example/log"}], (), "line 1: origin"),
        ([PLEDGE | {"sig": SIG}], ("--accept",), "line 1: sig: the event is signed"),
        ([opened("L1")], ("--accept",), "loan.opened gives claims to nobody"),
        ([PLEDGE | {"data": PLEDGE["data"] | {"holder": "bank"}}], ("--accept",), "data.holder: bank is to hold"),
    ],
)  # fmt: skip
def test_what_is_not_signed(
    keyed: Run, events: list[dict[str, Any]], more: tuple[str, ...], says: str
) -> None:
    file = written("events.ndjson", *events)
    ask = ("sign", file, "--key", "fund.key", "--trust", "trust.json", "-o", "out.ndjson")
    assert says in keyed(*ask, *more, code=2).stderr
    assert not Path("out.ndjson").exists()


def test_it_is_said_for_which_log_and_with_a_key_that_it_knows(keyed: Run) -> None:
    file = written("release.ndjson", RELEASE)
    assert "--trust" in run_command("sign", file, "--key", "fund.key", code=2).stderr
    keyed("party", "keygen", "fund", "-o", "other.key")
    ask = ("sign", file, "--key", "other.key", "--trust", "trust.json")
    assert "is no key of fund in trust.json" in keyed(*ask, code=2).stderr
