from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.access import Scope
from ledger.store import access
from ledger.webhooks.courier import Courier
from ledger.webhooks.guard import Guard
from ledger.webhooks.sending import Sender
from tests.api.conftest import PROBLEM, Site, make_site, new_key
from tests.databases import sqlite_in
from tests.webhooks.conftest import verify
from tests.webhooks.receiving import LOOPBACK, Receiver, receiving

URL = "https://127.0.0.1/in"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One log for the module: each test makes webhooks of its own."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("webhooks")), webhook_networks="127.0.0.0/8")
    site.tokens |= {party: new_key(site.ledger, party, *Scope) for party in ("fenqile", "bank", "fund")}
    site.tokens["daily"] = new_key(site.ledger, "bank")
    with site.client:
        yield site
    site.ledger.store.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def call(site: Site, method: str, path: str = "", party: str = "bank", **more: Any) -> Any:
    return site.client.request(method, f"/v1/webhooks{path}", headers=site.auth(party), **more)


def made(site: Site, by: str = "bank", **order: Any) -> dict[str, Any]:
    answer = call(site, "POST", party=by, json={"url": URL} | order)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def deliver(site: Site) -> None:
    ledger = site.ledger
    sender = Sender(Guard(LOOPBACK), seconds=5)
    courier = Courier(ledger.store, ledger.origin, vault=ledger.vault, sender=sender, clock=ledger.clock)
    while courier.step():
        pass


