"""Vectors of verifier keys, signed notes and checkpoints."""

from __future__ import annotations

from typing import Any

from ledger.proofs import canonical, checkpoint, merkle, note
from scripts.vector_sets import Case, cases, leaf_hashes, vectors

ORIGIN = "fenqile.example/consumer-2026"
LOG = note.Signer.from_seed(ORIGIN, bytes(range(32)))
NEXT = note.Signer.from_seed(ORIGIN, bytes(range(1, 33)))
STRANGER = note.Signer.from_seed("stranger.example/log", bytes(range(2, 34)))
WITNESS = note.Cosigner.from_seed("witness.example/w1", bytes(range(3, 35)))
KEYS = [LOG.verifier.vkey, NEXT.verifier.vkey, WITNESS.verifier.vkey]

BODY = checkpoint.Checkpoint(ORIGIN, 300, merkle.root(leaf_hashes(300))).body()
LINE = LOG.sign(BODY)
OTHER = NEXT.sign(BODY)
UNKNOWN = STRANGER.sign(BODY)
COSIGNED = WITNESS.sign(BODY, time=1_764_000_000)
GOOD = f"{BODY}\n{LINE}"


@vectors("notes")
def notes_vectors() -> Any:
    """Keys, signed notes and checkpoints."""
    return {
        "keys": KEYS,
        "bad_keys": bad_keys(),
        "notes": good_notes(),
        "bad_notes": [
            *cases("note", malformed_notes(), error="malformed"),
            *cases("note", unverified_notes(), error="verification_failed"),
        ],
        "checkpoints": [
            {
                "origin": ORIGIN,
                "size": size,
                "root": root.hex(),
                "text": checkpoint.Checkpoint(ORIGIN, size, root).body(),
            }
            for size in (0, 1, 300)
            for root in [merkle.root(leaf_hashes(size))]
        ],
        "bad_checkpoints": bad_checkpoints(),
    }


def key_text(name: str, kind: int, public: bytes, *, key_id: str | None = None) -> str:
    """A verifier key with its right key id, or with another."""
    material = bytes([kind]) + public
    right = canonical.sha256(name.encode() + b"\n" + material)[:4].hex()
    return f"{name}+{right if key_id is None else key_id}+{canonical.b64encode(material)}"


def bad_keys() -> list[Case]:
    """What is no verifier key."""
    public = LOG.verifier.public_key
    return cases(
        "key",
        {
            "empty": "",
            "another key's id": key_text(ORIGIN, 1, public, key_id="00000000"),
            "the id of another name": key_text("a.example", 1, public, key_id=LOG.verifier.key_id.hex()),
            "key id in capitals": key_text(ORIGIN, 1, public, key_id=LOG.verifier.key_id.hex().upper()),
            "no name": key_text("", 1, public),
            "a space in the name": key_text("a b", 1, public),
            "padding too many": KEYS[0] + "=",
            "one byte too many": key_text(ORIGIN, 1, public + b"\x00"),
            "one byte too few": key_text(ORIGIN, 1, public[:-1]),
            "an unknown type": key_text(ORIGIN, 2, public),
            "the neutral point": key_text(ORIGIN, 1, (1).to_bytes(32, "little")),
            "a point of order 4": key_text(ORIGIN, 1, bytes(32)),
            "a point of order 4, sign set": key_text(ORIGIN, 1, bytes(31) + b"\x80"),
        },
    )


def good_notes() -> list[Case]:
    """Notes that open, with the keys that count."""

    def good(case: str, note: str, *keys: str, text: str = BODY) -> Case:
        return {"case": case, "note": note, "text": text, "verified": list(keys)}

    spaced = "\n\na\n\n"
    return [
        good("one signature", GOOD, KEYS[0]),
        good("the next key", f"{BODY}\n{OTHER}", KEYS[1]),
        good("unknown and known, any order", f"{BODY}\n{UNKNOWN}{COSIGNED}{LINE}", KEYS[2], KEYS[0]),
        good("the same signature twice counts once", GOOD + LINE, KEYS[0]),
        good("empty lines in the text", f"{spaced}\n{LOG.sign(spaced)}", KEYS[0], text=spaced),
        good("a hundred signatures", f"{BODY}\n{UNKNOWN * 99}{LINE}", KEYS[0]),
    ]


def line(name: str, blob: bytes) -> str:
    """A signature line of any bytes."""
    return f"— {name} {canonical.b64encode(blob)}\n"


