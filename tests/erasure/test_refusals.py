"""When erasure is refused, and the form of the record that tells of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.audit.fsck import fsck
from ledger.domain.erasure import years_after
from ledger.domain.events import read_submission
from ledger.domain.events.corrections import SubjectErased
from ledger.errors import RefusedError
from ledger.log import Ledger
from tests import book
from tests.conftest import TestClock
from tests.erasure.conftest import erase, refused
from tests.log.conftest import released

CLAIM = {"claim": "c1", "share": 1_000_000, "asset_key": None, "principal": "-1.00"}


def test_a_live_loan_is_not_erased(ended: Ledger) -> None:
    error = refused(ended, "L2")
    assert (error.field, error.rule) == ("subject", "live")
    assert "active" in error.reason


@pytest.mark.parametrize("basis", ["retention_ended", "request", "court", "other"])
def test_no_basis_shortens_the_retention(ended: Ledger, clock: TestClock, basis: str) -> None:
    # 31 October 2031 in Shanghai, an hour before the day on which five years are over.
    clock.now = clock.now.replace(year=2031, month=10, day=31, hour=15)
    with pytest.raises(RefusedError) as raised:
        ended.erase("L1", party="fenqile", basis=basis)
    assert (raised.value.rule, raised.value.details) == ("retention", {"until": "2031-11-01"})
    clock.now += timedelta(hours=2)
    ended.erase("L1", party="fenqile", basis=basis)


def test_a_loan_that_goes_on_is_live_again(ended: Ledger) -> None:
    data = {"currency": "CNY", "amount": "10.00", "reason": "payment_returned"}
    again = book.event("loan.reinstated", "loan:L1", data, id="again", effective="2026-11-20")
    ended.append([again], party="fenqile")
    ended.publish()
    assert refused(ended).rule == "live"


def test_what_is_not_published_yet_waits(ended: Ledger) -> None:
    ended.append([book.repaid("L1", 1, effective="2026-11-02")], party="fenqile")
    error = refused(ended)
    assert error.rule == "not_published"
    ended.publish()
    ended.append([released(ended, "L1", id="r1", share=500_000)])
    assert refused(ended).rule == "not_published"
    ended.publish()
    erase(ended)
    ended.publish()
    assert fsck(ended).problems == []


def test_unknown_and_erased_loans(ended: Ledger) -> None:
    assert refused(ended, "L9").rule == "unknown_subject"
    erase(ended)
    assert refused(ended).rule == "erased"


@pytest.mark.parametrize(("party", "rule"), [("bank-a", "not_allowed"), ("nobody", "unknown_party")])
def test_only_who_services_loans_erases(ended: Ledger, party: str, rule: str) -> None:
    with pytest.raises(RefusedError) as raised:
        ended.erase("L1", party=party, basis="court")
    assert raised.value.rule == rule
    assert ended.state_of("L1.originated")["state"] == "published"
    assert fsck(ended).erased == 0


def test_nobody_else_says_that_something_is_erased(ended: Ledger) -> None:
    data = {
        "subject": "loan:L1", "records": [[0, "ab" * 32]], "ended": "2026-11-01", "status": "settled",
        "currency": "CNY", "basis": "court", "claims": [CLAIM],
    }  # fmt: skip
    with pytest.raises(RefusedError, match="poolproof erase"):
        ended.append([book.event("subject.erased", "log", data, id="x")], party="fenqile")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"records": []}, "data.records"),
        ({"records": [[0, "ab"]]}, "data.records[0][1]"),
        ({"records": [[1, "ab" * 32], [1, "cd" * 32]]}, "data.records[1]"),
        ({"subject": "pool:P"}, "data.subject"),
        ({"ended": "2026"}, "data.ended"),
        ({"status": "active"}, "data.status"),
        ({"claims": []}, "data.claims"),
        ({"claims": [CLAIM | {"claim": "a b"}]}, "data.claims[0].claim"),
        ({"claims": [CLAIM | {"share": 0}]}, "data.claims[0].share"),
        ({"claims": [CLAIM | {"asset_key": "ab"}]}, "data.claims[0].asset_key"),
        ({"claims": [CLAIM | {"principal": "1"}]}, "data.claims[0].principal"),
        ({"basis": "because"}, "data.basis"),
    ],
)
def test_the_form_of_subject_erased(data: dict[str, Any], field: str) -> None:
    whole = {
        "subject": "loan:L1", "records": [[0, "ab" * 32]], "ended": "2026-11", "status": "settled",
        "currency": "CNY", "basis": "court", "claims": [CLAIM],
    }  # fmt: skip
    event = book.event("subject.erased", "log", whole, id="x")
    assert isinstance(read_submission(event, party="fenqile").event, SubjectErased)
    with pytest.raises(RefusedError) as raised:
        read_submission({**event, "data": {**whole, **data}}, party="fenqile")
    assert raised.value.field == field


def test_years_later() -> None:
    assert years_after(date(2026, 11, 1), 5) == date(2031, 11, 1)
    assert years_after(date(2024, 2, 29), 5) == date(2029, 3, 1)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
