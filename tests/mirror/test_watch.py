"""A partner watches its pool from outside: what came and left, alarms, and nothing derived twice for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ledger.domain.events.submission import read_submission
from ledger.domain.statements import sign_submission
from ledger.errors import VerificationError
from tests.api.conftest import BANK, Site, disbursed, originated, pledged
from tests.mirror.conftest import Partner, alone

site = pytest.fixture(alone)


def add(site: Site, *events: dict[str, Any]) -> None:
    for one in events:
        site.ledger.append([one], party="fenqile")
    site.ledger.publish()


def test_each_look_tells_what_came_since_the_last(site: Site, bank: Partner) -> None:
    first = bank.watch("A")
    assert first is not None
    assert [move[:3] for move in first.came] == [("L1", "c1", "bank"), ("L2", "c1", "bank")]
    assert (first.left, first.findings, first.registers) == ((), (), 2)
    assert bank.watch("A", since=first.size, last=first.size) is None
    again = bank.watch("A", since=first.size)
    assert again is not None
    assert (again.size, again.came, again.registers) == (first.size, (), 1)
    add(site, originated("L5"), disbursed("L5", "55" * 32), pledged("A", "L5"))
    second = bank.watch("A", since=first.size, last=first.size)
    assert second is not None
    assert second.size > first.size
    assert [move[0] for move in second.came] == ["L5"]


def test_a_claim_that_went_to_another_lender_and_back_is_an_alarm(site: Site, bank: Partner) -> None:
    first = bank.watch("A")
    assert first is not None
    raw: dict[str, Any] = {
        "id": "r1",
        "type": "claim.released",
        "subject": "pool:A",
        "effective": "2026-11-21",
        "party": "bank",
    }
    raw["data"] = {"claims": [{"loan": "L1", "claim": "c1"}]}
    site.ledger.append([sign_submission(BANK, site.ledger.origin, read_submission(raw))])
    add(site, pledged("B", "L1", 400_000, holder="fund"), pledged("A", "L1", 600_000, n=2))
    seen = bank.watch("A", since=first.size)
    assert seen is not None
    assert (seen.exit_code, {one.code for one in seen.findings}) == (1, {"pledge.moved_between"})
    assert ([move[0] for move in seen.left], [move[0] for move in seen.came]) == (["L1"], ["L1"])


def test_a_tree_that_is_taken_back_is_an_alarm(site: Site, bank: Partner) -> None:
    with pytest.raises(VerificationError, match="was shown before"):
        bank.watch("A", since=1_000)
    older: dict[str, bytes] = {}

    def keep(path: str, _params: Mapping[str, Any], body: bytes) -> bytes:
        return older.setdefault(path, body)

    first = bank.watch("A", tamper=keep)
    assert first is not None
    add(site, originated("L5"))
    assert bank.watch("A", since=first.size) is not None
    with pytest.raises(VerificationError):
        bank.watch("A", tamper=keep)
