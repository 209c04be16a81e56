"""A second reader of C2SP tlog-tiles: the whole log, every byte of it, from a directory or over HTTP.

Written from tlog-tiles, tlog-checkpoint, signed-note and tlog-addenda; independent of ``ledger``. It asks for
exactly the paths that the checkpoint's size implies and checks each answer against all others:

* the checkpoint's signature;
* every entry bundle: width, lengths, the addenda index at the end of each entry;
* every level-0 tile against the entries, every higher tile against the full tiles below it;
* the checkpoint's root against the recursive definition over all leaves.

``python -m tests.oracles.tlog_reader BASE VERIFIER_KEY`` prints what it found; exit code 1 when something is
wrong.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.oracles import rfc9162, signed_note


class WrongLogError(Exception):
    """The log does not fit together; the message names the resource."""


@dataclass(frozen=True)
class Log:
    """A log that was read whole and fits together."""

    origin: str
    size: int
    root: bytes
    entries: list[bytes]
    resources: int  # how many were fetched

    def addenda(self, index: int) -> list[bytes]:
        """The digests that entry ``index`` commits to."""
        return addenda(self.entries[index])


def fetch(base: str | Path, path: str) -> bytes:
    if str(base).startswith(("http://", "https://")):
        try:
            with urllib.request.urlopen(f"{str(base).rstrip('/')}/{path}", timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.URLError as error:
            raise WrongLogError(f"{path}: {error}") from None
    try:
        return (Path(base) / path).read_bytes()
    except OSError as error:
        raise WrongLogError(f"{path}: {error}") from None


def number_path(n: int) -> str:
    digits = str(n)
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def resource(kind: str, n: int, width: int) -> str:
    return f"tile/{kind}/{number_path(n)}" + ("" if width == 256 else f".p/{width}")


def unbundle(data: bytes, path: str) -> list[bytes]:
    entries = []
    while data:
        length = int.from_bytes(data[:2], "big")
        if len(data) < 2 + length:
            raise WrongLogError(f"{path}: ends within an entry")
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    return entries


def addenda(entry: bytes) -> list[bytes]:
    count = entry[-1]
    index = entry[len(entry) - 1 - 4 * count : -1]
    if len(index) != 4 * count:
        raise WrongLogError("an entry is shorter than its addenda index")
    digests = []
    for i in range(count):
        offset = int.from_bytes(index[4 * i : 4 * i + 4], "big")
        digest = entry[offset : offset + 32]
        if len(digest) != 32:
            raise WrongLogError("an addenda index points outside its entry")
        digests.append(digest)
    return digests


def read(base: str | Path, vkey: str, *, origin: str | None = None) -> Log:
    """Read and check the whole log; raises :class:`WrongLogError` or :class:`signed_note.RefusedError`."""
    body, _ = signed_note.open_note(fetch(base, "checkpoint"), [signed_note.key(vkey)])
    tree = signed_note.checkpoint(body)
    if origin is not None and tree.origin != origin:
        raise WrongLogError(f"checkpoint: origin {tree.origin}")
    resources = 1

    entries: list[bytes] = []
    for n in range((tree.size + 255) // 256):
        width = min(256, tree.size - 256 * n)
        path = resource("entries", n, width)
        found = unbundle(fetch(base, path), path)
        resources += 1
        if len(found) != width:
            raise WrongLogError(f"{path}: {len(found)} entries")
        for entry in found:
            addenda(entry)
        entries += found

    leaves = [rfc9162.leaf(entry) for entry in entries]
    level, expected = 0, leaves
    while expected:
        for n in range((len(expected) + 255) // 256):
            part = expected[256 * n : 256 * n + 256]
            path = resource(str(level), n, len(part))
            resources += 1
            if fetch(base, path) != b"".join(part):
                raise WrongLogError(f"{path}: not the hashes of what is below it")
        full = len(expected) // 256
        expected = [rfc9162.mth(expected[256 * n : 256 * n + 256]) for n in range(full)]
        level += 1

    if rfc9162.mth(leaves) != tree.root:
        raise WrongLogError("checkpoint: the root is not the one of the entries")
    return Log(tree.origin, tree.size, tree.root, entries, resources)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m tests.oracles.tlog_reader BASE VERIFIER_KEY", file=sys.stderr)
        return 2
    try:
        log = read(arguments[0], arguments[1])
    except (WrongLogError, signed_note.RefusedError) as error:
        print(f"wrong: {error}", file=sys.stderr)
        return 1
    print(
        json.dumps(
            {"origin": log.origin, "size": log.size, "root": log.root.hex(), "resources": log.resources}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
