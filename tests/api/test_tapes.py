"""Files about a pool over HTTP: compared, committed to, carried on, and their breaks closed by both sides."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api import schemas
from ledger import reconciling
from ledger.audit import pool as pools
from ledger.audit.reconcile.breaks import tapes_received
from ledger.jobs import Runner
from ledger.reconciling import Desk
from ledger.store import logs, tables
from tests.api.book import make_book
from tests.api.conftest import Site, new_key
from tests.tapes.mappings import BALANCES

#: The records say 12000.00 of both.
TAPE = "loan,as of,balance\nL1,2026-11-21,12000.00\nL3,2026-11-21,11500.00\n"
PATH = "/v1/pools/P1/tapes"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Site]:
    site = make_book(tmp_path, max_request_bytes=65_536)
    with site.client:
        yield site
    site.ledger.store.close()


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same, for tests that store nothing in it."""
    site = make_book(tmp_path_factory.mktemp("book"), max_request_bytes=65_536)
    with site.client:
        yield site
    site.ledger.store.close()


def send(
    site: Site, party: str = "fenqile", tape: str | bytes = TAPE, *, mapping: str | None = BALANCES, query: str = "",
    headers: dict[str, str] | None = None, **fields: str,
) -> Any:  # fmt: skip
    files = {"file": ("tape.csv", tape if isinstance(tape, bytes) else tape.encode())}
    if mapping is not None:
        files["mapping"] = ("tape.toml", mapping.encode())
    given = site.auth(party) | (headers or {})
    return site.client.post(PATH + query, files=files, data=fields, headers=given)


def work(site: Site) -> None:
    handlers = {reconciling.KIND: Desk(site.ledger).perform}
    runner = Runner(site.ledger.store, site.ledger.origin, handlers, clock=site.ledger.clock)
    while runner.step():
        pass


def size(site: Site) -> int:
    return site.ledger.row().size


def test_a_tape_is_committed_to_by_its_digest_and_breaks_are_opened(book: Site) -> None:
    before = size(book)
    answer = send(book)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["tape"], found["cut_off"]) == (hashlib.sha256(TAPE.encode()).hexdigest(), "2026-11-21")
    [one] = found["breaks"]
    assert (one["loan"], one["item"], one["difference"], one["owner"], one["status"]) == (
        "L3", "balance", "-500.00", "fenqile", "new",
    )  # fmt: skip
    assert (found["posted"], size(book) - before) == ({"tape_received": 1, "breaks_opened": 1}, 2)
    schemas.Reconciliation.model_validate_json(answer.content)
    acceptance = book.get(answer.headers["location"] + "/acceptance")
    assert acceptance.json()["id"] == found["receipt"]["id"]
    [listed] = book.get("/v1/pools/P1/breaks", "bank").json()["items"]
    assert (listed["name"], listed["status"], listed["age_days"]) == (one["name"], "open", 1)
    [tape] = book.get(PATH, "bank").json()["items"]
    assert tape["data"] == {
        "tape": found["tape"], "form": "csv", "cut_off": "2026-11-21", "records": 2,
        "totals": [{"name": "balance", "currency": "CNY", "amount": "23500.00"}],
        "mapping": hashlib.sha256(BALANCES.encode()).hexdigest(),
    }  # fmt: skip


def test_the_same_file_adds_nothing_and_a_later_one_carries_its_breaks_on(book: Site) -> None:
    first, before = send(book).json(), size(book)
    again = send(book)
    assert (again.status_code, size(book)) == (200, before)
    assert again.json()["posted"] == {"tape_received": 0, "breaks_opened": 0}
    assert again.json()["receipt"] == first["receipt"]
    assert again.json()["breaks"][0]["status"] == "open"
    later = send(book, tape=TAPE.replace("2026-11-21", "2026-11-22").replace("11500.00", "11400.00"))
    assert later.json()["posted"] == {"tape_received": 1, "breaks_opened": 0}
    [one] = later.json()["breaks"]
    assert (one["name"], one["status"], one["since"]) == (first["breaks"][0]["name"], "open", "2026-11-21")
    mended = send(book, tape=TAPE.replace("2026-11-21", "2026-11-22").replace("11500.00", "12000.00"))
    assert [one["name"] for one in mended.json()["gone"]] == [first["breaks"][0]["name"]]
    assert mended.json()["outcome"] == "open breaks", (
        "a break that is not shown any more stays until it is closed"
    )


