"""Alive, ready, degraded; and the numbers."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ledger.errors import UnavailableError
from ledger.store import anchors, migrations, outbox
from tests.api.conftest import Site, ndjson, originated, repaid
from tests.api.make_examples import CHAIN


def checks(site: Site) -> dict[str, str]:
    answer = site.client.get("/readyz")
    assert answer.status_code == 200, answer.text
    found = {check["name"]: check["status"] for check in answer.json()["checks"]}
    assert answer.json()["status"] == ("ready" if set(found.values()) == {"ok"} else "degraded")
    return found


def test_alive_and_ready(site: Site) -> None:
    assert site.client.get("/healthz").json() == {"status": "alive"}
    assert checks(site) == {"database": "ok", "migrations": "ok", "chain": "ok"}


def test_a_chain_that_lags_degrades_and_does_not_stop(small_site: Site) -> None:
    site = small_site
    site.post(originated("L1"))
    site.ledger.publish()
    site.clock.pass_time(hours=13)
    assert checks(site)["chain"] == "ok"  # bound to no chain, nothing is late
    site.ledger.bind_chain(CHAIN)
    assert checks(site)["chain"] == "degraded"
    assert site.post(originated("L2")).status_code == 201
    size, root = site.ledger.latest_checkpoint() or (0, b"")
    with site.ledger.store.write() as connection:
        log_id = site.ledger.row().id
        anchors.want(connection, log_id, size, root)
        outbox.move(connection, anchors.job(log_id, size), "mined")
    assert checks(site)["chain"] == "ok"
    assert site.get("/v1/events/o-L1").json()["state"] == "anchored"


def test_a_database_of_another_version_is_not_ready(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "newest", lambda: "9999")
    answer = small_site.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert small_site.client.get("/healthz").status_code == 200


def test_a_database_that_does_not_answer_is_not_ready(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise UnavailableError("connection refused", retry_after=3)

    monkeypatch.setattr(small_site.ledger, "status", down)
    assert small_site.client.get("/readyz").status_code == 503
    assert small_site.client.get("/healthz").status_code == 200


def test_metrics_tell_sizes_events_refusals_and_requests(small_site: Site) -> None:
    site = small_site
    site.post(originated("L1"))
    site.post(originated("L1"))
    site.post(repaid("nobody"))
    site.post_batch(ndjson(originated("L2"), repaid("nobody"), originated("L1")), "report")
    site.ledger.publish()
    site.post(originated("L3"))
    site.client.get("/nowhere")
    answer = site.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["poolproof_log_size", "included"] == 4
    assert found["poolproof_log_size", "published"] == 3
    assert found["poolproof_log_size", "final"] == 0
    assert found["poolproof_events_total", "accepted"] == 3
    assert found["poolproof_events_total", "repeated"] == 2
    assert found["poolproof_events_total", "refused"] == 2
    assert found["poolproof_refusals_total", "unknown_subject"] == 2
    assert found["poolproof_intake_waiting",] == 0
    assert found["poolproof_webhooks", "enabled"] == 0
    assert found["poolproof_webhook_deliveries", "waiting"] == 0
    assert found["poolproof_webhook_oldest_seconds",] == 0
    assert found["poolproof_http_requests_total", "/v1/events", "201", "POST"] == 3
    assert found["poolproof_http_requests_total", "404", "GET", "none"] == 1


def test_label_values_are_not_the_callers(small_site: Site) -> None:
    small_site.client.request("BREW", "/healthz")
    small_site.get("/v1/events/some-id")
    text = small_site.client.get("/metrics").text
    assert "BREW" not in text
    assert "some-id" not in text
    assert 'route="/v1/events/{event_id}"' in text
