"""Signing one's own requests: the committed vectors, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.mirror import signing
from ledger.proofs.note import Signer

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "request_signatures.json").read_text())
SIGNER = Signer.from_seed("request", bytes.fromhex(VECTORS["private_key"]))


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    target = vector["path"] + ("?" + vector["query"] if vector["query"] else "")
    made = signing.headers(
        SIGNER, key=f"poolproof_{vector['key_id']}_secret", method=vector["method"], target=target,
        body=vector["body"].encode(), created=vector["created"], nonce=vector["nonce"],
    )  # fmt: skip
    told = {name.lower(): value for name, value in vector["headers"].items()}
    assert {name.lower(): value for name, value in made.items()} == {
        name: told[name] for name in ("content-digest", "signature-input", "signature")
    }


def test_what_is_no_key_has_no_id() -> None:
    assert signing.key_id("poolproof_0123_45") == "0123"
    assert signing.key_id("nonsense") == ""
