"""Receipts (``*.receipt.json``): all that shows one record in one published tree, in one file.

Canonical JSON and a newline, ``signature`` by the log's service key over the rest::

    {"media_type": "application/vnd.poolproof.receipt.v1+json", "origin", "chain_id", "contract", "log_id",
     "index", "record": the exact string, "disclosures": [[salt, name, value], …], "proof": [base64, …],
     "checkpoint": the signed note verbatim, "register": {"entry": base64(53), "proof": [base64, …]},
     "signature": {"key", "value"}}

``proof`` shows the record's entry at ``index`` in the checkpoint's tree, ``register.proof`` the register
entry at its last leaf. ``chain_id``, ``contract`` and ``log_id`` are null for a log not bound to a chain.
A receipt is issued once and stored; :mod:`ledger.proofs.verify` decides what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import b64encode
from ledger.proofs.documents import (
    ORIGIN,
    DetachedSignature,
    Form,
    chain_text,
    decode,
    sign,
)

if TYPE_CHECKING:
    from ledger.proofs.note import Signer

MEDIA_TYPE: Final = "application/vnd.poolproof.receipt.v1+json"
#: First line of a C2SP transparency log proof, https://c2sp.org/tlog-proof
TLOG_PROOF: Final = "c2sp.org/tlog-proof@v1"
_WHAT: Final = "receipt"
_MEMBERS: Final = frozenset(
    {
        "media_type", "origin", "chain_id", "contract", "log_id", "index", "record", "disclosures", "proof",
        "checkpoint", "register", "signature",
    }
)  # fmt: skip
_REGISTER_MEMBERS: Final = frozenset({"entry", "proof"})


@dataclass(frozen=True, slots=True)
class ChainBinding:
    """Where a log is anchored, as its documents name it."""

    chain_id: int
    contract: bytes
    log_id: bytes

    def __str__(self) -> str:
        return (
            f"log {chain_text(self.log_id)} in contract {chain_text(self.contract)} on chain {self.chain_id}"
        )

    @classmethod
    def from_form(cls, form: Form, what: str) -> ChainBinding | None:
        """Read ``chain_id``, ``contract``, ``log_id``: all or null. Raises :class:`MalformedError`."""
        chain_id = form.optional("chain_id", lambda name: form.integer(name, least=1))
        contract = form.optional("contract", lambda name: form.chain_hex(name, 20))
        log_id = form.optional("log_id", lambda name: form.chain_hex(name, 32))
        if chain_id is None and contract is None and log_id is None:
            return None
        if chain_id is None or contract is None or log_id is None:
            raise MalformedError(what, "chain_id, contract and log_id are given together or not at all")
        return cls(chain_id=chain_id, contract=contract, log_id=log_id)


def binding_members(chain: ChainBinding | None) -> dict[str, Any]:
    """The members ``chain_id``, ``contract`` and ``log_id`` of a document."""
    if chain is None:
        return {"chain_id": None, "contract": None, "log_id": None}
    return {
        "chain_id": chain.chain_id,
        "contract": chain_text(chain.contract),
        "log_id": chain_text(chain.log_id),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLeaf:
    """The last leaf of a published tree and the proof that it is there."""

    entry: bytes
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """The member ``register``."""
        return {"entry": b64encode(self.entry), "proof": [b64encode(item) for item in self.proof]}

    @classmethod
    def from_json(cls, value: object, what: str) -> RegisterLeaf:
        """Read the member ``register``. Raises :class:`MalformedError`."""
        form = Form(value, what, "register", _REGISTER_MEMBERS)
        return cls(entry=form.base64("entry"), proof=form.proof("proof"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt as read or to be signed; reading verifies its form, nothing else."""

    origin: str
    chain: ChainBinding | None
    index: int
    record: str
    disclosures: tuple[tuple[str, str, Any], ...]
    proof: tuple[bytes, ...]
    checkpoint: str
    register: RegisterLeaf
    signature: DetachedSignature | None = None

    def message(self) -> bytes:
        """The bytes that the service key signs: the media type as a line, then the canonical rest."""
        return MEDIA_TYPE.encode() + b"\n" + canonical.encode(self._members())

    def signed(self, signer: Signer) -> Receipt:
        """The same receipt with the signature of ``signer``, the log's service key."""
        return replace(self, signature=sign(self.message(), signer))

    def encode(self) -> bytes:
        """The file's bytes; the receipt must be signed."""
        if self.signature is None:
            raise ValueError("an unsigned receipt is not a file")
        return canonical.encode_file(self._members() | {"signature": self.signature.to_json()})

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Read what :meth:`encode` printed; nothing is verified. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        return cls(
            origin=form.text("origin", ORIGIN),
            chain=ChainBinding.from_form(form, _WHAT),
            index=form.integer("index"),
            record=form.text("record"),
            disclosures=form.items("disclosures", _read_disclosure),
            proof=form.proof("proof"),
            checkpoint=form.text("checkpoint"),
            register=RegisterLeaf.from_json(form.raw("register"), _WHAT),
            signature=DetachedSignature.from_json(form.raw("signature"), _WHAT, "signature"),
        )

    def tlog_proof(self) -> bytes:
        """The receipt as a C2SP ``.tlog-proof``: what any tlog client verifies of it.

        The entry's bytes are ``SHA-256(record) || 00000000 || 01``; the record goes along as ``extra``.
        """
        lines = [TLOG_PROOF, f"extra {b64encode(self.record.encode())}", f"index {self.index}"]
        lines += [b64encode(item) for item in self.proof]
        return ("\n".join(lines) + "\n\n" + self.checkpoint).encode()

    def _members(self) -> dict[str, Any]:
        return {
            "media_type": MEDIA_TYPE,
            "origin": self.origin,
            **binding_members(self.chain),
            "index": self.index,
            "record": self.record,
            "disclosures": [list(item) for item in self.disclosures],
            "proof": [b64encode(item) for item in self.proof],
            "checkpoint": self.checkpoint,
            "register": self.register.to_json(),
        }


def _read_disclosure(value: object, path: str) -> tuple[str, str, Any]:
    if not isinstance(value, list) or len(value) != 3:
        raise MalformedError(_WHAT, f"{path} is not [salt, name, value]")
    salt, name, content = value
    if not isinstance(salt, str) or len(salt) != 32 or salt.strip("0123456789abcdef"):
        raise MalformedError(_WHAT, f"{path} has no salt of 32 hex digits")
    if not isinstance(name, str):
        raise MalformedError(_WHAT, f"{path} has no name")
    return (salt, name, content)
