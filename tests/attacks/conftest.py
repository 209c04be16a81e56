"""The book of two lenders with an audited pool each, and the routes of the portal as the service has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.portal import routes as portal
from api.sessions import COOKIE
from ledger import audits
from ledger.access import Scope
from ledger.jobs import Runner
from ledger.store import logs
from tests.api.book import make_book
from tests.api.conftest import Site, disbursed, new_key, originated, pledged, still_site

__all__ = ["still_site"]  # a fixture of the interface's own tests

HTML = {"Accept": "text/html"}
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Made once: nothing that an attack asks for may change it."""
    site = make_book(tmp_path_factory.mktemp("attacked"))
    # Two payouts of one bank reference, the loans of two lenders: each audit finds the other's loan.
    events = [originated("L5"), originated("L6")]
    for name, key in (("L5", "05"), ("L6", "06")):
        paid = disbursed(name, key * 32)
        paid["data"]["bank_ref"] = "ref-1"
        events.append(paid)
    events += [pledged("P1", "L5"), pledged("P2", "L6", holder="other")]
    site.ledger.append([json.dumps(event).encode() for event in events], party="fenqile")
    site.ledger.publish()
    for pool, party in (("P1", "bank"), ("P2", "other")):
        audited(site, pool, party)
    for party in ("bank", "other"):
        site.tokens[f"{party} all"] = new_key(site.ledger, party, *Scope)
    with site.client:
        yield site
    site.ledger.store.close()


def audited(site: Site, pool: str, party: str) -> str:
    """Audit a pool for a party; the run's id."""
    site.clock.now += timedelta(seconds=1)
    ledger = site.ledger
    with ledger.store.write() as connection:
        row = audits.start(
            connection, logs.get(connection, ledger.origin), pool, party=party, now=ledger.clock()
        )
    handlers = {audits.KIND: audits.Auditor(ledger).perform}
    assert Runner(ledger.store, ledger.origin, handlers, clock=ledger.clock).step()
    return row.id


def cookie_of(site: Site, token: str) -> dict[str, str]:
    """The header of a browser in which a key signed in."""
    site.client.cookies.clear()
    answer = site.client.post("/sign-in", data={"key": token}, headers=OURS)
    assert answer.status_code == 303, answer.text
    value = site.client.cookies[COOKIE]
    site.client.cookies.clear()
    return {"Cookie": f"{COOKIE}={value}"}


def portal_routes(method: str) -> Iterable[str]:
    """Paths of the portal's pages that answer a method."""
    found = {
        route.path
        for router in portal.ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and method in route.methods
    }
    return sorted(found)


def same(one: Any, other: Any, names: tuple[str, str]) -> None:
    """Two answers that differ in nothing but the name that was asked for, and in nothing that tells its length."""
    moment = {"x-request-id", "content-length", "etag", "date"}
    assert one.status_code == other.status_code == 404
    assert {name: value for name, value in one.headers.items() if name not in moment} == {
        name: value for name, value in other.headers.items() if name not in moment
    }
    assert len(names[0]) == len(names[1]), "names of one length, so that the answers have one too"
    left, right = (
        answer.text.replace(name, "NAME").replace(answer.headers["x-request-id"], "ID")
        for answer, name in zip((one, other), names, strict=True)
    )
    assert left == right