@pytest.mark.parametrize("party", ["bank", "fund", "watch", "checker"])
def test_a_private_look_stores_nothing(still: Site, party: str) -> None:
    before, files = size(still), set(Path(tempfile.gettempdir()).glob("poolproof-*"))
    answer = send(still, party, query="?private=true")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["private"], found["posted"], found["receipt"]) == (True, None, None)
    assert [(one["item"], one["owner"]) for one in found["breaks"]] == [("balance", None)]
    assert size(still) == before
    assert set(Path(tempfile.gettempdir()).glob("poolproof-*")) <= files
    with still.ledger.store.read() as connection:
        assert list(connection.execute(select(tables.jobs.c.id))) == []
    [read] = still.client.get("/v1/reads?limit=1", headers=_admin(still, party)).json()["items"]
    assert (read["subject"], read["what"]) == ("pool:P1", "reconciliation")


def _admin(site: Site, party: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {new_key(site.ledger, party, 'admin')}"}


def test_who_may_record_a_file(book: Site) -> None:
    """Whoever may post tape.received, of the pools that it sees, with a key that may read and write."""
    for party, status in (("watch", 403), ("cash", 404), ("other", 404), ("guard", 404)):
        assert send(book, party).status_code == status, party
    before = size(book)
    for scopes, private, status in (
        (("read",), "", 403), (("read",), "?private=true", 200), (("write",), "", 403),
        (("write",), "?private=true", 403), (("audit",), "", 403),
    ):  # fmt: skip
        book.tokens["limited"] = new_key(book.ledger, "collector", *scopes)
        assert send(book, "limited", query=private).status_code == status, scopes
    assert size(book) == before
    answer = send(book, "bank", sender="fenqile")
    assert (answer.status_code, answer.json()["breaks"][0]["owner"]) == (201, "fenqile")
    assert answer.json()["receipt"]["party"] == "bank"


#: A file that would become a gigabyte where entities are expanded.
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    b"<assetData><assets>&b;</assets></assetData>"
)


