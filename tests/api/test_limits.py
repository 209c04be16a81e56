"""Rates: a key that asks too often, an address that guesses; and what is injected stays where it is put."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from api.limits import Window
from ledger import telemetry
from ledger.settings import Settings
from tests.api.conftest import JSON, Site, make_site, originated


def proxied(site: Site, path: str, token: str, address: str = "203.0.113.9") -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    return int(site.client.get(path, headers=headers).status_code)


@pytest.fixture
def strict(fresh_sqlite: str) -> Iterator[Site]:
    """Three requests a minute for a key, two failures and two verdicts for an address, which a proxy tells."""
    site = make_site(
        fresh_sqlite, rate_per_key=3, rate_failures=2, rate_open=2, trusted_proxies="127.0.0.0/8"
    )
    site.client._transport.client = ("127.0.0.1", 50_000)  # type: ignore[attr-defined]
    with site.client:
        yield site
    site.ledger.store.close()


def test_a_key_that_asks_too_often_waits_and_others_do_not(strict: Site) -> None:
    assert [strict.get("/v1/pools").status_code for _ in range(3)] == [200, 200, 200]
    answer = strict.get("/v1/pools")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= 120
    assert answer.headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert answer.headers["ratelimit"].startswith('"key";r=0;t=')
    assert strict.get("/v1/pools", "bank").status_code == 200
    assert strict.client.get("/v1/trust").status_code == 200


def test_an_address_that_guesses_is_not_looked_up_any_more(strict: Site) -> None:
    guess = "poolproof_0000000000000000_" + "A" * 43
    assert [proxied(strict, "/v1/pools", guess) for _ in range(3)] == [401, 401, 429]
    # Neither is a good key from there, until the minute is over; from elsewhere it works.
    assert proxied(strict, "/v1/pools", strict.tokens["bank"]) == 429
    assert proxied(strict, "/v1/pools", strict.tokens["bank"], "203.0.113.10") == 200
    assert strict.client.get("/v1/pools").status_code == 401  # without any key there is nothing to look up


def verified(site: Site, address: str, body: bytes = b"{}") -> Any:
    headers = {"Content-Type": JSON, "X-Forwarded-For": address}
    return site.client.post("/v1/verify", content=body, headers=headers)


def test_an_address_that_has_too_much_verified_waits_and_others_do_not(strict: Site) -> None:
    assert [verified(strict, "203.0.113.9").status_code for _ in range(2)] == [200, 200]
    answer = verified(strict, "203.0.113.9")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= 120
    assert answer.headers["ratelimit-policy"] == '"address";q=2;w=60'
    # A body of any size or type costs nothing more; neither does it count as a wrong key.
    assert verified(strict, "203.0.113.9", b"x" * 10_000_000).status_code == 429
    assert proxied(strict, "/v1/pools", strict.tokens["bank"]) == 200
    # A network of IPv6 counts as one.
    seen = [verified(strict, f"2001:db8:0:1::{n}").status_code for n in range(3)]
    assert seen == [200, 200, 429]
    assert verified(strict, "2001:db8:0:2::1").status_code == 200


def test_no_limit_where_none_is_set(fresh_sqlite: str) -> None:
    site = make_site(
        fresh_sqlite, rate_per_key=0, rate_failures=0, rate_open=0, trusted_proxies="127.0.0.0/8"
    )
    site.client._transport.client = ("127.0.0.1", 50_000)  # type: ignore[attr-defined]
    with site.client:
        assert {site.get("/v1/pools").status_code for _ in range(20)} == {200}
        assert {verified(site, "203.0.113.9").status_code for _ in range(20)} == {200}
    site.ledger.store.close()


@given(
    most=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0, 90), st.sampled_from("ab")), max_size=60),
)
def test_a_window_lets_in_as_many_as_it_says_and_tells_when_again(
    most: int, steps: list[tuple[float, str]]
) -> None:
    now = 0.0
    window = Window(most, clock=lambda: now)
    let_in: dict[str, list[float]] = {"a": [], "b": []}
    for step, name in steps:
        now += step
        full = window.full(name)
        assert window.hit(name) is not full
        if not full:
            let_in[name].append(now)
            continue
        # Told when, it is full until less than a second before, and lets one in then.
        wait, then = window.wait(name), now
        assert 1 <= wait <= 120
        now = max(then, then + wait - 1.001)
        assert window.full(name)
        now = then + wait + 0.001
        assert not window.full(name)
    for times in let_in.values():
        assert all(count <= most for count in Counter(at // 60 for at in times).values())


def test_what_was_counted_is_forgotten_after_two_minutes() -> None:
    now = 0.0
    window = Window(1, clock=lambda: now)
    assert [window.hit(f"address {n}") for n in range(100)] == [True] * 100
    now = 121.0
    assert window.hit("address 0")
    assert (len(window._now), len(window._before)) == (1, 0)


INJECTED = "x\r\nSet-Cookie: session=stolen\r\n\r\n<script>"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/events/x%0d%0aSet-Cookie:%20a=b", 422),
        ("/v1/pools/x%0d%0aSet-Cookie:%20a=b", 422),
        ("/v1/audits/audit_%0d%0aSet-Cookie:%20a=b", 422),
        ("/v1/audits?cursor=x%0d%0aSet-Cookie:%20a=b", 422),
        ("/v1/pools?limit=1&x%0d%0aSet-Cookie:%20a=b=1", 200),
        ("/nowhere%0d%0aSet-Cookie:%20a=b", 404),
    ],
)
def test_no_parameter_becomes_a_header(still_site: Site, path: str, status: int) -> None:
    answer = still_site.get(path)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert all("\n" not in value and "\r" not in value for value in answer.headers.values())


@pytest.mark.parametrize(
    "given",
    ["short", "a" * 65, "with space 1234", "x\tSet-Cookie:a", "<script>1</script>", "日本語日本語日本"],
)
def test_a_request_id_that_could_inject_is_not_taken(still_site: Site, given: str) -> None:
    headers = {"X-Request-Id": given.encode()}
    answer = still_site.client.get("/v1/pools/none", headers=headers)  # type: ignore[arg-type]
    assert answer.headers["x-request-id"] != given
    assert given not in answer.text


def test_an_event_cannot_write_a_line_of_the_log(small_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller sends stands in a log line as JSON text, whatever it holds."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    telemetry.configure_service(Settings(log_format="json"))
    try:
        answer = small_site.post(originated("L1", id=INJECTED))
        structlog.get_logger("test").warning("said", id=INJECTED, detail=answer.json()["detail"])
    finally:
        structlog.reset_defaults()
    lines = written.getvalue().splitlines()
    told = [json.loads(line) for line in lines]
    assert any(one.get("id") == INJECTED for one in told)
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP"])
def test_no_compressed_body_is_opened(still_site: Site, encoding: str) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": encoding, **still_site.auth()}
    for path in ("/v1/events", "/v1/audits", "/v1/verify"):
        answer = still_site.client.post(path, content=b"\x1f\x8b" + bytes(1000), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_deeply_nested_bodies_are_refused(still_site: Site) -> None:
    deep = b'{"pool":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    for path in ("/v1/audits", "/v1/events"):
        answer = still_site.client.post(
            path, content=deep, headers={"Content-Type": JSON, **still_site.auth()}
        )
        assert answer.status_code in {400, 422}
