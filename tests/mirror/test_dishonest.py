"""A server that hides, swaps, makes up or turns back is caught: by a finding where the pool is concerned, and by the
step that failed where the log itself is not what was signed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.findings import Finding
from ledger.errors import InconsistencyError, UndeterminedError, VerificationError
from ledger.mirror.check import check_fresh
from ledger.proofs.trust import TrustRoot
from tests.api.conftest import ORIGIN, Site
from tests.api.make_examples import CHAIN
from tests.audit.casework import provokes
from tests.mirror.conftest import Partner, Tamper

Line = dict[str, Any]


def lines(ending: str, change: Callable[[Line], Line | None]) -> Tamper:
    """Change or leave out (None) lines of the pages whose path has this ending."""

    def tamper(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        if not path.endswith(ending):
            return body
        *items, last = body.splitlines()
        kept = [change(json.loads(line)) for line in items]
        return b"".join([json.dumps(line).encode() + b"\n" for line in kept if line is not None] + [last])

    return tamper


def both(*tampers: Tamper) -> Tamper:
    def tamper(path: str, params: Mapping[str, Any], body: bytes) -> bytes:
        for one in tampers:
            body = one(path, params, body)
        return body

    return tamper


def without(*marks: str) -> Tamper:
    """Leave out the records that have one of these texts."""
    return lines("/records", lambda line: None if any(mark in line["record"] for mark in marks) else line)


def found(partner: Partner, tamper: Tamper, pool: str = "A") -> Sequence[Finding]:
    report = partner.check(pool, tamper=tamper)
    assert report.exit_code == 1
    return report.findings


def codes(findings: Sequence[Finding], subject: str) -> set[str]:
    return {one.code for one in findings if one.subject == subject and one.severity == "error"}


# -- what concerns the pool ----------------------------------------------------------------------------------


@provokes("record.not_shown")
def test_hides_the_newest_record_of_a_loan(bank: Partner) -> Sequence[Finding]:
    findings = found(bank, without('"id":"r-L1-2"'))
    assert codes(findings, "loan:L1") == {"record.not_shown", "register.contradicts"}
    assert codes(findings, "loan:L2") == set()
    return findings


def test_hides_a_record_in_between(bank: Partner) -> None:
    findings = found(bank, without('"id":"r-L1-1"'))
    assert {"record.unchained", "record.not_shown"} <= codes(findings, "loan:L1")


@provokes("loan.not_shown")
def test_hides_a_whole_loan(bank: Partner) -> Sequence[Finding]:
    hidden = both(
        without('"subject":"loan:L2"'), lines("/claims", lambda line: None if line["loan"] == "L2" else line)
    )
    return found(bank, hidden)


def test_hides_a_loan_and_its_pledge(bank: Partner) -> None:
    hidden = both(
        without('"subject":"loan:L2"', '"id":"c-A-L2-1"'),
        lines("/claims", lambda line: None if line["loan"] == "L2" else line),
    )
    assert codes(found(bank, hidden), "pool:A") == {"register.contradicts"}


def test_swaps_a_record(bank: Partner) -> None:
    def swap(line: Line) -> Line:
        return line | {"record": line["record"].replace('"amount":"207.10"', '"amount":"107.10"')}

    findings = found(bank, lines("/records", swap))
    assert "record.altered" in {one.code for one in findings}
    assert "record.not_shown" in codes(findings, "loan:L1")


@provokes("register.unopened")
@pytest.mark.parametrize("lie", ["no nonces", "no state", "another state"])
def test_does_not_open_what_the_register_has(bank: Partner, lie: str) -> Sequence[Finding]:
    def change(line: Line) -> Line:
        if lie == "no nonces":
            return line | {"nonces": []}
        return line | {"state": None if lie == "no state" else line["state"].replace('"count":', '"count":1')}

    return found(bank, lines("/claims", change))


@pytest.mark.parametrize("lie", ["a pledge less", "another holder", "another nonce", "another key"])
def test_tells_another_history(bank: Partner, lie: str) -> None:
    def change(line: Line) -> Line:
        if lie == "another key":
            return line | {"asset_key": "00" * 32}
        if lie == "another nonce":
            return line | {"nonces": line["nonces"][::-1]}
        steps = [] if lie == "a pledge less" else [step | {"holder": "fund"} for step in line["steps"]]
        return line | {"steps": steps, "nonces": line["nonces"][: len(steps) + 1]}

    findings = found(bank, lines("/claims", change))
    assert codes(findings, "loan:L2") & {"pledge.history_broken", "register.contradicts", "register.unopened"}


@provokes("log.not_shown")
def test_keeps_a_record_from_who_may_see_all(site: Site, tmp_path: Path) -> Sequence[Finding]:
    auditor = Partner(site, "auditor", tmp_path, site.ledger.trust_root())
    return found(auditor, without('"id":"r-L3-2"'))


# -- what was signed -----------------------------------------------------------------------------------------


def test_shows_another_tree_than_it_signed(bank: Partner) -> None:
    def change(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        return body if "/tile/entries/" not in path else body[:10] + bytes([body[10] ^ 1]) + body[11:]

    with pytest.raises(InconsistencyError) as caught:
        bank.check("A", tamper=change)
    assert caught.value.step == "tree"
    assert caught.value.evidence["signed"] != caught.value.evidence["found"]


def test_signs_with_another_key(bank: Partner) -> None:
    def change(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        return body.replace(b"\n\n", b"\n", 1) if path.endswith("/checkpoint") else body

    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=change)
    assert caught.value.step == "checkpoint"


def test_changes_a_page_of_the_register(bank: Partner) -> None:
    def change(line: Line) -> Line:
        page = line["page"]
        return line | {"page": page[:8] + ("A" if page[8] != "A" else "B") + page[9:]}

    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=lines("/pages", change))
    assert caught.value.step == "register"


def test_leaves_a_published_size_out(site: Site, bank: Partner) -> None:
    first = site.ledger.checkpoint_sizes()[0]
    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=lines("/registers", lambda line: None if line["size"] == first else line))
    assert caught.value.step == "register"


def test_says_that_it_was_written_to_on_another_day(bank: Partner) -> None:
    def change(line: Line) -> Line:
        return line | {"batch": line["batch"] | {"posted": "2026-01-01T00:00:00.000000Z"}}

    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=lines("/registers", change))
    assert caught.value.step == "service_signature"


def test_does_not_say_when_it_was_written_to(bank: Partner) -> None:
    with pytest.raises(VerificationError, match="no batch"):
        bank.check("A", tamper=lines("/registers", lambda line: line | {"batch": None}))


def test_says_that_it_was_written_to_last_when_it_was_not(site: Site, bank: Partner) -> None:
    batches: list[dict[str, Any]] = []

    def change(line: Line) -> Line:
        batches.append(line["batch"])
        return line | {"batch": batches[0]}

    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=lines("/registers", change))
    assert caught.value.step == "service_signature"
    assert len(batches) == len(site.ledger.checkpoint_sizes())


def test_goes_back_to_an_older_checkpoint(site: Site, bank: Partner) -> None:
    bank.check("A")
    old = site.ledger.checkpoint(site.ledger.checkpoint_sizes()[0])

    def change(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        return old if path.endswith("/checkpoint") else body

    with pytest.raises(VerificationError) as caught:
        bank.check("A", tamper=change)
    assert caught.value.step == "checkpoint"
    assert set(caught.value.evidence) == {"now", "before"}


# -- the chain -----------------------------------------------------------------------------------------------


def trusting(site: Site, max_age: int | None) -> TrustRoot:
    """The site's trust root as it would be on a chain."""
    from dataclasses import replace

    from ledger.proofs.trust import ChainTrust

    chain = ChainTrust(
        chain_id=CHAIN.chain_id, genesis=CHAIN.genesis, contract=CHAIN.contract, code_hash=CHAIN.code_hash,
        log_id=CHAIN.log_key, finality=CHAIN.finality, grade=CHAIN.grade, max_anchor_age=max_age,
    )  # fmt: skip
    return replace(site.ledger.trust_root(), chain=chain)