@pytest.mark.parametrize(
    ("tape", "given", "status", "says"),
    [
        (TAPE.replace("11500.00", "many"), {}, 400, "line 3: balance"),
        (TAPE.replace("L3", "L1"), {}, 400, "stands in the file twice"),
        (TAPE.replace("balance", "rest"), {}, 400, "balance"),
        ("loan,as of,balance\n", {}, 400, "no row"),
        (BOMB, {"mapping": None}, 400, ""),
        ("name,currency,amount\nbalance,CNY,1.00\n", {"mapping": None, "form": "totals"}, 422, "cut_off"),
        (TAPE, {"mapping": "[[event]]\ntype = 1"}, 422, "Expected `str`"),
        (TAPE, {"mapping": BALANCES.replace("balance.reported", "loan.disbursed")}, 422, "map its rows"),
        (TAPE, {"form": "csv", "mapping": None}, 422, "read by a mapping"),
        (TAPE, {"percent": "true"}, 422, "does not go with"),
        (TAPE, {"sender": "nobody"}, 422, "is no party"),
        (TAPE, {"form": "pdf"}, 422, "form"),
        (TAPE, {"since": "2026-02-30"}, 422, "2026-02-30"),
        (TAPE, {"colour": "red"}, 422, "colour"),
        (TAPE + "L9,2026-11-21,1.00\n" * 9_000, {}, 413, "65536"),
        (TAPE, {"mapping": BALANCES + "#" * 70_000}, 413, "65536"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_stores_nothing(
    still: Site, tape: str | bytes, given: dict[str, Any], status: int, says: str
) -> None:
    before = size(still)
    answer = send(still, "fenqile", tape, **given)
    assert (answer.status_code, size(still)) == (status, before), answer.text
    problem = answer.json()
    assert says in f"{problem['detail']} {problem.get('errors')}"
    assert "/tmp" not in answer.text, "nobody is told where files lie here"


def test_what_is_no_form_with_a_file(still: Site) -> None:
    ask, key = still.client.post, still.auth()
    assert ask(PATH, content=TAPE, headers=key | {"Content-Type": "text/csv"}).status_code == 415
    broken = ask(PATH, content=b"--x\r\n", headers=key | {"Content-Type": "multipart/form-data"})
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed")
    assert ask(PATH, files={"mapping": ("m", b"")}, headers=key).status_code == 422
    twice = [("file", ("a", TAPE.encode())), ("file", ("b", TAPE.encode()))]
    assert ask(PATH, files=twice, headers=key).status_code == 422
    assert ask(PATH, files={"other": ("a", b"x"), "file": ("b", b"x")}, headers=key).status_code == 422


def test_a_large_file_becomes_a_job_with_the_same_answer(book: Site) -> None:
    asked = send(book, headers={"Prefer": "respond-async"})
    assert (asked.status_code, asked.json()["kind"], asked.json()["state"]) == (202, "tape", "queued")
    with book.ledger.store.read() as connection:
        kept = list(connection.execute(select(tables.job_parts.c.data)).scalars())
    assert len(kept) == 2
    assert all(b"L3" not in bytes(one) and b"balance" not in bytes(one) for one in kept), "stored sealed"
    early = book.get(asked.headers["location"] + "/reconciliation")
    assert (early.status_code, early.json()["code"]) == (409, "undetermined")
    before = size(book)
    work(book)
    job = book.get(asked.headers["location"]).json()
    assert (job["state"], job["result"]["breaks"], job["result"]["breaks_opened"]) == ("done", 1, 1)
    assert size(book) == before + 2
    found = book.get(job["report"]).json()
    assert (found["breaks"][0]["loan"], found["posted"]) == ("L3", {"tape_received": 1, "breaks_opened": 1})
    assert book.get(job["report"], "bank").status_code == 404, "a job is of the party that handed it in"
    with book.ledger.store.read() as connection:
        assert list(connection.execute(select(tables.job_parts.c.name)).scalars()) == ["outcome"]
    assert send(book).json()["posted"] == {"tape_received": 0, "breaks_opened": 0}


def test_a_job_that_fails_says_why_and_a_private_one_is_none(book: Site) -> None:
    asked = send(book, tape=TAPE.replace("11500.00", "many"), headers={"Prefer": "respond-async"})
    work(book)
    job = book.get(asked.headers["location"]).json()
    assert (job["state"], job["problem"]["code"]) == ("failed", "malformed")
    assert "line 3: balance" in job["problem"]["detail"]
    refused = send(book, query="?private=true", headers={"Prefer": "respond-async"})
    assert refused.status_code == 413
    assert "audit --from" in refused.json()["detail"]


def test_a_key_of_the_client_does_it_once(book: Site) -> None:
    headers = {"Idempotency-Key": "tape-2026-11-21"}
    first, before = send(book, headers=headers), size(book)
    again = send(book, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert (again.headers["idempotent-replayed"], size(book)) == ("true", before)
    assert send(book, headers=headers, partial="true").json()["code"] == "idempotency_mismatch"


def test_both_sides_close_a_break_and_one_alone_does_not(book: Site) -> None:
    [found] = send(book).json()["breaks"]

    def close(party: str, n: int = 1) -> None:
        word = {"name": found["name"], "resolution": "file_wrong", "explanation": "the export ran too early"}
        event = {"id": f"close-{n}", "type": "break.closed", "subject": "pool:P1", "effective": "2026-11-22"}
        assert book.post(event | {"data": word}, party).status_code == 201

    def status() -> str:
        [one] = book.get("/v1/pools/P1/breaks?closed=true", "bank").json()["items"]
        assert isinstance(one["status"], str)
        return one["status"]

    close("fenqile")
    close("fenqile", 2)
    assert status() == "agreed", "one side alone, be it twice"
    close("bank")
    assert status() == "closed"
    assert book.get("/v1/pools/P1/breaks", "bank").json()["items"] == []
    assert send(book).json()["breaks"][0]["status"] == "closed", "the same file does not open it anew"
    later = send(book, tape=TAPE.replace("2026-11-21", "2026-11-22"))
    assert later.json()["breaks"][0]["status"] == "reopened"
    assert later.json()["posted"]["breaks_opened"] == 1


def test_what_is_recorded_is_what_the_command_line_records(book: Site, tmp_path: Path) -> None:
    """One door for both: the events are the same to the last character."""
    (tmp_path / "tape.csv").write_text(TAPE)
    (tmp_path / "tape.toml").write_text(BALANCES)
    order = reconciling.Order(pool="P1").settled(mapped=True)
    source = reconciling.open_file(tmp_path / "tape.csv", order, tmp_path / "tape.toml")
    wanted = reconciling.compare(
        book.ledger.store, book.ledger.origin, source, order, poster="fenqile", now=book.clock()
    ).events("fenqile")
    send(book)
    with book.ledger.store.read() as connection:
        log = logs.get(connection, book.ledger.origin)
        own = pools.load(connection, log, "P1", before=log.size, as_of=book.clock().date()).records
    assert [one.id for _, one in own[-2:]] == [event["id"] for event in wanted]
    assert [tape.tape for _, tape in tapes_received(own)] == [wanted[0]["data"]["tape"]]
