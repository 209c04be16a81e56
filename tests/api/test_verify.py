"""POST /v1/verify: a verdict for whatever is sent, made with the server's own trust root, and saying so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import openapi, schemas
from api.app import create_app
from ledger.errors import ConfigurationError, UnavailableError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.verdict import AnchorSource, AnchorView, Level
from ledger.settings import Settings
from ledger.store import anchors, logs, outbox
from tests.api.conftest import JSON, Site, disbursed, make_site, originated, repaid
from tests.api.make_examples import CHAIN
from tests.databases import sqlite_in

KEY = "aa" * 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("verify")))
    with site.client:
        site.ledger.bind_chain(CHAIN)
        for event in (originated("L1"), disbursed("L1", KEY), repaid("L1", private={"name": "王小明"})):
            assert site.post(event).status_code == 201
        site.ledger.publish()
        yield site
    site.ledger.store.close()


@pytest.fixture
def receipt(site: Site) -> bytes:
    return bytes(site.get("/v1/events/r-L1-1/receipt").content)


def verify(client: TestClient, data: bytes, require: str | None = None) -> dict[str, Any]:
    query = {"require": require} if require else {}
    answer = client.post("/v1/verify", content=data, headers={"Content-Type": JSON}, params=query)
    assert answer.status_code == 200, answer.text
    schemas.Verification.model_validate_json(answer.content)
    verdict: dict[str, Any] = answer.json()
    return verdict


def test_a_receipt_is_valid_and_the_answer_says_by_whose_trust(site: Site, receipt: bytes) -> None:
    verdict = verify(site.client, receipt)
    assert (verdict["verdict"], verdict["kind"], verdict["level"]) == ("valid", "receipt", "published")
    assert verdict["trust"]["source"] == "server"
    assert verdict["trust"]["fingerprint"] == site.ledger.trust_root().fingerprint
    assert verdict["trust"]["grade"] == "devnet"
    assert [step["name"] for step in verdict["steps"]][:1] == ["form"]
    assert verdict["not_checked"]
    assert verdict["record"]["id"] == "r-L1-1"


def test_claim_proofs_and_acceptances_are_verified_too(site: Site) -> None:
    assert verify(site.client, site.ledger.prove_claim(KEY))["kind"] == "claim_proof"
    assert verify(site.client, site.ledger.prove_claim("bb" * 32))["verdict"] == "valid"
    acceptance = site.get("/v1/events/o-L1/acceptance").content
    found = verify(site.client, acceptance)
    assert (found["verdict"], found["kind"], found["level"]) == ("valid", "acceptance", None)


def test_a_level_that_cannot_be_shown_leaves_it_undetermined(site: Site, receipt: bytes) -> None:
    verdict = verify(site.client, receipt, "final")
    assert verdict["verdict"] == "undetermined"
    assert verdict["failed"]["code"] == "undetermined"
    assert verify(site.client, receipt, "published")["verdict"] == "valid"


def test_an_edited_receipt_is_never_valid(site: Site, receipt: bytes) -> None:
    for at in range(0, len(receipt), 37):
        edited = receipt[:at] + bytes([receipt[at] ^ 1]) + receipt[at + 1 :]
        verdict = verify(site.client, edited)
        assert verdict["verdict"] == "invalid", at
        assert verdict["failed"]["step"]
        assert verdict["failed"]["reason"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"media_type": 7}', b"<xml/>", b"[" * 100_000]
)
def test_what_is_no_file_of_ours_is_invalid_by_its_form(site: Site, data: bytes) -> None:
    verdict = verify(site.client, data)
    assert (verdict["verdict"], verdict["failed"]["step"]) == ("invalid", "form")


def test_another_spelling_of_the_same_receipt_is_invalid(site: Site, receipt: bytes) -> None:
    assert verify(site.client, json.dumps(json.loads(receipt)).encode())["verdict"] == "invalid"
    assert verify(site.client, receipt.rstrip(b"\n"))["verdict"] == "invalid"


@dataclass
class Anchors:
    """An anchor source in memory."""

    size: int
    root: bytes
    error: Exception | None = None

    def root_at(self, size: int) -> AnchorView:
        if self.error is not None:
            raise self.error
        return AnchorView(size=self.size, root=self.root, level=Level.FINAL, describes="a chain in memory")


def with_anchors(site: Site, given: Anchors | Exception) -> TestClient:
    def source(_: object) -> AnchorSource:
        if isinstance(given, Exception):
            raise given
        return given

    return TestClient(
        create_app(Settings(), ledger=site.ledger, anchors=source), raise_server_exceptions=False
    )


def test_the_servers_view_of_the_chain_raises_the_level(site: Site, receipt: bytes) -> None:
    size, root = site.ledger.latest_checkpoint() or (0, b"")
    client = with_anchors(site, Anchors(size, root))
    assert verify(client, receipt, "final")["level"] == "final"
    forked = verify(with_anchors(site, Anchors(size, bytes(32))), receipt)
    assert forked["verdict"] == "invalid"
    assert forked["failed"]["evidence"]


@pytest.mark.parametrize("error", [UnavailableError("no answer"), ConfigurationError("chain 1, not 31337")])
def test_a_chain_that_cannot_be_asked_leaves_the_level_open(
    site: Site, receipt: bytes, error: Exception
) -> None:
    client = with_anchors(site, Anchors(0, b"", error))
    assert verify(client, receipt, "anchored")["verdict"] == "undetermined"


def test_a_contract_that_is_another_is_invalid(site: Site, receipt: bytes) -> None:
    client = with_anchors(site, Anchors(0, b"", VerificationError("no code there", step="contract")))
    verdict = verify(client, receipt)
    assert (verdict["verdict"], verdict["failed"]["step"]) == ("invalid", "contract")


def test_a_source_that_cannot_be_made_leaves_it_open(site: Site, receipt: bytes) -> None:
    client = with_anchors(site, ConfigurationError("rpc_url"))
    assert verify(client, receipt)["verdict"] == "undetermined"


def test_large_files_are_refused(site: Site) -> None:
    answer = site.client.post("/v1/verify", content=b"x" * 5_000_000, headers={"Content-Type": JSON})
    assert answer.status_code == 413


def test_the_trust_root_is_the_one_issued_last(site: Site) -> None:
    answer = site.client.get("/v1/trust")
    live = site.ledger.trust_root()
    assert answer.content == live.encode()
    assert answer.headers["etag"] == f'"{live.fingerprint}"'
    assert answer.headers["content-type"] == "application/vnd.poolproof.trust.v1+json"
    issued = site.ledger.trust_root(pinned=[(1, b"\x01" * 32)])
    with site.ledger.store.write() as connection:
        logs.put_trust_root(
            connection,
            site.ledger.row().id,
            fingerprint=bytes.fromhex(issued.fingerprint),
            document=issued.encode(),
            issued="2026-11-22T00:00:00.000000Z",
        )
    assert site.client.get("/v1/trust").content == issued.encode()
    receipt = site.get("/v1/events/o-L1/receipt").content
    assert verify(site.client, receipt)["trust"]["fingerprint"] == issued.fingerprint


def test_the_evidence_of_a_final_anchor_is_served_as_stored(site: Site) -> None:
    size, root = site.ledger.latest_checkpoint() or (0, b"")
    stored = canonical.encode_file(openapi.examples()["Evidence"])
    assert site.client.get(f"/v1/evidence/{size}").status_code == 404
    with site.ledger.store.write() as connection:
        log_id = site.ledger.row().id
        anchors.want(connection, log_id, size, root)
        outbox.move(connection, anchors.job(log_id, size), "final", evidence=stored)
    answer = site.client.get(f"/v1/evidence/{size}")
    assert answer.content == stored
    assert answer.headers["content-type"] == "application/vnd.poolproof.evidence.v1+json"
    assert "immutable" in answer.headers["cache-control"]
    assert site.get("/v1/events/o-L1").json()["state"] == "final"
