"""`Idempotency-Key`: done once and answered as it was; another body, one under way and a lost one are told apart."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api import idempotency
from api.routes import audits as routes
from ledger.errors import UnavailableError
from ledger.store import tables
from tests.api.conftest import JSON, NDJSON, Site, disbursed, ndjson, new_key, originated, pool

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'


@pytest.fixture
def site(small_site: Site) -> Site:
    assert small_site.post(pool("P")).status_code == 201
    small_site.ledger.publish()
    return small_site


def ask(site: Site, key: str | None = KEY, party: str = "fenqile", **order: Any) -> Any:
    headers = site.auth(party) | ({} if key is None else {"Idempotency-Key": key})
    return site.client.post("/v1/audits", json={"pool": "P", **order}, headers=headers)


def runs(site: Site) -> int:
    return len(site.get("/v1/audits").json()["items"])


def test_the_same_request_again_is_answered_as_it_was(site: Site) -> None:
    first, second = ask(site), ask(site)
    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["content-type"] == first.headers["content-type"]
    # The spelling without quotes is the same key.
    assert ask(site, KEY.strip('"')).headers["idempotent-replayed"] == "true"
    assert runs(site) == 1
    assert ask(site, '"another"').status_code == 202
    assert ask(site, None).status_code == 202
    assert runs(site) == 3


def test_another_body_is_refused(site: Site) -> None:
    assert ask(site).status_code == 202
    other = ask(site, since=1)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert runs(site) == 1


def test_a_key_is_of_one_api_key_and_one_path(site: Site) -> None:
    first = ask(site)
    site.tokens["second"] = new_key(site.ledger, "fenqile")
    assert ask(site, party="second").json()["id"] != first.json()["id"]
    headers = {"Content-Type": JSON, "Idempotency-Key": KEY, **site.auth()}
    event = site.client.post("/v1/events", content=json.dumps(originated("L1")).encode(), headers=headers)
    assert event.status_code == 201


def test_what_was_refused_may_be_tried_again_under_its_key(site: Site) -> None:
    assert ask(site, size=999).status_code == 404
    assert ask(site).status_code == 202


def test_what_was_not_available_may_be_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise UnavailableError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(routes, "_start", fail)
        assert ask(site).status_code == 503
    assert ask(site).status_code == 202


def test_one_of_many_at_once_does_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    start = routes._start

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return start(*given)

    monkeypatch.setattr(routes, "_start", slow)
    with ThreadPoolExecutor(1) as one:
        first = one.submit(ask, site)
        assert begun.wait(30)
        meanwhile = ask(site)
        go_on.set()
        assert first.result().status_code == 202
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "idempotency_conflict")
    assert meanwhile.headers["retry-after"] == "1"
    assert ask(site).headers["idempotent-replayed"] == "true"
    assert runs(site) == 1


def test_an_answer_that_was_lost_with_its_process_is_not_made_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:  # the process goes away before the answer is kept
        patched.setattr(idempotency, "_keep", lambda *_: None)
        assert ask(site).status_code == 202
    site.clock.now += idempotency.UNDER_WAY
    lost = ask(site)
    assert (lost.status_code, lost.json()["code"]) == (409, "idempotency_conflict")
    assert "lost" in lost.json()["detail"]
    assert "retry-after" not in lost.headers
    assert runs(site) == 1


@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_events_whose_answer_was_lost_are_brought_in_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, prefer: str
) -> None:
    """Their own ids keep them from being doubled, and a client that only tries again comes to its end."""
    headers = {"Content-Type": NDJSON, "Idempotency-Key": KEY, "Prefer": prefer, **site.auth()}

    def post(*events: dict[str, Any]) -> Any:
        return site.client.post("/v1/events", content=ndjson(*events), headers=headers)

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "_keep", lambda *_: None)
        first = post(originated("L1"))
    size = site.ledger.status().size
    assert post(originated("L1")).json()["code"] == "idempotency_conflict"
    site.clock.now += idempotency.UNDER_WAY
    assert post(originated("L2")).json()["code"] == "idempotency_mismatch"
    again, kept = post(originated("L1")), post(originated("L1"))
    if prefer:
        assert (first.status_code, again.status_code) == (202, 202)
    else:
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["accepted"][0]["acceptance"] == first.json()["accepted"][0]["acceptance"]
    assert kept.headers["idempotent-replayed"] == "true"
    assert kept.content == again.content
    assert site.ledger.status().size == size


def test_answers_are_kept_sealed_and_for_a_day(site: Site) -> None:
    first = ask(site)
    with site.ledger.store.read() as connection:
        row = connection.execute(select(tables.idempotent_answers)).one()
    assert first.json()["id"].encode() not in bytes(row.answer)
    site.clock.now += idempotency.KEPT + timedelta(seconds=1)
    assert ask(site).json()["id"] != first.json()["id"]
    with site.ledger.store.read() as connection:
        assert len(connection.execute(select(tables.idempotent_answers)).all()) == 1


@pytest.mark.parametrize("key", ["", '""', '"' + "k" * 256 + '"', "two words", 'qu"ote'])
def test_a_key_has_its_form(site: Site, key: str) -> None:
    answer = ask(site, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_events_and_batches_take_a_key_too(site: Site) -> None:
    event = json.dumps(originated("L1")).encode()
    headers = {"Content-Type": JSON, "Idempotency-Key": "e-1", **site.auth()}
    first, again = (site.client.post("/v1/events", content=event, headers=headers) for _ in range(2))
    # Without the key the second answer would be 200: the event was accepted before.
    assert [first.status_code, again.status_code] == [201, 201]
    assert again.content == first.content
    batch = {"Content-Type": NDJSON, "Idempotency-Key": "b-1", **site.auth()}
    answers = [
        site.client.post("/v1/events", content=ndjson(disbursed("L1")), headers=batch) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[1].headers["idempotent-replayed"] == "true"
    later = batch | {"Prefer": "respond-async", "Idempotency-Key": "j-1"}
    jobs = [site.client.post("/v1/events", content=ndjson(disbursed("L1")), headers=later) for _ in range(2)]
    assert [one.status_code for one in jobs] == [202, 202]
    assert jobs[0].headers["location"] == jobs[1].headers["location"]
    with site.ledger.store.read() as connection:
        assert len(connection.execute(select(tables.jobs)).all()) == 1


def test_a_secret_that_is_shown_once_is_shown_to_whoever_did_not_get_it(site: Site) -> None:
    site.tokens["admin"] = new_key(site.ledger, "fenqile", "admin", "read")
    headers = {"Idempotency-Key": "k-1", **site.auth("admin")}
    made = [site.client.post("/v1/keys", json={"scopes": ["read"]}, headers=headers) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json()["token"] == made[1].json()["token"]
    with site.ledger.store.read() as connection:
        row = connection.execute(select(tables.idempotent_answers)).one()
    assert made[0].json()["token"].encode() not in bytes(row.answer)
