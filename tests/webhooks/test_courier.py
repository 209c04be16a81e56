"""Who is told of what, once and signed; and how long it is remembered."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from ledger.domain.calendar import format_instant
from ledger.errors import UnavailableError
from ledger.store import access, logs
from ledger.store import webhooks as rows
from ledger.webhooks import courier
from tests.webhooks.conftest import Office, verify


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
