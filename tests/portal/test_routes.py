"""Pages over HTTP: who sees what, errors as pages for readers and as problems for programs, files kept for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from api.portal import assets
from api.portal.forms import local
from api.portal.models import home, pools
from api.portal.models.figures import of
from api.portal.pages import POLICY
from api.portal.routes.home import SEEN_COOKIE, looks
from api.portal.words import Words
from api.sessions import COOKIE
from ledger import snapshots
from ledger.store import access
from tests.portal.conftest import Portal

OURS = {"Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def get(portal: Portal, address: str, kind: str | None = "partner", **headers: str) -> Any:
    cookie = {} if kind is None else {"Cookie": f"{COOKIE}={portal.book.cookies[kind]}"}
    return portal.book.client.get(address, headers=HTML | cookie | headers, follow_redirects=False)


def test_a_page_has_its_policy_and_is_not_kept(portal: Portal) -> None:
    answer = get(portal, "/pools")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in POLICY


def test_what_pages_load_is_kept_for_ever_under_its_digest(portal: Portal) -> None:
    page = get(portal, "/pools").text
    for file in ("portal.css", "portal.js", "htmx-4.0.1.min.js", "mark.svg"):
        address = assets.address(file)
        assert address in page
        answer = get(portal, address, None)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for unknown in ("/assets/portal.css", "/assets/../pages.py", "/assets/%2e%2e%2fpages.py"):
        assert get(portal, unknown, None).status_code == 404


def test_who_has_not_signed_in_is_led_to_it_and_back(portal: Portal) -> None:
    answer = get(portal, "/pools/ABS-1?currency=CNY", None)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?back=%2Fpools%2FABS-1%3Fcurrency%3DCNY"
    answer = get(portal, "/pools", None, Accept="application/json")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("partner", "/pools/WAREHOUSE-A"),
        ("partner", "/pools/WAREHOUSE-A/loans"),
        ("investor", "/pools/WAREHOUSE-B"),
        ("investor", "/loans/HOSTILE-1"),
        ("partner", "/pools/NOWHERE"),
    ],
)
def test_what_one_may_not_see_is_not_there(portal: Portal, kind: str, address: str) -> None:
    hidden, missing = get(portal, address, kind), get(portal, address.replace("-", "_"), kind)
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.headers["content-type"].startswith("text/html")
    assert "<h1>Not here</h1>" in hidden.text


def test_records_follow_their_subject(portal: Portal) -> None:
    [index] = [
        int(one.partition("/records/")[2].partition('"')[0])
        for one in get(portal, "/loans/HOSTILE-1").text.splitlines()
        if "/records/" in one
    ][:1]
    assert get(portal, f"/records/{index}").status_code == 200
    assert get(portal, f"/records/{index}", "investor").status_code == 404
    assert get(portal, "/records/99999999").status_code == 404
    # Records about accounts and about the log are for those who see the whole log.
    accounts = [n for n in range(60) if get(portal, f"/records/{n}", "platform").status_code == 200]
    assert len(accounts) > 50


def test_a_look_at_a_loan_is_in_the_access_log(portal: Portal) -> None:
    ledger = portal.book.ledger
    get(portal, "/loans/HOSTILE-1")
    with ledger.store.read() as connection:
        seen = list(access.reads(connection, ledger.row().id, subject="loan:HOSTILE-1", limit=9))
    assert ("fund-b", "page") in {(one.party, one.what) for one in seen}


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("/pools/WAREHOUSE-B", "page"),
        ("/pools/WAREHOUSE-B/loans", "loans"),
        ("/pools/WAREHOUSE-B/tape.csv", "tape"),
        ("/pools/WAREHOUSE-B/audit.report.json", "audit report"),
    ],
)
def test_a_look_at_the_loans_of_a_pool_is_in_the_access_log(portal: Portal, address: str, what: str) -> None:
    ledger = portal.book.ledger

    def noted() -> int:
        with ledger.store.read() as connection:
            seen = access.reads(connection, ledger.row().id, subject="pool:WAREHOUSE-B", limit=999)
            return sum((one.party, one.what) == ("fund-b", what) for one in seen)

    before = noted()
    assert get(portal, address).status_code == 200
    assert noted() == before + 1
    # Who may not see the pool has read nothing.
    assert get(portal, address, "investor").status_code == 404
    with ledger.store.read() as connection:
        assert not list(
            access.reads(connection, ledger.row().id, party="reader", subject="pool:WAREHOUSE-B", limit=1)
        )


def test_search_goes_where_one_thing_is_found(portal: Portal) -> None:
    assert get(portal, "/search?q=HOSTILE-1").headers["location"] == "/loans/HOSTILE-1"
    assert get(portal, "/search?q=+pool:HOSTILE").headers["location"] == "/pools/HOSTILE"
    assert get(portal, "/search?q=hostile-2").headers["location"].startswith("/records/")
    several = get(portal, "/search?q=HOSTIL").text
    assert 'href="/pools/HOSTILE"' in several
    assert 'href="/loans/HOSTILE-1"' in several
    assert "WAREHOUSE-A" not in get(portal, "/search?q=WAREHOUSE").text
    for hidden in ("WAREHOUSE-A", "%00", "0" * 128, "-1", "²"):
        assert get(portal, f"/search?q={hidden}").status_code == 200


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/pools?x=1", "/pools?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nX: y", "/"),
        ("", "/"),
        ("/ä", "/"),
    ],
)
def test_one_is_led_back_within_this_site_only(address: str, kept: str) -> None:
    assert local(address) == kept


def test_forms_that_are_none(portal: Portal) -> None:
    client = portal.book.client
    for body in (b"\xff=1", b"a" * 70_000, b"&&"):
        answer = client.post("/preferences", content=body, headers=HTML | OURS)
        assert answer.status_code == 400
    answer = client.post(
        "/preferences", content="language=fr&back=//evil.example", headers=OURS, follow_redirects=False
    )
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers


def test_the_first_screen_follows_the_role(portal: Portal) -> None:
    assert "<h1>My book</h1>" in get(portal, "/").text
    assert "<h1>My pools</h1>" in get(portal, "/", "investor").text
    assert "<h1>sim.example/consumer</h1>" in get(portal, "/", "platform").text


def test_figures_on_the_first_screen_are_those_of_the_pools(portal: Portal) -> None:
    ledger = portal.book.ledger
    [caller] = [portal.book.client.app.state.services.keys.look_up(portal.book.keys["partner"]).caller]  # type: ignore[attr-defined]
    shown = home.holder(ledger, caller, Words("en"), seen=None)
    [money] = shown.money
    snapshot = snapshots.newest(ledger, "WAREHOUSE-B")
    assert snapshot is not None
    [figures] = of(snapshot)
    assert Decimal(money.balance) == Decimal(figures.outstanding) + 1000  # that of the pool HOSTILE
    assert money.day == "2026-09-30"
    assert money.remitted == figures.remittances[0]["amount"]
    assert sum((one.share or Decimal(0) for one in money.buckets), Decimal(0)) == pytest.approx(1)
    assert shown.reach.anchored == 0
    assert money.above_cap == figures.failing("annual_cost_max").claims


def test_where_nothing_is_known_of_delays_no_share_is_shown(portal: Portal) -> None:
    """The terms of HOSTILE-1 name no due day: nobody can say that it is not late."""
    for address in ("/", "/pools", "/pools/HOSTILE"):
        assert "100.0% undetermined" in get(portal, address).text
    assert "past due at all" not in get(portal, "/pools/HOSTILE").text
    assert "undetermined</" not in get(portal, "/pools/WAREHOUSE-B").text


def test_what_is_new_since_the_last_look(portal: Portal) -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    then = int((now - timedelta(days=1)).timestamp())
    assert looks("", now, 50) == ((50, int(now.timestamp())), None)
    assert looks(f"40-{then}", now, 50) == ((50, int(now.timestamp())), (40, then))
    soon = int((now - timedelta(minutes=5)).timestamp())
    assert looks(f"40-{soon}.30-{then}", now, 50) == ((40, soon), (30, then))
    for odd in ("x", "1-", "-1", "1-2-3", "9" * 20 + "-1", "٣-٤", "99-99999999999999"):
        (size, _), before = looks(odd, now, 50)
        assert size <= 50
        assert before is None or before[0] <= 50
    page = get(
        portal, "/", Cookie=f"{COOKIE}={portal.book.cookies['partner']}; {SEEN_COOKIE}=100-{then}"
    ).text
    assert "Claims pledged × " in page
    assert "Since you last looked" in page


def test_what_is_kept_of_a_pool(portal: Portal) -> None:
    answer = get(portal, "/pools/WAREHOUSE-B/tape.csv")
    head, *rows = answer.text.splitlines()
    assert head.split(",")[:2] == ["loan", "status"]
    snapshot = snapshots.newest(portal.book.ledger, "WAREHOUSE-B")
    assert snapshot is not None
    [figures] = of(snapshot)
    assert len(rows) == figures.claims
    assert sum(Decimal(row.split(",")[4]) for row in rows) == Decimal(figures.outstanding)
    assert get(portal, "/pools/WAREHOUSE-B/figures.json").json() == snapshot.figures["analytics"]
    report = get(portal, "/pools/WAREHOUSE-B/audit.report.json")
    assert report.json()["pool"] == "WAREHOUSE-B"
    assert report.headers["content-disposition"] == 'attachment; filename="WAREHOUSE-B.report.json"'
    assert get(portal, "/pools/HOSTILE/audit.report.json").status_code == 404
    for name in ("tape.csv", "figures.json", "audit.report.json"):
        assert get(portal, f"/pools/WAREHOUSE-A/{name}").status_code == 404


def test_a_fault_is_told_to_readers_in_their_language(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(pools, "listed", fail)
    answer = get(portal, "/pools", **{"Accept-Language": "zh"})
    assert answer.status_code == 500
    assert "<h1>服务故障</h1>" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
