"""Line breaks and control characters in what a client sends: no header, no log line and no cookie is made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from starlette.testclient import TestClient

from api.frame import Frame
from api.metrics import Metrics
from ledger import telemetry
from ledger.settings import Settings
from tests.api.conftest import Site
from tests.attacks.conftest import cookie_of, portal_routes

HEADER = "x\r\nX-Injected: yes\r\nSet-Cookie: a=b\r\n\r\n<script>"
LINE = "/a\n2026-01-01 [info     ] forged                 party=bank\r\x1b[2J\x9b2J\u2028"


def operations(site: Site) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path and names of the text parameters of every operation and of every page."""
    for path, methods in site.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            query = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            yield method.upper(), path, query
    for method in ("GET", "POST"):
        for path in portal_routes(method):
            yield method, path, ["back", "q", "name", "status", "currency", "language", "currency", "before"]


#: As it is, with newlines alone, and with characters that become CR and LF where somebody keeps the low byte only.
SPELT = [quote(HEADER), quote(HEADER).replace("%0D", ""), quote("\u560d\u560aX-Injected: yes")]


@pytest.mark.parametrize("spelt", SPELT, ids=range(3))
def test_no_header_is_made_of_what_was_asked_for(book: Site, spelt: str) -> None:
    cookie = cookie_of(book, book.tokens["bank all"])
    for method, path, query in operations(book):
        filled = re.sub(r"{[^}]*}", spelt, path)
        target = filled + "?" + "&".join(f"{name}={spelt}" for name in query)
        for headers in (book.auth("bank all"), cookie | {"Sec-Fetch-Site": "same-origin"}):
            answer = book.client.request(method, target, headers=headers, content=b"")
            assert answer.status_code < 500, (method, target)
            assert "x-injected" not in answer.headers, (method, target)
            assert "a=b" not in answer.headers.get("set-cookie", ""), (method, target)
            assert not any(re.search(r"[\r\n\0]", value) for value in answer.headers.values())


@pytest.fixture
def logs(request: pytest.FixtureRequest) -> Iterator[str]:
    telemetry.configure(Settings(log_format=request.param))
    yield request.param
    structlog.reset_defaults()


@pytest.mark.parametrize("logs", ["console", "json"], indirect=True)
def test_no_log_line_is_made_of_what_was_asked_for(logs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault is logged with the path that was asked for; whoever asks does not write the log."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    client = TestClient(Frame(broken, metrics=Metrics()), raise_server_exceptions=False)
    assert client.get(quote(LINE)).status_code == 500
    text = capsys.readouterr().err
    assert "forged" in text
    lines = text.split("\n")
    assert sum("request.failed" in line for line in lines) == 1
    assert not any(line.startswith("2026-01-01") for line in lines)
    assert not re.search("[\r\x1b\x9b]", text)
    if logs == "json":
        [line] = text.splitlines()
        assert json.loads(line)["path"] == LINE
