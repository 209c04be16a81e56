"""Checkpoints: the signed (origin, size, root) of a log.

Follows `tlog-checkpoint <https://c2sp.org/tlog-checkpoint>`_; the body of the note is::

    fenqile.example/consumer-2026
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

Our logs print no extension lines, so none are accepted: nobody could audit them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedError, VerificationError
from ledger.proofs.canonical import b64decode, b64encode
from ledger.proofs.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from ledger.proofs.note import (
    CosignatureVerifier,
    Note,
    Signer,
    Verifier,
    cosignature_time,
    open_note,
    sign_note,
)

#: Origins are also key names, contract arguments and URL parts.
MAX_ORIGIN_BYTES: Final = 255


def check_origin(origin: str) -> str:
    """Return ``origin`` if it can name a log: printable ASCII, no space or plus, at most 255 bytes."""
    if not isinstance(origin, str) or not 0 < len(origin) <= MAX_ORIGIN_BYTES:
        raise MalformedError("origin", f"not 1 to {MAX_ORIGIN_BYTES} characters")
    if any(not "!" <= c <= "~" or c == "+" for c in origin):
        raise MalformedError("origin", "holds something else than printable ASCII without space and plus")
    return origin


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says about itself: at ``size`` its tree has this ``root`` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_origin(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise MalformedError("checkpoint", "the size is not from 0 to 2^63 − 1")
        if len(self.root) != HASH_SIZE:
            raise MalformedError("checkpoint", "the root is not 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedError("checkpoint", "size 0 with another root than the empty tree's")

    def body(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root)}\n"

    def sign(self, signers: Iterable[Signer]) -> bytes:
        """The checkpoint as a note signed by each of ``signers``."""
        return sign_note(self.body(), signers)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that a key of the log signed; made by :func:`open_checkpoint` only.

    ``verified`` are the log's keys that signed, ``cosigned`` the witnesses with their times (POSIX seconds).
    """

    checkpoint: Checkpoint
    note: Note
    data: bytes
    verified: tuple[Verifier, ...]
    cosigned: tuple[tuple[CosignatureVerifier, int], ...]


def parse_body(body: str) -> Checkpoint:
    """Read a note's text as a checkpoint; refuse what :meth:`Checkpoint.body` would not print."""
    what = "checkpoint"
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedError(what, "not exactly three lines")
    origin, digits, encoded, _ = lines
    if len(digits) > 19 or not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits:
        raise MalformedError(what, "the size is no decimal number in its one spelling")
    return Checkpoint(origin, int(digits), b64decode(encoded, HASH_SIZE, what="checkpoint root"))


def open_checkpoint(
    data: bytes | str,
    origin: str,
    verifiers: Iterable[Verifier],
    *,
    witnesses: Iterable[CosignatureVerifier] = (),
) -> SignedCheckpoint:
    """Verify a checkpoint note of the log ``origin``.

    At least one of ``verifiers`` (the log's own keys) must have signed; ``witnesses`` only add to that.
    Raises :class:`MalformedError`, or :class:`VerificationError` for another origin or a bad signature.
    """
    own = list(verifiers)
    note = open_note(data, [*own, *witnesses])
    checkpoint = parse_body(note.body)
    if checkpoint.origin != origin:
        raise VerificationError(
            f"the checkpoint is of {checkpoint.origin}, not of {origin}",
            step="checkpoint",
            evidence={"origin": checkpoint.origin, "expected": origin},
        )
    signed = tuple(verifier for verifier, _ in note.verified if verifier in own)
    if not signed:
        raise VerificationError("no signature by a key of the log", step="checkpoint")
    cosigned = tuple(
        (verifier, cosignature_time(signature))
        for verifier, signature in note.verified
        if isinstance(verifier, CosignatureVerifier)
    )
    raw = data.encode() if isinstance(data, str) else data
    return SignedCheckpoint(checkpoint, note, raw, signed, cosigned)
