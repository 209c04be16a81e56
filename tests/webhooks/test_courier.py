from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import event
from standardwebhooks import Webhook, WebhookVerificationError

from ledger.domain.calendar import format_instant
from ledger.errors import RefusedError, UnavailableError
from ledger.store import access, logs, shared_time
from ledger.store import webhooks as rows
from ledger.webhooks import backoff, courier
from ledger.webhooks.messages import Occurrence
from tests.webhooks.conftest import Office, verify
from tests.webhooks.receiving import Got


def test_a_message_arrives_signed_and_once(any_office: Office) -> None:
    office = any_office
    hook, secret = office.add("bank-a")
    assert office.announce(1)
    assert not office.announce(1)  # the same again
    office.run()
    office.run()
    [got] = office.receiver.got
    body = verify(got, secret)
    assert (body["type"], body["data"]) == ("anchor.late", {"number": 1})
    assert body["timestamp"].endswith("Z")
    [delivery] = office.endpoints.deliveries(hook)
    assert (delivery.state, delivery.attempts, delivery.status, delivery.due) == ("delivered", 1, 204, None)
    assert delivery.message == got.headers["webhook-id"]


def test_nothing_is_written_where_nobody_listens(office: Office) -> None:
    assert not office.announce()
    office.run()
    hook, _ = office.add("bank-a")
    office.run()
    assert office.receiver.got == []
    assert office.endpoints.deliveries(hook) == []


def test_the_backlog_tells_what_waits_and_since_when(any_office: Office) -> None:
    office = any_office

    def backlog() -> rows.Backlog:
        with office.ledger.store.read() as connection:
            return rows.backlog(connection, office.ledger.row().id)

    assert backlog() == rows.Backlog(
        enabled=0, disabled=0, deliveries={"waiting": 0, "suspended": 0}, oldest=None
    )
    hook, _ = office.add("bank-b")
    began = format_instant(office.clock())
    office.announce(1)
    assert backlog().oldest == began  # written, and no courier has come yet
    office.receiver.answers.append((503, {}, b""))
    office.run()
    office.add("bank-a")
    office.clock.forward(seconds=1)
    office.announce(2)
    office.run()
    found = backlog()
    assert found.deliveries == {"delivered": 2, "waiting": 1, "suspended": 0}
    assert found.oldest == began
    with office.ledger.store.write() as connection:
        rows.change_endpoint(connection, hook, disabled=began, reason="given up")
    found = backlog()
    assert (found.enabled, found.disabled, found.oldest) == (1, 1, None)
    assert found.deliveries == {"delivered": 2, "waiting": 0, "suspended": 1}


def test_each_party_hears_of_its_own_pools(office: Office) -> None:
    office.pools()
    for party in ("fenqile", "bank-a", "bank-b", "bank-c"):
        office.add(party, path=f"/{party}")
    office.announce(1, pool="A")
    office.announce(2, pool="B")
    office.announce(3, pool="none")
    office.announce(4, party="bank-c")
    office.announce(5)
    office.run()
    heard: dict[str, list[int]] = {}
    for got in office.receiver.got:
        heard.setdefault(got.path, []).append(json.loads(got.body)["data"]["number"])
    assert {path: sorted(numbers) for path, numbers in heard.items()} == {
        "/fenqile": [1, 2, 5],
        "/bank-a": [1, 5],
        "/bank-b": [2, 5],
        "/bank-c": [4, 5],
    }


def test_a_grant_is_enough_to_hear_of_a_pool(office: Office) -> None:
    office.pools()
    office.add("bank-c")
    office.announce(1, pool="A")
    office.run()
    assert office.receiver.got == []
    with office.ledger.store.write() as connection:
        access.grant(connection, office.ledger.row().id, "bank-c", "pool:A", given="2026")
    office.announce(2, pool="A")
    office.announce(3, pool="B")
    office.run()
    assert [body["data"]["number"] for body in office.bodies] == [2]


