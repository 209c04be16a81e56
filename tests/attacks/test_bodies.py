"""Bodies that would hold a worker or its memory: slow, endless, deep, with numbers that nobody can mean."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException

from api import bodies
from api.portal.forms import read_form
from ledger.access import Scope
from tests.api.conftest import JSON, NDJSON, Site, new_key, originated
from tests.attacks.conftest import OURS

#: More than any parser should be asked to follow.
DEEP = b"[" * 30_000 + b"]" * 30_000


def test_a_form_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"k", "more_body": True}

    with pytest.raises(HTTPException) as raised:
        asyncio.run(read_form(Request({"type": "http", "headers": []}, trickle)))
    assert raised.value.status_code == 408


def test_a_form_without_end_is_cut_off(still_site: Site) -> None:
    answer = still_site.client.post("/sign-in", content=b"k=" + b"v" * 70_000, headers=OURS)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/v1/events", "/v1/verify", "/v1/audits", "/v1/keys", "/v1/webhooks"])
@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b'{"data":' + DEEP + b"}",
        b"{" * 30_000,
        b'{"a":1e999999999}',
        b'{"a":' + b"9" * 20_000 + b"}",
        b'{"a":-0.0000000000000000000000000000000000000000000001}',
        b'{"id":"x","id":"y"}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'"\xff\xfe"',
        b"\xef\xbb\xbf{}",
        b"",
        b"\x00",
    ],
    ids=range(13),
)
def test_what_no_document_is_meets_a_refusal(small_admin: Site, path: str, body: bytes) -> None:
    headers = small_admin.auth("admin") | {"Content-Type": JSON}
    answer = small_admin.client.post(path, content=body, headers=headers)
    assert answer.status_code in {400, 413, 422} or (path == "/v1/verify" and answer.status_code == 200)
    assert answer.headers["content-type"].startswith("application/")
    for leaked in ("Traceback", "site-packages", ".py", "SELECT ", "sqlite"):
        assert leaked not in answer.text


@pytest.fixture(scope="module")
def small_admin(still_site: Site) -> Site:
    still_site.tokens["admin"] = new_key(still_site.ledger, "fenqile", *Scope)
    return still_site


@pytest.mark.parametrize(("lines", "status"), [(b"\n" * 1_000, 400), (DEEP + b"\n", 400), (b"{}\n" * 3, 422)])
def test_a_batch_of_nothing_says_so(still_site: Site, lines: bytes, status: int) -> None:
    headers = still_site.auth() | {"Content-Type": NDJSON}
    answer = still_site.client.post("/v1/events", content=lines, headers=headers)
    assert answer.status_code == status
    assert answer.json()["line"] == 1


def test_an_event_in_anothers_name_is_refused_alone_and_in_a_batch(still_site: Site) -> None:
    """The party is the key's; what names another is refused in words, never posted as either."""
    event = originated("L1") | {"party": "bank"}
    alone = still_site.post(event)
    assert (alone.status_code, alone.json()["field"]) == (422, "party")
    batch = still_site.post_batch(json.dumps(event).encode() + b"\n")
    assert (batch.status_code, batch.json()["field"], batch.json()["line"]) == (422, "party", 1)
    assert still_site.ledger.status().size == 0
