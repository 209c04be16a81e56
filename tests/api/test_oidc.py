"""Signing in through a real identity provider, from the link to the session, and what must not get through."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2
import pytest

from api import oidc, sessions
from api.oidc import Provider, Visit
from ledger.errors import ConfigurationError, UnauthorisedError
from ledger.settings import Settings
from ledger.store import access as stored
from tests.api.conftest import Site, make_site
from tests.databases import sqlite_in

HERE = Path(__file__).parent
SECRET = "a secret of the test and of nothing else"
REDIRECT = f"http://testserver{oidc.CALLBACK}"
LINK = "/sign-in/provider"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no Node here for the identity provider")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", str(HERE / "oidc_provider.mjs"), str(port), REDIRECT]
    with subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as ran:
        assert ran.stdout is not None
        said = []
        while "ready\n" not in said:
            line = ran.stdout.readline()
            assert line, said
            said.append(line)
        yield f"http://127.0.0.1:{port}"
        ran.terminate()


@pytest.fixture(scope="module")
def site(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(
        sqlite_in(tmp_path_factory.mktemp("oidc")),
        oidc_issuer=issuer,
        oidc_client_id="poolproof",
        oidc_client_secret=SECRET,
        public_url="http://testserver",
    )
    # The provider's tokens are of today; the clock of the other tests is not.
    from datetime import UTC, datetime

    site.clock.now = datetime.now(UTC)
    person = stored.Person(
        subject="wang.fang", name="Wang Fang", party="bank", scopes=frozenset({"read"}), added="2026-11-21"
    )
    with site.ledger.store.write() as connection:
        stored.put_person(connection, site.ledger.row().id, person)
    with site.client:
        yield site
    site.ledger.store.close()


@dataclass
class Browser:
    """What a browser does at the provider: follow, fill in forms, and come back."""

    client: httpx2.Client

    def sign_in(self, address: str, name: str) -> str:
        """The address that the provider sends the visitor back to."""
        answer = self.client.get(address)
        for _ in range(12):
            while answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(REDIRECT):
                    return target
                answer = self.client.get(target)
            action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert action, answer.text
            fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
            if 'name="login"' in answer.text:
                fields |= {"login": name, "password": "any"}
            answer = self.client.post(urljoin(str(answer.url), action[1]), data=fields)
        raise AssertionError("the provider never came to an end")


@pytest.fixture
def browser() -> Iterator[Browser]:
    with httpx2.Client(follow_redirects=False) as client:
        yield Browser(client)


def begin(site: Site, back: str = "/pools") -> str:
    site.client.cookies.clear()
    answer = site.client.get(LINK, params={"back": back})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_person_signs_in_for_the_party_they_act_for(site: Site, browser: Browser) -> None:
    returned = browser.sign_in(begin(site), "wang.fang")
    answer = site.client.get(returned)
    assert (answer.status_code, answer.headers["location"]) == (303, "/pools")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(sessions.COOKIE))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    page = site.client.get("/pools", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "bank" in page.text


def test_somebody_whom_nobody_let_in_is_told_so(site: Site, browser: Browser) -> None:
    answer = site.client.get(browser.sign_in(begin(site), "a.stranger"))
    assert answer.status_code == 403
    assert "a.stranger" in answer.json()["detail"]
    assert sessions.COOKIE not in site.client.cookies


def test_an_answer_is_good_once_and_for_the_browser_that_asked(site: Site, browser: Browser) -> None:
    returned = browser.sign_in(begin(site), "wang.fang")
    visit = site.client.cookies["poolproof_visit"]
    site.client.cookies.clear()
    assert site.client.get(returned).status_code == 403  # another browser, led here by a stranger
    begin(site)
    assert site.client.get(returned).status_code == 403  # a later visit of the same browser
    site.client.cookies.clear()
    site.client.cookies.set("poolproof_visit", visit, path="/sign-in")
    assert site.client.get(returned).status_code == 303
    site.client.cookies.set("poolproof_visit", visit, path="/sign-in")
    assert site.client.get(returned).status_code == 403  # the code was spent


@pytest.mark.parametrize(
    "changes", [{"state": "x"}, {"iss": "http://127.0.0.1:1"}, {"code": "x"}, {"error": "access_denied"}]
)
def test_a_changed_answer_is_refused(site: Site, browser: Browser, changes: dict[str, str]) -> None:
    parts = urlsplit(browser.sign_in(begin(site), "wang.fang"))
    query = dict(parse_qsl(parts.query)) | changes
    assert site.client.get(f"{parts.path}?{urlencode(query)}").status_code == 403
    assert sessions.COOKIE not in site.client.cookies


def test_one_is_led_back_within_this_site_only(site: Site, browser: Browser) -> None:
    for outside in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        answer = site.client.get(browser.sign_in(begin(site, outside), "wang.fang"))
        assert answer.headers["location"] == "/"
        browser.client.cookies.clear()


def test_a_token_for_another_visit_is_refused(issuer: str, browser: Browser, site: Site) -> None:
    """The nonce ties the token to the visit, even where the code and the state are good."""
    provider = Provider(issuer=issuer, client_id="poolproof", secret=SECRET, redirect=REDIRECT)
    visit = Visit.begin("/")
    returned = browser.sign_in(provider.address(visit), "wang.fang")
    query = dict(parse_qsl(urlsplit(returned).query))
    other = Visit(visit.state, "another nonce", visit.verifier, visit.after)
    with pytest.raises(UnauthorisedError, match="nonce"):
        provider.subject(other, returned, query, now=site.clock.now)
    visit = Visit.begin("/")
    returned = browser.sign_in(provider.address(visit), "wang.fang")
    query = dict(parse_qsl(urlsplit(returned).query))
    unproved = Visit(visit.state, visit.nonce, "x" * 48, visit.after)
    with pytest.raises(UnauthorisedError, match="invalid_grant"):
        provider.subject(unproved, returned, query, now=site.clock.now)


def test_settings_that_cannot_work_are_named() -> None:
    with pytest.raises(ConfigurationError, match="POOLPROOF_PUBLIC_URL"):
        Provider.of(Settings(oidc_issuer="https://id.example", oidc_client_id="p"))
    with pytest.raises(ConfigurationError, match="not https"):
        Provider.of(
            Settings(oidc_issuer="http://id.example", oidc_client_id="p", public_url="https://l.example")
        )
    assert Provider.of(Settings()) is None
