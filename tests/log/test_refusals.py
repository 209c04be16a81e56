"""What is refused, with its field and reason and nothing stored; and the log's clock."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import (
    RefusedError,
)
from ledger.log import Ledger
from tests import book
from tests.conftest import TestClock
from tests.log.conftest import append


def test_abort_stores_nothing_and_report_stores_the_rest(ledger: Ledger) -> None:
    events = [*book.loans(1), book.repaid("nobody", 1), b'{"id": 1', book.repaid("L0", 2)]
    with pytest.raises(RefusedError) as refused:
        ledger.append(events, party="fenqile")
    # Form is read for the whole batch before state is looked at.
    assert refused.value.line == 5
    assert ledger.status().size == 0
    done = ledger.append(events, party="fenqile", on_error="report")
    assert [one.index for one in done.accepted] == [0, 1, 2, 3]
    assert [(error.line, error.rule) for error in done.rejects] == [(4, "unknown_subject"), (5, "malformed")]
    assert fsck(ledger).problems == []


@pytest.mark.parametrize("change", ["data", "private", "effective", "subject", "type"])
def test_a_taken_id_with_another_statement_is_refused(ledger: Ledger, change: str) -> None:
    append(ledger, *book.loans(2))
    other = book.originated("L0", private={"name": "王小明0", "score": 600})
    if change == "data":
        other["data"]["principal"] = "1300.00"
    elif change == "private":
        other["private"]["score"] = 601
    elif change == "effective":
        other["effective"] = "2026-11-02"
    elif change == "subject":
        other["subject"] = "loan:L1"
    else:
        other = book.repaid("L0", 5) | {"id": "L0.originated"}
    with pytest.raises(RefusedError, match="another statement") as refused:
        append(ledger, other)
    assert refused.value.rule == "taken_id"
    assert ledger.status().size == 6


def test_a_dry_run_checks_everything_and_stores_nothing(ledger: Ledger) -> None:
    done = ledger.append(
        [*book.loans(2), book.repaid("x", 1)], party="fenqile", on_error="report", dry_run=True
    )
    assert (len(done.accepted), len(done.rejects)) == (6, 1)
    assert ledger.status().size == 0
    assert append(ledger, *book.loans(2)) == list(range(6))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id":"a"', "JSON"),
        (json.dumps(book.repaid("L0", 9)).replace("{", '{"id": "a", ', 1).encode(), "duplicate key 'id'"),
        (json.dumps(book.repaid("L0", 9) | {"extra": 1}).encode(), "extra"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', "106.62").encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"106.6"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"1e2"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"' + "9" * 60 + '.00"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"CNY"', '"USD"').encode(), "data.currency"),
        (json.dumps(book.repaid("L0", 9)).replace('"instalment": 9', '"instalment": 1e400').encode(), "instalment"),
        (json.dumps(book.repaid("L0", 9) | {"id": "x" * 10_000_000}).encode(), "MiB|too large|bytes"),
        (json.dumps(book.repaid("nobody", 9)).encode(), "unknown"),
        (json.dumps(book.repaid("L0", 9) | {"party": "bank-a"}).encode(), "party"),
        (json.dumps(book.repaid("L0", 9) | {"origin": "other.example/log"}).encode(), "origin"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_field(sqlite_ledger: Ledger, line: bytes, message: str) -> None:
    append(sqlite_ledger, *book.loans(1))
    with pytest.raises(RefusedError, match=message) as refused:
        sqlite_ledger.append([line], party="fenqile")
    assert refused.value.line == 1
    assert sqlite_ledger.status().size == 3


def test_today_is_the_business_date_of_the_log(ledger: Ledger, clock: TestClock) -> None:
    # 02:30 on the 23rd in Shanghai, 18:30 on the 22nd in UTC.
    append(ledger, *book.loans(1))
    with pytest.raises(RefusedError, match="after today") as refused:
        append(ledger, book.repaid("L0", 2, effective="2026-11-24"))
    assert refused.value.field == "effective"
    append(ledger, book.repaid("L0", 2, effective="2026-11-23"))
    clock.now += timedelta(days=1)
    append(ledger, book.repaid("L0", 3, effective="2026-11-24"))


def test_the_ledgers_clock_never_goes_back(ledger: Ledger, clock: TestClock) -> None:
    append(ledger, *book.loans(1))
    before = ledger.status().last_posted
    clock.now -= timedelta(hours=5)
    append(ledger, book.repaid("L0", 2))
    assert ledger.status().last_posted == before
