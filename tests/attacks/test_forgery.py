"""Requests that another site makes a browser send: on every form of the portal they are refused and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.sessions import COOKIE, FORM_FIELD
from ledger.access import Scope
from tests.api.conftest import Site, make_site, new_key, operate, pool
from tests.attacks.conftest import OURS, cookie_of, portal_routes
from tests.databases import sqlite_in

#: What a form may change that is nobody's: the language and colours of the browser itself. It is held to its origin
#: like the others, but there may be no session whose token it could carry.
OF_THE_BROWSER = {"/preferences", "/sign-in"}
ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
    {"Referer": "http://testserver/pools"},
)
FORMS = portal_routes("POST")
#: Forms that a browser sends with a file in them.
WITH_A_FILE = {"/pools/{pool}/tapes"}
NAMES = {
    "pool": "P1",
    "loan": "L1",
    "key_id": "0" * 16,
    "webhook_id": "hook_" + "0" * 16,
    "audit_id": "audit_" + "0" * 24,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("forged")))
    with site.client:
        assert site.post(pool("P1")).status_code == 201
        operate(site, "fenqile")
        yield site
    site.ledger.store.close()


def filled(path: str) -> str:
    parts = [part.strip("{}").partition(":")[0] if part.startswith("{") else None for part in path.split("/")]
    return "/".join(
        plain if name is None else NAMES.get(name, "x")
        for plain, name in zip(path.split("/"), parts, strict=True)
    )


def everything(site: Site) -> list[Any]:
    """All rows of the tables that forms could change, but for the last use of keys."""
    with site.ledger.store.read() as connection:
        return [
            [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{table}" ORDER BY 1, 2')]
            for table in ("people", "grants", "parties", "sessions", "jobs", "audits", "webhook_endpoints")
        ] + [list(connection.exec_driver_sql("SELECT id, revoked, scopes FROM api_keys ORDER BY id").all())]


@pytest.mark.parametrize("path", FORMS)
def test_another_site_sends_no_form_in_anybodys_name(site: Site, path: str) -> None:
    """With the visitor's cookie, which browsers may send along, and even with the right token."""
    cookie = cookie_of(site, site.tokens["fenqile operator"])
    page = site.client.get("/pools", headers=cookie | {"Accept": "text/html"}).text
    token = page.partition(f'name="{FORM_FIELD}" value="')[2].partition('"')[0]
    assert token
    before = everything(site)
    for headers in ELSEWHERE:
        fields = {FORM_FIELD: token, "key": site.tokens["bank"], "language": "zh"}
        answer = site.client.post(filled(path), data=fields, headers=cookie | headers)
        assert answer.status_code == 403, (path, headers, answer.text[:200])
        assert "set-cookie" not in answer.headers
    assert everything(site) == before


@pytest.mark.parametrize("path", sorted(set(FORMS) - OF_THE_BROWSER))
def test_a_form_carries_the_token_of_its_own_session(site: Site, path: str) -> None:
    cookie = cookie_of(site, site.tokens["fenqile operator"])
    foreign = cookie_of(site, site.tokens["bank"])
    page = site.client.get("/pools", headers=foreign | {"Accept": "text/html"}).text
    token = page.partition(f'name="{FORM_FIELD}" value="')[2].partition('"')[0]
    before = everything(site)
    for fields in ({}, {FORM_FIELD: ""}, {FORM_FIELD: token}, {FORM_FIELD: token[:-1]}, {FORM_FIELD: "é"}):
        files = {"file": ("tape.csv", b"loan")} if path in WITH_A_FILE else None
        answer = site.client.post(filled(path), data=fields, files=files, headers=cookie | OURS)
        assert answer.status_code == 403, (path, fields, answer.text[:200])
    assert everything(site) == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_alone_changes_nothing_of_the_interface(site: Site, method: str) -> None:
    """Whatever changes something under /v1 takes a key, which no browser sends by itself."""
    cookie = cookie_of(site, site.tokens["fenqile operator"])
    operations = [
        path
        for path, methods in site.client.get("/openapi.json").json()["paths"].items()
        if method.lower() in methods and path != "/v1/verify"
    ]
    before = everything(site)
    for path in operations:
        answer = site.client.request(method, filled(path), headers=cookie | OURS, content=b"{}")
        assert answer.status_code == 401, path
    assert everything(site) == before


