"""Vectors of signed requests: what a client signs and sends, for the requests of the HTTP API."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.signatures import Target, signature_base
from scripts.vector_sets import vectors

SEED = bytes(range(32))
KEY_ID = "6f1d2c3b4a596877"
_NAMES = ("name", "method", "path", "query", "body", "created", "nonce")
REQUESTS: tuple[tuple[Any, ...], ...] = (
    ("an event", "POST", "/v1/events", "", '{"id":"r-1"}', 1795305600, "0123456789abcdef"),
    (
        "a batch",
        "POST",
        "/v1/events",
        "on_error=report",
        '{"id":"r-1"}\n',
        1795305601,
        "Zm9vYmFyX2Jhei0tMTIz",
    ),
    ("a read, its id percent-encoded", "GET", "/v1/events/r%2D1/receipt", "", "", 1795305602, "f" * 64),
    ("a body beyond ASCII", "POST", "/v1/events", "", '{"note":"乐信分期"}', 1795305603, "A-_a" * 8),
)


@vectors("request_signatures")
def request_signatures() -> dict[str, Any]:
    """Requests with the text that is signed and the headers that are sent."""
    return {
        "about": "Signed requests as RFC 9421 has them; private_key is the Ed25519 seed.",
        "private_key": SEED.hex(),
        "requests": [_request(**dict(zip(_NAMES, one, strict=True))) for one in REQUESTS],
    }


def _request(
    *, name: str, method: str, path: str, query: str, body: str, created: int, nonce: str
) -> dict[str, Any]:
    digest = f"sha-256=:{_base64(hashlib.sha256(body.encode()).digest())}:"
    parameters = (
        f'("@method" "@path" "@query" "content-digest");created={created};nonce="{nonce}"'
        f';keyid="{KEY_ID}";alg="ed25519"'
    )
    target = Target(method=method, path=path, query=query)
    base = signature_base(target, content_digest=digest, parameters=parameters)
    signature = _base64(Ed25519PrivateKey.from_private_bytes(SEED).sign(base))
    headers = {
        "Content-Digest": digest,
        "Signature-Input": f"poolproof={parameters}",
        "Signature": f"poolproof=:{signature}:",
    }
    return {
        "name": name, "method": method, "path": path, "query": query, "body": body, "created": created,
        "nonce": nonce, "key_id": KEY_ID, "signature_base": base.decode(), "headers": headers,
    }  # fmt: skip


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
