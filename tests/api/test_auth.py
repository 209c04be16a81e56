"""Who may call: keys in force, of this log, each as its own party."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from api.keyring import REMEMBERED_SECONDS, KeyRing
from ledger.errors import UnauthorisedError
from ledger.log import Ledger
from ledger.store import keys, logs
from ledger.store.keys import Bounds
from ledger.store.logs import PartyRow
from tests.api.conftest import Site, new_key, originated, pledged, pool

JSON_TYPE = {"Content-Type": "application/json"}
DAILY = frozenset({"read", "write"})

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
    known = ring.look_up(token)
    assert (known.caller.party, known.caller.key_id) == ("bank", token.split("_")[1])
    assert known.caller.roles == {"funding_partner"}
    assert ring.remembered(token) == known
    revoke(small_site.ledger, token)
    now[0] += REMEMBERED_SECONDS - 0.1
    assert ring.remembered(token) == known
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
        token = keys.create(
            connection, other, "fenqile", created="2026-11-22T00:00:00.000000Z", bounds=Bounds(scopes=DAILY)
        )
    headers = {"Authorization": f"Bearer {token}"}
    assert site.client.get("/v1/events/e", headers=headers).status_code == 401


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_key_without_the_scope_is_403(small_site: Site) -> None:
    reader = new_key(small_site.ledger, "fenqile", "read")
    writer = new_key(small_site.ledger, "fenqile", "write")
    body = json.dumps(originated("L1"))
    refused = small_site.client.post("/v1/events", content=body, headers=JSON_TYPE | bearer(reader))
    assert (refused.status_code, refused.json()["code"]) == (403, "unauthorised")
    assert "write" in refused.json()["detail"]
    assert small_site.ledger.status().size == 0
    assert (
        small_site.client.post("/v1/events", content=body, headers=JSON_TYPE | bearer(writer)).status_code
        == 201
    )
    assert small_site.client.get("/v1/events/o-L1", headers=bearer(writer)).status_code == 403
    assert small_site.client.get("/v1/events/o-L1", headers=bearer(reader)).status_code == 200


def test_an_expired_key_is_401(small_site: Site) -> None:
    token = new_key(small_site.ledger, "fenqile", "read", expires="2026-11-22T00:00:00.000000Z")
    assert small_site.client.get("/v1/events/none", headers=bearer(token)).status_code == 404
    small_site.clock.pass_time(hours=1)
    small_site.client.app.state.services.keys._known.clear()  # type: ignore[attr-defined]
    assert small_site.client.get("/v1/events/none", headers=bearer(token)).status_code == 401


def test_the_last_use_of_a_key_is_kept_to_the_minute(small_site: Site) -> None:
    ring, token = KeyRing(small_site.ledger), small_site.tokens["bank"]

    def last_used() -> str | None:
        with small_site.ledger.store.read() as connection:
            return keys.get(connection, small_site.ledger.row().id, token.split("_")[1]).last_used

    assert last_used() is None
    ring.look_up(token)
    first = last_used()
    assert first == "2026-11-21T23:30:00.000000Z"
    small_site.clock.pass_time(seconds=59)
    ring.look_up(token)
    assert last_used() == first
    small_site.clock.pass_time(seconds=1)
    ring.look_up(token)
    assert last_used() == "2026-11-21T23:31:00.000000Z"


def test_a_key_bound_to_networks_is_403_from_elsewhere(small_site: Site) -> None:
    """The test client has no address that is one, so it stands in no network."""
    token = new_key(small_site.ledger, "fenqile", networks=("10.2.0.0/16",))
    answer = small_site.client.get("/v1/events/none", headers=bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (403, "unauthorised")
    forged = bearer(token) | {"X-Forwarded-For": "10.2.3.4"}
    assert small_site.client.get("/v1/events/none", headers=forged).status_code == 403


def test_a_key_bound_to_a_certificate_is_403_without_it(small_site: Site) -> None:
    token = new_key(small_site.ledger, "fenqile", certificate=hashlib.sha256(b"DER").digest())
    forged = bearer(token) | {"Client-Cert": f":{base64.b64encode(b'DER').decode()}:"}
    for headers in (bearer(token), forged):
        assert small_site.client.get("/v1/events/none", headers=headers).status_code == 403


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