# -- sessions -----------------------------------------------------------------------------------------------------


def test_a_session_cannot_be_planted(site: Site) -> None:
    """Who signs in gets a token of their own, whatever cookie somebody put into their browser."""
    planted = cookie_of(site, site.tokens["fund"])
    answer = site.client.post("/sign-in", data={"key": site.tokens["bank"]}, headers=planted | OURS)
    assert answer.status_code == 303
    value = planted["Cookie"].partition("=")[2]
    assert answer.cookies[COOKIE] != value
    page = site.client.get("/v1/parties", headers=planted).json()
    assert [one["name"] for one in page["items"]] == ["fund"]
    site.client.cookies.clear()


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("flags")), trusted_proxies="127.0.0.0/8")
    site.client._transport.client = ("127.0.0.1", 50_000)  # type: ignore[attr-defined]
    with site.client:
        for scheme, secure in (("https", True), ("http", False)):
            headers = OURS | {"X-Forwarded-Proto": scheme}
            answer = site.client.post("/sign-in", data={"key": site.tokens["bank"]}, headers=headers)
            flags = {one.strip() for one in answer.headers["set-cookie"].split(";")}
            assert {"HttpOnly", "SameSite=lax", "Path=/"} <= flags
            assert ("Secure" in flags) is secure
            assert not any(one.lower().startswith("domain") for one in flags)
    site.ledger.store.close()


def test_a_cookie_is_worth_nothing_where_its_key_is_not(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("place")), trusted_proxies="127.0.0.0/8")
    site.client._transport.client = ("127.0.0.1", 50_000)  # type: ignore[attr-defined]
    with site.client:
        token = new_key(site.ledger, "bank", Scope.READ, networks=("10.2.0.0/16",))
        inside, outside = {"X-Forwarded-For": "10.2.3.4"}, {"X-Forwarded-For": "203.0.113.9"}
        refused = site.client.post("/sign-in", data={"key": token}, headers=OURS | outside)
        assert refused.status_code == 403
        assert site.client.post("/sign-in", data={"key": token}, headers=OURS | inside).status_code == 303
        assert site.client.get("/v1/pools", headers=inside).status_code == 200
        assert site.client.get("/v1/pools", headers=outside).status_code == 401
        assert site.client.get("/pools", headers=outside).status_code == 401
        forged = {"X-Forwarded-For": "10.2.3.4, 203.0.113.9"}
        assert site.client.get("/pools", headers=forged).status_code == 401
    site.ledger.store.close()


def test_guessing_keys_in_the_form_is_counted_as_over_the_interface(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    site = make_site(
        sqlite_in(tmp_path_factory.mktemp("guess")), rate_failures=2, trusted_proxies="127.0.0.0/8"
    )
    site.client._transport.client = ("127.0.0.1", 50_000)  # type: ignore[attr-defined]
    guess = {"key": f"poolproof_{'0' * 16}_{'0' * 64}"}
    headers = OURS | {"X-Forwarded-For": "203.0.113.9"}
    with site.client:
        found = [site.client.post("/sign-in", data=guess, headers=headers) for _ in range(3)]
    assert [one.status_code for one in found] == [401, 401, 429]
    assert int(found[2].headers["retry-after"]) > 0
    site.ledger.store.close()


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example",
     "/x\r\nSet-Cookie: a=b", "evil.example", "/\u2028", "\\\\evil.example", " //evil.example"],
)  # fmt: skip
def test_nobody_is_led_away(site: Site, back: str) -> None:
    for answer in (
        site.client.post("/sign-in", data={"key": site.tokens["bank"], "back": back}, headers=OURS),
        site.client.post("/preferences", data={"language": "zh", "back": back}, headers=OURS),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "evil.example" not in str(answer.headers)
    site.client.cookies.clear()
    page = site.client.get("/sign-in", params={"back": back}, headers={"Accept": "text/html"})
    assert 'name="back" value="/"' in page.text
