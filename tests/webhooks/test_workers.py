"""Workers that die, come back or run beside each other: nothing is lost, and each attempt is one worker's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from ledger.domain.calendar import format_instant
from ledger.store import shared_time
from ledger.store import webhooks as rows
from ledger.webhooks import courier
from ledger.webhooks.messages import Occurrence
from tests.webhooks.conftest import Office
from tests.webhooks.receiving import Got


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
