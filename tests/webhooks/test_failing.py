"""Receivers that fail: tried again by the plan, waited for, disabled, and never in the way of others."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import structlog

from ledger.errors import RefusedError
from ledger.webhooks import backoff
from tests.webhooks.conftest import Office
from tests.webhooks.receiving import Got


def test_a_receiver_that_fails_is_tried_by_the_plan_and_then_disabled(office: Office) -> None:
    hook, secret = office.add("bank-a")
    office.receiver.answer(500, times=backoff.MAX_ATTEMPTS)
    office.announce()
    began = office.clock.now
    moments = []
    with structlog.testing.capture_logs() as lines:
        for attempt in range(1, backoff.MAX_ATTEMPTS + 1):
            office.run()
            moments.append(office.clock.now - began)
            [delivery] = office.endpoints.deliveries(hook)
            assert (delivery.attempts, delivery.status) == (attempt, 500)
            assert len(office.receiver.got) == attempt
            if delivery.due is not None:
                due = type(began).fromisoformat(delivery.due)
                office.clock.now = due - timedelta(microseconds=1)
                office.run()
                assert len(office.receiver.got) == attempt  # not a moment too early
                office.clock.now = due
    assert delivery.state == "failed"
    for planned, before, after in zip(backoff.PLAN, moments, moments[1:], strict=False):
        assert planned <= after - before <= planned * (1 + backoff.JITTER)
    assert {got.headers["webhook-id"] for got in office.receiver.got} == {delivery.message}
    assert len({got.headers["webhook-timestamp"] for got in office.receiver.got}) == backoff.MAX_ATTEMPTS
    endpoint = office.endpoints.get(hook)
    assert endpoint.disabled is not None
    assert endpoint.reason == f"delivery {delivery.id} failed 10 times: the receiver answered 500"
    assert [line["event"] for line in lines] == ["webhook.failed"] * backoff.MAX_ATTEMPTS
    assert "/in" not in str(lines)  # a URL may carry a secret
    assert secret not in str(lines)
    office.announce(2)
    office.run()
    assert len(office.receiver.got) == backoff.MAX_ATTEMPTS
    with pytest.raises(RefusedError, match="enable it first"):
        office.endpoints.replay(hook, delivery.id)
    office.endpoints.change(hook, enabled=True)
    office.endpoints.replay(hook, delivery.id)
    office.run()
    assert office.receiver.got[-1].headers["webhook-id"] == delivery.message


def test_a_receiver_that_is_gone_is_disabled_at_once(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.receiver.answer(410)
    office.announce(1)
    office.announce(2)
    office.run()
    assert len(office.receiver.got) == 1
    assert office.endpoints.get(hook).reason == "the receiver answered 410"
    states = {one.state for one in office.endpoints.deliveries(hook)}
    assert states == {"failed", "waiting"}
    office.endpoints.change(hook, enabled=True)
    office.run()
    assert len(office.receiver.got) == 2  # what waited for it goes out


@pytest.mark.parametrize(
    ("status", "asked", "least"), [(429, "3600", 3_600), (503, "900", 900), (503, "1", 5), (500, "3600", 5)]
)
def test_a_receiver_that_is_busy_says_when_to_come_again(
    office: Office, status: int, asked: str, least: int
) -> None:
    hook, _ = office.add("bank-a")
    office.receiver.answer(status, Retry_After=asked)
    office.announce()
    office.run()
    [delivery] = office.endpoints.deliveries(hook)
    assert delivery.due is not None
    wait = (type(office.clock.now).fromisoformat(delivery.due) - office.clock.now).total_seconds()
    assert least <= wait <= max(least, 6)


def test_one_that_fails_holds_up_no_other(office: Office) -> None:
    office.add("bank-a", path="/good")
    bad, _ = office.add("bank-b", path="/bad")
    hold = threading.Event()

    def before(got: Got) -> None:
        if got.path == "/bad":
            hold.wait(20)
        elif sum(one.path == "/good" for one in office.receiver.got) == 4:
            hold.set()  # the fifth and last good one

    office.receiver.before = before
    for number in range(5):
        office.announce(number)
    office.courier.step()
    assert [got.path for got in office.receiver.got][:5] == ["/good"] * 5
    assert hold.is_set()
    assert len(office.endpoints.deliveries(bad)) == 5


def test_an_internal_address_is_refused_at_each_attempt(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.guard._networks = ()  # the operator has taken the network back
    office.announce()
    office.run()
    [delivery] = office.endpoints.deliveries(hook)
    assert (delivery.state, delivery.status) == ("waiting", None)
    assert "loopback" in (delivery.error or "")
    assert office.receiver.got == []
