"""A log with a loan whose time has come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import RefusedError
from ledger.log import Ledger
from tests import book
from tests.conftest import TestClock

#: What must be in no file of the database afterwards: a borrower's name, and a word of the record itself.
PRIVATE = "王小明七号"
CLEAR = "brown-paper-parcel"


def settled(loan: str, day: str = "2026-11-01", **more: Any) -> book.Event:
    return book.event(
        "loan.settled",
        f"loan:{loan}",
        {"reason": "matured", "note": CLEAR},
        id=f"{loan}.end",
        effective=day,
        **more,
    )


@pytest.fixture
def ended(ledger: Ledger, clock: TestClock) -> Ledger:
    """A log with three loans; L1 has ended, is pledged in part, published, has receipts, and its retention is over."""
    events = [
        book.originated("L1", private={"name": PRIVATE}), book.disbursed("L1"), *book.loans(1),
        book.originated("L2", private={"name": "李四"}), book.disbursed("L2"), book.pool_created("P"),
        book.pledged("P", "bank-a", ("L1", "c1", 500_000), ("L2", "c1", 400_000), id="p1"), settled("L1"),
    ]  # fmt: skip
    ledger.append(events, party="fenqile")
    ledger.publish()
    ledger.receipt("L1.originated")
    ledger.receipt("L2.originated")
    clock.now += timedelta(days=5 * 366)
    return ledger


def erase(ledger: Ledger, loan: str = "L1", **more: Any) -> int:
    return ledger.erase(loan, party="fenqile", basis="retention_ended", **more).index


def refused(ledger: Ledger, loan: str = "L1", **more: Any) -> RefusedError:
    size = ledger.status().size
    with pytest.raises(RefusedError) as raised:
        erase(ledger, loan, **more)
    assert ledger.status().size == size
    return raised.value


def codes(ledger: Ledger) -> set[str]:
    return {problem.code for problem in fsck(ledger).problems}
