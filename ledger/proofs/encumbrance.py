r"""A claim's place in the register: who holds how much of it, and what became of it before.

The register maps 32-byte keys to 64-byte values::

    key   = SHA-256("poolproof/claim/v1\0" || asset key)      value = H(encumbrance) || H(state)
    key   = SHA-256("poolproof/pool/v1\0" || pool name)       value = head digest || last seal

The encumbrance is of fixed width, so that a contract can read it::

    nonce (16) || uint64 version || history (32) || uint8 n || n × (holder (32) || uint32 share in ppm)

Holders stand in strictly ascending order of their bytes, each with a share above zero, and the shares sum to
at most 1,000,000. The version counts the changes; ``history`` chains them, so that a register which took a
pledge back and forth between two audits cannot hide it::

    h(0) = 32 zero bytes
    h(v+1) = SHA-256("poolproof/history/v1\0" || h(v) || record digest || uint8 n || n × (holder || share))

with the holders after the change. The state is canonical JSON of facts that do not depend on the day.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER
from ledger.proofs.documents import NAME, Form
from ledger.proofs.keyed import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: (SHA-256 of the party's name, share in ppm), ascending
Holders: TypeAlias = tuple[tuple[bytes, int], ...]

#: The whole of a claim, in parts per million.
WHOLE: Final = 1_000_000
#: ``h(0)``, and the last seal of a pool without one.
ZERO: Final = bytes(32)
#: n is one byte.
MAX_HOLDERS: Final = 255
_HEAD: Final = struct.Struct(">16sQ32sB")
_HOLDER: Final = struct.Struct(">32sI")
_STATE_TYPE: Final = "poolproof/claim-state/v1"
_STATE_MEMBERS: Final = frozenset(
    {
        "type", "loan", "claim", "creditor", "share", "currency", "status", "principal", "count", "head",
        "last_index", "nonce",
    }
)  # fmt: skip


def holder_id(party: str) -> bytes:
    """The 32 bytes that stand for ``party`` in an encumbrance."""
    return hashlib.sha256(b"poolproof/party/v1\0" + party.encode()).digest()


def claim_key(asset_key: bytes) -> bytes:
    """The register's key of the claim with this asset key (32 raw bytes)."""
    return hashlib.sha256(b"poolproof/claim/v1\0" + asset_key).digest()


def pool_key(name: str) -> bytes:
    """The register's key of a pool; ``name`` without the prefix ``pool:``."""
    return hashlib.sha256(b"poolproof/pool/v1\0" + name.encode()).digest()


def claim_value(encumbrance: bytes, state: bytes) -> bytes:
    """The register's value of a claim: the digests of both preimages."""
    return hashlib.sha256(encumbrance).digest() + hashlib.sha256(state).digest()


def pool_value(head: bytes, last_seal: bytes = ZERO) -> bytes:
    """The register's value of a pool: the digest of its newest record and its last seal, see :mod:`.seal`."""
    return head + last_seal


def weak_asset_key(origin: str, loan: str, claim: str) -> bytes:
    """The fallback where no asset key is given: it shows a double pledge within this log only."""
    return hashlib.sha256(b"poolproof/weak-asset-key/v1\0" + canonical.encode([origin, loan, claim])).digest()


def encumbrance_nonce(secret: bytes, asset_key: bytes, version: int) -> bytes:
    """The nonce (16 bytes) of one version of an encumbrance under the loan's secret."""
    message = f'["poolproof/encumbrance/v1","{asset_key.hex()}",{version}]'
    return hmac_sha256(secret, message.encode())[:16]


def state_nonce(secret: bytes, asset_key: bytes, last_index: int) -> str:
    """The nonce (32 hex digits) of a claim's state after the record at ``last_index``."""
    message = f'["poolproof/state/v1","{asset_key.hex()}",{last_index}]'
    return hmac_sha256(secret, message.encode())[:16].hex()


def sorted_holders(holders: Iterable[tuple[bytes, int]]) -> Holders:
    """Holders in their one order, those without a share left out. Raises :class:`MalformedError`."""
    result = tuple(sorted((holder, share) for holder, share in holders if share))
    _check_holders(result)
    return result


def encode_holders(holders: Holders) -> bytes:
    """``uint8 n || n × (holder || uint32 share)``. Raises :class:`MalformedError`."""
    _check_holders(holders)
    return bytes([len(holders)]) + b"".join(_HOLDER.pack(holder, share) for holder, share in holders)


def parse_holders(data: bytes) -> Holders:
    """Read what :func:`encode_holders` printed. Raises :class:`MalformedError`."""
    if not data or len(data) != 1 + data[0] * _HOLDER.size:
        raise MalformedError("holders", f"{len(data)} bytes do not fit their count")
    holders = tuple((holder, share) for holder, share in _HOLDER.iter_unpack(data[1:]))
    _check_holders(holders)
    return holders


def advance(history: bytes, digest: bytes, holders: Holders) -> bytes:
    """The history digest after the record ``digest`` left the claim with ``holders``."""
    return hashlib.sha256(b"poolproof/history/v1\0" + history + digest + encode_holders(holders)).digest()


