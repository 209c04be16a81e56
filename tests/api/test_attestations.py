"""Signed attestations handed in over HTTP: what is taken, once, and what is refused before anybody pays for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from api import schemas
from ledger.access import signer_target
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.keystore import ChainAccount
from ledger.store import access, anchors, outbox, relays
from tests.api.conftest import Site, disbursed, make_site, new_key, originated, pledged, pool
from tests.api.make_examples import CHAIN
from tests.databases import sqlite_in
from tests.relaying import new_signer

REGISTRY = bytes.fromhex("e7f1725e7734ce288f8367e1bb143e90bb3f0512")
PATH = "/v1/pools/W1/attestations"


@dataclass
class Counter:
    """A log with an anchored size, and a bank whose address the operator has named."""

    site: Site
    size: int
    root: bytes
    signer: ChainAccount
    numbers: dict[bytes, int] = field(default_factory=dict)

    def sign(self, signer: ChainAccount | None = None, **changes: Any) -> SignedAttestation:
        """The signer's next number; what is changed before signing."""
        signer = signer or self.signer
        number = self.numbers.get(signer.address, 0)
        self.numbers[signer.address] = number + 1
        members: dict[str, Any] = {
            "log": CHAIN.log_key, "size": self.size, "root": self.root, "subject": "pool:W1", "scope": "",
            "rules_version": 1, "evidence": b"\x0e" * 32, "verdict": Verdict.CHECKED, "signer": signer.address,
            "nonce": number, "deadline": int(self.site.clock().timestamp()) + 86_400,
        }  # fmt: skip
        one = Attestation(**(members | changes))
        signature = signer.sign_typed(one.typed_data(chain_id=CHAIN.chain_id, contract=REGISTRY))
        return SignedAttestation(
            chain_id=CHAIN.chain_id, contract=REGISTRY, attestation=one, signature=signature
        )

    def hand_in(self, signed: SignedAttestation, party: str = "bank", path: str = PATH) -> Any:
        return self.site.client.post(path, json=json.loads(signed.encode()), headers=self.site.auth(party))

    def name(self, party: str, signer: ChainAccount) -> None:
        """The operator says whose address that is; known to keys that are looked up from now on."""
        with self.site.ledger.store.write() as connection:
            access.grant(
                connection, self.site.ledger.row().id, party, signer_target(signer.address),
                given="2026-11-21T00:00:00.000000Z",
            )  # fmt: skip
        self.site.tokens[party] = new_key(self.site.ledger, party)

    def fresh(self) -> ChainAccount:
        """An address of the bank's that has signed nothing."""
        signer = new_signer()
        self.name("bank", signer)
        return signer


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("counter")), attestations_per_day=0)
    ledger = site.ledger
    for one in (originated("L1"), disbursed("L1", "aa" * 32), pool("W1"), pledged("W1", "L1"), pool("W2")):
        assert site.post(one).status_code == 201
    ledger.bind_chain(CHAIN)
    ledger.bind_attestations(REGISTRY)
    first = ledger.publish()
    assert first is not None
    site.post(originated("L2"))
    ledger.publish()  # published and not anchored
    with ledger.store.write() as connection:
        anchors.want(connection, ledger.row().id, first.size, first.root)
        outbox.move(connection, anchors.job(ledger.row().id, first.size), "mined", block_number=7)
    made = Counter(site, first.size, first.root, new_signer())
    made.name("bank", made.signer)
    with site.client:
        yield made
    ledger.store.close()


def test_one_is_taken_and_its_place_tells_how_far_it_is(counter: Counter) -> None:
    signed = counter.sign(scope="tape of July")
    answer = counter.hand_in(signed)
    assert answer.status_code == 202, answer.text
    schemas.Relay.model_validate_json(answer.content)
    place = answer.headers["location"]
    assert place == f"{PATH}/{signed.digest.hex()}"
    found = counter.site.get(place, "bank")
    assert found.json() == answer.json()
    assert (found.json()["state"], found.json()["party"]) == ("waiting", "bank")
    [mine, *_] = counter.site.get(PATH, "bank").json()["relays"]
    assert mine == found.json()
    # Another party sees the pool and not what this one has handed in.
    assert counter.site.get(place, "fenqile").status_code == 404
    assert counter.site.get(PATH, "fenqile").json()["relays"] == []
    log_id = counter.site.ledger.row().id
    with counter.site.ledger.store.read() as connection:
        row = relays.get(connection, log_id, signed.digest)
    assert row is not None
    assert row.file == signed.encode()


def test_the_same_again_is_the_same_and_tells_what_became_of_it(counter: Counter) -> None:
    signed = counter.sign()
    first = counter.hand_in(signed)
    assert counter.hand_in(signed).json() == first.json()
    with counter.site.ledger.store.write() as connection:
        outbox.move(
            connection, relays.job(counter.site.ledger.row().id, signed.digest), "mined", transaction_hash=b"\x07" * 32,
            block_number=12, block_hash=b"\x08" * 32, block_time=1_790_000_000,
        )  # fmt: skip
    again = counter.hand_in(signed)
    assert again.status_code == 200
    assert (again.json()["transaction"], again.json()["block_number"]) == ("0x" + "07" * 32, 12)
    # Also when its time has passed meanwhile.
    clock = counter.site.clock
    before, clock.now = clock.now, clock.now.replace(year=2027)
    counter.site.tokens["bank"] = new_key(counter.site.ledger, "bank")
    assert counter.hand_in(signed).status_code == 200
    clock.now = before


