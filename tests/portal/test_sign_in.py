"""Signing in with a key and out again; what other sites and other sessions cannot do in somebody's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.sessions import COOKIE, FORM_FIELD
from ledger.domain.calendar import format_instant
from ledger.store import keys
from tests.api.conftest import Site, make_site, new_key

OURS = {"Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def site(fresh_sqlite: str) -> Iterator[Site]:
    site = make_site(fresh_sqlite, session_seconds=3600)
    with site.client:
        yield site
    site.ledger.store.close()


def sign_in(site: Site, key: str, headers: dict[str, str] = OURS, **fields: str) -> Any:
    return site.client.post("/sign-in", data={"key": key} | fields, headers=headers | HTML)


def token_of(site: Site) -> str:
    """The form token of the session, from the page that has it."""
    text = site.client.get("/pools", headers=HTML).text
    return str(text.partition(f'name="{FORM_FIELD}" value="')[2].partition('"')[0])


def test_a_session_that_ended_leads_the_page_that_looks_again_to_the_sign_in(site: Site) -> None:
    gone = {"Cookie": f"{COOKIE}=nobody", "HX-Request": "true"}
    watched = gone | {"HX-Current-URL": "https://ledger.example/pools/W1?x=1"}
    answer = site.client.get("/pools/W1/attestations", headers=HTML | watched)
    assert (answer.status_code, answer.text) == (204, "")
    assert answer.headers["hx-redirect"] == "/sign-in?back=%2Fpools%2FW1%3Fx%3D1"
    shown = site.client.get(answer.headers["hx-redirect"], headers=HTML | {"Cookie": gone["Cookie"]})
    assert "Your session has ended" in shown.text
    assert "session has ended" not in site.client.get("/sign-in", headers=HTML).text


def test_what_cannot_be_told_again_takes_nothing_from_the_page(site: Site) -> None:
    sign_in(site, site.tokens["bank"])
    again = site.client.get("/pools/none", headers=HTML | {"HX-Request": "true"})
    assert (again.status_code, again.headers["hx-reswap"]) == (404, "none")
    assert "hx-reswap" not in site.client.get("/pools/none", headers=HTML).headers


def test_a_key_signs_in_and_the_session_reads(site: Site) -> None:
    asked = site.client.get("/pools", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?back=%2Fpools")
    page = site.client.get(asked.headers["location"], headers=HTML)
    assert 'name="back" value="/pools"' in page.text
    answer = sign_in(site, site.tokens["bank"], back="/pools")
    assert (answer.status_code, answer.headers["location"]) == (303, "/pools")
    assert {"HttpOnly", "SameSite=lax"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert site.client.get("/pools", headers=HTML).status_code == 200
    # The cookie reads documents of the interface too, and writes nothing.
    assert site.client.get("/v1/pools/none").status_code == 404
    assert site.client.post("/v1/events", content=b"{}", headers=OURS).status_code == 401


def test_a_wrong_key_is_told_so_and_not_repeated(site: Site) -> None:
    wrong = "poolproof_0000000000000000_" + "0" * 64
    answer = sign_in(site, wrong, back="/pools")
    assert answer.status_code == 401
    assert wrong not in answer.text
    assert 'name="back" value="/pools"' in answer.text
    assert COOKIE not in site.client.cookies
    signing = new_key(site.ledger, "bank", signing_key=bytes(32))
    assert sign_in(site, signing).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    ],
)
def test_another_site_signs_nobody_in(site: Site, headers: dict[str, str]) -> None:
    assert sign_in(site, site.tokens["bank"], headers).status_code == 403
    assert COOKIE not in site.client.cookies


def test_an_old_browser_that_names_the_origin_signs_in(site: Site) -> None:
    assert sign_in(site, site.tokens["bank"], {"Origin": "http://testserver"}).status_code == 303


def test_only_a_form_of_this_session_signs_out(site: Site) -> None:
    sign_in(site, site.tokens["fund"])
    foreign = token_of(site)
    sign_in(site, site.tokens["bank"])
    own = token_of(site)
    assert own != foreign
    for headers, given in ((OURS, foreign), (OURS, ""), ({"Sec-Fetch-Site": "cross-site"}, own), ({}, own)):
        refused = site.client.post("/sign-out", data={FORM_FIELD: given}, headers=headers)
        assert refused.status_code == 403
    cookie = site.client.cookies[COOKIE]
    answer = site.client.post("/sign-out", data={FORM_FIELD: own}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in site.client.cookies
    site.client.cookies.set(COOKIE, cookie)  # a copy of the cookie is worth nothing now
    assert site.client.get("/pools").status_code == 401


def test_a_session_ends_with_its_time_and_with_its_key(site: Site) -> None:
    sign_in(site, site.tokens["bank"])
    site.clock.pass_time(seconds=3599)
    assert site.client.get("/pools").status_code == 200
    with site.ledger.store.write() as connection:
        key_id = site.tokens["bank"].split("_")[1]
        keys.revoke(connection, site.ledger.row().id, key_id, revoked=format_instant(site.clock.now))
    assert site.client.get("/pools").status_code == 401
    sign_in(site, site.tokens["fund"])
    site.clock.pass_time(seconds=3600)
    assert site.client.get("/pools").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 4000, "'; drop table sessions; --"])
def test_a_cookie_of_nobody_is_nobody(site: Site, cookie: str) -> None:
    answer = site.client.get("/pools", headers={"Cookie": f"{COOKIE}={cookie}".encode()})
    assert answer.status_code == 401


def test_without_a_provider_there_is_no_way_to_one(site: Site) -> None:
    assert site.client.get("/sign-in/provider").status_code == 404
    assert "provider?" not in site.client.get("/sign-in", headers=HTML).text
