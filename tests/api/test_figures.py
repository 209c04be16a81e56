"""Figures, findings, breaks and files of a pool over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger import snapshots
from tests.api.book import make_book
from tests.api.conftest import Site, taped
from tests.api.make_examples import perform


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("book"))
    with site.client:
        for event in taped("P1"):
            assert site.post(event).status_code == 201
        yield site
    site.ledger.store.close()


def test_figures_are_there_once_they_were_worked_out(book: Site) -> None:
    path = "/v1/pools/P1/analytics"
    assert book.get(path, "fund").status_code == 404
    assert snapshots.take(book.ledger, "P1", size=19, trust=book.ledger.trust_root())
    found = book.get(path, "fund").json()
    assert (found["pool"], found["basis"]["size"], found["loans"]) == ("P1", 19, 2)
    assert book.get(path, "other").status_code == 404


def test_findings_are_those_of_the_newest_audit(book: Site) -> None:
    path = "/v1/pools/P1/findings"
    assert book.get(path, "bank").json() == {"audit": None, "items": [], "next": None}
    started = book.client.post("/v1/audits", json={"pool": "P1"}, headers=book.auth("bank"))
    run = perform(book, started.json()["id"])
    found = book.get(path, "bank").json()
    report = book.get(f"/v1/audits/{run}/report", "bank").json()
    assert found == {"audit": run, "items": report["findings"], "next": None}
    assert [one["code"] for one in found["items"]] == ["pledge.shared"]


def test_breaks_are_listed_until_both_sides_agree(book: Site) -> None:
    path = "/v1/pools/P1/breaks"
    [one] = book.get(path, "bank").json()["items"]
    assert (one["name"], one["status"], one["difference"], one["age_days"]) == ("b1", "open", "-100.00", 1)
    assert book.get(f"{path}?as_of=2026-11-20", "bank").json()["items"] == []
    word = {"name": "b1", "resolution": "timing", "explanation": "posted late"}
    waits = {"fenqile": [["bank"]], "bank": []}
    assert one["waits_for"] == [["fenqile"], ["bank"]]
    for party in ("fenqile", "bank"):
        event = {"id": f"x-{party}", "type": "break.closed", "subject": "pool:P1", "effective": "2026-11-22"}
        assert book.post(event | {"data": word}, party).status_code == 201
        [one] = book.get(f"{path}?closed=true", "bank").json()["items"]
        assert one["waits_for"] == waits[party]
    assert book.get(path, "bank").json()["items"] == []
    [closed] = book.get(f"{path}?closed=true", "bank").json()["items"]
    assert (closed["status"], [word["party"] for word in closed["agreed_by"]]) == (
        "closed",
        ["fenqile", "bank"],
    )


def test_files_are_told(book: Site) -> None:
    [tape] = book.get("/v1/pools/P1/tapes", "bank").json()["items"]
    assert (tape["party"], tape["data"]["tape"], tape["data"]["cut_off"]) == (
        "fenqile",
        "ab" * 32,
        "2026-11-21",
    )
    assert book.get("/v1/pools/P2/tapes", "bank").status_code == 404
