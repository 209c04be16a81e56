"""Signed requests: `RFC 9421 <https://www.rfc-editor.org/rfc/rfc9421>`_ in one form, Ed25519.

A key that has a signing key is worth nothing without it: each request carries

::

    Content-Digest: sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:
    Signature-Input: poolproof=("@method" "@path" "@query" "content-digest")
        ;created=1700000000;nonce="…";keyid="…";alg="ed25519"        (one line)
    Signature: poolproof=:…:

``created`` is at most :data:`WINDOW_SECONDS` from this server's clock, ``nonce`` (16 to 64 of ``A-Za-z0-9_-``) is used
once, ``keyid`` is the API key's id, and the digest (`RFC 9530 <https://www.rfc-editor.org/rfc/rfc9530>`_) is that of
the body that arrives, the empty one included. Other components, parameters and orders are refused: a general reader of
the RFC would have more to get wrong. What is signed is :func:`signature_base`; vectors are in
``tests/vectors/request_signatures.json``, samples in Python and Java in ``docs/guides/integrate.md``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.errors import UnauthorisedError

#: Clocks may differ by this much, either way.
WINDOW_SECONDS: Final = 300
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)
_INPUT: Final = re.compile(
    r'poolproof=(\("@method" "@path" "@query" "content-digest"\)'
    r';created=(\d{1,12});nonce="([A-Za-z0-9_-]{16,64})";keyid="([0-9a-f]{16})";alg="ed25519")',
    re.ASCII,
)
_SIGNATURE: Final = re.compile(r"poolproof=:([A-Za-z0-9+/]{86}==):", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The request line as it was sent: ``path`` and ``query`` raw, percent-encoded, without the ``?``."""

    method: str
    path: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature holds: the moment (seconds since 1970), the nonce, and the SHA-256 of the body."""

    created: int
    nonce: str
    digest: bytes


def signature_base(target: Target, *, content_digest: str, parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421, 2.5); ``parameters`` is what follows ``poolproof=`` in the input."""
    return (
        f'"@method": {target.method}\n"@path": {target.path}\n"@query": ?{target.query}\n'
        f'"content-digest": {content_digest}\n"@signature-params": {parameters}'
    ).encode("ascii", "replace")


def verify(target: Target, headers: Mapping[str, str], *, key_id: str, public: bytes, now: float) -> Signed:
    """Check the signature of a request's head. The nonce and the body are the caller's to check.

    Raises :class:`UnauthorisedError` naming the header and the reason.
    """
    content_digest = headers.get("content-digest", "")
    digest = _DIGEST.fullmatch(content_digest)
    if digest is None:
        raise UnauthorisedError("Content-Digest: a signed request has one, sha-256=:…:")
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    if given is None:
        raise UnauthorisedError(
            "Signature-Input: not of the one form that is read; see docs/guides/integrate.md"
        )
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if signature is None:
        raise UnauthorisedError("Signature: a signed request has one, poolproof=:…:")
    if given[4] != key_id:
        raise UnauthorisedError("Signature-Input: keyid is another API key's")
    created = int(given[2])
    if abs(now - created) > WINDOW_SECONDS:
        raise UnauthorisedError(
            f"Signature-Input: created is more than {WINDOW_SECONDS} seconds from this server's clock"
        )
    base = signature_base(target, content_digest=content_digest, parameters=given[1])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(_decoded(signature[1]), base)
    except InvalidSignature:
        raise UnauthorisedError("Signature: does not verify") from None
    return Signed(created=created, nonce=given[3], digest=_decoded(digest[1]))


def _decoded(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise UnauthorisedError("Signature: base64 in another spelling than the one")
    return data
