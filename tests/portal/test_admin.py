"""Keys, grants, people and webhooks managed in pages: by whom, within which bounds, from which forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.sessions import FORM_FIELD
from ledger.access import Scope
from ledger.store import access, keys
from tests.api.conftest import Site, make_site, new_key

OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
ALL = [scope.value for scope in Scope]


@pytest.fixture
def site(fresh_sqlite: str) -> Iterator[Site]:
    site = make_site(fresh_sqlite, webhook_networks="192.0.2.0/24")
    with site.client:
        yield site
    site.ledger.store.close()


def sign_in(site: Site, party: str, *scopes: str, **bounds: Any) -> str:
    """Sign a party in; the form token of its session."""
    token = new_key(site.ledger, party, *(scopes or ALL), **bounds)
    assert site.client.post("/sign-in", data={"key": token}, headers=OURS).status_code == 303
    text = site.client.get("/pools", headers=OURS).text
    return text.partition(f'name="{FORM_FIELD}" value="')[2].partition('"')[0]


def operator(site: Site) -> str:
    with site.ledger.store.write() as connection:
        access.grant(
            connection, site.ledger.row().id, "fenqile", "operator", given="2026-11-21T00:00:00.000000Z"
        )
    return sign_in(site, "fenqile")


def act(site: Site, action: str, form: str, **fields: str) -> Any:
    return site.client.post(f"/admin/{action}", data=fields | {FORM_FIELD: form}, headers=OURS)


def listed(site: Site) -> dict[str, keys.ApiKey]:
    with site.ledger.store.read() as connection:
        return {one.id: one for one in keys.list_keys(connection, site.ledger.row().id)}


def test_a_key_is_made_shown_once_and_ended(site: Site) -> None:
    form = sign_in(site, "bank")
    made = act(site, "make-key", form, scope_read="1", days="30", networks="10.2.0.0/16")
    token = made.text.partition('data-copy="poolproof_')[2].partition('"')[0]
    assert made.status_code == 200
    key = listed(site)[token.split("_")[0]]
    assert (key.party, key.bounds.scopes, key.bounds.networks) == ("bank", {"read"}, ("10.2.0.0/16",))
    assert key.bounds.expires == "2026-12-21T23:30:00.000000Z"
    assert token not in site.client.get("/admin", headers=OURS).text
    assert act(site, "revoke-key", form, key=key.id).status_code == 303
    assert listed(site)[key.id].revoked


def test_no_key_makes_one_that_could_do_more(site: Site) -> None:
    form = sign_in(site, "bank", "read", "admin", networks=())
    before = listed(site)
    assert act(site, "make-key", form, scope_write="1").status_code == 403
    assert act(site, "make-key", form, scope_read="1", party="fenqile").status_code == 403
    assert act(site, "make-key", form).status_code == 422
    assert act(site, "make-key", form, scope_read="1", days="0").status_code == 422
    assert act(site, "make-key", form, scope_read="1", networks="everywhere").status_code == 422
    assert listed(site) == before


def test_another_partys_key_is_not_there(site: Site) -> None:
    form = sign_in(site, "bank")
    theirs = site.tokens["fund"].split("_")[1]
    assert theirs not in site.client.get("/admin", headers=OURS).text
    assert act(site, "revoke-key", form, key=theirs).status_code == 422
    assert not listed(site)[theirs].revoked


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("grant", {"party": "bank", "target": "operator"}),
        ("withdraw", {"party": "bank", "target": "log"}),
        ("let-in", {"party": "bank", "subject": "s", "name": "n"}),
        ("dismiss", {"subject": "s"}),
    ],
)
def test_only_an_operator_decides_who_sees_what(site: Site, action: str, fields: dict[str, str]) -> None:
    form = sign_in(site, "bank")
    assert act(site, action, form, **fields).status_code == 403
    with site.ledger.store.read() as connection:
        assert access.all_grants(connection, site.ledger.row().id) == []
        assert access.all_people(connection, site.ledger.row().id) == []


def test_an_operator_grants_lets_in_and_takes_back(site: Site) -> None:
    form = operator(site)
    assert act(site, "grant", form, party="fund", target="log").status_code == 303
    assert act(site, "let-in", form, party="bank", subject="248289", name="王芳 <b>").status_code == 303
    page = site.client.get("/admin", headers=OURS).text
    assert "王芳 &lt;b&gt;" in page
    assert ">log<" in page
    assert act(site, "grant", form, party="fund", target="everything").status_code == 422
    assert act(site, "withdraw", form, party="fund", target="log").status_code == 303
    assert act(site, "dismiss", form, subject="248289").status_code == 303
    with site.ledger.store.read() as connection:
        log_id = site.ledger.row().id
        assert [target for _, target, _ in access.all_grants(connection, log_id)] == ["operator"]
        assert access.all_people(connection, log_id) == []


def test_a_webhook_is_added_tried_and_removed(site: Site) -> None:
    form = sign_in(site, "bank")
    fields = {"url": "http://192.0.2.7/hook", "type_pool.sealed": "1"}
    made = act(site, "add-webhook", form, **fields)
    assert "whsec_" in made.text
    [row] = site.client.app.state.services.webhooks.list("bank")  # type: ignore[attr-defined]
    assert row.types == ("pool.sealed",)
    place = f"/admin/webhooks/{row.id}"
    assert site.client.get(place, headers=OURS).status_code == 200
    for action in ("ping", "disable"):
        answer = site.client.post(f"{place}/{action}", data={FORM_FIELD: form}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert site.client.post(f"{place}/ping", data={FORM_FIELD: form}, headers=OURS).status_code == 422
    assert "whsec_" in site.client.post(f"{place}/rotate", data={FORM_FIELD: form}, headers=OURS).text
    assert site.client.post(f"{place}/explode", data={FORM_FIELD: form}, headers=OURS).status_code == 404
    other = sign_in(site, "fund")
    assert site.client.get(place, headers=OURS).status_code == 404
    assert site.client.post(f"{place}/remove", data={FORM_FIELD: other}, headers=OURS).status_code == 404
    form = sign_in(site, "bank")
    assert site.client.post(f"{place}/remove", data={FORM_FIELD: form}, headers=OURS).status_code == 303
    assert act(site, "add-webhook", form, url="http://127.0.0.1/").status_code == 422


def test_nothing_is_managed_without_the_scope_or_from_elsewhere(site: Site) -> None:
    form = sign_in(site, "bank", "read")
    assert site.client.get("/admin", headers=OURS).status_code == 403
    assert act(site, "make-key", form, scope_read="1").status_code == 403
    assert 'href="/admin"' not in site.client.get("/pools", headers=OURS).text
    form = sign_in(site, "bank")
    before = listed(site)
    for headers, given in (
        (OURS, ""),
        (OURS, "0" * 64),
        ({"Sec-Fetch-Site": "cross-site"}, form),
        ({}, form),
    ):
        answer = site.client.post(
            "/admin/make-key", data={"scope_read": "1", FORM_FIELD: given}, headers=headers
        )
        assert answer.status_code == 403
    assert listed(site) == before


def test_reads_are_shown_to_whom_they_are_of(site: Site) -> None:
    with site.ledger.store.write() as connection:
        for party in ("bank", "fund"):
            read = access.Read(
                at="2026-11-21T00:00:00.000000Z", party=party, who="k", subject="loan:L1", what="x"
            )
            access.note_read(connection, site.ledger.row().id, read)
    sign_in(site, "bank")
    page = site.client.get("/admin/reads", headers=OURS).text
    assert page.count("loan:L1") == 1
    operator(site)
    assert site.client.get("/admin/reads?loan=L1", headers=OURS).text.count("loan:L1") == 2
    assert site.client.get("/admin/reads?loan=L2", headers=OURS).text.count("loan:L1") == 0
