"""Large batches: one bad line in ten thousand in both modes, at once and as a job; what is handed in is durable."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from api import batches
from ledger import uploads
from ledger.jobs import Runner
from ledger.store import tables
from ledger.uploads import KIND, MAX_LINES, Intake
from tests.api.conftest import NDJSON, Site, disbursed, make_site, ndjson, originated, repaid

LINES, BAD = 10_000, 7_777


def book(lines: int = LINES, bad: int | None = BAD) -> bytes:
    """A loan and its payments; one of the lines has an amount that is not the sum of its parts."""
    events = [originated("L1"), disbursed("L1"), *(repaid("L1", n) for n in range(3, lines + 1))]
    if bad is not None:
        events[bad - 1]["data"] = {**events[bad - 1]["data"], "amount": "1.0"}
    return ndjson(*events)


def hand_in(site: Site, body: bytes, on_error: str = "abort", **headers: str) -> Any:
    given = {"Content-Type": NDJSON, "Prefer": "respond-async", **headers, **site.auth()}
    return site.client.post(f"/v1/events?on_error={on_error}", content=body, headers=given)


def work(site: Site, batch: int = 4_000) -> None:
    intake = Intake(site.ledger, batch=batch)
    runner = Runner(site.ledger.store, site.ledger.origin, {KIND: intake.perform}, clock=site.ledger.clock)
    while runner.step():
        pass


def stored(site: Site) -> list[bytes]:
    with site.ledger.store.read() as connection:
        return list(connection.execute(select(tables.job_parts.c.data)).scalars())


@pytest.mark.parametrize("on_error", ["abort", "report"])
def test_what_is_kept_of_a_refusal_has_no_value_in_it(small_site: Site, on_error: str) -> None:
    event = originated("L1")
    event["data"] = {**event["data"], "annual_rate": "Wang 13800000000"}
    told = small_site.post(event).json()
    assert '"Wang 13800000000"' in told["detail"], "who sent it is told what was wrong with it"
    asked = hand_in(small_site, ndjson(event), on_error)
    work(small_site)
    job = small_site.get(asked.headers["location"])
    report = small_site.get(asked.headers["location"] + "/report")
    kept = job.json()["problem"] if on_error == "abort" else report.json()["rejected"][0]
    assert (kept["field"], kept["line"]) == ("data.annual_rate", 1)
    assert kept["detail"] == told["detail"].replace("Wang 13800000000", "Aaaa 99999999999")
    with small_site.ledger.store.read() as connection:
        rows = [*connection.execute(select(tables.jobs)).all(), *map(zlib.decompress, stored(small_site))]
    assert "13800000000" not in repr([job.text, report.text, rows])


@given(st.binary(max_size=40).map(lambda data: data.replace(b"\x00", b"\n")))
def test_lines_are_those_of_the_senders_file(body: bytes) -> None:
    lines = batches.lines_of(body)
    assert lines == [line.rstrip(b"\n") for line in io.BytesIO(body).readlines()]
    assert batches.count_lines(body) == len(lines)
    assert batches.digest(body) == batches.digest(b"".join(line + b"\n" for line in lines))


def test_a_body_of_newlines_is_refused_before_it_takes_a_workers_memory(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line costs many times its bytes where it is worked on; so many are no events."""
    body = b"\n" * (MAX_LINES + 1)
    for answer in (
        hand_in(small_site, body),
        hand_in(small_site, body, "report"),
        small_site.post_batch(body),
    ):
        assert (answer.status_code, answer.json()["rule"]) == (422, "too_many_lines")
    assert stored(small_site) == []
    monkeypatch.setattr(uploads, "MAX_REFUSED", 3)
    asked = hand_in(small_site, ndjson(originated("L1")) + b"{}\n" * 5, "report")
    work(small_site, batch=2)
    job = small_site.get(asked.headers["location"]).json()
    assert (job["state"], job["problem"]["rule"], job["problem"]["line"]) == ("failed", "too_many_refused", 5)
    assert small_site.ledger.status().size == 1


def test_one_bad_line_in_ten_thousand_refuses_all_or_itself(fresh_sqlite: str) -> None:
    site = make_site(fresh_sqlite, max_request_events=LINES)
    with site.client:
        refused = site.post_batch(book(), "abort")
        assert (refused.status_code, refused.json()["line"]) == (422, BAD)
        assert refused.json()["field"] == "data.amount"
        assert site.ledger.status().size == 0
        report = site.post_batch(book(), "report").json()
    assert report["counts"] == {"accepted": LINES - 1, "repeated": 0, "rejected": 1}
    assert [(one["line"], one["field"]) for one in report["rejected"]] == [(BAD, "data.amount")]
    assert [one["line"] for one in report["accepted"]] == [n for n in range(1, LINES + 1) if n != BAD]
    site.ledger.store.close()


