"""C2SP signed-note, tlog-checkpoint and cosignature/v1, read from the specifications.

Independent of ``ledger``; signatures are checked by the plain Ed25519 of this folder.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from tests.oracles import ed25519


class RefusedError(Exception):
    """The note, checkpoint or key is not what the specification allows."""


@dataclass(frozen=True)
class Key:
    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + bytes([10, self.kind]) + self.public).digest()[:4]


@dataclass(frozen=True)
class Tree:
    origin: str
    size: int
    root: bytes


def one_base64(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) or len(text) % 4:
        raise RefusedError("not base64")
    data = base64.b64decode(text)
    if base64.b64encode(data).decode() != text:
        raise RefusedError("another spelling of its base64")
    return data


def key(vkey: str) -> Key:
    found = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", vkey)
    if not found:
        raise RefusedError("not a verifier key")
    material = one_base64(found[3])
    if len(material) != 33 or material[0] not in {1, 4}:
        raise RefusedError("not an Ed25519 key")
    result = Key(found[1], material[0], material[1:])
    if result.id.hex() != found[2]:
        raise RefusedError("another key's id")
    return result


def split(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and (name, key id, signature) of each line."""
    text = note.decode()
    if any(ord(c) < 32 and c != "\n" for c in text):
        raise RefusedError("control character")
    at = text.rfind("\n\n")
    if at < 0:
        raise RefusedError("no blank line")
    body, rest = text[: at + 1], text[at + 2 :]
    if not rest.endswith("\n"):
        raise RefusedError("no newline at the end")
    signatures = []
    for line in rest[:-1].split("\n"):
        found = re.fullmatch(r"— (\S+) (\S+)", line)
        if not found or "+" in found[1]:
            raise RefusedError("not a signature line")
        blob = one_base64(found[2])
        if len(blob) < 5:
            raise RefusedError("too short a signature")
        signatures.append((found[1], blob[:4], blob[4:]))
    return body, signatures


def good(key: Key, body: str, signature: bytes) -> bool:
    if key.kind == 1:
        return ed25519.verify(key.public, body.encode(), signature)
    if len(signature) != 72:
        return False
    time = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {time}\n{body}"
    return time < 2**63 and ed25519.verify(key.public, message.encode(), signature[8:])


def open_note(note: bytes, keys: list[Key]) -> tuple[str, list[Key]]:
    """The text and the known keys that signed it; any bad signature of a known key refuses all."""
    body, signatures = split(note)
    signed: list[Key] = []
    for name, key_id, signature in signatures:
        for known in keys:
            if (known.name, known.id) == (name, key_id):
                if not good(known, body, signature):
                    raise RefusedError(f"bad signature by {name}")
                if known not in signed:
                    signed.append(known)
    if not signed:
        raise RefusedError("no known signature")
    return body, signed


def checkpoint(body: str) -> Tree:
    found = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]*)\n([A-Za-z0-9+/=]+)\n", body)
    if not found:
        raise RefusedError("not a checkpoint")
    root = one_base64(found[3])
    if len(root) != 32:
        raise RefusedError("root of another length")
    return Tree(found[1], int(found[2]), root)