def test_a_webhook_from_its_making_to_its_end(site: Site, receiver: Receiver) -> None:
    answer = call(site, "POST", json={"url": receiver.url(), "types": ["pool.sealed"]})
    hook = answer.json()
    secret = hook.pop("secret")
    path = f"/{hook['id']}"
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/webhooks{path}")
    assert answer.headers["cache-control"] == "no-store"
    assert call(site, "GET", path).json() == hook
    assert hook in call(site, "GET").json()["items"]
    sent = call(site, "POST", f"{path}/test")
    assert (sent.status_code, sent.json()["state"], sent.json()["type"]) == (202, "waiting", "ping")
    deliver(site)
    assert receiver.got[0].headers["webhook-id"] == sent.json()["message"]
    with pytest.raises(Exception, match="too old"):  # the site's clock stands in the past of the machine's
        verify(receiver.got[0], secret)
    [delivery] = call(site, "GET", f"{path}/deliveries").json()["items"]
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("delivered", 204, 1)
    again = call(site, "POST", f"{path}/deliveries/{delivery['id']}/replay")
    assert (again.status_code, again.json()["message"]) == (202, delivery["message"])
    rotated = call(site, "POST", f"{path}/rotate").json()
    assert rotated["secret"] != secret
    changed = call(site, "PATCH", path, json={"enabled": False, "types": []}).json()
    assert (changed["types"], changed["reason"]) == ([], "disabled by hand")
    refused = call(site, "POST", f"{path}/test")
    assert (refused.status_code, refused.json()["rule"]) == (422, "disabled")
    assert call(site, "PATCH", path, json={"enabled": True}).json()["disabled"] is None
    removed = call(site, "DELETE", path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert call(site, "GET", path).status_code == 404


def test_deliveries_are_read_page_by_page(site: Site) -> None:
    path = f"/{made(site)['id']}"
    ids = [call(site, "POST", f"{path}/test").json()["id"] for _ in range(5)]
    seen, query = [], {"limit": 2}
    while True:
        page = call(site, "GET", f"{path}/deliveries", params=query).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        query = {"limit": 2, "cursor": page["next"]}
    assert seen == ids[::-1]
    other = f"/{made(site)['id']}"
    assert (
        call(site, "GET", f"{other}/deliveries", params=query).status_code == 422
    )  # a cursor of another list


@pytest.mark.parametrize(
    ("order", "status", "told"),
    [
        ({}, 422, "/body/url"),
        ({"url": 5}, 422, "/body/url"),
        ({"url": URL, "secret": "mine"}, 422, "/body/secret"),
        ({"url": URL, "types": [7]}, 422, "/body/types/0"),
        ({"url": URL, "types": ["pool.sold"]}, 422, "unknown_message_type"),
        ({"url": URL, "types": ["ping"]}, 422, "unknown_message_type"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, 422, "internal_address"),
        ({"url": "https://10.0.0.1/"}, 422, "internal_address"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, 422, "internal_address"),
        ({"url": "https://2130706433/"}, 422, "wrong_url"),
        ({"url": "https://user:pass@127.0.0.1/"}, 422, "wrong_url"),
        ({"url": "http://93.184.216.34/"}, 422, "wrong_url"),
        ({"url": "https://93.184.216.34:22/"}, 422, "wrong_url"),
        ({"url": "https://127.0.0.1/\r\nX-Injected: 1"}, 422, "wrong_url"),
        ({"url": "https://127.0.0.1/" + "a" * 5_000}, 422, "/body/url"),
        ({"url": URL, "party": "fenqile"}, 403, "webhooks of bank"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(
    site: Site, order: dict[str, Any], status: int, told: str
) -> None:
    before = call(site, "GET").json()
    answer = call(site, "POST", json=order)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert told in answer.text
    assert call(site, "GET").json() == before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b'{"url": "' + b"a" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_document_is_refused(site: Site, body: bytes, kind: str, status: int) -> None:
    headers = site.auth("bank") | {"Content-Type": kind}
    answer = site.client.post("/v1/webhooks", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)


def routes(hook: str, delivery: int) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        ("GET", f"/{hook}", {}),
        ("PATCH", f"/{hook}", {"json": {"enabled": False}}),
        ("DELETE", f"/{hook}", {}),
        ("POST", f"/{hook}/rotate", {}),
        ("POST", f"/{hook}/test", {}),
        ("GET", f"/{hook}/deliveries", {}),
        ("POST", f"/{hook}/deliveries/{delivery}/replay", {}),
    ]


def test_another_partys_webhook_is_like_one_that_is_not_there(site: Site) -> None:
    hook = made(site, "fenqile")
    delivery = call(site, "POST", f"/{hook['id']}/test", "fenqile").json()["id"]
    for there, missing in zip(
        routes(hook["id"], delivery), routes("hook_0000000000000000", delivery), strict=True
    ):
        answers = [
            call(site, method, path, party, **more)
            for method, path, more in (there, missing)
            for party in ("bank", "fund")
        ]
        assert {answer.status_code for answer in answers} == {404}, there
        details = {answer.json()["detail"].replace(hook["id"], "hook_0000000000000000") for answer in answers}
        assert len(details) == 1
    assert hook["id"] not in call(site, "GET").text
    mine = made(site)
    assert call(site, "POST", f"/{mine['id']}/deliveries/{delivery}/replay").status_code == 404
    assert call(site, "GET", f"/{hook['id']}", "fenqile").json()["disabled"] is None


def test_a_key_of_the_daily_work_manages_none(site: Site) -> None:
    hook = made(site)["id"]
    for method, path, more in [("GET", "", {}), ("POST", "", {"json": {"url": URL}}), *routes(hook, 1)]:
        assert call(site, method, path, "daily", **more).status_code == 403, (method, path)
        assert site.client.request(method, f"/v1/webhooks{path}", **more).status_code == 401, (method, path)


def test_an_operator_manages_everybodys(site: Site) -> None:
    hook = made(site)
    site.ledger.add_party("ops", ["auditor"])
    with site.ledger.store.write() as connection:
        access.grant(connection, site.ledger.row().id, "ops", "operator", given="2026")
    site.tokens["ops"] = new_key(site.ledger, "ops", *Scope)
    assert call(site, "GET", f"/{hook['id']}", "ops").json()["party"] == "bank"
    assert made(site, "ops", party="fund")["party"] == "fund"
    assert {one["party"] for one in call(site, "GET", "", "ops").json()["items"]} >= {"bank", "fund"}
    assert call(site, "POST", "", "ops", json={"url": URL, "party": "nobody"}).status_code == 404
