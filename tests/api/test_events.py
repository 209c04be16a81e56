"""Events in: one, many, repeated, refused; and where they are afterwards."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from api.intake import MAX_BATCHES
from ledger.domain.events import read_submission
from ledger.domain.record import statement_bytes
from ledger.domain.statements import sign
from ledger.errors import UnavailableError
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.verify import verify_acceptance
from tests.api.conftest import (
    BANK,
    ORIGIN,
    Site,
    disbursed,
    ndjson,
    originated,
    pledged,
    pool,
    refused,
    repaid,
)

KEY_A, KEY_B = "aa" * 32, "bb" * 32


# What depends on the database is tried on both (`site`); rules of the ledger are the same on either.


def test_an_event_is_accepted_once_and_answered_the_same_again(site: Site) -> None:
    first = site.post(originated("L1"))
    assert first.status_code == 201
    assert first.headers["content-type"] == "application/vnd.poolproof.acceptance.v1+json"
    assert first.headers["location"] == "/v1/events/o-L1"
    acceptance = Acceptance.parse(first.content)
    assert (acceptance.id, acceptance.party, acceptance.index) == ("o-L1", "fenqile", 0)
    verify_acceptance(site.ledger.trust_root(), first.content)

    site.clock.pass_time(minutes=5)
    site.post(repaid("L1"))
    again = site.post(json.dumps(originated("L1"), indent=2).encode())
    assert (again.status_code, again.content) == (200, first.content)
    assert site.get("/v1/events/o-L1/acceptance").content == first.content
    assert site.ledger.status().size == 2


def test_party_is_the_callers(small_site: Site) -> None:
    site = small_site
    assert site.post(originated("L1", party="fenqile")).status_code == 201
    refused(site.post(originated("L2", party="bank")), 422, field="party")
    refused(site.post(originated("L2", party="fenqile"), party="bank"), 422, field="party")
    # A bank may not originate under its own name either: that is a rule of the ledger.
    refused(site.post(originated("L2"), party="bank"), 422)
    assert site.ledger.status().size == 1


def test_an_event_climbs_the_ladder(site: Site) -> None:
    index = site.post(originated("L1")).json()["index"]
    state = site.get("/v1/events/o-L1").json()
    assert (state["state"], state["index"], state["party"]) == ("included", index, "fenqile")
    waits = refused(site.get("/v1/events/o-L1/receipt"), 404)
    assert "not published" in waits["detail"]
    site.ledger.publish()
    assert site.get("/v1/events/o-L1").json()["state"] == "published"
    receipt = site.get("/v1/events/o-L1/receipt")
    assert receipt.status_code == 200
    assert receipt.json()["media_type"] == receipt.headers["content-type"]
    site.post(repaid("L1"))
    site.ledger.publish()
    assert site.get("/v1/events/o-L1/receipt").content == receipt.content


def test_another_party_sees_nothing_of_an_event(small_site: Site) -> None:
    site = small_site
    site.post(originated("L1", private={"name": "王小明"}))
    site.ledger.publish()
    unknown = site.get("/v1/events/o-L9", "bank").json()
    for path in ("", "/acceptance", "/receipt"):
        foreign = refused(site.get(f"/v1/events/o-L1{path}", "bank"), 404)
        assert foreign["detail"].replace("o-L1", "o-L9") == unknown["detail"]
    assert "王小明" in site.get("/v1/events/o-L1/receipt").text


def test_a_batch_is_accepted_and_reported_line_by_line(site: Site) -> None:
    site.post(originated("L1"))
    body = ndjson(originated("L1"), originated("L2"), disbursed("L2", KEY_A), repaid("L2"))
    answer = site.post_batch(body)
    assert answer.status_code == 201, answer.text
    report = answer.json()
    assert report["counts"] == {"accepted": 3, "repeated": 1, "rejected": 0}
    assert [(one["line"], one["repeated"]) for one in report["accepted"]] == [
        (1, True),
        (2, False),
        (3, False),
        (4, False),
    ]
    for one in report["accepted"]:
        event_id = one["acceptance"]["id"]
        stored = site.get(f"/v1/events/{event_id}/acceptance")
        assert stored.json() == one["acceptance"]
        verify_acceptance(site.ledger.trust_root(), stored.content)
    assert site.post_batch(body).status_code == 200
    assert site.ledger.status().size == 4


def test_a_bad_line_refuses_the_batch_or_is_reported(site: Site) -> None:
    bad = originated("L2") | {"effective": "2026-11-31"}
    body = ndjson(originated("L1"), bad, originated("L3"), b"{broken", originated("L5"))
    aborted = refused(site.post_batch(body), 422)
    assert aborted["line"] == 2
    assert site.ledger.status().size == 0

    report = site.post_batch(body, "report").json()
    assert report["counts"] == {"accepted": 3, "repeated": 0, "rejected": 2}
    assert [one["line"] for one in report["accepted"]] == [1, 3, 5]
    assert [(one["line"], one["code"]) for one in report["rejected"]] == [(2, "refused"), (4, "malformed")]
    again = site.post_batch(body, "report")
    assert again.status_code == 200
    assert again.json()["counts"] == {"accepted": 0, "repeated": 3, "rejected": 2}


def test_a_last_line_may_lack_its_newline(small_site: Site) -> None:
    body = ndjson(originated("L1"), originated("L2")).rstrip(b"\n")
    assert small_site.post_batch(body).json()["counts"]["accepted"] == 2


def test_one_bad_line_in_a_thousand_is_found_by_its_number(small_site: Site) -> None:
    lines = [originated(f"L{i}") for i in range(1000)]
    lines[617]["data"]["principal"] = "12000.0"
    body = ndjson(*lines)
    assert refused(small_site.post_batch(body), 422, field="data.principal")["line"] == 618
    report = small_site.post_batch(body, "report").json()
    assert [one["line"] for one in report["rejected"]] == [618]
    assert report["counts"]["accepted"] == 999


def test_many_clients_at_once_share_transactions(small_site: Site) -> None:
    site = small_site
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: site.post(originated(f"L{i}")), range(64)))
    assert {answer.status_code for answer in answers} == {201}
    acceptances = [Acceptance.parse(answer.content) for answer in answers]
    assert sorted(one.index for one in acceptances) == list(range(64))
    assert len({one.batch.first for one in acceptances}) < 64
    for answer in answers:
        verify_acceptance(site.ledger.trust_root(), answer.content)


def test_the_same_event_from_many_clients_is_accepted_once(small_site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: small_site.post(originated("L1")), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_tomorrow_in_the_logs_zone_is_refused_and_today_there_is_not(small_site: Site) -> None:
    # 23:30 on the 21st in UTC is the 22nd in Shanghai.
    refused(small_site.post(originated("L1", effective="2026-11-23")), 422, field="effective")
    assert small_site.post(originated("L1", effective="2026-11-22")).status_code == 201


def test_unknown_loan(small_site: Site) -> None:
    site = small_site
    refused(site.post(repaid("nobody")), 422, "unknown_subject", "subject")


def test_wrong_currency(small_site: Site) -> None:
    site = small_site
    site.post(originated("L1"))
    event = disbursed("L1")
    event["data"]["currency"] = "USD"
    refused(site.post(event), 422, field="data.currency")


def test_a_taken_id_names_the_standing_record(small_site: Site) -> None:
    site = small_site
    first = site.post(originated("L1")).json()
    problem = refused(site.post(originated("L2", id="o-L1")), 409)
    assert problem["code"] == "taken"
    assert problem["standing"]["index"] == first["index"]
    assert problem["standing"]["digest"] == first["digest"]


def test_a_taken_asset_key_names_the_standing_record(small_site: Site) -> None:
    site = small_site
    for name in ("L1", "L2"):
        site.post(originated(name))
    first = site.post(disbursed("L1", KEY_A)).json()
    problem = refused(site.post(disbursed("L2", KEY_A)), 409)
    assert (problem["standing"]["index"], problem["standing"]["digest"]) == (first["index"], first["digest"])
    assert site.post(disbursed("L2", KEY_B)).status_code == 201


def test_a_second_pledge_is_refused_and_names_the_standing_one(site: Site) -> None:
    for event in (originated("L1"), disbursed("L1", KEY_A), pool("P1"), pool("P2")):
        assert site.post(event).status_code == 201, event
    standing = site.post(pledged("P1", "L1")).json()
    problem = refused(site.post(pledged("P2", "L1", holder="fund")), 409)
    assert (problem["standing"]["index"], problem["standing"]["digest"]) == (
        standing["index"],
        standing["digest"],
    )
    # The same in a batch that is reported.
    report = site.post_batch(ndjson(pledged("P2", "L1", holder="fund")), "report").json()
    assert report["rejected"][0]["standing"]["digest"] == standing["digest"]
    assert report["rejected"][0]["line"] == 1


def test_two_shares_above_the_whole(small_site: Site) -> None:
    site = small_site
    for event in (originated("L1"), disbursed("L1", KEY_A), pool("P1"), pledged("P1", "L1", 600_000)):
        assert site.post(event).status_code == 201, event
    refused(site.post(pledged("P1", "L1", 400_001, n=2)), 409)
    assert site.post(pledged("P1", "L1", 400_000, n=3)).status_code == 201


def released(**changes: Any) -> dict[str, Any]:
    data = {"claims": [{"loan": "L1", "claim": "c1"}], "reason": "repaid"}
    event = {
        "id": "x-L1",
        "type": "claim.released",
        "subject": "pool:P1",
        "effective": "2026-11-21",
        "party": "bank",
    }
    return event | {"data": data} | changes


def signed(event: dict[str, Any], signer: Any = BANK) -> dict[str, Any]:
    return event | {"sig": sign(signer, statement_bytes(ORIGIN, read_submission(event)))}


def test_a_release_needs_its_holders_signature(small_site: Site) -> None:
    site = small_site
    for event in (originated("L1"), disbursed("L1", KEY_A), pool("P1"), pledged("P1", "L1")):
        assert site.post(event).status_code == 201, event
    refused(site.post(released(), "bank"), 422)
    forged = signed(released())
    forged["sig"]["value"] = "A" * 86 + "=="
    refused(site.post(forged, "bank"), 422)
    changed_after = signed(released()) | {"effective": "2026-11-20"}
    refused(site.post(changed_after, "bank"), 422)
    assert site.post(signed(released()), "bank").status_code == 201
    assert site.post(pledged("P1", "L1", n=2)).status_code == 201


def test_a_database_that_does_not_answer_is_said_with_a_time(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise UnavailableError("connection to 10.0.0.5 refused", retry_after=7)

    monkeypatch.setattr(small_site.ledger, "append", down)
    for answer in (small_site.post(originated("L1")), small_site.post_batch(ndjson(originated("L1")))):
        problem = refused(answer, 503)
        assert answer.headers["retry-after"] == "7"
        assert "10.0.0.5" not in json.dumps(problem)
    monkeypatch.undo()
    assert small_site.post(originated("L1")).status_code == 201


def test_more_batches_than_one_process_works_on_are_pushed_back(small_site: Site) -> None:
    gate = small_site.client.app.state.services.batches
    with ExitStack() as full:
        for n in range(MAX_BATCHES):
            full.enter_context(gate.entered(f"party-{n}"))
        answer = small_site.post_batch(ndjson(originated("L1")))
        refused(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert small_site.post(originated("L2")).status_code == 201
    assert small_site.post_batch(ndjson(originated("L1"))).status_code == 201