@dataclass(frozen=True, slots=True)
class Encumbrance:
    """Who holds which share of a claim, how often that changed, and the digest of all changes."""

    nonce: bytes
    version: int
    history: bytes
    holders: Holders

    def encode(self) -> bytes:
        """The bytes whose digest the register commits to. Raises :class:`MalformedError`."""
        if len(self.nonce) != 16 or len(self.history) != 32 or not 0 <= self.version < 1 << 64:
            raise MalformedError("encumbrance", "nonce, version or history out of bounds")
        if (self.version == 0) != (self.history == ZERO) or (self.version == 0 and self.holders):
            raise MalformedError(
                "encumbrance", "only an unchanged claim has version 0, no history and no holder"
            )
        holders = encode_holders(self.holders)
        return _HEAD.pack(self.nonce, self.version, self.history, holders[0]) + holders[1:]

    @classmethod
    def parse(cls, data: bytes) -> Encumbrance:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        if len(data) < _HEAD.size:
            raise MalformedError("encumbrance", f"{len(data)} bytes are fewer than {_HEAD.size}")
        nonce, version, history, _ = _HEAD.unpack_from(data)
        result = cls(
            nonce=nonce, version=version, history=history, holders=parse_holders(data[_HEAD.size - 1 :])
        )
        if result.encode() != data:
            raise MalformedError("encumbrance", "does not print as it was read")
        return result

    @property
    def taken(self) -> int:
        """The sum of the shares, in ppm: 0 says that nothing of the claim is pledged or sold."""
        return sum(share for _, share in self.holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState:
    """What the register commits to about a claim besides its place; no value depends on the day.

    ``share`` is the creditor's part of the loan in ppm, ``principal`` a money string in ``currency``,
    ``count`` the number of the loan's records, ``head`` the digest of its last one, at ``last_index``.
    """

    loan: str
    claim: str
    creditor: str
    share: int
    currency: str
    status: str
    principal: str
    count: int
    head: bytes
    last_index: int
    nonce: str

    def encode(self) -> bytes:
        """The canonical bytes whose digest the register commits to.

        Printed by hand: a register of a million claims is made of them, and no member holds a character that
        JSON escapes.
        """
        return (
            f'{{"claim":"{self.claim}","count":{self.count},"creditor":"{self.creditor}","currency":"{self.currency}",'
            f'"head":"{self.head.hex()}","last_index":{self.last_index},"loan":"{self.loan}","nonce":"{self.nonce}",'
            f'"principal":"{self.principal}","share":{self.share},"status":"{self.status}","type":"{_STATE_TYPE}"}}'
        ).encode("ascii")

    @classmethod
    def parse(cls, data: bytes | str) -> ClaimState:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        what = "claim state"
        form = Form(canonical.decode_canonical(data, what=what), what, "", _STATE_MEMBERS)
        form.choice("type", [_STATE_TYPE])
        return cls(
            loan=form.text("loan"),
            claim=form.text("claim", NAME),
            creditor=form.text("creditor", NAME),
            share=form.integer("share", most=WHOLE),
            currency=form.text("currency"),
            status=form.text("status"),
            principal=form.text("principal"),
            count=form.integer("count", least=1),
            head=form.hex("head", 32),
            last_index=form.integer("last_index", most=MAX_INTEGER),
            nonce=form.hex("nonce", 16).hex(),
        )


def verify_history(
    older: Encumbrance | None, newer: Encumbrance, links: Sequence[tuple[bytes, Holders]]
) -> None:
    """Show that ``newer`` grew out of ``older`` by exactly the changes ``links``.

    ``links`` are (record digest, holders after it), oldest first; ``older`` is ``None`` for a claim that no
    earlier register held. Raises :class:`VerificationError` at step ``history`` for a register in which the
    history went back, branched off, or holds other changes than these; the evidence names both.
    """
    version, history = (older.version, older.history) if older else (0, ZERO)
    evidence = {
        "older": {"version": version, "history": history.hex()},
        "newer": {"version": newer.version, "history": newer.history.hex()},
    }
    if newer.version < version:
        raise VerificationError(
            f"the history of pledges went back from version {version} to {newer.version}",
            step="history",
            evidence=evidence,
        )
    if newer.version - version != len(links):
        raise VerificationError(
            f"{newer.version - version} changes lie between the versions, {len(links)} are shown",
            step="history",
            evidence=evidence,
        )
    holders = older.holders if older else ()
    for digest, holders in links:
        history = advance(history, digest, holders)
    if history != newer.history or holders != newer.holders:
        raise VerificationError(
            f"version {newer.version} does not follow from version {version} by the changes shown",
            step="history",
            evidence=evidence | {"recomputed": history.hex()},
        )


def _check_holders(holders: Holders) -> None:
    if len(holders) > MAX_HOLDERS:
        raise MalformedError("holders", f"more than {MAX_HOLDERS}")
    total, last = 0, b""
    for holder, share in holders:
        if len(holder) != 32 or not 0 < share <= WHOLE:
            raise MalformedError("holders", "a holder is 32 bytes and has a share from 1 to 1,000,000 ppm")
        if holder <= last:
            raise MalformedError("holders", "not in strictly ascending order")
        total += share
        last = holder
    if total > WHOLE:
        raise MalformedError("holders", f"the shares sum to {total} ppm, more than the whole")
