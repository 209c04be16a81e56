"""One loan told, and a pool followed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger.audit.sight import Sight
from ledger.audit.timeline import tell
from ledger.audit.watch import look
from ledger.errors import NotFoundError
from ledger.log import Ledger
from ledger.store import logs
from tests import book
from tests.audit.poolbook import fill, released


def test_a_loan_is_told_from_its_records(ledger: Ledger) -> None:
    fill(ledger)
    with ledger.store.read() as connection:
        told = tell(connection, logs.get(connection, ledger.origin), "L2").to_json()
    assert [(one["type"], one["principal_after"]) for one in told["events"]] == [
        ("loan.originated", "0.00"), ("loan.disbursed", "1200.00"), ("repayment.received", "1105.38"),
        ("repayment.received", "1010.76"),
    ]  # fmt: skip
    assert (told["status"], told["principal"], told["size"]) == ("active", "1010.76", ledger.status().size)
    assert told["plan"] == []
    assert "first_due" in told["no_plan"]
    assert told["undetermined"] == told["no_plan"]


def test_a_loan_at_an_earlier_size_and_day(ledger: Ledger) -> None:
    fill(ledger)
    first = ledger.checkpoint_sizes()[0]
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        assert tell(connection, log, "L2", size=first).to_json()["principal"] == "1105.38"
        with pytest.raises(NotFoundError, match="began after 2026-10-31"):
            tell(connection, log, "L2", as_of=date(2026, 10, 31))
        with pytest.raises(NotFoundError, match="no loan 'L99'"):
            tell(connection, log, "L99")


def test_a_watch_goes_on_where_the_last_look_ended(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    ledger = fill(sqlite_ledger)
    trust, kek = ledger.trust_root(), tmp_path / "kek"
    first = look(ledger.store, ledger.origin, "P", trust=trust, sight=Sight.of_owner(kek))
    assert (len(first.came), first.left, first.registers, first.findings) == (39, (), 3, ())
    ledger.append([released(ledger, "bank-a", "L4", "r1")])
    ledger.append([book.pledged("P", "bank-b", ("L4", "c1", 250_000), id="p.again")], party="fenqile")
    ledger.publish()
    second = look(ledger.store, ledger.origin, "P", trust=trust, since=first.size, sight=Sight.of_owner(kek))
    assert second.left == (("L4", "c1", "bank-a", -500_000),)
    assert second.came == (("L4", "c1", "bank-b", 250_000),)
    assert second.exit_code == 3, "nobody asked the chain"
    ledger.append([released(ledger, "bank-b", "L4", "r2")])
    ledger.append([book.pledged("P", "bank-a", ("L4", "c1", 500_000), id="p.back")], party="fenqile")
    ledger.publish()
    third = look(ledger.store, ledger.origin, "P", trust=trust, since=second.size, sight=Sight.of_owner(kek))
    assert [one.code for one in third.findings] == ["pledge.moved_between"]
    assert third.exit_code == 1
