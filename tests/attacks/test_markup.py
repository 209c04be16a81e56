"""Script in free text: no page, no error and no report runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import inspect

from ledger.audit.render import html
from ledger.domain import statements
from ledger.domain.events import EVENTS, read_submission
from ledger.domain.events.base import MAX_TEXT
from ledger.proofs.note import Signer
from tests.api.conftest import Site, disbursed, make_site, new_key, operate, originated, pledged, pool
from tests.attacks.conftest import HTML, audited, cookie_of, portal_routes
from tests.audit.render import samples
from tests.databases import sqlite_in
from tests.domain.examples import raw

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"\"'><img src=x onerror=alert(1)>{SCRIPT}{{{{7*7}}}}"


#: Types of which the ledger makes the events itself, or that name another record.
APART = {"pool.sealed", "subject.erased", "correction.made", "repayment.confirmed"}
FIRST = ("loan.originated", "loan.disbursed", "pool.created", "claim.pledged")
LAST = ("claim.released", "claim.sold", "loan.charged_off", "loan.reinstated", "loan.cancelled", "loan.settled",
        "pool.closed", "loan.opened")  # fmt: skip


def hostile(kind: Any, value: Any) -> Any:
    """A value of this type with hostile words wherever the type takes any text, also where it may be left out."""
    if isinstance(kind, inspect.Metadata):
        return hostile(kind.type, value)
    if isinstance(kind, inspect.UnionType):
        fit = {str: inspect.StrType, dict: inspect.StructType, list: (inspect.ListType, inspect.VarTupleType)}
        plain = [one.type if isinstance(one, inspect.Metadata) else one for one in kind.types]
        kinds = [one for one in plain if isinstance(one, fit.get(type(value), inspect.StrType))]
        return hostile(kinds[0], value) if kinds else value
    if isinstance(kind, inspect.StrType) and kind.pattern is None and (kind.max_length or 0) >= MAX_TEXT:
        return HOSTILE
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        given = {
            field.encode_name: hostile(field.type, value.get(field.encode_name)) for field in kind.fields
        }
        return {name: one for name, one in given.items() if one is not None or name in value}
    if isinstance(kind, inspect.ListType | inspect.VarTupleType) and isinstance(value, list):
        return [hostile(kind.item_type, one) for one in value]
    return value


KEYS = {
    name: Signer.from_seed(name, name.encode().ljust(32, b".")) for name in ("bank", "clearing", "surety")
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An event of each type, each text in it hostile, and the audit of the pool that they tell of."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("everything")))
    site.clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    for name, role in {"clearing": "account_bank", "surety": "guarantor"}.items():
        site.ledger.add_party(name, [role], [KEYS[name].verifier.vkey])
    site.ledger.add_party("bank", ["funding_partner"], [KEYS["bank"].verifier.vkey])
    between = [name for name in EVENTS if name not in {*FIRST, *LAST, *APART}]
    for name in (*FIRST, *between, *LAST):
        event = raw(name, id=f"e.{name}", **({"subject": "loan:L2"} if name == "loan.opened" else {}))
        event["data"] = hostile(inspect.type_info(EVENTS[name].data), event["data"])
        submission = read_submission(event)
        if submission.party in KEYS:
            submission = statements.sign_submission(KEYS[submission.party], site.ledger.origin, submission)
        site.ledger.append([submission])
    site.ledger.publish()
    with site.client:
        operate(site, "fenqile")
        audited(site, "P", "fenqile")
        yield site
    site.ledger.store.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_of_any_event_is_more_than_text(everything: Site, language: str) -> None:
    """On the page of each record, on those of loan and pool, in what the search finds and in the report."""
    site = everything
    headers = cookie_of(site, site.tokens["fenqile operator"]) | HTML
    headers["Cookie"] += f"; poolproof_language={language}"
    run = site.get("/v1/audits", "fenqile operator").json()["items"][0]["id"]
    names = {"pool": "P", "loan": "L1", "audit_id": run}
    pages = [path for path in portal_routes("GET") if set(re.findall(r"{(\w+)}", path)) <= names.keys()]
    pages += [f"/records/{n}" for n in range(site.ledger.status().size)]
    pages += [
        f"/search?q={quote(HOSTILE)}",
        "/loans/L2",
        f"/v1/audits/{run}/report?format=html&language={language}",
    ]
    shown = 0
    for page in pages:
        answer = site.client.get(page.format(**names), headers=headers)
        assert answer.status_code < 500, page
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert SCRIPT not in answer.text, page
            assert "<img src=x" not in answer.text, page
        shown += "&lt;script&gt;" in answer.text
    assert shown > 20, "hostile words are shown, as words"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Every text of an event that anybody may choose is hostile."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("markup")))
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
