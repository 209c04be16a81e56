"""HEAD where GET is, 304 for what the caller has already."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.conditional import Conditional
from tests.api.conftest import Site

GETTABLE = ["/healthz", "/v1/trust", "/openapi.json", "/problems/taken"]


@pytest.mark.parametrize("path", GETTABLE)
def test_head_answers_what_get_would_without_its_body(still_site: Site, path: str) -> None:
    got, head = still_site.client.get(path), still_site.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", GETTABLE)
def test_what_the_caller_has_is_not_sent_again(still_site: Site, path: str) -> None:
    etag = still_site.client.get(path).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            answer = still_site.client.request(method, path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b""), known
            assert answer.headers["etag"] == etag
            assert "content-length" not in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert still_site.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_error_is_never_304(still_site: Site) -> None:
    headers = {"If-None-Match": "*"}
    assert still_site.client.get("/v1/nothing", headers=headers).status_code == 404
    assert still_site.client.get("/v1/pools", headers=headers).status_code == 401
    answer = still_site.client.head("/v1/verify", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_key_is_asked_for_head_too(still_site: Site) -> None:
    assert still_site.client.head("/v1/pools").status_code == 401
    assert still_site.client.head("/v1/pools", headers=still_site.auth()).status_code == 200


def test_numbers_are_counted_by_the_method_that_was_asked(still_site: Site) -> None:
    still_site.client.head("/healthz")
    assert 'method="HEAD",route="/healthz",status="200"' in still_site.client.get("/metrics").text


def ask(app: Any, method: str = "GET", **headers: str) -> list[Message]:
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> Message:
        await asyncio.Event().wait()  # nothing else comes from this caller
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Conditional(app)(scope, receive, send))
    assert scope["method"] == method
    return sent


async def streamed(scope: Scope, receive: Receive, send: Send) -> None:
    async def parts() -> Any:
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            yield part

    await StreamingResponse(parts(), media_type="text/event-stream")(scope, receive, send)


def test_a_stream_goes_through_as_it_comes() -> None:
    head, *bodies = ask(streamed)
    assert b"etag" not in dict(head["headers"])
    assert [one["body"] for one in bodies] == [b"data: 1\n\n", b"data: 2\n\n", b""]


def test_head_of_a_stream_ends_at_once() -> None:
    head, body = ask(streamed, "HEAD")
    assert head["status"] == 200
    assert (body["body"], body["more_body"]) == (b"", False)


def test_a_tag_of_the_routes_own_is_kept() -> None:
    app = Response(b"x", headers={"ETag": '"own"'})
    assert dict(ask(app)[0]["headers"])[b"etag"] == b'"own"'
    assert ask(app, if_none_match='"own"')[0]["status"] == 304
    assert ask(app, if_none_match="own")[0]["status"] == 200
