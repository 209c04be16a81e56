from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from ledger.errors import IntegrityError, NotFoundError, RefusedError
from ledger.store import logs
from ledger.store.tables import webhook_deliveries, webhook_endpoints
from ledger.vault import Vault
from ledger.webhooks import endpoints
from ledger.webhooks.endpoints import Endpoints
from tests.webhooks.conftest import Office, verify


def test_the_secret_is_shown_once_and_stored_wrapped(any_office: Office) -> None:
    office = any_office
    made = office.endpoints.add(
        "bank-a", office.receiver.url(), ["pool.sealed", "break.opened", "pool.sealed"]
    )
    raw = base64.b64decode(made.secret.removeprefix("whsec_"), validate=True)
    assert len(raw) == 32
    with office.ledger.store.read() as connection:
        [row] = connection.execute(select(webhook_endpoints))
    assert raw not in bytes(row.secret)
    listed = office.endpoints.list()
    assert (
        listed
        == [made.endpoint]
        == office.endpoints.list("bank-a")
        == [office.endpoints.get(made.endpoint.id)]
    )
    assert office.endpoints.list("bank-b") == []
    assert listed[0].types == ("break.opened", "pool.sealed")
    assert made.secret not in repr(listed)


def test_a_secret_opens_under_its_key_and_for_its_webhook_only(office: Office) -> None:
    one, other = (office.endpoints.add("bank-a", office.receiver.url()).endpoint for _ in range(2))
    now = "2026"
    assert len(endpoints.secrets_of(one, office.ledger.vault, now)) == 1
    with pytest.raises(IntegrityError):
        endpoints.secrets_of(one, Vault(bytes(32)), now)
    with office.ledger.store.write() as connection:
        connection.execute(
            webhook_endpoints.update().where(webhook_endpoints.c.id == one.id).values(secret=other.secret)
        )
    with pytest.raises(IntegrityError):
        endpoints.secrets_of(office.endpoints.get(one.id), office.ledger.vault, now)


