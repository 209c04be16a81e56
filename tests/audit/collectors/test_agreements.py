"""Count, root and principal of a settled transfer, against the claims that its batches brought."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from ledger.audit.checks.case import Move, PoolClaim
from ledger.audit.collectors.agreements import Agreements, check
from ledger.audit.findings import Finding, Notes, Outcome
from ledger.audit.rules import PoolRules
from ledger.proofs import merkle
from tests.audit.casework import provokes
from tests.audit.logwork import AS_OF, WHOLE, Records, day

ON = "2026-04-02"
KEYS = {name: name.encode().ljust(32) for name in ("L1", "L2", "L3")}


def root_of(*loans: str) -> str:
    return merkle.root([merkle.leaf_hash(key) for key in sorted(KEYS[loan] for loan in loans)]).hex()


class Book(Records):
    """Loans of 1,200.00, of which 100.00 each were paid back before, sold in batches under the agreement A."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: dict[str, list[Move]] = {name: [] for name in KEYS}
        for name in KEYS:
            self.pay(self.loan(name), "2026-04-01")

    def sell(self, *loans: str, share: int | None = None, on: str = ON, agreement: str = "A") -> None:
        part = {} if share is None else {"share": share}
        claims = [{"loan": loan, "claim": "c0"} | part for loan in loans]
        data = {"holder": "fund", "claims": claims, "agreement": agreement}
        self.post("claim.sold", "pool:P", data, effective=on)
        for loan in loans:
            self.moves[loan].append(Move(day(on), len(self.all) - 1, "fund", share or WHOLE))

    def settle(self, *loans: str, on: str = ON, **changes: Any) -> None:
        data = {
            "agreement": "A", "currency": "CNY", "count": len(loans), "principal": f"{1100 * len(loans)}.00",
            "price": "1.00", "root": root_of(*loans),
        }  # fmt: skip
        self.post("transfer.settled", "pool:P", data | changes, effective=on)

    def audit(self, *, without: str = "", as_of: date = AS_OF, **rules: Any) -> Notes:
        whole, ranges = Agreements.of(self.of("pool:P"), as_of), []
        for name in self.moves.keys() - {without}:
            one = Agreements.of(self.of("pool:P"), as_of)
            claim = PoolClaim("c0", KEYS[name], "bank", WHOLE, False, tuple(self.moves[name]))
            one.take(self.case(f"loan:{name}", claim, as_of=as_of))
            ranges.append(pickle.loads(pickle.dumps(one)))
        for one in ranges:
            whole.add(one)
        notes = Notes()
        parsed = PoolRules.of({"version": 1} | rules)
        check(notes, "pool:P", self.of("pool:P"), whole, rules=parsed, as_of=as_of)
        return notes


def told(notes: Notes) -> list[tuple[str, dict[str, Any]]]:
    return [(one.code, dict(one.facts)) for one in notes.findings]


@pytest.fixture
def sold() -> Book:
    made = Book()
    made.sell("L2", "L1")
    made.sell("L3")
    return made


def test_a_transfer_that_is_what_its_batches_brought(sold: Book) -> None:
    sold.settle("L1", "L2", "L3")
    notes = sold.audit()
    assert notes.findings == []
    assert notes.procedure("encumbrance").reasons == {}


@provokes("transfer.claims_differ")
def test_one_claim_more_is_paid_for_than_was_brought(sold: Book) -> Sequence[Finding]:
    sold.settle("L1", "L2", "L3", count=4)
    notes = sold.audit()
    assert told(notes) == [("transfer.claims_differ", {"agreement": "A", "count": 4, "brought": 3})]
    assert [one.index for one in notes.findings[0].evidence] == [len(sold.all) - 1]
    return notes.findings


def test_the_same_number_of_other_claims(sold: Book) -> None:
    sold.settle("L1", "L2", "L3", root=root_of("L1", "L2"))
    assert told(sold.audit()) == [("transfer.claims_differ", {"agreement": "A", "count": 3, "brought": 3})]


@provokes("transfer.principal_differs")
def test_more_principal_is_paid_for_than_was_outstanding(sold: Book) -> Sequence[Finding]:
    sold.settle("L1", "L2", "L3", principal="3600.00")
    notes = sold.audit()
    assert told(notes) == [(
        "transfer.principal_differs",
        {"agreement": "A", "settled": "3600.00", "outstanding": "3300.00", "currency": "CNY"},
    )]  # fmt: skip
    assert sold.audit(tolerances={"encumbrance": "300.00"}).findings == []
    assert sold.audit(tolerances={"encumbrance": "299.99"}).findings != []
    return notes.findings


def test_what_was_paid_on_the_day_itself_may_be_taken_off_or_not(sold: Book) -> None:
    """Recorded after the batches, effective on their day."""
    sold.pay("loan:L1", ON)
    for principal, right in (("3300.00", True), ("3200.00", True), ("3300.01", False), ("3199.99", False)):
        sold.settle("L1", "L2", "L3", principal=principal)
        assert (sold.audit().findings == []) is right, principal


def test_a_claim_that_came_by_parts_counts_once() -> None:
    made = Book()
    made.sell("L1", share=400_000)
    made.sell("L1", share=600_000)
    made.settle("L1")
    assert made.audit().findings == []


def test_batches_of_another_agreement_are_none_of_it(sold: Book) -> None:
    made = Book()
    made.sell("L1")
    made.sell("L2", agreement="B")
    made.settle("L1")
    assert made.audit().findings == []
    sold.settle("L1", "L2", "L3", agreement="nothing")
    assert [one.code for one in sold.audit().findings] == [
        "transfer.claims_differ",
        "transfer.principal_differs",
    ]


def test_the_newest_settlement_counts(sold: Book) -> None:
    sold.settle("L1", "L2")
    assert [one.code for one in sold.audit().findings] == [
        "transfer.claims_differ",
        "transfer.principal_differs",
    ]
    sold.settle("L1", "L2", "L3", on="2026-04-05")
    assert sold.audit().findings == []
    assert sold.audit(as_of=date(2026, 4, 4)).findings != []


def test_a_claim_that_cannot_be_examined_leaves_it_undetermined(sold: Book) -> None:
    sold.settle("L1", "L2", "L3", count=9)
    notes = sold.audit(without="L2")
    assert notes.findings == []
    assert notes.procedure("encumbrance").outcome is Outcome.UNDETERMINED


def test_a_settlement_in_another_currency_than_its_claims(sold: Book) -> None:
    sold.settle("L1", "L2", "L3", currency="USD")
    notes = sold.audit()
    assert notes.findings == []
    assert list(notes.procedure("encumbrance").reasons) == [
        "the transfer has claims in other currencies than its settlement"
    ]
