"""Audits over HTTP: asked for, watched, read in three forms, compared; by those who see the pool."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from api import eventstream
from api.eventstream import Seen, Streams
from ledger.audit import reportfile
from ledger.errors import UnavailableError
from ledger.jobs import MAX_UNFINISHED
from tests.api.conftest import Site, disbursed, make_site, new_key, originated, pledged, pool
from tests.api.make_examples import perform
from tests.databases import sqlite_in

NONE = "audit_" + "0" * 24


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A pool of the bank's, and a run of its audit."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("audited")))
    with site.client:
        for event in (originated("L1"), disbursed("L1"), pool("P"), pledged("P", "L1"), pool("Q")):
            assert site.post(event).status_code == 201
        site.ledger.publish()
        run = perform(site, start(site, pool="P").json()["id"])
        yield site, run
    site.ledger.store.close()


def start(site: Site, party: str = "bank", headers: dict[str, str] | None = None, **order: Any) -> Any:
    site.clock.now += timedelta(seconds=1)
    return site.client.post("/v1/audits", json=order, headers={**site.auth(party), **(headers or {})})


def test_a_run_is_asked_for_and_found(audited: tuple[Site, str]) -> None:
    site, run = audited
    found = site.get(f"/v1/audits/{run}", "bank").json()
    assert (found["state"], found["pool"], found["party"]) == ("done", "P", "bank")
    report = site.get(f"/v1/audits/{run}/report", "bank")
    assert report.headers["content-type"] == "application/vnd.poolproof.audit-report.v1+json"
    assert reportfile.digest(reportfile.decode(report.content)) == found["result"]["sha256"]
    assert report.json()["basis"]["size"] == found["result"]["size"]
    listed = site.get("/v1/audits?pool=P", "bank").json()
    assert [one["id"] for one in listed["items"]] == [run]


def test_the_report_comes_as_it_is_asked_for(audited: tuple[Site, str]) -> None:
    site, run = audited
    page = site.client.get(
        f"/v1/audits/{run}/report?language=zh", headers={"Accept": "text/html", **site.auth()}
    )
    assert page.headers["content-type"].startswith("text/html")
    assert 'lang="zh-Hans"' in page.text
    # The page's own policy names its style sheet; ours must not forbid it on top.
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "style-src 'sha256-" in page.text
    paper = site.get(f"/v1/audits/{run}/report?format=pdf")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    browser = {"Accept": "text/html,application/xhtml+xml", **site.auth()}
    forced = site.client.get(f"/v1/audits/{run}/report?format=json", headers=browser)
    assert forced.json()["pool"] == "P"


def test_a_run_is_there_for_those_who_see_its_pool(audited: tuple[Site, str]) -> None:
    site, run = audited
    for path in (f"/v1/audits/{run}", f"/v1/audits/{run}/events", f"/v1/audits/{run}/report"):
        hidden, absent = site.get(path, "fund"), site.get(path.replace(run, NONE), "fund")
        assert (hidden.status_code, absent.status_code) == (404, 404)
        assert hidden.json()["detail"].replace(run, NONE) == absent.json()["detail"]
    compared = site.get(f"/v1/audits/compare?first={run}&second={run}", "fund")
    assert compared.status_code == 404
    assert site.get("/v1/audits", "fund").json() == {"items": [], "next": None}
    assert site.get("/v1/audits?pool=P", "fund").status_code == 404
    assert start(site, "fund", pool="P").json()["detail"] == "no pool 'P' in this log"
    assert start(site, "bank", pool="Q").status_code == 404


def test_what_cannot_be_audited_is_answered_at_once(audited: tuple[Site, str]) -> None:
    site, _ = audited
    assert start(site, pool="P", size=3).json()["detail"] == "size 3 is not published"
    future = start(site, pool="P", as_of="2027-01-01")
    assert (future.status_code, future.json()["rule"]) == (422, "future")
    assert start(site, pool="P", as_of="2026-02-30").status_code == 422
    wrong = start(site, pool="P", colour="red")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/body/colour")
    site.tokens["reader"] = new_key(site.ledger, "bank", "read")
    assert start(site, "reader", pool="P").status_code == 403


def test_a_party_may_not_fill_the_queue(small_site: Site) -> None:
    for event in (originated("L1"), disbursed("L1"), pool("P"), pledged("P", "L1")):
        assert small_site.post(event).status_code == 201
    small_site.ledger.publish()
    for _ in range(MAX_UNFINISHED):
        assert start(small_site, pool="P").status_code == 202
    turned_away = start(small_site, pool="P")
    assert (turned_away.status_code, turned_away.json()["code"]) == (429, "too_many_requests")
    assert int(turned_away.headers["retry-after"]) > 0
    unfinished = small_site.get("/v1/audits?limit=1", "bank").json()["items"][0]["id"]
    early = small_site.get(f"/v1/audits/{unfinished}/report", "bank")
    assert (early.status_code, early.json()["code"]) == (409, "undetermined")
    page = small_site.get("/v1/audits?limit=15", "bank").json()
    rest = small_site.get(f"/v1/audits?limit=15&cursor={page['next']}", "bank").json()
    ids = [one["id"] for one in page["items"] + rest["items"]]
    assert (len(set(ids)), rest["next"]) == (MAX_UNFINISHED, None)


def test_two_runs_are_compared(audited: tuple[Site, str]) -> None:
    site, run = audited
    same = site.get(f"/v1/audits/compare?first={run}&second={run}", "bank").json()
    assert (same["new"], same["gone"]) == ([], [])
    assert len(same["standing"]) == sum(site.get(f"/v1/audits/{run}").json()["result"]["counts"].values())
    assert site.get(f"/v1/audits/compare?first={run}&second={NONE}").status_code == 404


def test_a_watcher_is_told_the_result_and_need_not_come_again(audited: tuple[Site, str]) -> None:
    site, run = audited
    answer = site.get(f"/v1/audits/{run}/events", "bank")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    [_, event] = answer.text.strip().split("\n\n")
    fields = dict(line.split(": ", 1) for line in event.splitlines())
    assert fields["event"] == "result"
    assert json.loads(fields["data"]) == site.get(f"/v1/audits/{run}").json()
    last = {"Last-Event-ID": fields["id"], **site.auth("bank")}
    assert site.client.get(f"/v1/audits/{run}/events", headers=last).status_code == 204
    for odd in ("none", "-1", "9" * 400):
        again = site.client.get(
            f"/v1/audits/{run}/events", headers={"Last-Event-ID": odd, **site.auth("bank")}
        )
        assert "event: result" in again.text


def told(steps: list[Seen | Exception], last_id: str | None = None) -> list[str]:
    """What a watcher is sent while the thing goes through these steps."""
    first = steps.pop(0)
    assert isinstance(first, Seen)

    def look() -> Seen:
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def read() -> list[str]:
        answer: Any = Streams().answer(first, look, last_id=last_id)
        body: AsyncIterator[bytes] = answer.body_iterator
        return [part.decode() async for part in body]

    return asyncio.run(read())


@pytest.fixture
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "POLL_SECONDS", 0.0)


@pytest.mark.usefixtures("_fast")
def test_a_stream_tells_each_change_once_and_goes_on_where_it_broke_off() -> None:
    one, two, end = Seen(1, {"n": 1}, False), Seen(2, {"n": 2}, False), Seen(5, {"n": 5}, True)
    sent = told([one, one, two, end])
    assert sent[1:] == [
        'id: 1\nevent: progress\ndata: {"n":1}\n\n',
        'id: 2\nevent: progress\ndata: {"n":2}\n\n',
        'id: 5\nevent: result\ndata: {"n":5}\n\n',
    ]
    assert told([one, one, two, end], last_id="1")[1:] == sent[2:]
    # The database went away: the stream ends, and the client comes again.
    assert told([one, two, UnavailableError("gone")]) == sent[:3]


@pytest.mark.usefixtures("_fast")
def test_a_stream_shows_that_it_lives_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "HEARTBEAT_SECONDS", 0.0)
    still = Seen(1, {}, False)
    assert ": alive\n\n" in told([still, still, Seen(2, {}, True)])
    monkeypatch.setattr(eventstream, "STREAM_SECONDS", 0.0)
    assert len(told([still])) == 2


def test_too_many_watchers_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventstream, "MAX_STREAMS", 0)
    with pytest.raises(UnavailableError, match="streams are open"):
        told([Seen(1, {}, False)])