@pytest.mark.parametrize(
    ("url", "types", "field", "rule"),
    [
        ("https://127.0.0.1.nip.example:22/", (), "url", "unresolved"),
        ("https://10.0.0.1/", (), "url", "internal_address"),
        ("https://169.254.169.254/latest/meta-data/", (), "url", "internal_address"),
        ("https://0x7f000001/", (), "url", "wrong_url"),
        ("http://93.184.216.34/", (), "url", "wrong_url"),
        ("http://127.0.0.1/", ("pool.sold",), "types", "unknown_message_type"),
        ("http://127.0.0.1/", ("ping",), "types", "unknown_message_type"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(
    office: Office, url: str, types: tuple[str, ...], field: str, rule: str
) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    office.guard._resolver = unknown
    hook, _ = office.add("bank-a")
    for attempt in (
        lambda: office.endpoints.add("bank-a", url, types),
        lambda: office.endpoints.change(hook, url=url, types=types),
    ):
        with pytest.raises(RefusedError) as refused:
            attempt()
        assert (refused.value.field, refused.value.rule) == (field, rule)
    assert office.endpoints.get(hook).url == office.receiver.url()


def test_an_unknown_party_has_none(office: Office) -> None:
    with pytest.raises(NotFoundError, match="no party 'eve'"):
        office.endpoints.add("eve", office.receiver.url())


def test_a_party_has_so_many(office: Office) -> None:
    for _ in range(endpoints.MAX_PER_PARTY):
        office.add("bank-a")
    with pytest.raises(RefusedError, match="20 webhooks already"):
        office.add("bank-a")
    office.add("bank-b")


def test_another_partys_webhook_is_like_none(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.announce()
    office.run()
    [delivery] = office.endpoints.deliveries(hook, party="bank-a")
    for name in (hook, "hook_0000000000000000"):
        for call in (
            lambda name=name: office.endpoints.get(name, party="bank-b"),
            lambda name=name: office.endpoints.change(name, party="bank-b", enabled=False),
            lambda name=name: office.endpoints.rotate(name, party="bank-b"),
            lambda name=name: office.endpoints.remove(name, party="bank-b"),
            lambda name=name: office.endpoints.deliveries(name, party="bank-b"),
            lambda name=name: office.endpoints.replay(name, delivery.id, party="bank-b"),
            lambda name=name: office.endpoints.ping(name, party="bank-b"),
        ):
            with pytest.raises(NotFoundError) as missing:
                call()
            assert str(missing.value) == f"no webhook {name!r}"
    mine, _ = office.add("bank-b")
    with pytest.raises(NotFoundError, match=f"no delivery {delivery.id} "):
        office.endpoints.replay(mine, delivery.id, party="bank-b")
    assert office.endpoints.get(hook, party="bank-a").disabled is None


def test_for_a_day_both_secrets_sign(office: Office) -> None:
    hook, old = office.add("bank-a")
    rotated = office.endpoints.rotate(hook)
    new = rotated.secret
    assert new != old
    office.announce(1)
    office.run()
    for secret in (old, new):
        verify(office.receiver.got[0], secret)
    assert office.receiver.got[0].headers["webhook-signature"].count("v1,") == 2
    office.clock.now += endpoints.ROTATION - timedelta(seconds=1)
    office.announce(2)
    office.run()
    assert office.receiver.got[1].headers["webhook-signature"].count("v1,") == 2
    office.clock.forward(seconds=1)
    office.announce(3)
    office.run()
    last = office.receiver.got[2]
    assert last.headers["webhook-signature"].count("v1,") == 1
    signed = Webhook(new).sign(last.headers["webhook-id"], office.clock.now, last.body.decode())
    assert last.headers["webhook-signature"] == signed
    with pytest.raises(WebhookVerificationError):
        verify(last, old)


def test_a_ping_tries_the_receiver_out(office: Office) -> None:
    hook, secret = office.add("bank-a", "pool.sealed")
    office.add("bank-a")
    first, second = office.endpoints.ping(hook), office.endpoints.ping(hook)
    assert (first.type, first.state, first.attempts) == ("ping", "waiting", 0)
    assert first.message != second.message
    office.run()
    assert [verify(got, secret)["type"] for got in office.receiver.got] == ["ping", "ping"]
    assert office.bodies[0]["data"] == {"origin": office.ledger.origin, "webhook": hook}


def test_a_replay_is_the_same_message_again(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.announce()
    office.run()
    [before] = office.endpoints.deliveries(hook)
    again = office.endpoints.replay(hook, before.id)
    assert (again.message, again.state) == (before.message, "waiting")
    office.run()
    first, second = office.receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert [one.id for one in office.endpoints.deliveries(hook)] == [again.id, before.id]


def test_deliveries_are_read_page_by_page(office: Office) -> None:
    hook, _ = office.add("bank-a")
    for number in range(5):
        office.announce(number)
    office.run()
    ids = [one.id for one in office.endpoints.deliveries(hook)]
    assert ids == sorted(ids, reverse=True)
    page = office.endpoints.deliveries(hook, most=2)
    rest = office.endpoints.deliveries(hook, before=page[-1].id, most=100)
    assert [one.id for one in (*page, *rest)] == ids


def test_while_disabled_nothing_is_kept_for_it(office: Office) -> None:
    hook, _ = office.add("bank-a")
    assert office.endpoints.change(hook, enabled=False).reason == "disabled by hand"
    office.announce(1)
    office.run()
    with pytest.raises(RefusedError, match="disabled by hand"):
        office.endpoints.ping(hook)
    enabled = office.endpoints.change(hook, enabled=True, types=["anchor.late"])
    assert (enabled.disabled, enabled.reason, enabled.types) == (None, None, ("anchor.late",))
    office.announce(2)
    office.run()
    assert [body["data"] for body in office.bodies] == [{"number": 2}]


def test_with_a_webhook_go_its_deliveries(office: Office) -> None:
    hook, _ = office.add("bank-a")
    office.receiver.answer(500)
    office.announce()
    office.run()
    office.endpoints.remove(hook)
    office.clock.forward(hours=1)
    office.run()
    assert len(office.receiver.got) == 1
    with office.ledger.store.read() as connection:
        assert connection.execute(select(webhook_deliveries)).all() == []
    with pytest.raises(NotFoundError):
        office.endpoints.remove(hook)


def test_a_log_knows_no_webhook_of_another(office: Office) -> None:
    hook, _ = office.add("bank-a")
    assert isinstance(office.endpoints, Endpoints)
    ledger = office.ledger
    with ledger.store.write() as connection:
        logs.create(connection, origin="other.example/log", zone="UTC", day_cut="00:00")
    other = Endpoints(
        ledger.store, "other.example/log", vault=ledger.vault, guard=office.guard, clock=office.clock
    )
    assert other.list() == []
    with pytest.raises(NotFoundError):
        other.get(hook)
