"""Receipts: their form, what is signed, and the export that any tlog client reads."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.entries import record_entry
from ledger.proofs.receipt import MEDIA_TYPE, Receipt
from tests.oracles import rfc9162, signed_note
from tests.samples import LOG, SERVICE, simple_log

LOG_OF_FIVE = simple_log()
RECEIPT = LOG_OF_FIVE.receipt(2)
DATA = RECEIPT.encode()


def test_prints_what_it_reads() -> None:
    assert Receipt.parse(DATA) == RECEIPT
    unbound = LOG_OF_FIVE.receipt(2, chain=None)
    assert Receipt.parse(unbound.encode()) == unbound


def test_the_record_and_the_checkpoint_stand_in_it_verbatim() -> None:
    members = canonical.decode(DATA)
    assert members["record"] == LOG_OF_FIVE.records[2]
    assert members["checkpoint"] == LOG_OF_FIVE.note(6)


def test_what_is_signed() -> None:
    members = canonical.decode(DATA)
    del members["signature"]
    message = MEDIA_TYPE.encode() + b"\n" + canonical.encode(members)
    assert message == RECEIPT.message()
    assert RECEIPT.signature is not None
    SERVICE.verifier.verify_raw(message, RECEIPT.signature.value)


def test_an_unsigned_receipt_is_no_file() -> None:
    with pytest.raises(ValueError, match="unsigned"):
        replace(RECEIPT, signature=None).encode()


def edit(**changes: Any) -> bytes:
    return canonical.encode_file(canonical.decode(DATA) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"media_type": "x"},
        {"origin": "a b"},
        {"chain_id": None},
        {"chain_id": None, "contract": None},
        {"chain_id": 0},
        {"contract": "0x" + "AB" * 20},
        {"log_id": "0x"},
        {"index": -1},
        {"index": 1 << 53},
        {"index": True},
        {"index": "2"},
        {"record": None},
        {"disclosures": None},
        {"disclosures": [["00" * 16, "name"]]},
        {"disclosures": [["00" * 15, "name", 1]]},
        {"disclosures": [["GG" * 16, "name", 1]]},
        {"disclosures": [["00" * 16, 1, 1]]},
        {"proof": {}},
        {"proof": ["AA=="]},
        {"proof": [3]},
        {"checkpoint": ["x"]},
        {"register": {"entry": ""}},
        {"register": None},
        {"signature": None},
        {"signature": {"key": "no id", "value": "A" * 86 + "=="}},
        {"signature": {"key": "k+00000000", "value": "A" * 84}},
        {"extra": 1},
    ],
    ids=repr,
)
def test_refuses(changes: dict[str, Any]) -> None:
    try:
        data = edit(**changes)
    except MalformedError:
        return  # not even canonical JSON
    with pytest.raises(MalformedError):
        Receipt.parse(data)


def test_refuses_an_endless_file() -> None:
    with pytest.raises(MalformedError, match="more than"):
        Receipt.parse(b" " * (9 << 20) + b"\n")


def test_tlog_proof_by_the_specification() -> None:
    """Read as https://c2sp.org/tlog-proof says, with the second implementations and nothing of ours."""
    text = RECEIPT.tlog_proof().decode()
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    record = base64.b64decode(lines[1].removeprefix("extra "), validate=True)
    assert lines[2] == "index 2"
    proof = [base64.b64decode(line, validate=True) for line in lines[3:]]
    body, signers = signed_note.open_note(note.encode(), [signed_note.key(LOG.verifier.vkey)])
    assert signers
    tree = signed_note.checkpoint(body)
    leaf = rfc9162.leaf(record_entry(hashlib.sha256(record).digest()))
    assert rfc9162.inclusion_holds(2, tree.size, leaf, proof, tree.root)
    assert note == LOG_OF_FIVE.note(6)


def test_tlog_proof_of_a_single_record() -> None:
    log = simple_log(1)
    lines = log.receipt(0).tlog_proof().decode().split("\n")
    assert lines[2] == "index 0"
    assert len(lines[3]) == 44
    assert lines[4] == ""
