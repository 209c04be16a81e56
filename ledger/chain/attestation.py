"""An attestation: what a party signs about what it checked, its EIP-712 digest, and its file.

The bytes that are signed are fixed by ``contracts/interfaces/IAttestationRegistry.sol``. The file carries a signed
attestation from whoever signed to whoever relays; canonical JSON and a newline::

    {"media_type": "application/vnd.poolproof.attestation.v1+json", "chain_id", "contract": "0x…",
     "attestation": {"log": "0x…", "size", "root": "0x…", "subject", "scope", "rules_version",
                     "evidence": "0x…", "verdict", "signer": "0x…", "nonce", "deadline"},
     "signature": "0x…"}

``verdict`` is ``acknowledged`` (has seen the evidence), ``checked`` (has performed its checks) or ``disputed``
(contradicts it). ``deadline`` is in Unix seconds. Whether the signature is the signer's is for the contract to say:
a signer may be a contract itself (ERC-1271).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

from ledger.errors import ConfigurationError, MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER
from ledger.proofs.documents import SUBJECT, Form, chain_text, decode

MEDIA_TYPE: Final = "application/vnd.poolproof.attestation.v1+json"
#: The contract's bounds: a line of printable ASCII, so that nobody writes across a stranger's screen.
MAX_SCOPE: Final = 128
_SCOPE: Final = re.compile(r"[ -~]{0,128}")
#: Signatures of contracts may be longer than an account's 65 bytes; an owner's signature each, and some words.
MAX_SIGNATURE: Final = 8_192
_SIGNATURE: Final = re.compile(r"0x(?:[0-9a-f]{2}){1,8192}")
#: Half the order of secp256k1: of s and its mirror image, which signs the same, the contract takes the lower one.
_MAX_S: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_WHAT: Final = "attestation"

#: The typed data's members in order; MUST be those of the contract.
_TYPE: Final = (
    ("log", "bytes32"),
    ("size", "uint64"),
    ("root", "bytes32"),
    ("subject", "string"),
    ("scope", "string"),
    ("rulesVersion", "uint64"),
    ("evidence", "bytes32"),
    ("verdict", "string"),
    ("signer", "address"),
    ("nonce", "uint64"),
    ("deadline", "uint64"),
)
_DOMAIN_TYPE: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_DOMAIN_NAME: Final = "Poolproof Attestation"
_DOMAIN_VERSION: Final = "1"


class Verdict(enum.StrEnum):
    """What the signer says of the evidence."""

    ACKNOWLEDGED = "acknowledged"
    CHECKED = "checked"
    DISPUTED = "disputed"

    @property
    def number(self) -> int:
        """Its place in the contract's enumeration, which begins with none."""
        return list(Verdict).index(self) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What is signed. ``log``, ``root`` and ``evidence`` are 32 bytes, ``signer`` 20, ``deadline`` Unix seconds.

    Raises :class:`ConfigurationError` for a scope or subject that the contract would refuse.
    """

    log: bytes
    size: int
    root: bytes
    subject: str
    scope: str
    rules_version: int
    #: SHA-256 of the document that it rests on
    evidence: bytes
    verdict: Verdict
    signer: bytes
    nonce: int
    deadline: int

    def __post_init__(self) -> None:
        if _SCOPE.fullmatch(self.scope) is None:
            raise ConfigurationError(f"scope: one line of printable ASCII, at most {MAX_SCOPE} characters")
        if SUBJECT.fullmatch(self.subject) is None:
            raise ConfigurationError("subject: pool:NAME, loan:NAME, account:NAME or log")

    def to_chain(self) -> tuple[Any, ...]:
        """The struct of the contract's ABI."""
        return (
            self.log, self.size, self.root, self.subject, self.scope, self.rules_version, self.evidence,
            self.verdict.number, self.signer, self.nonce, self.deadline,
        )  # fmt: skip

    def typed_data(self, *, chain_id: int, contract: bytes) -> dict[str, Any]:
        """EIP-712 typed data as wallets take it."""
        values = (*self.to_chain()[:7], str(self.verdict), chain_text(self.signer), self.nonce, self.deadline)
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_TYPE],
                "Attestation": [{"name": name, "type": kind} for name, kind in _TYPE],
            },
            "primaryType": "Attestation",
            "domain": {
                "name": _DOMAIN_NAME,
                "version": _DOMAIN_VERSION,
                "chainId": chain_id,
                "verifyingContract": chain_text(contract),
            },
            "message": {name: value for (name, _), value in zip(_TYPE, values, strict=True)},
        }

    def digest(self, *, chain_id: int, contract: bytes) -> bytes:
        """What the signature is over: the contract's ``digestOf`` on that chain."""
        return keccak(b"\x19\x01" + b"".join(self.hashes(chain_id=chain_id, contract=contract)))

    def hashes(self, *, chain_id: int, contract: bytes) -> tuple[bytes, bytes]:
        """Those of the domain and of the members, which EIP-712 puts together into the digest."""
        domain = (
            _type_hash("EIP712Domain", _DOMAIN_TYPE),
            keccak(_DOMAIN_NAME.encode()),
            keccak(_DOMAIN_VERSION.encode()),
            _word(chain_id),
            _word(contract),
        )
        members = (
            _type_hash("Attestation", _TYPE),
            self.log,
            _word(self.size),
            self.root,
            keccak(self.subject.encode()),
            keccak(self.scope.encode()),
            _word(self.rules_version),
            self.evidence,
            keccak(self.verdict.encode()),
            _word(self.signer),
            _word(self.nonce),
            _word(self.deadline),
        )
        return keccak(b"".join(domain)), keccak(b"".join(members))

    def to_json(self) -> dict[str, Any]:
        """The member ``attestation`` of the file."""
        return {
            "log": chain_text(self.log),
            "size": self.size,
            "root": chain_text(self.root),
            "subject": self.subject,
            "scope": self.scope,
            "rules_version": self.rules_version,
            "evidence": chain_text(self.evidence),
            "verdict": str(self.verdict),
            "signer": chain_text(self.signer),
            "nonce": self.nonce,
            "deadline": self.deadline,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAttestation:
    """A signed attestation and the contract on whose chain it counts."""

    chain_id: int
    contract: bytes
    attestation: Attestation
    signature: bytes

    @property
    def digest(self) -> bytes:
        """What the signature is over; it names the attestation."""
        return self.attestation.digest(chain_id=self.chain_id, contract=self.contract)

    def signed_by_key(self) -> bool:
        """Whether the signature is one that the contract takes as the signer's by his key, told without a chain.

        A contract's own (ERC-1271) is not: only its code can tell.
        """
        from eth_account import Account
        from eth_account.messages import SignableMessage

        if len(self.signature) != 65 or self.signature[64] not in (27, 28):
            return False
        if int.from_bytes(self.signature[32:64], "big") > _MAX_S:
            return False
        typed = (b"\x01", *self.attestation.hashes(chain_id=self.chain_id, contract=self.contract))
        try:
            signer = Account.recover_message(SignableMessage(*typed), signature=self.signature)
        except Exception:  # noqa: BLE001 - the library's many ways to say that no key can have made it
            return False
        return bytes.fromhex(signer[2:]) == self.attestation.signer

    def encode(self) -> bytes:
        """The file's bytes."""
        return canonical.encode_file(
            {
                "media_type": MEDIA_TYPE,
                "chain_id": self.chain_id,
                "contract": chain_text(self.contract),
                "attestation": self.attestation.to_json(),
                "signature": chain_text(self.signature),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> SignedAttestation:
        """Read exactly what :meth:`encode` prints. Raises :class:`MalformedError`."""
        value = decode(data, _WHAT)
        if not isinstance(value, dict) or value.get("media_type") != MEDIA_TYPE:
            raise MalformedError(_WHAT, f"media_type is not {MEDIA_TYPE}")
        form = Form(value, _WHAT, "", {"media_type", "chain_id", "contract", "attestation", "signature"})
        return cls(
            chain_id=form.integer("chain_id", least=1),
            contract=form.chain_hex("contract", 20),
            attestation=_attestation(form.raw("attestation")),
            signature=bytes.fromhex(form.text("signature", _SIGNATURE)[2:]),
        )


def _attestation(value: object) -> Attestation:
    form = Form(value, _WHAT, "attestation", frozenset(Attestation.__dataclass_fields__))
    return Attestation(
        log=form.chain_hex("log", 32),
        size=form.integer("size", least=1),
        root=form.chain_hex("root", 32),
        subject=form.text("subject", SUBJECT),
        scope=form.text("scope", _SCOPE),
        rules_version=form.integer("rules_version"),
        evidence=form.chain_hex("evidence", 32),
        verdict=Verdict(form.choice("verdict", tuple(Verdict))),
        signer=form.chain_hex("signer", 20),
        nonce=form.integer("nonce"),
        deadline=form.integer("deadline", most=MAX_INTEGER),
    )


def _type_hash(name: str, members: tuple[tuple[str, str], ...]) -> bytes:
    return keccak(f"{name}({','.join(f'{kind} {member}' for member, kind in members)})".encode())


def _word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")
