from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.home import Home, loops
from ledger.settings import Settings
from tests.cli.running import Run, data, ndjson, opened, pledged, pool
from tests.cli.test_exchange import files  # noqa: F401 - the fixture
from tests.webhooks.conftest import verify
from tests.webhooks.receiving import receiving


def test_a_webhook_from_its_making_to_its_end(log: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_WEBHOOK_NETWORKS", "127.0.0.0/8")
    with receiving() as receiver:
        made = data(log("webhook", "add", "lender", receiver.url(), "--type", "break.opened", "--json"))
        hook = made["id"]
        assert made["types"] == ["break.opened"]
        assert made["secret"] not in log("webhook", "list").stdout
        sent = data(log("webhook", "test", hook, "--json"))
        assert (sent["type"], sent["state"]) == ("ping", "waiting")
        with Home(Settings.load()) as opened:
            [loop] = loops(opened, "webhooks")
            while loop.step():
                pass
        verify(receiver.got[0], made["secret"])
        assert "delivered, 1 attempt  204" in log("webhook", "deliveries", hook).stdout
        again = data(log("webhook", "replay", hook, sent["id"], "--json"))
        assert (again["message"], again["state"]) == (sent["message"], "waiting")
        rotated = data(log("webhook", "rotate", hook, "--json"))
        assert rotated["secret"] != made["secret"]
        changed = data(log("webhook", "change", hook, "--disable", "--type", "all", "--json"))
        assert (changed["types"], changed["reason"]) == ([], "disabled by hand")
        assert "disabled by hand" in log("webhook", "list", "--party", "lender").stdout
        log("webhook", "test", hook, code=2)
        log("webhook", "change", hook, "--enable")
        log("webhook", "remove", hook)
    assert data(log("webhook", "list", "--json")) == {"webhooks": []}
    assert "makes one" in log("webhook", "list").stdout
    log("webhook", "deliveries", hook, code=2)


def test_a_missing_file_is_told_by_the_worker(
    log: Run,
    files: Path,  # noqa: F811 - the fixture
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POOLPROOF_WEBHOOK_NETWORKS", "127.0.0.0/8")
    log("exchange", files, code=1)
    with receiving() as receiver:
        for party in ("lender", "fund"):
            log("webhook", "add", party, receiver.url(f"/{party}"))
        with Home(Settings.load()) as opened:
            [loop] = loops(opened, "webhooks")
            for _ in range(4):  # begin to look, look, send, and nothing more
                loop.step()
    [got] = receiver.got  # the file is the lender's, and the fund runs nothing
    body = json.loads(got.body)
    assert (got.path, body["type"]) == ("/lender", "file.missing")
    assert body["data"] == {
        "date": "2026-03-02",
        "party": "lender",
        "name": "repayments",
        "detail": "it was due at 2026-03-03T06:00Z",
    }


def test_a_refused_pledge_is_told_to_both_sides(
    log: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command that is refused to the receivers."""
    monkeypatch.setenv("POOLPROOF_WEBHOOK_NETWORKS", "127.0.0.0/8")
    events = [opened("L1"), pool("P"), pool("Q"), pledged("p1", "P", "L1"), pledged("p2", "Q", "L1")]
    with receiving() as receiver, Home(Settings.load()) as here:
        [loop] = loops(here, "webhooks")
        for party in ("lender", "fund"):
            log("webhook", "add", party, receiver.url(f"/{party}"))
        log("append", "-", stdin=ndjson(*events), code=2)
        loop.step()
        assert receiver.got == []  # the pledge that stood in the way was not stored either
        log("append", "-", "--on-error", "report", stdin=ndjson(*events), code=2)
        while loop.step():
            pass
    told = sorted((got.path, json.loads(got.body)["data"]["event"]) for got in receiver.got)
    assert told == [("/fund", "p2"), ("/lender", "p2")]


def test_without_the_setting_nothing_internal_is_taken(log: Run) -> None:
    refused = log("webhook", "add", "lender", "https://127.0.0.1/", code=2)
    assert "an address that is loopback" in refused.stderr
    assert "no party" in log("webhook", "add", "nobody", "https://93.184.216.34/", code=2).stderr


def test_a_network_that_is_none_is_refused(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_WEBHOOK_NETWORKS", "127.0.0.0/8,10.0.0.1/8")
    assert "POOLPROOF_WEBHOOK_NETWORKS" in log("webhook", "list", code=2).stderr
