"""What partners mirror: each is shown its own, and nothing of another's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.mirror.form import RANGE
from ledger.store import access, records
from tests.api.conftest import Site, make_site, new_key
from tests.databases import sqlite_in
from tests.mirror.conftest import fill

POOL = "/v1/mirror/pools/A"
ROUTES = (
    f"{POOL}?size={{size}}",
    f"{POOL}/records?size={{size}}&start=0&stop={{size}}",
    f"{POOL}/claims?size={{size}}",
    f"{POOL}/settlements?size={{size}}&start=0&stop={{size}}",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("mirrored")))
    fill(site)
    with site.client:
        yield site
    site.ledger.store.close()


def path(site: Site, route: str) -> str:
    return route.format(size=site.ledger.checkpoint_sizes()[-1])


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("route", ROUTES)
def test_another_partners_pool_is_not_there(filled: Site, route: str) -> None:
    mine, other = path(filled, route), path(filled, route.replace("/A", "/B"))
    assert filled.get(mine, "bank").status_code == 200
    refused, unknown = filled.get(other, "bank"), filled.get(other.replace("/B", "/nobody"), "bank")
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["detail"].replace("'B'", "'nobody'") == unknown.json()["detail"]


@pytest.mark.parametrize("route", [*ROUTES, "/v1/mirror/registers", "/v1/mirror/registers/{size}/pages"])
def test_a_key_is_asked_for_and_the_scope_audit(filled: Site, route: str) -> None:
    reader = new_key(filled.ledger, "bank", "read")
    wanted = path(filled, route)
    assert filled.get(wanted, None).status_code == 401
    answer = filled.client.get(wanted, headers={"Authorization": f"Bearer {reader}"})
    assert answer.status_code == 403


def test_nothing_of_another_partners_loans_is_told(filled: Site) -> None:
    for route in ROUTES:
        text = filled.get(path(filled, route), "bank").text
        assert "L3" not in text, route
        assert "L4" not in text, route
    told = filled.get(path(filled, ROUTES[1]), "bank").text
    assert "loan:L1" in told
    assert "loan:L3" in filled.get(path(filled, ROUTES[1]), "fenqile").text, "the platform sees all of it"


def test_records_go_on_at_a_cursor_and_are_exact(filled: Site) -> None:
    found = lines(filled.get(path(filled, ROUTES[1]), "bank"))
    assert found[-1] == {"next": None}
    with filled.ledger.store.read() as connection:
        log_id = filled.ledger.row().id
        rows = [records.at(connection, log_id, one["index"]) for one in found[:-1]]
    assert [row and row.record for row in rows] == [one["record"].encode() for one in found[:-1]]
    indexes = [one["index"] for one in found[:-1]]
    assert indexes == sorted(set(indexes))


def test_a_range_that_is_too_long_and_a_size_that_is_none_are_refused(filled: Site) -> None:
    size = filled.ledger.checkpoint_sizes()[-1]
    answer = filled.get(f"{POOL}/records?size={size}&start=0&stop={RANGE + 1}", "bank")
    assert (answer.status_code, answer.json()["field"]) == (422, "stop")
    assert filled.get(f"{POOL}/claims?size={size - 1}", "bank").status_code == 404
    assert filled.get(f"/v1/mirror/registers/{size - 1}/pages", "bank").status_code == 404


def test_the_sum_over_less_than_a_whole_range_is_not_told(filled: Site) -> None:
    """One entry's would be the amount of a payment of others, and on which account it was made."""
    size = filled.ledger.checkpoint_sizes()[-1]
    for start, stop in ((0, 1), (1, size), (0, size - 1), (size - 1, size), (0, size + 1), (0, 0)):
        answer = filled.get(f"{POOL}/settlements?size={size}&start={start}&stop={stop}", "bank")
        assert (answer.status_code, answer.json()["field"]) == (422, "stop"), (start, stop)


def test_pages_are_compressed_for_those_who_ask(filled: Site) -> None:
    plain = filled.client.get(
        path(filled, ROUTES[1]), headers=filled.auth("bank") | {"Accept-Encoding": "identity"}
    )
    packed = filled.get(path(filled, ROUTES[1]), "bank")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content


def test_each_page_stands_in_the_list_of_reads(filled: Site) -> None:
    filled.get(path(filled, ROUTES[2]), "bank")
    with filled.ledger.store.read() as connection:
        reads = access.reads(connection, filled.ledger.row().id, subject="pool:A", limit=10)
    assert ("bank", "pool:A") in {(one.party, one.subject) for one in reads}
    assert any(one.what.startswith("mirror.claims") for one in reads)
