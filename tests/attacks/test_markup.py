"""Script in free text: no page, no error and no report runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from ledger.audit.render import html
from tests.api.conftest import Site, disbursed, make_site, new_key, originated, pledged, pool
from tests.attacks.conftest import HTML, audited, cookie_of
from tests.audit.render import samples

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"\"'><img src=x onerror=alert(1)>{SCRIPT}{{{{7*7}}}}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Every text of an event that anybody may choose is hostile."""
    site = make_site(f"sqlite:///{tmp_path_factory.mktemp('markup') / 'ledger.db'}")
    with site.client:
        loan = originated("L1")
        loan["data"] |= {"product": HOSTILE, "region": HOSTILE, "scene": HOSTILE}
        paid = disbursed("L1")
        paid["data"] |= {"bank_ref": HOSTILE}
        made = pool("P1")
        made["data"] |= {"title": HOSTILE}
        held = pledged("P1", "L1")
        held["data"] |= {"agreement": HOSTILE}
        for event in (loan, paid, made, held):
            answer = site.post(event)
            assert answer.status_code == 201, answer.text
        site.ledger.publish()
        audited(site, "P1", "bank")
        yield site
    site.ledger.store.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "page",
    ["/", "/pools", "/pools/P1", "/pools/P1/loans", "/loans/L1", "/records/0", "/records/1", "/records/2", "/records/3",
     "/explorer"],
)  # fmt: skip
def test_stored_script_stays_text(site: Site, page: str, language: str) -> None:
    headers = cookie_of(site, site.tokens["bank"]) | HTML
    headers["Cookie"] += f"; poolproof_language={language}"
    answer = site.client.get(page, headers=headers)
    assert answer.status_code == 200
    assert SCRIPT not in answer.text
    assert "<img src=x" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/search?q={}", "/pools/{}", "/loans/{}", "/records/{}", "/sign-in?back=/{}", "/nowhere/{}",
     "/pools/P1?currency={}",
     "/pools/P1/loans?name={}&status={}", "/v1/pools/{}", "/v1/events/{}", "/v1/loans/L1?as_of={}", "/log/{}",
     "/problems/{}", "/explorer?before={}"],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_reflected_script_stays_text(site: Site, path: str, accept: str) -> None:
    headers = cookie_of(site, site.tokens["bank"]) | {"Accept": accept}
    answer = site.client.get(path.replace("{}", quote(HOSTILE)), headers=headers)
    assert answer.status_code < 500
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert SCRIPT not in answer.text
        assert "<img src=x" not in answer.text
    else:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "html" not in answer.headers.get("content-type", "")


def test_the_wrong_key_and_its_place_are_not_reflected(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"} | HTML
    answer = site.client.post("/sign-in", data={"key": HOSTILE, "back": f"/{SCRIPT}"}, headers=headers)
    assert answer.status_code == 401
    assert SCRIPT not in answer.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_a_page_without_scripts(site: Site, language: str) -> None:
    run = site.get("/v1/audits", "bank").json()["items"][0]["id"]
    answer = site.get(f"/v1/audits/{run}/report?format=html&language={language}", "bank")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "<img src=x" not in answer.text
    assert "default-src 'none'" in answer.text
    page = html.render(samples.hostile(), language=language)  # type: ignore[arg-type]
    assert "<script" not in page


def test_downloads_have_names_that_no_header_can_be_made_of(site: Site) -> None:
    token = new_key(site.ledger, "fenqile")
    event = originated("L:2", id="o:..:L2") | {"subject": "loan:L:2"}
    assert site.post(event).status_code == 201
    site.ledger.publish()
    answer = site.client.get("/v1/events/o:..:L2/receipt", headers={"Authorization": f"Bearer {token}"})
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', answer.headers["content-disposition"])
    cookie = cookie_of(site, site.tokens["bank"])
    for name in ("tape.csv", "audit.report.json"):
        saved = site.client.get(f"/pools/P1/{name}", headers=cookie).headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', saved)
