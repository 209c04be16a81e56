"""Signing one's own requests to a service: `RFC 9421 <https://www.rfc-editor.org/rfc/rfc9421>`_ in the one form that it
reads (docs/api.md, "Signed requests"; vectors in ``tests/vectors/request_signatures.json``).
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.proofs.note import Signer


def headers(
    signer: Signer, *, key: str, method: str, target: str, body: bytes, created: int, nonce: str
) -> dict[str, str]:
    """What a request carries beside its API key. ``target`` is the path with its query as they are sent.

    ``created`` is in Unix seconds, ``nonce`` 16 to 64 of ``A-Za-z0-9_-``, another one for each request.
    """
    path, _, query = target.partition("?")
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    parameters = (
        f'("@method" "@path" "@query" "content-digest");created={created};nonce="{nonce}"'
        f';keyid="{key_id(key)}";alg="ed25519"'
    )
    base = (
        f'"@method": {method}\n"@path": {path}\n"@query": ?{query}\n"content-digest": {digest}\n'
        f'"@signature-params": {parameters}'
    )
    return {
        "Content-Digest": digest,
        "Signature-Input": f"poolproof={parameters}",
        "Signature": f"poolproof=:{base64.b64encode(signer.sign_raw(base.encode())).decode()}:",
    }


def key_id(key: str) -> str:
    """The id in an API key, ``poolproof_<id>_<secret>``; empty where it has none, which the service will say."""
    return key.split("_")[1] if key.count("_") == 2 else ""
