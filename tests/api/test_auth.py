"""Who may call: keys in force, of this log, each as its own party."""

from __future__ import annotations

import pytest

from api.auth import REMEMBERED_SECONDS, KeyRing
from ledger.errors import UnauthorisedError
from ledger.log import Ledger
from ledger.store import keys, logs
from ledger.store.logs import PartyRow
from tests.api.conftest import Site, originated, pledged, pool

KEYED = ["/v1/events/e", "/v1/events/e/acceptance", "/v1/events/e/receipt", "/v1/pools/p"]
PUBLIC = ["/healthz", "/readyz", "/metrics", "/v1/trust", "/openapi.json", "/problems/taken"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
        "Bearer poolproof_0000000000000000_" + "0" * 64,
        "Bearer \xff",
    ],
)
def test_without_a_key_in_force_it_is_401(still_site: Site, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in KEYED:
        answer = still_site.client.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert still_site.client.post("/v1/events", headers=headers, content=b"{}").status_code == 401


def test_what_is_public_needs_none(still_site: Site) -> None:
    for path in PUBLIC:
        assert still_site.client.get(path).status_code == 200, path


def test_the_scheme_is_case_insensitive(still_site: Site) -> None:
    headers = {"Authorization": f"bearer {still_site.tokens['fenqile']}"}
    assert still_site.client.get("/v1/events/none", headers=headers).status_code == 404


def revoke(ledger: Ledger, token: str) -> None:
    with ledger.store.write() as connection:
        keys.revoke(connection, ledger.row().id, token.split("_")[1], revoked="2026-11-22T00:00:00.000000Z")


def test_a_revoked_key_ends_once_it_is_forgotten(small_site: Site) -> None:
    now = [100.0]
    ring = KeyRing(small_site.ledger, clock=lambda: now[0])
    token = small_site.tokens["bank"]
    assert ring.remembered(token) is None
    caller = ring.look_up(token)
    assert (caller.party, caller.key_id) == ("bank", token.split("_")[1])
    assert ring.remembered(token) == caller
    revoke(small_site.ledger, token)
    now[0] += REMEMBERED_SECONDS - 0.1
    assert ring.remembered(token) == caller
    now[0] += 0.2
    assert ring.remembered(token) is None
    with pytest.raises(UnauthorisedError):
        ring.look_up(token)


def test_a_key_that_was_revoked_before_its_first_use_is_401(small_site: Site) -> None:
    revoke(small_site.ledger, small_site.tokens["bank"])
    assert small_site.get("/v1/events/e", "bank").status_code == 401


def test_wrong_tokens_are_not_remembered(still_site: Site) -> None:
    ring = KeyRing(still_site.ledger)
    for n in range(5):
        with pytest.raises(UnauthorisedError):
            ring.look_up(f"poolproof_{n:016x}_{'0' * 64}")
    assert not ring._known


def test_a_key_of_another_log_in_the_same_database_is_401(site: Site) -> None:
    with site.ledger.store.write() as connection:
        other = logs.create(connection, origin="other.example/log", zone="UTC", day_cut="00:00")
        logs.put_party(connection, other, PartyRow("fenqile", ("originator",), ()))
        token = keys.create(connection, other, "fenqile", created="2026-11-22T00:00:00.000000Z")
    headers = {"Authorization": f"Bearer {token}"}
    assert site.client.get("/v1/events/e", headers=headers).status_code == 401


def test_a_pool_is_seen_by_its_holders_and_by_those_who_oversee(small_site: Site) -> None:
    site = small_site
    for event in (originated("L1"), pool("P1"), pool("P2")):
        assert site.post(event).status_code == 201
    disburse = {"id": "d", "type": "loan.disbursed", "subject": "loan:L1", "effective": "2026-11-20"}
    assert site.post(disburse | {"data": {"currency": "CNY", "amount": "12000.00"}}).status_code == 201
    assert site.post(pledged("P1", "L1")).status_code == 201
    summary = site.get("/v1/pools/P1", "bank").json()
    assert (summary["claims"], summary["holders"], summary["principal"]) == (
        1,
        {"bank": 1},
        {"CNY": "12000.00"},
    )
    assert site.get("/v1/pools/P1", "fenqile").json() == summary
    for pool_name, party in (("P2", "bank"), ("P1", "fund"), ("P2", "fund")):
        answer = site.get(f"/v1/pools/{pool_name}", party)
        assert answer.status_code == 404
        unknown = site.get("/v1/pools/P9", party).json()["detail"]
        assert answer.json()["detail"] == unknown.replace("P9", pool_name)