@pytest.mark.parametrize(
    ("changes", "field", "rule", "says"),
    [
        ({"log": b"\x01" * 32}, "attestation.log", "place", "where this is 0x1d1d"),
        ({"subject": "pool:W2"}, "attestation.subject", "place", "where this is pool:W1"),
        ({"evidence": bytes(32)}, "attestation.evidence", "evidence", "without a document"),
        ({"size": 1}, "attestation.size", "not_anchored", "1 is no anchored size"),
        ({"size": 8}, "attestation.size", "not_anchored", "8 is no anchored size"),
        ({"root": bytes(32)}, "attestation.root", "root", "not that of size 6"),
        ({"rules_version": 2}, "attestation.rules_version", "rules_version", "has come to 1"),
        ({"deadline": 1_790_000_000}, "attestation.deadline", "expired", "sign it anew"),
    ],
)
def test_a_wrong_member_is_named(
    counter: Counter, changes: dict[str, Any], field: str, rule: str, says: str
) -> None:
    refused = counter.hand_in(counter.sign(counter.fresh(), **changes))
    assert refused.status_code == 422, refused.text
    problem = refused.json()
    assert (problem["code"], problem["field"], problem["rule"]) == ("refused", field, rule)
    assert says in problem["detail"]


def test_another_chain_or_contract(counter: Counter) -> None:
    signed = counter.sign(counter.fresh())
    for change, where in (({"chain_id": 1}, "chain_id"), ({"contract": b"\x07" * 20}, "contract")):
        refused = counter.hand_in(replace(signed, **change))
        assert (refused.status_code, refused.json()["field"]) == (422, where)


def test_a_signature_that_is_not_the_signers(counter: Counter) -> None:
    signer = counter.fresh()
    signed = counter.sign(signer)
    altered = replace(signed, attestation=replace(signed.attestation, verdict=Verdict.DISPUTED))
    high = int.from_bytes(signed.signature[32:64], "big")
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = signed.signature[:32] + (order - high).to_bytes(32, "big") + bytes([55 - signed.signature[64]])
    for wrong in (
        altered,
        replace(signed, signature=mirrored),
        replace(signed, signature=signed.signature[:64] + bytes([signed.signature[64] - 27])),
        replace(signed, signature=bytes(65)),
        replace(signed, signature=b"\x01"),
        replace(signed, signature=counter.sign(counter.fresh()).signature),
    ):
        refused = counter.hand_in(wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, "signature"), refused.text
    assert counter.hand_in(signed).status_code == 202


def test_the_signer_is_an_address_of_the_callers_party(counter: Counter) -> None:
    stranger = counter.sign(new_signer())
    refused = counter.hand_in(stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "unauthorised")
    assert "is not known as an address of bank" in refused.json()["detail"]
    # Nor may another party hand in what the bank's address has signed.
    assert counter.hand_in(counter.sign(), party="fenqile").status_code == 403


def test_a_number_is_one_attestations(counter: Counter) -> None:
    signer = counter.fresh()
    first = counter.sign(signer, nonce=0)
    assert counter.hand_in(first).status_code == 202
    other = counter.sign(signer, nonce=0, verdict=Verdict.DISPUTED)
    refused = counter.hand_in(other)
    assert (refused.json()["field"], refused.json()["rule"]) == ("attestation.nonce", "number")
    with counter.site.ledger.store.write() as connection:
        outbox.move(
            connection, relays.job(counter.site.ledger.row().id, first.digest), "failed", problem="too late"
        )
    assert counter.hand_in(other).status_code == 202


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"signature": "0x"}, 422),
        ({"signature": None}, 422),
        ({"more": 1}, 422),
        ({"media_type": "application/json"}, 422),
        ({"chain_id": 0}, 422),
        ({"contract": "0x07"}, 422),
    ],
)
def test_a_wrong_form_points_at_the_member(counter: Counter, change: dict[str, Any], status: int) -> None:
    document = json.loads(counter.sign(counter.fresh()).encode()) | change
    answer = counter.site.client.post(PATH, json=document, headers=counter.site.auth("bank"))
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == f"/body/{next(iter(change))}"


def test_a_party_has_so_many_a_day(counter: Counter) -> None:
    services: Any = counter.site.client.app.state  # type: ignore[attr-defined]  # a Starlette application
    before, clock = services.services, counter.site.clock
    clock.now = clock.now.replace(year=2028)
    counter.site.tokens["bank"] = new_key(counter.site.ledger, "bank")
    services.services = replace(before, attestations_per_day=2)
    signer = counter.fresh()
    one, *_ = answers = [counter.hand_in(counter.sign(signer)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["retry-after"]) > 86_000
    assert counter.site.get(one.headers["location"], "bank").status_code == 200
    services.services = before


def test_a_log_without_a_contract(small_site: Site) -> None:
    for one in (originated("L1"), disbursed("L1", "aa" * 32), pool("W1"), pledged("W1", "L1")):
        assert small_site.post(one).status_code == 201
    counter = Counter(small_site, 1, bytes(32), new_signer())
    answer = counter.hand_in(counter.sign())
    assert (answer.status_code, answer.json()["code"]) == (409, "undetermined")
    told = small_site.get(PATH, "bank").json()
    assert (told["contract"], told["items"], told["next_nonce"]) == (None, [], None)
