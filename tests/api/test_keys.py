"""Keys and grants over the API: a party's own, more for operators, and never more than the key that makes them has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger import access
from ledger.access import Scope
from ledger.errors import UnauthorisedError
from ledger.store.keys import Bounds
from tests.api.conftest import BANK, Site, make_site, new_key, operate, pool
from tests.databases import sqlite_in

HOUR = "2026-11-22T00:30:00.000000Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("keys")))
    site.tokens["admin"] = new_key(site.ledger, "bank", "read", "admin")
    site.tokens["bound"] = new_key(site.ledger, "bank", "read", "admin", expires=HOUR, signing_key=b"k" * 32)
    operate(site, "fenqile")
    assert site.post(pool("P1")).status_code == 201
    with site.client:
        yield site
    site.ledger.store.close()


def make(site: Site, who: str = "admin", **asked: Any) -> Any:
    return site.client.post("/v1/keys", json={"scopes": ["read"]} | asked, headers=site.auth(who))


def test_a_key_is_made_used_and_ended(site: Site) -> None:
    made = make(site, days=30, networks=["10.2.0.0/16"])
    assert made.status_code == 201
    key, token = made.json()["key"], made.json()["token"]
    assert (key["party"], key["scopes"], key["networks"]) == ("bank", ["read"], ["10.2.0.0/16"])
    assert key["expires"] == "2026-12-21T23:30:00.000000Z"
    there = made.headers["location"]
    assert site.get(there, "admin").json() == key
    assert token.startswith(f"poolproof_{key['id']}_")
    free = make(site).json()
    bearer = {"Authorization": f"Bearer {free['token']}"}
    assert site.client.get("/v1/pools", headers=bearer).status_code == 200
    assert site.client.post("/v1/keys", json={"scopes": ["read"]}, headers=bearer).status_code == 403
    ended = site.client.delete(f"/v1/keys/{free['key']['id']}", headers=site.auth("admin"))
    assert ended.json()["revoked"] is not None
    site.client.app.state.services.keys._known.clear()  # type: ignore[attr-defined]
    assert site.client.get("/v1/pools", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"scopes": []}, "/body/scopes"),
        ({"scopes": ["root"]}, "/body/scopes/0"),
        ({"days": 0}, "/body/days"),
        ({"networks": ["10.2.0.0/99"]}, "/body/networks"),
        ({"signed_by": "nonsense"}, "/body/signed_by"),
        ({"certificate": "00"}, "/body/certificate"),
        ({"party": "a b"}, "/body/party"),
    ],
)
def test_what_is_no_key_is_422_with_a_pointer(site: Site, asked: dict[str, Any], pointer: str) -> None:
    answer = make(site, **asked)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_nobody_climbs(site: Site) -> None:
    assert make(site, scopes=["read", "write"]).status_code == 403
    assert make(site, party="fenqile").status_code == 404
    assert make(site, party="nobody").status_code == 404
    other = site.tokens["fenqile"].split("_")[1]
    for method in ("GET", "DELETE"):
        answer = site.client.request(method, f"/v1/keys/{other}", headers=site.auth("admin"))
        unknown = site.client.request(method, "/v1/keys/" + "0" * 16, headers=site.auth("admin"))
        assert answer.status_code == unknown.status_code == 404
        assert answer.json()["detail"] == unknown.json()["detail"].replace("0" * 16, other)
    assert {one["party"] for one in site.get("/v1/keys", "admin").json()["items"]} == {"bank"}
    for method in ("PUT", "DELETE"):
        answer = site.client.request(method, "/v1/grants/bank/operator", headers=site.auth("admin"))
        assert answer.status_code == 403


def test_an_operator_cares_for_all(site: Site) -> None:
    who = "fenqile operator"
    assert make(site, who, party="fund", scopes=["admin"]).json()["key"]["party"] == "fund"
    assert {one["party"] for one in site.get("/v1/keys", who).json()["items"]} == {"bank", "fenqile", "fund"}
    headers = site.auth(who)
    first = site.client.put("/v1/grants/fund/pool:P1", headers=headers)
    site.clock.pass_time(minutes=1)
    assert site.client.put("/v1/grants/fund/pool:P1", headers=headers).json() == first.json()
    assert site.get("/v1/pools/P1", "fund").status_code in {200, 404}  # remembered for a moment
    assert first.json() in site.get("/v1/grants", who).json()["items"]
    assert site.client.put("/v1/grants/fund/pool:P9", headers=headers).status_code == 404
    assert site.client.put("/v1/grants/nobody/log", headers=headers).status_code == 404
    assert site.client.put("/v1/grants/fund/everything", headers=headers).status_code == 422
    for status in (204, 404):
        assert site.client.delete("/v1/grants/fund/pool:P1", headers=headers).status_code == status


def test_reads_are_shown_to_whom_they_concern(site: Site) -> None:
    site.get("/v1/pools/P1/loans")
    every = site.get("/v1/reads?limit=1", "fenqile operator").json()["items"]
    assert [(one["party"], one["subject"], one["what"]) for one in every] == [("fenqile", "pool:P1", "loans")]
    assert site.get("/v1/reads", "admin").json()["items"] == []
    assert site.get("/v1/reads?party=fenqile", "admin").status_code == 403
    assert site.get("/v1/reads?loan=L1", "fenqile operator").json()["items"] == []


def test_parties_are_told_to_whoever_oversees(site: Site) -> None:
    assert [one["name"] for one in site.get("/v1/parties").json()["items"]] == ["bank", "fenqile", "fund"]
    [own] = site.get("/v1/parties", "bank").json()["items"]
    assert own == {"name": "bank", "roles": ["funding_partner"], "keys": [BANK.verifier.vkey]}


OWN = Bounds(
    scopes=frozenset({Scope.READ, Scope.ADMIN}),
    expires=HOUR,
    networks=("10.2.0.0/16", "2001:db8::/32"),
    certificate=b"c" * 32,
    signing_key=b"k" * 32,
)


def test_a_bound_key_makes_keys_that_are_bound_as_it_is() -> None:
    read = frozenset({"read"})
    made = access.delegated(OWN, Bounds(scopes=read))
    assert made == Bounds(
        scopes=read, expires=HOUR, networks=OWN.networks, certificate=b"c" * 32, signing_key=b"k" * 32
    )
    narrower = Bounds(scopes=read, expires="2026-11-22T00:00:00.000000Z", networks=("10.2.3.0/24",))
    made = access.delegated(OWN, narrower)
    assert (made.expires, made.networks) == (narrower.expires, narrower.networks)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (Bounds(scopes=frozenset({"read", "write"})), "scopes: .*write"),
        (Bounds(scopes=frozenset({"read"}), expires="2026-11-22T00:30:00.000001Z"), "expires"),
        (Bounds(scopes=frozenset({"read"}), networks=("10.2.0.0/15",)), "networks"),
        (Bounds(scopes=frozenset({"read"}), networks=("10.2.0.0/24", "10.3.0.0/24")), "networks"),
    ],
)
def test_what_is_beyond_a_key_is_refused(wanted: Bounds, named: str) -> None:
    with pytest.raises(UnauthorisedError, match=named):
        access.delegated(OWN, wanted)