ANCHORS = ((10, 1_000), (20, 2_000), (30, 9_000))


@pytest.mark.parametrize(
    ("size", "now", "outcome"),
    [
        (30, 90_000, None),  # nothing newer is on chain; how old its anchor is, the audit says
        (20, 9_500, None),  # the newer one is there for 500 s
        (20, 10_100, VerificationError),
        (10, 2_900, None),
        (10, 9_500, VerificationError),  # the first newer one has been there for longer
    ],
)
def test_an_older_tree_than_the_contract_holds(
    site: Site, size: int, now: int, outcome: type[Exception] | None
) -> None:
    trust = trusting(site, 1_000)
    if outcome is None:
        check_fresh(size, 30, ANCHORS, trust, now=now)
        return
    with pytest.raises(outcome) as caught:
        check_fresh(size, 30, ANCHORS, trust, now=now)
    assert isinstance(caught.value, VerificationError)
    assert caught.value.step == "fresh"


def test_an_older_tree_of_which_no_anchor_tells_the_age(site: Site) -> None:
    with pytest.raises(UndeterminedError):
        check_fresh(20, 30, (), trusting(site, 1_000), now=10_000)
    check_fresh(20, 30, (), trusting(site, None), now=10_000)
    assert site.ledger.origin == ORIGIN
