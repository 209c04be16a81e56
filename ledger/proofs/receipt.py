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

import json
import re
from binascii import a2b_base64
from dataclasses import dataclass, replace
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER, b64decode, b64encode
from ledger.proofs.documents import (
    KEY_NAME,
    MAX_DOCUMENT,
    ORIGIN,
    DetachedSignature,
    Form,
    KeyName,
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
_TOGETHER: Final = "chain_id, contract and log_id are given together or not at all"

#: A JSON string; possessive, so that a long one that does not fit is given up at once.
_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PROOF: Final = r'(?:"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="(?:,(?=")|(?=\]))){0,64}'
_RECEIPT: Final = re.compile(
    r'\{"chain_id":(?P<chain_id>null|[1-9][0-9]{0,15}),'
    rf'"checkpoint":(?P<checkpoint>{_STRING}),'
    r'"contract":(?P<contract>null|"0x[0-9a-f]{40}"),'
    r'"disclosures":(?P<disclosures>\[.*?\]),'
    r'"index":(?P<index>0|[1-9][0-9]{0,15}),'
    r'"log_id":(?P<log_id>null|"0x[0-9a-f]{64}"),'
    rf'"media_type":"{re.escape(MEDIA_TYPE)}",'
    rf'"origin":"(?P<origin>{ORIGIN.pattern})",'
    rf'"proof":\[(?P<proof>{_PROOF})\],'
    rf'"record":(?P<record>{_STRING}),'
    rf'"register":\{{"entry":"(?P<entry>[^"\\]*)","proof":\[(?P<register_proof>{_PROOF})\]\}},'
    rf'"signature":\{{"key":(?P<key>{_STRING}),"value":"(?P<value>[^"\\]*)"\}}\}}\n'
)
_load = json.JSONDecoder().raw_decode


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
            raise MalformedError(what, _TOGETHER)
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
        """Read what :meth:`encode` printed; nothing is verified. Raises :class:`MalformedError`.

        Canonical members have one order, so that one expression reads them all: verifiers read receipts by
        the thousand, and member by member took longer than everything else but the signatures.
        """
        if len(data) > MAX_DOCUMENT:
            raise MalformedError(_WHAT, f"more than {MAX_DOCUMENT} bytes")
        try:
            match = _RECEIPT.fullmatch(data.decode())
        except UnicodeDecodeError:
            match = None
        if match is None:
            cls.read_members(data)  # which says what is wrong
            raise MalformedError(_WHAT, "its members are not of their forms")
        contract, log_id = match["contract"], match["log_id"]
        if (match["chain_id"] == "null") != (contract == "null") or (contract == "null") != (
            log_id == "null"
        ):
            raise MalformedError(_WHAT, _TOGETHER)
        chain = None
        if contract != "null":
            chain = ChainBinding(_integer(match["chain_id"]), _chain_bytes(contract), _chain_bytes(log_id))
        disclosures: tuple[tuple[str, str, Any], ...] = ()
        if match["disclosures"] != "[]":
            items = canonical.decode_canonical(match["disclosures"], what=_WHAT)
            disclosures = tuple(_read_disclosure(item, f"disclosures[{at}]") for at, item in enumerate(items))
        return cls(
            origin=match["origin"],
            chain=chain,
            index=_integer(match["index"]),
            record=_string(match["record"]),
            disclosures=disclosures,
            proof=_hashes(match["proof"]),
            checkpoint=_string(match["checkpoint"]),
            register=RegisterLeaf(
                entry=b64decode(match["entry"], what=_WHAT), proof=_hashes(match["register_proof"])
            ),
            signature=DetachedSignature(
                KeyName(_key(match["key"])), b64decode(match["value"], 64, what=_WHAT)
            ),
        )

    @classmethod
    def read_members(cls, data: bytes) -> Receipt:
        """The same as :meth:`parse`, member by member: slower, and its errors name the member."""
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


def _integer(text: str) -> int:
    value = int(text)
    if value > MAX_INTEGER:
        raise MalformedError(_WHAT, "an integer beyond 2^53 − 1")
    return value


@lru_cache(maxsize=256)
def _chain_bytes(quoted: str) -> bytes:
    """Remembered, because all receipts of a log name the same contract and log id."""
    return bytes.fromhex(quoted[3:-1])


def _hashes(listed: str) -> tuple[bytes, ...]:
    return tuple(map(a2b_base64, listed[1:-1].split('","'))) if listed else ()


def _string(quoted: str) -> str:
    """The string that is spelled so in canonical JSON, and in no other way."""
    try:
        value: str = _load(quoted)[0]
    except ValueError:
        raise MalformedError(_WHAT, "a string with a control character or an unknown escape") from None
    if encode_basestring(value) != quoted:
        raise MalformedError(_WHAT, "not in canonical form")
    if not value.isascii():
        canonical.check_string(value, _WHAT)
    return value


@lru_cache(maxsize=256)
def _key(quoted: str) -> str:
    value = _string(quoted)
    if KEY_NAME.fullmatch(value) is None:
        raise MalformedError(_WHAT, "signature.key is not of its form")
    return value