def malformed_notes() -> dict[str, str]:
    """What no printer of notes prints."""
    return {
        "empty": "",
        "no signatures": BODY + "\n",
        "no blank line": BODY + LINE,
        "nothing but a signature": LINE,
        "no dash": f"{BODY}\n{LINE.removeprefix('— ')}",
        "an unknown key without a dash": f"{BODY}\n{LINE}{UNKNOWN.removeprefix('— ')}",
        "no newline at the end": GOOD[:-1],
        "an empty line at the end": GOOD + "\n",
        "text after the signatures": GOOD + "more\n",
        "a hyphen for the dash": GOOD.replace("—", "-"),
        "two spaces": GOOD.replace("— ", "—  "),
        "a space at the end of a line": GOOD[:-1] + " \n",
        "carriage returns": GOOD.replace("\n", "\r\n"),
        "a tab in the text": "\t" + GOOD,
        "a NUL in the text": "\x00" + GOOD,
        "unpadded base64": GOOD.rstrip("=\n") + "\n",
        "another spelling of the base64": respell(GOOD),
        "a signature of no bytes": f"{BODY}\n{line('a.example', bytes(4))}",
        "a plus in a key name": f"{BODY}\n{line('a+b', bytes(68))}{LINE}",
        "a no-break space in a key name": f"{BODY}\n{line(chr(0xA0).join('ab'), bytes(68))}{LINE}",
        "a hundred and one signatures": f"{BODY}\n{UNKNOWN * 100}{LINE}",
    }


def unverified_notes() -> dict[str, str]:
    """Notes in the right form that nobody may believe."""
    changed = LINE[:60] + ("A" if LINE[60] != "A" else "B") + LINE[61:]
    forged = line(ORIGIN, LOG.verifier.key_id + bytes(64))
    return {
        "unknown keys only": f"{BODY}\n{UNKNOWN}",
        "the known name with another id": f"{BODY}\n{line(ORIGIN, bytes(68))}",
        "the known id with another name": f"{BODY}\n{LINE.replace(ORIGIN, 'a.example')}",
        "a bad signature by a known key": f"{BODY}\n{forged}",
        "a bad one before a good one": f"{BODY}\n{forged}{LINE}",
        "a bad one after a good one": f"{BODY}\n{LINE}{forged}",
        "a short one after a good one": f"{BODY}\n{LINE}{line(ORIGIN, LOG.verifier.key_id + b'x')}",
        "a bad cosignature beside a good signature": (
            f"{BODY}\n{LINE}{line(WITNESS.verifier.name, WITNESS.verifier.key_id + bytes(72))}"
        ),
        "a cosignature without its time": (
            f"{BODY}\n{LINE}{line(WITNESS.verifier.name, WITNESS.verifier.key_id + bytes(64))}"
        ),
        "a signature over another text": GOOD.replace("300", "301"),
        "one character of a signature changed": f"{BODY}\n{changed}",
    }


def bad_checkpoints() -> list[Case]:
    """Texts that are no checkpoints."""

    def sized(size: str) -> str:
        return BODY.replace("\n300\n", f"\n{size}\n")

    return cases(
        "text",
        {
            "empty": "",
            "no newline at the end": BODY[:-1],
            "an extension line": BODY + "extension\n",
            "an empty line": BODY + "\n",
            "no origin": BODY[len(ORIGIN) :],
            "a space in the origin": "a " + BODY,
            "a plus in the origin": "a+" + BODY,
            "an origin that is not ASCII": "\u4e50" + BODY,
            "an origin of 256 characters": "a" * (256 - len(ORIGIN)) + BODY,
            "no size": sized(""),
            "a leading zero": sized("0300"),
            "a plus before the size": sized("+300"),
            "a negative size": sized("-300"),
            "a size of 2^63": sized(str(2**63)),
            "a size of a thousand digits": sized("9" * 1000),
            "an underscore in the size": sized("3_00"),
            "Arabic digits": sized("\u0663\u0660\u0660"),
            "size 0 with a root": sized("0"),
            "unpadded root": BODY.rstrip("=\n") + "\n",
            "a root of 31 bytes": f"{ORIGIN}\n300\n{canonical.b64encode(bytes(31))}\n",
        },
    )


def respell(text: str) -> str:
    """Set the unused bits of the last base64 group: the same bytes, another spelling."""
    at = len(text) - 1 - (2 if text.endswith("=\n") else 1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:at] + alphabet[alphabet.index(text[at]) | 1] + text[at + 1 :]
