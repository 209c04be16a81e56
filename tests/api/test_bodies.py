"""Reading bodies: however they arrive, never more than the cap."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException

from api import bodies


def request(chunks: list[bytes], headers: dict[str, str] | None = None, *, broken: bool = False) -> Request:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": broken or at < len(chunks) - 1}
        for at, chunk in enumerate(chunks)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def refused(
    chunks: list[bytes], limit: int, headers: dict[str, str] | None = None, **options: Any
) -> HTTPException:
    with pytest.raises(HTTPException) as caught:
        asyncio.run(bodies.read(request(chunks, headers, **options), limit))
    return caught.value


def test_the_cap_is_exact() -> None:
    assert asyncio.run(bodies.read(request([b"123", b"45"]), 5)) == b"12345"
    assert refused([b"123", b"456"], 5).status_code == 413


@pytest.mark.parametrize("length", ["6", "-1", "+3", "1e9", "", "９", "9" * 5_000])
def test_an_announced_length_beyond_the_cap_is_refused_unread(length: str) -> None:
    raw = request([b"123"])
    raw.scope["headers"].append((b"content-length", length.encode("latin-1", "ignore")))
    with pytest.raises(HTTPException) as caught:
        asyncio.run(bodies.read(raw, 5))
    assert caught.value.status_code == 413


def test_a_body_that_breaks_off_is_refused() -> None:
    assert refused([b"12"], 5, broken=True).status_code == 400


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    slow = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(HTTPException) as caught:
        asyncio.run(bodies.read(slow, 5))
    assert caught.value.status_code == 408


@pytest.mark.parametrize(
    "given", ["application/json", "Application/JSON; charset=utf-8", " application/json "]
)
def test_media_types_are_read_leniently(given: str) -> None:
    assert bodies.media_type(request([], {"Content-Type": given}), "application/json") == "application/json"
