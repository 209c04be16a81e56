"""Seal proofs (``*.seal-proof.json``): one claim's place in a pool's seal, and the seal's in the register.

Canonical JSON and a newline, ``signature`` by the log's service key over the rest::

    {"media_type": "application/vnd.poolproof.seal-proof.v1+json", "origin", "chain_id", "contract",
     "log_id", "checkpoint": note, "register": {"entry": base64(53), "proof": [base64, …]},
     "pool": {"head": hex, "seals": [[currency, hex], …], "mpt": proof in the map},
     "header": canonical JSON, "leaf": {"asset_key": hex, "share", "receivable", "credit", "state": hex},
     "index", "path": [{"hash": base64, "receivable", "credit"}, …], "state": canonical JSON | null,
     "signature": {"key", "value"}}

The checkpoint is of a size after the seal was recorded. ``pool`` opens the pool's value in its register: the
digest of the pool's newest record and the last seal of each currency. ``header`` is what the seal is the
digest of, ``leaf`` the claim at ``index`` of its tree, ``path`` the way from it to the root. ``state`` is the
preimage of the leaf's state digest, null where the reader may not have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical, merkle, mpt
from ledger.proofs.amounts import parse_total, print_total
from ledger.proofs.canonical import b64encode, hex_decode
from ledger.proofs.documents import MAX_PROOF, ORIGIN, DetachedSignature, Form, decode, sign
from ledger.proofs.encumbrance import WHOLE, ClaimState, claim_key, pool_value
from ledger.proofs.receipt import ChainBinding, RegisterLeaf, binding_members
from ledger.proofs.seal import SealHeader, last_seal
from ledger.proofs.sumtree import Leaf, Sibling

if TYPE_CHECKING:
    from ledger.proofs.note import Signer

MEDIA_TYPE: Final = "application/vnd.poolproof.seal-proof.v1+json"
_WHAT: Final = "seal proof"
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
#: More than there are currencies; it bounds the work of a verifier.
_MAX_SEALS: Final = 256
_MEMBERS: Final = frozenset(
    {
        "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint", "register", "pool", "header",
        "leaf", "index", "path", "state", "signature",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolValue:
    """A pool's value in a register, opened: newest record, last seals by currency, and where it stands."""

    head: bytes
    seals: tuple[tuple[str, bytes], ...]
    proof: mpt.Proof

    def encode(self) -> bytes:
        """The 64 bytes that the register holds under the pool's key."""
        return pool_value(self.head, last_seal(dict(self.seals)))

    def to_json(self) -> dict[str, Any]:
        """The member ``pool``."""
        seals = [[currency, seal.hex()] for currency, seal in self.seals]
        return {"head": self.head.hex(), "seals": seals, "mpt": self.proof.to_json()}

    @classmethod
    def from_json(cls, value: object) -> PoolValue:
        """Read what :meth:`to_json` prints. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, "pool", {"head", "seals", "mpt"})
        seals = form.items("seals", _read_seal, most=_MAX_SEALS)
        if [currency for currency, _ in seals] != sorted({currency for currency, _ in seals}):
            form.fail("seals", "do not rise by currency")
        return cls(head=form.hex("head", 32), seals=seals, proof=mpt.Proof.from_json(form.raw("mpt")))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealProof:
    """One seal proof as read or to be signed; reading verifies its form, nothing else."""

    origin: str
    chain: ChainBinding | None
    checkpoint: str
    register: RegisterLeaf
    pool: PoolValue
    header: SealHeader
    asset_key: bytes
    leaf: Leaf
    index: int
    path: tuple[Sibling, ...]
    state: ClaimState | None = None
    signature: DetachedSignature | None = None

    def __post_init__(self) -> None:
        if self.leaf.key != claim_key(self.asset_key):
            raise MalformedError(_WHAT, "the leaf is not of this asset key")

    def message(self) -> bytes:
        """The bytes that the service key signs: the media type as a line, then the canonical rest."""
        return MEDIA_TYPE.encode() + b"\n" + canonical.encode(self._members())

    def signed(self, signer: Signer) -> SealProof:
        """The same proof with the signature of ``signer``, the log's service key."""
        return replace(self, signature=sign(self.message(), signer))

    def encode(self) -> bytes:
        """The file's bytes; the proof must be signed."""
        if self.signature is None:
            raise ValueError("an unsigned seal proof is not a file")
        return canonical.encode_file(self._members() | {"signature": self.signature.to_json()})

    @classmethod
    def parse(cls, data: bytes) -> SealProof:
        """Read what :meth:`encode` printed; nothing is verified. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        header = SealHeader.parse(form.text("header"))
        asset_key, leaf = _read_leaf(form.raw("leaf"), header.currency)
        return cls(
            origin=form.text("origin", ORIGIN),
            chain=ChainBinding.from_form(form, _WHAT),
            checkpoint=form.text("checkpoint"),
            register=RegisterLeaf.from_json(form.raw("register"), _WHAT),
            pool=PoolValue.from_json(form.raw("pool")),
            header=header,
            asset_key=asset_key,
            leaf=leaf,
            index=form.integer("index"),
            path=form.items(
                "path", lambda value, path: _read_sibling(value, path, header.currency), most=MAX_PROOF
            ),
            state=form.optional("state", lambda name: ClaimState.parse(form.text(name))),
            signature=DetachedSignature.from_json(form.raw("signature"), _WHAT, "signature"),
        )

    def _members(self) -> dict[str, Any]:
        currency = self.header.currency
        return {
            "media_type": MEDIA_TYPE,
            "origin": self.origin,
            **binding_members(self.chain),
            "checkpoint": self.checkpoint,
            "register": self.register.to_json(),
            "pool": self.pool.to_json(),
            "header": self.header.encode().decode(),
            "leaf": {
                "asset_key": self.asset_key.hex(),
                "share": self.leaf.share,
                "receivable": print_total(self.leaf.receivable, currency),
                "credit": print_total(self.leaf.credit, currency),
                "state": self.leaf.state.hex(),
            },
            "index": self.index,
            "path": [
                {
                    "hash": b64encode(sibling.hash),
                    "receivable": print_total(sibling.receivable, currency),
                    "credit": print_total(sibling.credit, currency),
                }
                for sibling in self.path
            ],
            "state": None if self.state is None else self.state.encode().decode(),
        }


def _read_seal(value: object, path: str) -> tuple[str, bytes]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise MalformedError(_WHAT, f"{path} is not [currency, seal]")
    if _CURRENCY.fullmatch(value[0]) is None:
        raise MalformedError(_WHAT, f"{path} names no currency")
    return value[0], hex_decode(value[1], merkle.HASH_SIZE, what=f"{_WHAT}, {path}")


def _read_leaf(value: object, currency: str) -> tuple[bytes, Leaf]:
    form = Form(value, _WHAT, "leaf", {"asset_key", "share", "receivable", "credit", "state"})
    asset_key = form.hex("asset_key", 32)
    leaf = Leaf(
        key=claim_key(asset_key),
        share=form.integer("share", least=1, most=WHOLE),
        receivable=parse_total(form.raw("receivable"), currency),
        credit=parse_total(form.raw("credit"), currency),
        state=form.hex("state", 32),
    )
    return asset_key, leaf


def _read_sibling(value: object, path: str, currency: str) -> Sibling:
    form = Form(value, _WHAT, path, {"hash", "receivable", "credit"})
    return Sibling(
        form.base64("hash", merkle.HASH_SIZE),
        parse_total(form.raw("receivable"), currency),
        parse_total(form.raw("credit"), currency),
    )