def test_what_a_party_has_lost_sight_of_is_withheld(office: Office) -> None:
    office.pools()
    log_id = office.ledger.row().id
    with office.ledger.store.write() as connection:
        access.grant(connection, log_id, "bank-c", "pool:A", given="2026")
    hook, _ = office.add("bank-c")
    office.receiver.answer(500)
    office.announce(pool="A")
    office.run()
    with office.ledger.store.write() as connection:
        access.withdraw(connection, log_id, "bank-c", "pool:A")
    office.clock.forward(minutes=1)
    office.run()
    [delivery] = office.endpoints.deliveries(hook)
    assert (delivery.state, delivery.due) == ("withheld", None)
    assert len(office.receiver.got) == 1


def test_a_webhook_hears_what_it_asked_for(office: Office) -> None:
    office.add("bank-a", "pool.sealed", path="/seals")
    office.add("bank-a", "anchor.late", "break.opened", path="/findings")
    office.announce()
    office.run()
    assert [got.path for got in office.receiver.got] == ["/findings"]


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


def test_a_worker_that_dies_while_it_sends_loses_nothing(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.announce()

    def die(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    office.courier._sender.post = die  # type: ignore[method-assign]  # the process ends here
    with pytest.raises(KeyboardInterrupt):
        office.courier.step()
    office.courier = office.new_courier()
    office.run()
    assert office.receiver.got == []  # it may be under way
    office.clock.now += courier.LOST_AFTER
    office.run()
    [got] = office.receiver.got
    [delivery] = office.endpoints.deliveries(hook)
    assert (delivery.state, delivery.attempts, delivery.message) == (
        "delivered",
        2,
        got.headers["webhook-id"],
    )


def test_a_worker_that_was_thought_dead_changes_nothing_any_more(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.announce()

    def before(_got: Got) -> None:
        office.receiver.before = lambda _got: None
        office.clock.now += courier.LOST_AFTER
        other = office.new_courier()
        while other.step():
            pass

    office.receiver.before = before
    office.receiver.answer(204)
    office.receiver.answer(500)  # what the first worker hears, too late
    office.run()
    [delivery] = office.endpoints.deliveries(hook)
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 2, 204)


class Crash(BaseException):
    """The process ends here."""


def test_killed_between_any_two_statements_it_loses_and_doubles_nothing(office: Office) -> None:
    """One message is found, spread and sent, with a death before each statement in turn."""
    hook, _ = office.add("bank-a")

    class Once:
        name = "once"

        def end(self, *_arguments: Any) -> int:
            return 0

        def look(self, _connection: Any, _log: Any, position: int) -> tuple[list[Occurrence], int]:
            at = "2026-11-22T18:30:00.000000Z"
            found = Occurrence(type="anchor.late", at=at, key=str(deaths), data={"number": deaths})
            return ([found], deaths) if position < deaths else ([], position)

    left = 0

    def count(*_arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Crash

    office.courier = office.new_courier(Once())
    deaths = 0
    office.courier.step()
    event.listen(office.ledger.store.engine, "before_cursor_execute", count)
    while True:
        deaths += 1
        left = 3 * deaths - 2  # each third statement: what stands between is of the same transactions
        try:
            while office.courier.step():
                pass
        except Crash:
            pass
        else:
            break
        left = 0
        office.courier = office.new_courier(Once())
        office.clock.now += courier.LOST_AFTER
        office.run()
    event.remove(office.ledger.store.engine, "before_cursor_execute", count)
    assert deaths > 10
    told = [body["data"]["number"] for body in office.bodies]
    assert set(told) == set(range(1, deaths + 1))
    assert len(told) <= deaths + 3  # sent, and dead before that was written down
    assert len(office.endpoints.deliveries(hook)) == deaths
    assert {one.state for one in office.endpoints.deliveries(hook)} == {"delivered"}


def test_several_workers_send_each_message_once(postgres_office: Office) -> None:
    office = postgres_office
    hooks = [office.add(party, path=f"/{party}")[0] for party in ("bank-a", "bank-b", "bank-c")]
    for number in range(15):
        office.announce(number)

    def work() -> None:
        one = office.new_courier()
        while one.step():
            pass

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    office.run()
    sent = [(got.path, got.headers["webhook-id"]) for got in office.receiver.got]
    assert len(sent) == len(set(sent)) == 45
    for hook in hooks:
        assert {(one.state, one.attempts) for one in office.endpoints.deliveries(hook)} == {("delivered", 1)}


def test_an_attempt_is_begun_by_one(any_office: Office) -> None:
    office = any_office
    hook, _ = office.add("bank-a")
    office.announce()
    office.courier._spread(1)
    barrier = threading.Barrier(4)
    log_id = office.ledger.row().id
    now, until = "2099", "2100"

    def begin() -> object:
        barrier.wait()
        with office.ledger.store.write() as connection:
            begun = rows.claim(connection, log_id, hook, now=now, until=until)
            time.sleep(0.02)
            return begun

    with ThreadPoolExecutor(4) as pool:
        begun = [one.result() for one in [pool.submit(begin) for _ in range(4)]]
    assert len([one for one in begun if one is not None]) == 1


def test_the_databases_clock_says_what_is_due(any_office: Office) -> None:
    """On PostgreSQL a courier whose machine is a day ahead attempts nothing that another has under way."""
    office = any_office
    hook, _ = office.add("bank-a")
    office.announce()
    office.courier._spread(office.ledger.row().id)
    with office.ledger.store.write() as connection:
        now = shared_time(connection, office.clock())
        until = format_instant(now + courier.LOST_AFTER)
        assert rows.claim(connection, office.ledger.row().id, hook, now=format_instant(now), until=until)
    office.clock.forward(days=1)
    office.run()
    assert len(office.receiver.got) == (1 if office.ledger.store.is_sqlite else 0)


def test_a_source_that_does_not_answer_stops_nothing(office: Office) -> None:
    class Silent:
        name = "silent"

        def end(self, *_arguments: Any) -> int:
            raise UnavailableError("the chain does not answer")

        look = end

    office.courier = office.new_courier(Silent())  # type: ignore[arg-type]  # it never returns
    office.add("bank-a")
    office.announce()
    with structlog.testing.capture_logs() as lines:
        office.run()
    assert len(office.receiver.got) == 1
    assert lines[0]["event"] == "webhook.source_waits"


def test_a_log_that_has_moved_is_told_of_elsewhere(office: Office) -> None:
    office.add("bank-a")
    office.announce()
    with office.ledger.store.write() as connection:
        logs.close(connection, successor="elsewhere", moved="2026-11-22T18:30:00.000000Z")
    office.run()
    assert office.receiver.got == []


def test_what_was_delivered_is_kept_for_a_month(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.receiver.answer(500)
    office.announce(1)
    office.run()
    office.announce(2)
    office.run()
    office.clock.now += courier.KEPT + timedelta(seconds=1)
    office.endpoints.change(hook, enabled=False)
    office.courier = office.new_courier()
    office.run()
    assert [one.state for one in office.endpoints.deliveries(hook)] == ["waiting"]  # not the one that waits
    with office.ledger.store.read() as connection:
        log_id = logs.get(connection, office.ledger.origin).id
        [left] = office.endpoints.deliveries(hook)
        assert rows.message(connection, log_id, left.message) is not None


def test_a_delivery_whose_message_is_gone_is_passed_over(any_office: Office) -> None:
    """It was asked for at the very moment at which the message was forgotten."""
    office = any_office
    hook, _ = office.add("bank-a")
    office.announce()
    with office.ledger.store.write() as connection:
        rows.add_deliveries(connection, office.ledger.row().id, [(hook, "msg_gone")], due="2026")
    office.run()
    assert len(office.receiver.got) == 1
    assert [one.state for one in office.endpoints.deliveries(hook)] == ["delivered"]


def test_a_signature_covers_id_time_and_body(office: Office) -> None:
    _, secret = office.add("bank-a")
    office.announce()
    office.run()
    [got] = office.receiver.got
    verify(got, secret)
    for place in range(len(got.body)):
        edited = got.body[:place] + bytes([got.body[place] ^ 1]) + got.body[place + 1 :]
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(edited, got.headers, json_parse=False)
    for name, value in (
        ("webhook-id", got.headers["webhook-id"] + "0"),
        ("webhook-timestamp", str(int(got.headers["webhook-timestamp"]) + 1)),
        ("webhook-signature", "v1," + "A" * 43 + "="),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(got.body, got.headers | {name: value})
    with pytest.raises(WebhookVerificationError):
        verify(got, "whsec_" + "A" * 43 + "=")