def test_a_job_finds_the_same_bad_line(small_site: Site) -> None:
    asked = small_site.post_batch(book(), "abort")  # above the events that are answered at once
    assert (asked.status_code, asked.json()["state"]) == (202, "queued")
    work(small_site)
    job = small_site.get(asked.headers["location"]).json()
    assert (job["state"], job["report"], job["problem"]["line"]) == ("failed", None, BAD)
    assert job["problem"]["code"] == "refused"
    assert small_site.ledger.status().size == 0
    early = small_site.get(asked.headers["location"] + "/report")
    assert (early.status_code, early.json()["code"]) == (409, "undetermined")

    asked = hand_in(small_site, book(), "report")
    assert asked.headers["preference-applied"] == "respond-async"
    work(small_site)
    job = small_site.get(asked.headers["location"]).json()
    assert (job["state"], job["result"]) == ("done", {"accepted": LINES - 1, "repeated": 0, "rejected": 1})
    report = small_site.get(job["report"]).json()
    assert report["counts"] == job["result"]
    assert [(one["line"], one["field"]) for one in report["rejected"]] == [(BAD, "data.amount")]
    one = next(one for one in report["accepted"] if one["line"] == 2)
    assert one["acceptance"] == small_site.get("/v1/events/d-L1/acceptance").json()
    assert len(report["accepted"]) == LINES - 1


def test_what_is_handed_in_is_sealed_and_gone_at_the_end(small_site: Site) -> None:
    event = originated("L1", private={"borrower": "13800000000"})
    asked = hand_in(small_site, ndjson(event))
    [sealed] = stored(small_site)
    assert b"13800000000" not in sealed
    assert b"loan.originated" not in sealed
    with small_site.ledger.store.read() as connection:
        assert connection.execute(select(tables.jobs.c.secret)).scalar_one() is not None
    work(small_site)
    assert sealed not in stored(small_site)
    with small_site.ledger.store.read() as connection:
        assert connection.execute(select(tables.jobs.c.secret)).scalar_one() is None
    assert small_site.get(asked.headers["location"]).json()["state"] == "done"


def test_lines_do_not_depend_on_the_pieces_they_are_stored_in(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE_BYTES", 100)
    body = ndjson(originated("L1"), b"", disbursed("L1"), b"no json").rstrip(b"\n")
    asked = hand_in(small_site, body, "report")
    work(small_site, batch=1)
    report = small_site.get(asked.headers["location"] + "/report").json()
    assert [one["line"] for one in report["accepted"]] == [1, 3]
    assert [one["line"] for one in report["rejected"]] == [2, 4]
    direct = small_site.post_batch(body, "report").json()
    assert [(one["line"], one["code"], one["detail"]) for one in direct["rejected"]] == [
        (one["line"], one["code"], one["detail"]) for one in report["rejected"]
    ]


def test_a_batch_that_is_begun_again_doubles_nothing(small_site: Site) -> None:
    body = book(20, bad=None)
    assert small_site.post_batch(body).status_code == 201
    size = small_site.ledger.status().size
    asked = hand_in(small_site, body)
    work(small_site)
    assert small_site.get(asked.headers["location"]).json()["result"] == {
        "accepted": 0, "repeated": 20, "rejected": 0,
    }  # fmt: skip
    assert small_site.ledger.status().size == size


def test_a_body_beyond_the_limit_leaves_nothing(fresh_sqlite: str) -> None:
    site = make_site(fresh_sqlite, max_request_bytes=1024, max_upload_bytes=4096)
    with site.client:
        announced = hand_in(site, b"x" * 4097)
        assert (announced.status_code, announced.json()["code"]) == (413, "too_large")
        large = site.post_batch(b"\n" * 2000, "report")  # above what is answered at once: a job by itself
        assert large.status_code == 202

        def endless() -> Any:
            for _ in range(5):
                yield b"x" * 1000

        given = {"Content-Type": NDJSON, "Prefer": "respond-async", **site.auth()}
        cut = site.client.post("/v1/events", content=endless(), headers=given)
        assert cut.status_code == 413
        assert len(stored(site)) == 1
    site.ledger.store.close()


def test_a_job_is_its_partys_alone(small_site: Site) -> None:
    where = hand_in(small_site, ndjson(originated("L1"))).headers["location"]
    for path in (where, where + "/report"):
        other = small_site.get(path, "bank")
        none = small_site.get(path.replace(where[-24:], "0" * 24), "bank")
        assert (other.status_code, none.status_code) == (404, 404)
        assert other.json()["detail"].replace(where[-24:], "0" * 24) == none.json()["detail"]
