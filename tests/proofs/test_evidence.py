"""The form of evidence files; what they prove is tested with ``ledger.chain.stateproof``."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.evidence import Evidence
from tests.chain.anchored import Anchored

DATA = Anchored.load().evidence.encode()


def test_prints_what_it_reads() -> None:
    assert Evidence.parse(DATA).encode() == DATA


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("media_type", "x"),
        ("chain_id", None),
        ("contract", "0x00"),
        ("size", 0),
        ("root", "AA=="),
        ("block", {"number": 1, "hash": "0x" + "00" * 32}),
        ("block", {"number": 1, "hash": "0x" + "00" * 31, "header": ""}),
        ("account_proof", ["!"]),
        ("account_proof", "AA=="),
        ("storage_proof", ["AA=="] * 66),
        ("storage_proof", ["A" * 100_000]),
        ("storage_key", "0x00"),
        ("checkpoint", 3),
        ("cosignatures", ["no newline"]),
        ("cosignatures", ["two\nlines\n"]),
        ("cosignatures", [3]),
        ("extra", 1),
    ],
)
def test_refuses(member: str, value: Any) -> None:
    members = canonical.decode(DATA)
    with pytest.raises(MalformedError):
        Evidence.parse(canonical.encode_file(members | {member: value}))


def test_refuses_an_evidence_without_a_chain() -> None:
    members = canonical.decode(DATA)
    with pytest.raises(MalformedError, match="names no chain"):
        Evidence.parse(canonical.encode_file(members | {"chain_id": None, "contract": None, "log_id": None}))
