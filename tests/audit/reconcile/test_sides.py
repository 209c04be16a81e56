"""Whose words close a break."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from ledger.audit.reconcile.sides import Known, Sides
from tests.audit.logwork import Records

TAPE = "ab" * 32
FUNDS = frozenset({"fund", "bank"})


def missing(owner: str, maker: str, said: Collection[str], holders: frozenset[str] = FUNDS) -> Any:
    return Sides(owner=owner, maker=maker, holders=holders).missing(said)


@pytest.mark.parametrize(
    ("owner", "maker", "said", "waits"),
    [
        # The platform's own file: it explains, and any holder agrees.
        ("platform", "platform", [], [("platform",), ("bank", "fund")]),
        ("platform", "platform", ["platform", "servicer"], [("bank", "fund")]),
        ("platform", "platform", ["platform", "bank"], []),
        # Two of one group are no two sides.
        ("servicer", "originator", ["servicer", "originator"], [("bank", "fund")]),
        ("servicer", "originator", ["servicer", "originator", "fund"], []),
        # A fund's file, which who keeps the records has to explain.
        ("servicer", "fund", ["servicer", "bank"], [("fund",)]),
        ("servicer", "fund", ["servicer", "fund"], []),
        # A fund's file that the fund explains: it does not agree with itself.
        ("fund", "fund", ["fund"], [()]),
        ("fund", "fund", ["platform"], [("fund",)]),
        ("fund", "fund", ["fund", "platform"], []),
    ],
)
def test_whose_word_is_missing(owner: str, maker: str, said: list[str], waits: list[tuple[str, ...]]) -> None:
    assert missing(owner, maker, said) == tuple(waits)


def test_a_pool_that_nobody_holds_asks_any_other_party() -> None:
    nobody: frozenset[str] = frozenset()
    assert missing("platform", "platform", ["platform"], nobody) == ((),)
    assert missing("platform", "platform", ["platform", "auditor"], nobody) == ()
    assert missing("servicer", "platform", ["servicer", "platform"], nobody) == ()


class Pool(Records):
    """A pool that the platform arranges, and what its records tell of its parties."""

    def __init__(self) -> None:
        super().__init__()
        self.post("pool.created", "pool:P", {"rules": {"version": 1}})

    def pledge(self, holder: str, *, by: str = "fenqile") -> None:
        data = {"holder": holder, "claims": [{"loan": "L1", "claim": "c0"}]}
        self.post("claim.pledged", "pool:P", data, party=by)

    def receive(self, *, by: str, **more: Any) -> None:
        data = {"tape": TAPE, "form": "csv", "cut_off": "2026-03-01", "records": 1} | more
        self.post("tape.received", "pool:P", data, party=by)

    def sides(self, opener: str = "fenqile") -> Sides:
        known = Known()
        for _, one in self.of("pool:P"):
            known.take(one)
        return known.sides(owner="fenqile", tape=TAPE, opener=opener)


def test_who_made_the_file() -> None:
    pool = Pool()
    assert pool.sides("auditor").maker == "auditor", "no record commits to the file"
    pool.receive(by="fenqile", sender="fund")
    assert pool.sides().maker == "fund"
    pool.receive(by="fenqile")
    assert pool.sides().maker == "fund", "who sends it again did not make it"
    other = Pool()
    other.receive(by="bank")
    assert other.sides().maker == "bank"


def test_who_holds() -> None:
    pool = Pool()
    assert pool.sides().holders == frozenset()
    pool.pledge("fund")
    pool.pledge("bank")
    assert pool.sides().holders == {"fund", "bank"}
    assert pool.sides("bank").holders == {"bank"}, (
        "its own break, which another holder does not settle for it"
    )


def test_who_arranges_the_pool_is_no_holder_beside_others() -> None:
    """A claim pledged to itself would make the platform its own other side."""
    pool = Pool()
    pool.pledge("fenqile")
    assert pool.sides().holders == {"fenqile"}
    pool.pledge("fund")
    assert pool.sides().holders == {"fund"}
