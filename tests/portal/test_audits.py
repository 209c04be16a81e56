"""Pages of audits: asked for by those who may, watched until they end, compared within one pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.sessions import COOKIE
from ledger import audits
from ledger.jobs import Runner
from ledger.store import jobs, logs
from tests.portal.conftest import Portal

NONE = "audit_" + "0" * 24


def get(portal: Portal, address: str, kind: str = "partner", **headers: str) -> Any:
    given = {"Accept": "text/html", "Cookie": f"{COOKIE}={portal.book.cookies[kind]}", **headers}
    return portal.book.client.get(address, headers=given)


def ask(
    portal: Portal, pool: str, *, kind: str = "partner", token: str | None = None, as_of: str = ""
) -> Any:
    page = get(portal, "/audits", kind).text
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    form = {"pool": pool, "as_of": as_of, "form_token": token or (found[1] if found else "")}
    headers = {
        "Cookie": f"{COOKIE}={portal.book.cookies[kind]}",
        "Sec-Fetch-Site": "same-origin",
        "Accept": "text/html",
    }
    return portal.book.client.post("/audits", data=form, headers=headers, follow_redirects=False)


@pytest.fixture
def asked(portal: Portal) -> Iterator[str]:
    """A run that waits, and does not stay."""
    answer = ask(portal, "WAREHOUSE-B")
    assert answer.status_code == 303
    run = answer.headers["location"].removeprefix("/audits/")
    yield run
    ledger = portal.book.ledger
    runner = Runner(
        ledger.store, ledger.origin, {audits.KIND: audits.Auditor(ledger).perform}, clock=ledger.clock
    )
    while runner.step():
        pass


def test_a_run_is_watched_until_it_ends(portal: Portal, asked: str) -> None:
    waiting = get(portal, f"/audits/{asked}")
    assert waiting.status_code == 200
    assert f'hx-get="/audits/{asked}"' in waiting.text
    assert "/report?format=" not in waiting.text
    ledger = portal.book.ledger
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        done = audits.latest(connection, log, "WAREHOUSE-B")
        job = jobs.get(connection, log.id, asked)
    assert done is not None
    assert job is not None
    assert job.party == "fund-b"
    ended = get(portal, f"/audits/{done.id}")
    assert "hx-get" not in ended.text
    for form in ("html", "pdf", "json"):
        assert f"/v1/audits/{done.id}/report?format={form}" in ended.text
    assert ended.text.index('id="run"') < ended.text.index("/report?format="), (
        "comes with what is asked for again"
    )
    # The links work with the session that shows the page.
    report = get(portal, f"/v1/audits/{done.id}/report?format=html&language=zh")
    assert report.status_code == 200
    # Both were asked for at one moment of the book's clock, so either may stand first.
    listed = get(portal, "/audits?pool=WAREHOUSE-B").text
    assert asked in listed
    assert done.id in listed
    compared = get(portal, f"/audits/compare?first={done.id}&second={done.id}")
    assert compared.status_code == 200


def test_who_does_not_see_the_pool_sees_no_run_of_it(portal: Portal, asked: str) -> None:
    for address in (f"/audits/{asked}", f"/audits/{NONE}", "/audits?pool=WAREHOUSE-B"):
        assert get(portal, address, "investor").status_code == 404
    assert asked not in get(portal, "/audits", "investor").text
    assert get(portal, f"/audits/compare?first={asked}&second={asked}", "investor").status_code == 404


def test_only_our_own_form_asks_and_only_for_what_one_sees(portal: Portal) -> None:
    assert ask(portal, "WAREHOUSE-B", token="0" * 64).status_code == 403
    assert ask(portal, "WAREHOUSE-B", kind="investor").status_code == 404
    assert ask(portal, "nowhere").status_code == 404
    assert ask(portal, "WAREHOUSE-B", as_of="2099-01-01").status_code == 422


def test_odd_places_in_the_list_are_refused(portal: Portal) -> None:
    for odd in ("x", "2026-11-21T23:30:00.000000Z audit_1", "%0d%0a"):
        assert get(portal, f"/audits?before={odd}").status_code == 422
    assert get(portal, f"/audits?before=2026-11-21T23:30:00.000000Z {NONE}").status_code == 200
