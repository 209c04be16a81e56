"""Events in batches, and what each is told to have become."""

from __future__ import annotations

from ledger.append import Accepted
from ledger.batches import BatchWriter
from ledger.errors import RefusedError
from ledger.log import Ledger
from tests import book


def test_each_event_is_told_once_in_its_order_with_its_place_and_name(sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append([book.originated("L0")], party="fenqile")
    told: list[tuple[int | None, str | None, str]] = []

    def tell(place: int | None, name: str | None, outcome: Accepted | RefusedError) -> None:
        if isinstance(outcome, RefusedError):
            told.append((place, name, outcome.rule))
        else:
            told.append((place, name, "repeated" if outcome.repeated else "accepted"))

    writer = BatchWriter(sqlite_ledger, party="fenqile", on_error="report", dry_run=False, batch=2, told=tell)
    writer.add(book.originated("L0"), 2)
    writer.add(book.disbursed("L1"), 3)
    writer.add(b'{"id":"x.1","type":"loan.disbursed"', 4)
    writer.add(book.disbursed("L0"), 5)
    writer.add(b'{"id":"x.2"}', 6)
    account = writer.finish()
    assert told == [
        (2, "L0.originated", "repeated"),
        (3, "L1.disbursed", "unknown_subject"),
        (4, None, "malformed"),
        (5, "L0.disbursed", "accepted"),
        (6, "x.2", "missing_member"),
    ]
    assert (account.accepted, account.repeated, account.refused) == (1, 1, 3)
    assert account.first_index == account.last_index == 1
