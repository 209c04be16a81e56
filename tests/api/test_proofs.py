"""Proofs over HTTP: each verifies, and none tells of another lender."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

import pytest

from ledger.proofs import merkle
from ledger.proofs.verify import verify_file
from tests.api.book import make_book
from tests.api.conftest import Site, pledged


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("book"))
    with site.client:
        yield site
    site.ledger.store.close()


def decoded(items: list[str]) -> list[bytes]:
    return [b64decode(one) for one in items]


def test_an_entry_is_proved_in_every_published_tree(book: Site) -> None:
    for checkpoint in book.get("/v1/checkpoints", None).json()["items"]:
        size = checkpoint["size"]
        for index in (0, size - 1):
            found = book.get(f"/v1/proofs/inclusion?index={index}&size={size}", None).json()
            assert found["checkpoint"] == checkpoint["note"]
            root, leaf = b64decode(checkpoint["root"]), b64decode(found["leaf"])
            merkle.verify_inclusion(index, size, leaf, decoded(found["proof"]), root)
        assert book.get(f"/v1/proofs/inclusion?index={size}&size={size}", None).status_code == 404


def test_published_trees_extend_each_other(book: Site) -> None:
    first, second = book.get("/v1/checkpoints", None).json()["items"]
    found = book.get(f"/v1/proofs/consistency?first={first['size']}", None).json()
    merkle.verify_consistency(
        first["size"],
        second["size"],
        b64decode(first["root"]),
        b64decode(second["root"]),
        decoded(found["proof"]),
    )
    assert (found["first_checkpoint"], found["second_checkpoint"]) == (first["note"], second["note"])
    for query in (
        f"first={second['size']}&second={first['size']}",
        "first=3",
        f"first={first['size']}&second=3",
    ):
        assert book.get(f"/v1/proofs/consistency?{query}", None).status_code == 404, query


def test_the_registers_are_those_of_the_checkpoints(book: Site) -> None:
    sizes = [one["size"] for one in book.get("/v1/checkpoints", None).json()["items"]]
    registers = book.get("/v1/registers", None).json()["items"]
    assert [one["size"] for one in registers] == sizes
    assert book.get(f"/v1/registers/{sizes[0]}", None).json() == registers[0]
    assert b64decode(registers[0]["entry"])[20:52].hex() == registers[0]["root"]
    rest = book.get(
        f"/v1/registers?limit=1&cursor={book.get('/v1/registers?limit=1', None).json()['next']}", None
    )
    assert rest.json() == {"items": registers[1:], "next": None}


def test_claim_and_seal_proofs_verify(book: Site) -> None:
    trust = book.ledger.trust_root()
    for path, kind in (
        ("/v1/proofs/presence/L1/c1", "claim"),
        (f"/v1/proofs/presence/{'01' * 32}", "claim"),
        (f"/v1/proofs/absence/{'ff' * 32}", "claim"),
        ("/v1/proofs/seal/P1/L3/c1", "seal"),
    ):
        answer = book.get(path, "bank")
        assert answer.status_code == 200, answer.text
        assert kind in str(verify_file(trust, answer.content).kind)


def test_no_proof_names_another_lender(book: Site) -> None:
    for party in ("bank", "other", "fund"):
        refused = book.get("/v1/proofs/presence/L3/c1", party)
        assert (refused.status_code, refused.json()["code"]) == (403, "unauthorised")
    assert book.get("/v1/proofs/presence/L3/c1", "keeper").status_code == 200


def test_what_is_not_the_callers_is_not_there(book: Site) -> None:
    assert book.get("/v1/proofs/presence/L2/c1", "bank").status_code == 404
    assert book.get(f"/v1/proofs/presence/{'02' * 32}", "bank").status_code == 404
    assert book.get("/v1/proofs/seal/P1/L2/c1", "bank").status_code == 404
    taken = book.get(f"/v1/proofs/absence/{'02' * 32}", "bank")
    assert taken.status_code == 404
    assert "L2" not in taken.text


def test_a_refused_pledge_is_linked_to_the_proof_of_what_stands(book: Site) -> None:
    refused = book.post(pledged("P3", "L2", holder="bank", n=9))
    assert refused.status_code == 409
    standing = refused.json()["standing"]
    proof = book.get(standing["proof"], None).json()
    assert proof["index"] == standing["index"]
    assert b64decode(proof["leaf"]) == merkle.leaf_hash(bytes.fromhex(standing["digest"]) + b"\0\0\0\0\1")
    assert '"other"' not in refused.text
    assert "P2" not in refused.text


def test_anchors_are_told(book: Site) -> None:
    book.get("/v1/events/o-L1/receipt?party=fenqile", "bank")  # which asks for an anchor
    [anchor] = book.get("/v1/anchors", None).json()["items"]
    assert (anchor["state"], anchor["evidence"]) == ("planned", None)
    assert book.get(f"/v1/anchors/{anchor['size']}", None).json() == anchor | {"transactions": []}
