"""Secrets at rest: the key-encryption key, each subject's secret, disclosures and signing keys.

A subject's random secret gives its nonces, its salts and the key of its disclosures; destroying it makes them
unguessable for ever, which is what erasure means here. Secrets are wrapped by one key-encryption key (KEK)
that lives in a file beside the database, never in it: lose that file and private fields cannot be opened
again. Encryption is AES-256-GCM with a random nonce, laid out as ``nonce[12] || ciphertext || tag[16]``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import ConfigurationError, IntegrityError, MalformedError
from ledger.proofs import canonical
from ledger.proofs.note import Signer

_NONCE_BYTES = 12
_KEK_HEADER = "poolproof-kek-v1"

Disclosure = tuple[str, str, object]


class Vault:
    """Wraps and unwraps under one key-encryption key."""

    def __init__(self, kek: bytes) -> None:
        if len(kek) != 32:
            raise ConfigurationError("key-encryption key: it has 32 bytes")
        self._kek = AESGCM(kek)
        #: names the key without revealing it: what `init` prints and `doctor` compares with the backup
        self.fingerprint = hashlib.sha256(b"poolproof/kek/v1\0" + kek).hexdigest()[:16]

    @classmethod
    def create(cls, path: Path) -> Vault:
        """A new key, written to ``path`` with mode 0600; an existing file is never replaced."""
        write_private(path, f"{_KEK_HEADER} {base64.b64encode(os.urandom(32)).decode()}\n")
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Vault:
        """Read the key file; raises :class:`ConfigurationError` when it is missing or not one."""
        words = _read(path, "key-encryption key").split()
        if len(words) != 2 or words[0] != _KEK_HEADER:
            raise ConfigurationError(f"{path}: not a key-encryption key file (it starts with {_KEK_HEADER})")
        return cls(_b64(path, words[1], 32))

    def new_secret(self, subject: str) -> tuple[bytes, bytes]:
        """A random secret for a subject, and its wrapped form."""
        fresh = os.urandom(32 + _NONCE_BYTES)
        secret, nonce = fresh[:32], fresh[32:]
        return secret, nonce + self._kek.encrypt(nonce, secret, subject.encode())

    def unwrap(self, wrapped: bytes, subject: str) -> bytes:
        """The secret again; raises :class:`IntegrityError` if the key is another one or a byte changed."""
        try:
            return self._kek.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], subject.encode())
        except (InvalidTag, ValueError) as error:  # the latter where there are too few bytes
            raise IntegrityError(
                f"{subject}: its secret does not open under key {self.fingerprint}; was the key file replaced?"
            ) from error


def seal(secret: bytes, place: str, disclosures: list[Disclosure]) -> bytes:
    """Encrypt an event's disclosures under its subject's secret; ``place`` ties them to their record."""
    return seal_bytes(secret, place, canonical.encode([list(one) for one in disclosures]))


def unseal(secret: bytes, place: str, sealed: bytes) -> list[Disclosure]:
    """The disclosures of an event; raises :class:`IntegrityError` if they do not open."""
    decoded = canonical.decode(unseal_bytes(secret, place, sealed), what="disclosures")
    assert isinstance(decoded, list)
    return [(one[0], one[1], one[2]) for one in decoded]


def seal_bytes(secret: bytes, place: str, plain: bytes) -> bytes:
    """Encrypt bytes under a secret; ``place`` ties them to where they lie."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _disclosure_key(secret).encrypt(nonce, plain, place.encode())


def unseal_bytes(secret: bytes, place: str, sealed: bytes) -> bytes:
    """The bytes again; raises :class:`IntegrityError` if they do not open."""
    try:
        return _disclosure_key(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as error:  # the latter where there are too few bytes
        raise IntegrityError(f"what is sealed at {place} does not open under its secret") from error


def _disclosure_key(secret: bytes) -> AESGCM:
    return AESGCM(hmac.digest(secret, b"poolproof/disclosures/v1", "sha256"))


def create_signer(path: Path, name: str) -> Signer:
    """A new Ed25519 signer in the text form of signed-note private keys, in a file with mode 0600."""
    seed = os.urandom(32)
    signer = Signer.from_seed(name, seed)
    body = base64.b64encode(b"\x01" + seed).decode()
    write_private(path, f"PRIVATE+KEY+{name}+{signer.verifier.key_id.hex()}+{body}\n")
    return signer


def load_signer(path: Path) -> Signer:
    """Read such a file; raises :class:`ConfigurationError` when it is missing or damaged."""
    words = _read(path, "signing key").strip().split("+", 4)
    if len(words) != 5 or words[:2] != ["PRIVATE", "KEY"]:
        raise ConfigurationError(f"{path}: not a signing key (PRIVATE+KEY+name+id+key)")
    raw = _b64(path, words[4], 33)
    signer = Signer.from_seed(words[2], raw[1:])
    if raw[:1] != b"\x01" or signer.verifier.key_id.hex() != words[3]:
        raise ConfigurationError(f"{path}: its key does not have the id {words[3]} that it names")
    return signer


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; refuses to replace one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError(f"{path}: exists already and is never overwritten") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _b64(path: Path, text: str, length: int) -> bytes:
    try:
        return canonical.b64decode(text, length)
    except MalformedError as error:
        raise ConfigurationError(f"{path}: damaged: {error.reason}") from error


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{what}: no file {path}; restore it from its backup") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{what}: {path}: {error}") from error
