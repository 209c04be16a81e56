"""Asking over HTTP: what is busy is asked again, what is refused is said, what makes no sense is not believed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from ledger.errors import (
    ConfigurationError,
    MalformedError,
    NotFoundError,
    PoolproofError,
    UnauthorisedError,
    UnavailableError,
)
from ledger.mirror.form import RecordForm
from ledger.mirror.remote import TRIES, Remote, log_prefix

Answer = Callable[[httpx2.Request], httpx2.Response]


def asking(*answers: httpx2.Response | Exception) -> tuple[Remote, list[float], list[httpx2.Request]]:
    """A remote that gets these answers in turn, how long it waited, and what it asked."""
    waits: list[float] = []
    asked: list[httpx2.Request] = []
    rest = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        one = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(one, Exception):
            raise one
        return one

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Remote("https://ledger.example/", "poolproof_1_2", client=client, sleep=waits.append), waits, asked


def problem(status: int, detail: str = "no", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"detail": detail}, headers=headers)


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    remote, waits, asked = asking(
        problem(429, **{"Retry-After": "7"}),
        httpx2.ConnectError("refused"),
        httpx2.Response(200, content=b"x"),
    )
    assert remote.get("/a", {"size": 3}) == b"x"
    assert waits == [7.0, 1.0]
    assert [str(one.url) for one in asked] == ["https://ledger.example/a?size=3"] * 3
    assert asked[0].headers["Authorization"] == "Bearer poolproof_1_2"


def test_a_server_that_stays_away_is_unavailable() -> None:
    remote, waits, asked = asking(problem(503))
    with pytest.raises(UnavailableError, match="goes on from here"):
        remote.get("/a")
    assert len(asked) == TRIES
    assert waits == sorted(waits)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, UnauthorisedError), (403, UnauthorisedError), (404, NotFoundError), (422, UnavailableError)],
)
def test_a_refusal_is_said_and_not_asked_again(status: int, kind: type[PoolproofError]) -> None:
    remote, _, asked = asking(problem(status, "not for you"))
    with pytest.raises(kind, match="not for you"):
        remote.get("/a")
    assert len(asked) == 1


def page(*indexes: int, next: int | None) -> httpx2.Response:
    lines = [{"index": index, "record": "{}"} for index in indexes] + [{"next": next}]
    return httpx2.Response(200, content="".join(json.dumps(line) + "\n" for line in lines))


def test_pages_are_followed_to_the_last() -> None:
    remote, _, asked = asking(page(1, 2, next=3), page(5, next=None))
    found = remote.pages("/r", RecordForm, {"start": 0}, cursor="start")
    assert [one.index for part in found for one in part.items] == [1, 2, 5]
    assert [str(one.url.params) for one in asked] == ["start=0", "start=3"]


def test_a_cursor_that_does_not_go_on_ends_it() -> None:
    remote, _, _ = asking(page(1, next=3), page(1, next=3))
    with pytest.raises(MalformedError, match="does not go on"):
        list(remote.pages("/r", RecordForm, {"start": 0}, cursor="start"))


@pytest.mark.parametrize("body", [b"", b"{}\n", b'{"index":1}\n{"next":null}\n', b"\xff\n", b'{"next":-1}\n'])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    remote, _, _ = asking(httpx2.Response(200, content=body))
    with pytest.raises(MalformedError):
        list(remote.pages("/r", RecordForm, {}, cursor="start"))


def test_an_address_without_a_scheme_is_none() -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        Remote("ledger.example", None)


@pytest.mark.parametrize(
    ("url", "proxies", "believed"),
    [
        ("http://127.0.0.1:1", {}, 0),
        ("https://127.0.0.1:1", {}, None),
        ("http://127.0.0.1:1", {"http": "https://proxy.example"}, None),
    ],
)
def test_the_systems_certificates_are_read_where_tls_is_spoken(
    monkeypatch: pytest.MonkeyPatch, url: str, proxies: dict[str, str], believed: int | None
) -> None:
    """Elsewhere none is believed, so that a connection that did speak it would fail."""
    given: list[Any] = []
    monkeypatch.setattr("ledger.mirror.remote.getproxies", lambda: proxies)
    monkeypatch.setattr(httpx2, "Client", lambda **options: given.append(options["verify"]))
    Remote(url, None)
    (verify,) = given
    if believed is None:
        assert verify is True
    else:
        assert len(verify.get_ca_certs()) == believed
        assert verify.verify_mode is ssl.CERT_REQUIRED


def test_the_first_error_ends_parallel_work() -> None:
    remote, _, _ = asking(problem(404))
    done: list[int] = []
    with pytest.raises(NotFoundError):
        remote.each(range(100), lambda one: remote.get(f"/{one}"), lambda part, _of: done.append(part))
    assert done == []


def test_a_log_is_asked_for_where_it_is_served() -> None:
    assert log_prefix("a.example/b c") == "/log/a.example/b%20c/"
    assert log_prefix("a.example//b") == "/log/a.example%2F%2Fb/"
