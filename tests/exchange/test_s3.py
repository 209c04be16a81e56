"""A day's files in and replies out over the S3 protocol, against a server on loopback."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from ledger.errors import NotFoundError, UnavailableError
from ledger.exchange import Exchange, Outbox, Place
from ledger.log import Ledger
from tests.exchange.conftest import MAPPING, PLAN, loans
from tests.exchange.running import FRIDAY, payments

WHERE = "s3://bank-exchange/poolproof"
#: What a deployment sets, as docs/guides/exchange.md has it.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "exchange",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-central-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a server that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty bucket there, opened as an operator opens it: by URL and environment."""
    import httpx2

    httpx2.post(f"{endpoint}/moto-api/reset")
    httpx2.put(f"{endpoint}/bank-exchange")
    for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}).items():
        monkeypatch.setenv(name, value)
    return Place.open(WHERE)


def test_a_days_files_go_in_and_replies_come_out(bucket: Place, sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append(loans(), party="fenqile")
    bucket.write("exchange.toml", PLAN.encode())
    bucket.write("mappings/repayments.toml", MAPPING.encode())
    rows = payments(FRIDAY, (1, "L0", 30_000), (2, "L1", 20_000), (3, "nobody", 100))
    sender = Outbox(bucket, "fenqile")
    sender.send(FRIDAY, "repayments", rows, mapping="repayments", sums=("fen",))

    report = Exchange(bucket, sqlite_ledger, batch=500).run()
    [taken] = report.files
    assert (taken.row.state, taken.row.accepted, taken.row.refused) == ("taken", 2, 1)
    out = f"out/fenqile/{FRIDAY}"
    assert [one.path for one in bucket.entries(out)][-1] == f"{out}/repayments.reply.ok"
    verdict = json.loads(bucket.read(f"{out}/repayments.reply.json", limit=10_000))
    assert (verdict["state"], verdict["refused"]) == ("taken", 1)
    lines = csv.DictReader(io.StringIO(bucket.read(f"{out}/repayments.reply.csv", limit=10_000).decode()))
    assert [line["outcome"] for line in lines if line["line"] == "4"] == ["refused"]
    recon = bucket.read(f"out/bank-a/{FRIDAY}/recon.csv", limit=10_000).decode()
    assert {line["loan"] for line in csv.DictReader(io.StringIO(recon))} >= {"L0", "L1"}

    again = Exchange(bucket, sqlite_ledger, batch=500).run()
    assert not again.files, "what was taken in is not taken in again"


def test_a_file_that_is_sent_again_is_said_to_be(bucket: Place, sqlite_ledger: Ledger) -> None:
    """As over a directory (test_files.py): a whole one changes nothing, refused lines of another are tried again."""
    sqlite_ledger.append(loans(), party="fenqile")
    bucket.write("exchange.toml", PLAN.encode())
    bucket.write("mappings/repayments.toml", MAPPING.encode())
    whole = payments(FRIDAY, (1, "L0", 30_000), (2, "L1", 20_000))
    partly = payments(FRIDAY, (3, "L2", 10_000), (4, "nobody", 100))
    sender = Outbox(bucket, "fenqile")

    def exchanged() -> list[tuple[str, bool, int, int, int]]:
        """Send both, and what the run says of them."""
        for name, rows in (("repayments", whole), ("repayments.2", partly)):
            sender.send(FRIDAY, name, rows, mapping="repayments", sums=("fen",))
        files = Exchange(bucket, sqlite_ledger, batch=500).run().files
        rows = [(one.row, one.again) for one in files]
        return [(row.name, again, row.accepted, row.repeated, row.refused) for row, again in rows]

    assert exchanged() == [("repayments", False, 2, 0, 0), ("repayments.2", False, 1, 0, 1)]
    size = sqlite_ledger.row().size
    # At once, often within the same second, which is all that S3 tells of a time; its tags are digests of the bytes.
    assert exchanged() == [("repayments", True, 2, 0, 0), ("repayments.2", False, 1, 0, 1)]
    assert sqlite_ledger.row().size == size, "nothing is doubled"
    assert Exchange(bucket, sqlite_ledger, batch=500).run().files == []
    flags = {
        bucket.read(sender.send(FRIDAY, "repayments", whole, mapping="repayments"), limit=64) for _ in "ab"
    }
    assert len(flags) == 2, "one sent again is another object, whatever the clock of the store"


def test_large_objects_whole_and_what_is_not_there(bucket: Place, tmp_path: Path) -> None:
    """Above five MiB the client sends an object in parts."""
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * (12 << 12))
    bucket.write("in/large", file)
    copy = tmp_path / "copy"
    bucket.fetch("in/large", copy)
    assert copy.read_bytes() == file.read_bytes()
    bucket.remove("in/large")
    bucket.remove("in/large")
    with pytest.raises(NotFoundError, match="s3://bank-exchange"):
        bucket.read("in/large", limit=1)


@pytest.mark.slow
def test_many_objects_are_listed_in_pages(bucket: Place) -> None:
    for n in range(1_001):
        bucket.write(f"in/{n:04}", b"")
    assert [one.path for one in bucket.entries("in")] == [f"in/{n:04}" for n in range(1_001)]


def test_a_bucket_that_is_not_there_or_does_not_answer(
    bucket: Place,
) -> None:
    with pytest.raises(UnavailableError, match="404 Not Found"):
        Place.open("s3://no-such-bucket").entries("in")
    silent = S3Store("bank-exchange", endpoint="http://127.0.0.1:9", retry_config={"max_retries": 0})
    with pytest.raises(UnavailableError):
        Place(silent, WHERE).entries("in")
