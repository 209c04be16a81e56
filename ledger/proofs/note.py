r"""Signed notes: a text, signed by one or more named keys.

Follows `signed-note <https://c2sp.org/signed-note>`_ and, for witnesses,
`tlog-cosignature <https://c2sp.org/tlog-cosignature>`_ (cosignature/v1)::

    <text, ends in a newline>

    — <name> <base64(key id (4) || signature)>
    — <name> …

    key id        SHA-256(name || 0A || type || public key)[:4]
    verifier key  <name>+<hex8(key id)>+<base64(type || public key)>

Type 01 is Ed25519 over the text. Type 04 is a witness's cosignature: ``uint64 time || Ed25519`` over
``cosignature/v1\ntime <time>\n`` and the text. Signatures stand in any order; those by unknown keys are
ignored; one by a known key that does not verify refuses the whole note.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import MalformedError, VerificationError
from ledger.proofs.canonical import b64decode, b64encode

#: A checkpoint is below 1 KiB and a hundred post-quantum signatures below 700 KiB.
MAX_NOTE_BYTES: Final = 1_000_000
#: As Go's ``note`` package; the specification asks for at least 16.
MAX_SIGNATURES: Final = 100
#: cosignature/v1: a POSIX time that fits a signed 64-bit integer.
MAX_TIME: Final = 2**63 - 1

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04

_DASH: Final = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]").search
_P: Final = 2**255 - 19
_Y8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
#: y coordinates of the points of small order, also unreduced: with such a key one signature fits many texts.
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _P, _P + 1, _Y8, _P - _Y8})


def check_name(name: str) -> str:
    """Return ``name`` if it can name a key: not empty, no Unicode space, control character or plus."""
    if not isinstance(name, str) or not name:
        raise MalformedError("key name", "empty")
    if "+" in name or any(c.isspace() or c < " " for c in name):
        raise MalformedError("key name", "holds a space, a control character or a plus")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise MalformedError("key name", "not UTF-8") from None
    return name


def _key_id(name: str, kind: int, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


@lru_cache(maxsize=4096)
def _load(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name: verifies Ed25519 signatures over whole texts (type 01)."""

    name: str
    public_key: bytes
    key_id: bytes = field(init=False)

    kind: ClassVar[int] = ED25519

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != 32:
            raise MalformedError("verifier key", "the public key is not 32 bytes")
        if int.from_bytes(self.public_key, "little") & (2**255 - 1) in _SMALL_ORDER:
            raise MalformedError("verifier key", "the public key is a point of small order")
        object.__setattr__(self, "key_id", _key_id(self.name, self.kind, self.public_key))

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a verifier key ``name+hex8+base64``; its key id must be the one of its key."""
        what = "verifier key"
        parts = vkey.split("+", 2) if isinstance(vkey, str) else []
        if len(parts) != 3:
            raise MalformedError(what, "not of the form name+hex+base64")
        name, key_id, encoded = parts
        material = b64decode(encoded, what=what)
        if len(material) != 33 or material[0] != cls.kind:
            raise MalformedError(what, f"not an Ed25519 key of type {cls.kind:02x}")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise MalformedError(what, "its key id belongs to another name or key")
        return key

    @property
    def vkey(self) -> str:
        """The verifier key as text, ``name+hex8+base64``."""
        return f"{self.reference}+{b64encode(bytes([self.kind]) + self.public_key)}"

    @property
    def reference(self) -> str:
        """``name+hex8``: how a detached signature names its key."""
        return f"{self.name}+{self.key_id.hex()}"

    def verify_raw(self, message: bytes, signature: bytes) -> None:
        """Raise :class:`VerificationError` unless ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            _load(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise VerificationError(f"no valid signature by {self.reference}", step="signature") from None

    def verify_text(self, text: str, signature: bytes) -> None:
        """Raise :class:`VerificationError` unless ``signature`` is what a note line by this key carries."""
        self.verify_raw(text.encode(), signature)


@dataclass(frozen=True, slots=True)
class CosignatureVerifier(Verifier):
    """A witness's public key: verifies timestamped cosignatures (type 04)."""

    kind: ClassVar[int] = COSIGNATURE

    def verify_text(self, text: str, signature: bytes) -> None:
        """Raise :class:`VerificationError` unless ``signature`` is this witness's, time and Ed25519."""
        time = cosignature_time(signature)
        self.verify_raw(_cosigned(text, time), signature[8:])


def cosignature_time(signature: bytes) -> int:
    """The POSIX time of a cosignature, in seconds."""
    if len(signature) != 72:
        raise VerificationError("a cosignature is not 72 bytes", step="cosignature")
    time: int = struct.unpack_from(">Q", signature)[0]
    if time > MAX_TIME:
        raise VerificationError("the time of a cosignature is above 2^63 − 1", step="cosignature")
    return time


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def parse_verifier(vkey: str) -> Verifier:
    """Read a verifier key of either type, telling them apart by the type byte."""
    parts = vkey.split("+", 2) if isinstance(vkey, str) else []
    if len(parts) == 3 and b64decode(parts[2], what="verifier key")[:1] == bytes([COSIGNATURE]):
        return CosignatureVerifier.parse(vkey)
    return Verifier.parse(vkey)


class Signer:
    """A private Ed25519 key with its name. It is never printed: ``repr`` shows the verifier key only."""

    __slots__ = ("_private", "verifier")

    verifier: Verifier

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = Verifier(name, private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new random key."""
        return cls(check_name(name), Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """The key of a 32-byte RFC 8032 seed."""
        if len(seed) != 32:
            raise MalformedError("signing key", "the seed is not 32 bytes")
        return cls(check_name(name), Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for storing them encrypted."""
        return self._private.private_bytes_raw()

    @property
    def name(self) -> str:
        """The key's name."""
        return self.verifier.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.verifier.vkey}>"

    def sign_raw(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature over ``message``."""
        return self._private.sign(message)

    def sign_text(self, text: str) -> bytes:
        """The signature that a note line carries after the key id."""
        return self.sign_raw(text.encode())

    def sign(self, body: str) -> str:
        """The signature line over ``body``, with its newline."""
        return _line(self.verifier.name, self.verifier.key_id + self.sign_text(check_body(body)))


class Cosigner:
    """A witness's private key: signs what it saw, and when."""

    __slots__ = ("_signer", "verifier")

    verifier: CosignatureVerifier

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.verifier = CosignatureVerifier(signer.name, signer.verifier.public_key)

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new random key."""
        return cls(Signer.generate(name))

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """The key of a 32-byte RFC 8032 seed."""
        return cls(Signer.from_seed(name, seed))

    def __repr__(self) -> str:
        return f"<Cosigner {self.verifier.vkey}>"

    def sign(self, body: str, *, time: int) -> str:
        """The cosignature line over ``body`` at ``time`` (POSIX seconds; the caller owns the clock)."""
        if not 0 <= time <= MAX_TIME:
            raise MalformedError("cosignature", "the time is not from 0 to 2^63 − 1")
        signature = struct.pack(">Q", time) + self._signer.sign_raw(_cosigned(check_body(body), time))
        return _line(self.verifier.name, self.verifier.key_id + signature)


def _line(name: str, blob: bytes) -> str:
    return f"{_DASH}{name} {b64encode(blob)}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, verified or not: the key's name, its id, and the bytes after it."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line as printed, with its newline."""
        return _line(self.name, self.key_id + self.signature)


@dataclass(frozen=True, slots=True)
class Note:
    """A note whose known signatures were all verified; there is at least one.

    ``verified`` has one pair for each known key, in the order of their first lines; ``unknown`` the lines
    by other keys.
    """

    body: str
    verified: tuple[tuple[Verifier, bytes], ...]
    unknown: tuple[Signature, ...]


def check_body(body: str) -> str:
    """Return ``body`` if it can be a note's text: ends in a newline, no other control character."""
    if not body.endswith("\n"):
        raise MalformedError("note", "the text does not end in a newline")
    if _CONTROL(body):
        raise MalformedError("note", "control character")
    return body


def sign_note(body: str, signers: Iterable[Signer]) -> bytes:
    """The note of ``body`` with one line by each of ``signers``, in their order."""
    return add_signatures(check_body(body), [signer.sign(body) for signer in signers])


def add_signatures(body: str, lines: Sequence[str]) -> bytes:
    """Put a text and its signature lines together; at least one and at most a hundred lines."""
    note = (check_body(body) + "\n" + "".join(lines)).encode()
    parse_note(note)
    return note


def parse_note(data: bytes | str) -> tuple[str, tuple[Signature, ...]]:
    """Split a note into its text and its signature lines, verifying nothing.

    Raises :class:`MalformedError` for whatever a printer of notes would not print.
    """
    what = "note"
    raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    if len(raw) > MAX_NOTE_BYTES:
        raise MalformedError(what, f"more than {MAX_NOTE_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise MalformedError(what, "not UTF-8") from None
    body, blank, tail = text.rpartition("\n\n")
    if not blank:
        raise MalformedError(what, "no blank line before the signatures")
    body = check_body(body + "\n")
    if not tail.endswith("\n"):
        raise MalformedError(what, "does not end in a signature line")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError(what, f"more than {MAX_SIGNATURES} signatures")
    return body, tuple(_parse_line(line) for line in lines)


def _parse_line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise MalformedError("note", "a line after the text is no signature")
    blob = b64decode(encoded, what="note signature")
    if len(blob) < 5:
        raise MalformedError("note signature", "too short")
    return Signature(check_name(name), blob[:4], blob[4:])


def open_note(data: bytes | str, verifiers: Iterable[Verifier]) -> Note:
    """Parse a note and verify every signature on it that one of ``verifiers`` knows.

    A key that signed twice counts once, and both of its signatures must be good. Raises
    :class:`MalformedError` for what is no note, :class:`VerificationError` when a known key's signature does
    not verify, when no known key signed, or when two of ``verifiers`` share name and key id.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        other = known.setdefault((verifier.name, verifier.key_id), verifier)
        if other != verifier:
            raise VerificationError(f"two keys are called {verifier.reference}", step="signature")
    body, signatures = parse_note(data)
    verified: dict[Verifier, bytes] = {}
    unknown: list[Signature] = []
    for line in signatures:
        match = known.get((line.name, line.key_id))
        if match is None:
            unknown.append(line)
            continue
        match.verify_text(body, line.signature)
        verified.setdefault(match, line.signature)
    if not verified:
        raise VerificationError("no signature by a known key", step="signature")
    return Note(body, tuple(verified.items()), tuple(unknown))
