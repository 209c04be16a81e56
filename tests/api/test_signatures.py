"""Signed requests: the committed vectors, every change of one refused, replays refused."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api import signatures
from ledger.errors import UnauthorisedError
from tests.api.conftest import Site, new_key, originated

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "request_signatures.json").read_text())
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["private_key"]))
PUBLIC = PRIVATE.public_key().public_bytes_raw()


def signed(
    token: str, method: str, target: str, body: bytes, created: int, nonce: str = "n" * 16
) -> dict[str, str]:
    """The headers of a request as the guide's sample makes them."""
    path, _, query = target.partition("?")
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    parameters = (
        f'("@method" "@path" "@query" "content-digest");created={created};nonce="{nonce}"'
        f';keyid="{token.split("_")[1]}";alg="ed25519"'
    )
    base = (
        f'"@method": {method}\n"@path": {path}\n"@query": ?{query}\n"content-digest": {digest}\n'
        f'"@signature-params": {parameters}'
    )
    signature = base64.b64encode(PRIVATE.sign(base.encode())).decode()
    return {
        "Authorization": f"Bearer {token}",
        "Content-Digest": digest,
        "Signature-Input": f"poolproof={parameters}",
        "Signature": f"poolproof=:{signature}:",
    }


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    target = signatures.Target(method=vector["method"], path=vector["path"], query=vector["query"])
    base = signatures.signature_base(
        target,
        content_digest=headers["content-digest"],
        parameters=headers["signature-input"].removeprefix("poolproof="),
    )
    assert base.decode() == vector["signature_base"]
    found = signatures.verify(
        target, headers, key_id=vector["key_id"], public=PUBLIC, now=vector["created"] + 299
    )
    assert found == signatures.Signed(
        created=vector["created"],
        nonce=vector["nonce"],
        digest=hashlib.sha256(vector["body"].encode()).digest(),
    )


def test_every_changed_character_is_refused() -> None:
    vector = VECTORS["requests"][0]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    target = signatures.Target(method=vector["method"], path=vector["path"], query=vector["query"])

    def check(
        headers: dict[str, str], target: signatures.Target = target, now: float = vector["created"]
    ) -> None:
        signatures.verify(target, headers, key_id=vector["key_id"], public=PUBLIC, now=now)

    check(headers)
    for name in ("content-digest", "signature-input", "signature"):
        text = headers[name]
        for place in range(len(text)):
            other = "A" if text[place] != "A" else "B"
            with pytest.raises(UnauthorisedError):
                check(headers | {name: text[:place] + other + text[place + 1 :]})
        with pytest.raises(UnauthorisedError):
            check({other: value for other, value in headers.items() if other != name})
    for changes in ({"method": "GET"}, {"path": "/v1/event"}, {"query": "on_error=report"}):
        values = {"method": target.method, "path": target.path, "query": target.query} | changes
        with pytest.raises(UnauthorisedError):
            check(headers, signatures.Target(**values))
    for seconds in (-301, 301):
        with pytest.raises(UnauthorisedError, match="created"):
            check(headers, now=vector["created"] + seconds)


def test_a_bound_key_is_worth_nothing_without_its_signature(small_site: Site) -> None:
    site = small_site
    token = new_key(site.ledger, "fenqile", signing_key=PUBLIC)
    now = int(site.clock.now.timestamp())
    body = json.dumps(originated("L1")).encode()
    json_type = {"Content-Type": "application/json"}

    def post(headers: dict[str, str], content: bytes = body) -> Any:
        return site.client.post("/v1/events?on_error=abort", content=content, headers=headers | json_type)

    assert post({"Authorization": f"Bearer {token}"}).status_code == 401
    good = signed(token, "POST", "/v1/events?on_error=abort", body, now)
    changed = post(good, body.replace(b"12000.00", b"92000.00"))
    assert (changed.status_code, site.ledger.status().size) == (401, 0)
    again = signed(token, "POST", "/v1/events?on_error=abort", body, now, nonce="m" * 16)
    assert post(again).status_code == 201
    replayed = post(again)
    assert replayed.status_code == 401
    assert "nonce" in replayed.json()["detail"]
    reading = signed(token, "GET", "/v1/events/o-L1?", b"", now, nonce="k" * 16)
    assert site.client.get("/v1/events/o-L1", headers=reading).status_code == 200
