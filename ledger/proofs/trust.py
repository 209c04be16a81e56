"""The trust root (``trust.json``): every parameter of a verifier, and the only place it takes them from.

Canonical JSON and a newline::

    {"media_type": "application/vnd.poolproof.trust.v1+json", "origin", "zone", "day_cut",
     "log_keys": [{"key", "from", "to" | null}, …], "service_keys": [the same],
     "witnesses": {"threshold", "keys": […]}, "parties": [{"name", "roles": […], "keys": […]}, …],
     "chain": null | {"chain_id", "genesis", "contract", "code_hash", "log_id", "finality", "grade",
                      "max_anchor_age"},
     "pinned_blocks": [{"number", "hash"}, …]}

Keys are verifier keys of signed notes: log, service and party keys Ed25519 (type 01), witness keys those of
cosignatures (type 04). A log or service key is valid for the tree sizes ``from`` to ``to``, both included.
No key may serve in two of the roles log, service and witness, so that no signature counts twice.

Its fingerprint is the SHA-256 of the file. The contract carries it, every verdict prints it, and it belongs
in the funding agreement: whoever can change this file decides what verifies.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER
from ledger.proofs.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.proofs.documents import NAME, ORIGIN, Form, chain_text, decode
from ledger.proofs.note import CosignatureVerifier, Verifier
from ledger.proofs.receipt import ChainBinding

MEDIA_TYPE: Final = "application/vnd.poolproof.trust.v1+json"
ROLES: Final = (
    "originator", "servicer", "funding_partner", "account_bank", "guarantor", "trustee", "investor",
    "auditor", "regulator",
)  # fmt: skip
#: Who can rewrite the chain: one's own machine, one operator, several institutions, nobody in particular.
GRADES: Final = ("devnet", "operator", "consortium", "public")
FINALITY: Final = re.compile(r"tag:finalized|tag:safe|depth:[1-9][0-9]{0,5}|instant")
#: Receipts come in runs of one checkpoint; more than this many at once gains nothing.
MAX_OPENED: Final = 64
_ZONE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_DAY_CUT: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_WHAT: Final = "trust root"
_MEMBERS: Final = frozenset(
    {
        "media_type", "origin", "zone", "day_cut", "log_keys", "service_keys", "witnesses", "parties",
        "chain", "pinned_blocks",
    }
)  # fmt: skip
_CHAIN_MEMBERS: Final = frozenset(
    {"chain_id", "genesis", "contract", "code_hash", "log_id", "finality", "grade", "max_anchor_age"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpan:
    """A key of the log and the tree sizes at which it counts: ``first`` to ``last``, both included."""

    verifier: Verifier
    first: int = 0
    last: int | None = None

    def covers(self, size: int) -> bool:
        """Whether the key is valid for a tree of this size."""
        return self.first <= size and (self.last is None or size <= self.last)

    def __str__(self) -> str:
        last = "any size" if self.last is None else f"size {self.last}"
        return f"{self.verifier.reference}, valid from size {self.first} to {last}"

    def to_json(self) -> dict[str, Any]:
        """``{"key", "from", "to"}``."""
        return {"key": self.verifier.vkey, "from": self.first, "to": self.last}

    @classmethod
    def from_json(cls, value: object, path: str) -> KeySpan:
        """Read what :meth:`to_json` prints. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, path, {"key", "from", "to"})
        first = form.integer("from")
        return cls(
            verifier=Verifier.parse(form.text("key")),
            first=first,
            last=form.optional("to", lambda name: form.integer(name, least=first)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """How many of which witnesses must have cosigned for the level *cosigned*; threshold 0 asks for none."""

    threshold: int = 0
    verifiers: tuple[CosignatureVerifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedParty:
    """A party, its roles and the keys under which it makes statements."""

    name: str
    roles: tuple[str, ...]
    verifiers: tuple[Verifier, ...] = ()

    @classmethod
    def from_json(cls, value: object, path: str) -> TrustedParty:
        """Read one of ``parties``. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, path, {"name", "roles", "keys"})
        return cls(
            name=form.text("name", NAME),
            roles=form.items("roles", _read_role),
            verifiers=form.items("keys", _read_verifier),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTrust:
    """Where the log is anchored, and what counts as final there.

    ``finality`` is ``tag:finalized``, ``tag:safe``, ``depth:N`` or ``instant``; ``grade`` says who could
    rewrite the chain; ``max_anchor_age`` (seconds, or None) is the greatest age of the newest anchor.
    """

    chain_id: int
    genesis: bytes
    contract: bytes
    code_hash: bytes
    log_id: bytes
    finality: str
    grade: str
    max_anchor_age: int | None = None

    @property
    def binding(self) -> ChainBinding:
        """Chain id, contract and log id: what documents of the log name."""
        return ChainBinding(chain_id=self.chain_id, contract=self.contract, log_id=self.log_id)

    def to_json(self) -> dict[str, Any]:
        """The member ``chain``."""
        return {
            "chain_id": self.chain_id,
            "genesis": chain_text(self.genesis),
            "contract": chain_text(self.contract),
            "code_hash": chain_text(self.code_hash),
            "log_id": chain_text(self.log_id),
            "finality": self.finality,
            "grade": self.grade,
            "max_anchor_age": self.max_anchor_age,
        }

    @classmethod
    def from_json(cls, value: object) -> ChainTrust:
        """Read the member ``chain``. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, "chain", _CHAIN_MEMBERS)
        return cls(
            chain_id=form.integer("chain_id", least=1),
            genesis=form.chain_hex("genesis", 32),
            contract=form.chain_hex("contract", 20),
            code_hash=form.chain_hex("code_hash", 32),
            log_id=form.chain_hex("log_id", 32),
            finality=form.text("finality", FINALITY),
            grade=form.choice("grade", GRADES),
            max_anchor_age=form.optional("max_anchor_age", lambda name: form.integer(name, least=1)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedBlock:
    """A block that the holder of the trust root has seen on the chain with their own eyes."""

    number: int
    hash: bytes

    @classmethod
    def from_json(cls, value: object, path: str) -> PinnedBlock:
        """Read one of ``pinned_blocks``. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, path, {"number", "hash"})
        return cls(number=form.integer("number"), hash=form.chain_hex("hash", 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """All parameters of a verification. Making one checks that it is of its form."""

    origin: str
    zone: str
    day_cut: str = "00:00"
    log_keys: tuple[KeySpan, ...]
    service_keys: tuple[KeySpan, ...]
    witnesses: WitnessPolicy = field(default_factory=WitnessPolicy)
    parties: tuple[TrustedParty, ...] = ()
    chain: ChainTrust | None = None
    pinned_blocks: tuple[PinnedBlock, ...] = ()
    #: SHA-256 of the file, lowercase hex.
    fingerprint: str = field(init=False, compare=False)
    _parties: dict[str, TrustedParty] = field(init=False, compare=False, repr=False)
    # Checkpoints whose signatures were verified under these keys, by their exact bytes.
    _opened: dict[str, SignedCheckpoint] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        set_field = object.__setattr__
        set_field(self, "fingerprint", hashlib.sha256(self.encode()).hexdigest())
        set_field(self, "_parties", {party.name: party for party in self.parties})
        set_field(self, "_opened", {})

    def party(self, name: str) -> TrustedParty | None:
        """The party of this name, or None."""
        return self._parties.get(name)

    def service_verifiers(self, size: int) -> tuple[Verifier, ...]:
        """The service keys that are valid at this tree size."""
        return tuple(span.verifier for span in self.service_keys if span.covers(size))

    def open_checkpoint(self, note: str) -> SignedCheckpoint:
        """Verify the signatures on a checkpoint by the log's and the witnesses' keys, once for each note.

        Whether the log's key is valid at the checkpoint's size is the caller's to check, with
        :attr:`log_keys`. Raises :class:`MalformedError` and :class:`~ledger.errors.VerificationError`.
        """
        opened = self._opened.get(note)
        if opened is None:
            keys = [span.verifier for span in self.log_keys]
            opened = open_checkpoint(note, self.origin, keys, witnesses=self.witnesses.verifiers)
            if len(self._opened) >= MAX_OPENED:
                self._opened.clear()
            self._opened[note] = opened
        return opened

    def encode(self) -> bytes:
        """The file's bytes."""
        return canonical.encode_file(
            {
                "media_type": MEDIA_TYPE,
                "origin": self.origin,
                "zone": self.zone,
                "day_cut": self.day_cut,
                "log_keys": [span.to_json() for span in self.log_keys],
                "service_keys": [span.to_json() for span in self.service_keys],
                "witnesses": {
                    "threshold": self.witnesses.threshold,
                    "keys": [verifier.vkey for verifier in self.witnesses.verifiers],
                },
                "parties": [
                    {
                        "name": party.name,
                        "roles": list(party.roles),
                        "keys": [verifier.vkey for verifier in party.verifiers],
                    }
                    for party in self.parties
                ],
                "chain": None if self.chain is None else self.chain.to_json(),
                "pinned_blocks": [
                    {"number": block.number, "hash": chain_text(block.hash)} for block in self.pinned_blocks
                ],
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> TrustRoot:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        witnesses = Form(form.raw("witnesses"), _WHAT, "witnesses", {"threshold", "keys"})
        return cls(
            origin=form.text("origin"),
            zone=form.text("zone"),
            day_cut=form.text("day_cut"),
            log_keys=form.items("log_keys", KeySpan.from_json),
            service_keys=form.items("service_keys", KeySpan.from_json),
            witnesses=WitnessPolicy(
                threshold=witnesses.integer("threshold", most=MAX_INTEGER),
                verifiers=witnesses.items("keys", _read_witness),
            ),
            parties=form.items("parties", TrustedParty.from_json),
            chain=form.optional("chain", lambda name: ChainTrust.from_json(form.raw(name))),
            pinned_blocks=form.items("pinned_blocks", PinnedBlock.from_json),
        )


def _check(trust: TrustRoot) -> None:
    for name, value, pattern in (
        ("origin", trust.origin, ORIGIN),
        ("zone", trust.zone, _ZONE),
        ("day_cut", trust.day_cut, _DAY_CUT),
    ):
        if pattern.fullmatch(value) is None:
            raise MalformedError(_WHAT, f"{name} is not of its form")
    if not trust.log_keys or not trust.service_keys:
        raise MalformedError(_WHAT, "names no log key or no service key")
    if trust.witnesses.threshold > len(trust.witnesses.verifiers):
        raise MalformedError(_WHAT, "asks for more witnesses than it names")
    _unique("party", [party.name for party in trust.parties])
    for party in trust.parties:
        _unique(f"key of party {party.name}", [key.reference for key in party.verifiers])
    log = {span.verifier.public_key for span in trust.log_keys}
    service = {span.verifier.public_key for span in trust.service_keys}
    _unique("witness", [verifier.public_key for verifier in trust.witnesses.verifiers])
    witnesses = {verifier.public_key for verifier in trust.witnesses.verifiers}
    if log & service or log & witnesses or service & witnesses:
        raise MalformedError(_WHAT, "one key serves in two of the roles log, service and witness")


def _unique(what: str, values: list[Any]) -> None:
    if len(set(values)) != len(values):
        raise MalformedError(_WHAT, f"the same {what} twice")


def _read_role(value: object, path: str) -> str:
    if value not in ROLES:
        raise MalformedError(_WHAT, f"{path} is none of {', '.join(ROLES)}")
    return str(value)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise MalformedError(_WHAT, f"{path} is not a string")
    return value


def _read_verifier(value: object, path: str) -> Verifier:
    return Verifier.parse(_text(value, path))


def _read_witness(value: object, path: str) -> CosignatureVerifier:
    return CosignatureVerifier.parse(_text(value, path))
