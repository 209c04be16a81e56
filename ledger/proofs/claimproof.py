"""Claim proofs (``poolproof prove CLAIM``): a claim's place in one published register, or its absence.

Canonical JSON and a newline, ``signature`` by the log's service key over the rest::

    {"media_type": "application/vnd.poolproof.claim-proof.v1+json", "origin", "chain_id", "contract",
     "log_id", "checkpoint": note, "register": {"entry": base64(53), "proof": [base64, …]}, "presence": bool,
     "asset_key": hex, "mpt": proof in the map, "encumbrance": base64 | null, "state": canonical JSON | null,
     "history": [{"digest": hex, "index", "holders": [{"party" | null, "holder": hex, "share"}, …]}, …],
     "signature": {"key", "value"}}

``encumbrance`` and ``state`` are the preimages of the map's value, null when the claim is absent. ``history``
is every change of the claim's place, oldest first: it must fold to the encumbrance's version and digest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical, mpt
from ledger.proofs.canonical import b64encode
from ledger.proofs.documents import NAME, ORIGIN, DetachedSignature, Form, decode, sign
from ledger.proofs.encumbrance import WHOLE, ClaimState, Encumbrance, Holders, holder_id
from ledger.proofs.receipt import ChainBinding, RegisterLeaf, binding_members

if TYPE_CHECKING:
    from ledger.proofs.note import Signer

MEDIA_TYPE: Final = "application/vnd.poolproof.claim-proof.v1+json"
_WHAT: Final = "claim proof"
_MEMBERS: Final = frozenset(
    {
        "media_type", "origin", "chain_id", "contract", "log_id", "checkpoint", "register", "presence",
        "asset_key", "mpt", "encumbrance", "state", "history", "signature",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One holder's share in ppm; ``party`` is its name where it may be shown."""

    holder: bytes
    share: int
    party: str | None = None

    @classmethod
    def of(cls, party: str, share: int) -> Holding:
        """The holding of a named party."""
        return cls(holder=holder_id(party), share=share, party=party)

    @classmethod
    def from_json(cls, value: object, path: str) -> Holding:
        """Read one of ``holders``; a name must be the holder's. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, path, {"party", "holder", "share"})
        holder = form.hex("holder", 32)
        party = form.optional("party", lambda name: form.text(name, NAME))
        if party is not None and holder_id(party) != holder:
            form.fail("party", "is not the name of this holder")
        return cls(holder=holder, share=form.integer("share", least=1, most=WHOLE), party=party)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One change of a claim's place: the record that made it and the holders after it."""

    digest: bytes
    index: int
    holdings: tuple[Holding, ...]

    @property
    def holders(self) -> Holders:
        """The holders as the history digest takes them."""
        return tuple((holding.holder, holding.share) for holding in self.holdings)

    def to_json(self) -> dict[str, Any]:
        """One of ``history``."""
        return {
            "digest": self.digest.hex(),
            "index": self.index,
            "holders": [
                {"party": holding.party, "holder": holding.holder.hex(), "share": holding.share}
                for holding in self.holdings
            ],
        }

    @classmethod
    def from_json(cls, value: object, path: str) -> Link:
        """Read what :meth:`to_json` prints. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, path, {"digest", "index", "holders"})
        return cls(
            digest=form.hex("digest", 32),
            index=form.integer("index"),
            holdings=form.items("holders", Holding.from_json, most=255),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimProof:
    """One claim proof as read or to be signed; reading verifies its form, nothing else."""

    origin: str
    chain: ChainBinding | None
    checkpoint: str
    register: RegisterLeaf
    presence: bool
    asset_key: bytes
    proof: mpt.Proof
    encumbrance: Encumbrance | None = None
    state: ClaimState | None = None
    history: tuple[Link, ...] = ()
    signature: DetachedSignature | None = None

    def __post_init__(self) -> None:
        given = self.encumbrance is not None, self.state is not None
        if given != (self.presence, self.presence) or (self.history and not self.presence):
            raise MalformedError(_WHAT, "a present claim has encumbrance and state, an absent one neither")

    def message(self) -> bytes:
        """The bytes that the service key signs: the media type as a line, then the canonical rest."""
        return MEDIA_TYPE.encode() + b"\n" + canonical.encode(self._members())

    def signed(self, signer: Signer) -> ClaimProof:
        """The same proof with the signature of ``signer``, the log's service key."""
        return replace(self, signature=sign(self.message(), signer))

    def encode(self) -> bytes:
        """The file's bytes; the proof must be signed."""
        if self.signature is None:
            raise ValueError("an unsigned claim proof is not a file")
        return canonical.encode_file(self._members() | {"signature": self.signature.to_json()})

    @classmethod
    def parse(cls, data: bytes) -> ClaimProof:
        """Read what :meth:`encode` printed; nothing is verified. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        return cls(
            origin=form.text("origin", ORIGIN),
            chain=ChainBinding.from_form(form, _WHAT),
            checkpoint=form.text("checkpoint"),
            register=RegisterLeaf.from_json(form.raw("register"), _WHAT),
            presence=form.boolean("presence"),
            asset_key=form.hex("asset_key", 32),
            proof=mpt.Proof.from_json(form.raw("mpt")),
            encumbrance=form.optional("encumbrance", lambda name: Encumbrance.parse(form.base64(name))),
            state=form.optional("state", lambda name: ClaimState.parse(form.text(name))),
            history=form.items("history", Link.from_json),
            signature=DetachedSignature.from_json(form.raw("signature"), _WHAT, "signature"),
        )

    def _members(self) -> dict[str, Any]:
        return {
            "media_type": MEDIA_TYPE,
            "origin": self.origin,
            **binding_members(self.chain),
            "checkpoint": self.checkpoint,
            "register": self.register.to_json(),
            "presence": self.presence,
            "asset_key": self.asset_key.hex(),
            "mpt": self.proof.to_json(),
            "encumbrance": None if self.encumbrance is None else b64encode(self.encumbrance.encode()),
            "state": None if self.state is None else self.state.encode().decode(),
            "history": [link.to_json() for link in self.history],
        }
