r"""What our JSON files have in common: canonical bytes plus a newline, exact members, signatures.

A file is ``canonical(object) || "\n"``. Reading is strict: exactly the named members, each in its one
form, and the bytes must be the ones that printing gives. Nothing is repaired.

A signed document carries ``signature`` = ``{"key": "<name>+<hex8 key id>", "value": base64(64)}``, Ed25519
by the log's service key over ``"<media type>\n" || canonical(the rest)``. A party's signature inside a
record has the same form over its own message.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NewType, NoReturn, TypeVar

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER, b64decode, b64encode, hex_decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.proofs.note import Signer, Verifier

#: ``<name>+<hex8 key id>``: how a signature names its key
KeyName = NewType("KeyName", str)

#: A record has at most 1 MiB; with escapes, disclosures and proofs a document stays below this.
MAX_DOCUMENT: Final = 8 << 20
#: The widest tree that a uint64 index can name has 64 levels.
MAX_PROOF: Final = 64
#: An origin names the log in notes: ASCII, no space or ``+``, at most 255 bytes. No quote and no backslash,
#: so that it stands in JSON as it is.
ORIGIN: Final = re.compile(r"[!#-*,-\[\]-~]{1,255}")
#: Party names, event ids and the names of subjects.
NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
SUBJECT: Final = re.compile(r"(?:loan|pool|account):[A-Za-z0-9._:-]{1,64}|log")
#: The ledger's clock: RFC 3339 UTC, always six digits of a second.
INSTANT: Final = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
#: Hashes in the one spelling of their base64: the last digit of each has no spare bits.
_HASHES: Final = re.compile(r"(?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=,)*")
KEY_NAME: Final = re.compile(r"[^\s+]{1,255}\+[0-9a-f]{8}")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    """An Ed25519 signature and the name of its key."""

    key: KeyName
    value: bytes

    def to_json(self) -> dict[str, str]:
        """The member ``signature`` (or ``sig``) as it stands in files and records."""
        return {"key": self.key, "value": b64encode(self.value)}

    @classmethod
    def from_json(cls, value: object, what: str, path: str) -> DetachedSignature:
        """Read the member strictly. Raises :class:`MalformedError`."""
        form = Form(value, what, path, {"key", "value"})
        return cls(key=KeyName(form.text("key", KEY_NAME)), value=form.base64("value", 64))


def key_name(verifier: Verifier) -> KeyName:
    """``<name>+<hex8 key id>`` of a verifier key."""
    return KeyName(verifier.reference)


def sign(message: bytes, signer: Signer) -> DetachedSignature:
    """Sign ``message`` (already carrying its domain line) and name the key."""
    return DetachedSignature(key=key_name(signer.verifier), value=signer.sign_raw(message))


def signed_part(data: bytes, media_type: str) -> bytes:
    """The signed bytes of a document whose file ``data`` was read as canonical.

    Its member ``signature`` is cut out where it stands. Quotes inside strings are escaped, so neither mark can
    be found inside one, and a Base64 value holds no quote.
    """
    start = data.rindex(b',"signature":{')
    end = data.index(b'"}', data.index(b'","value":"', start) + len(b'","value":"')) + len(b'"}')
    return media_type.encode() + b"\n" + data[:start] + data[end:].removesuffix(b"\n")


def check_signature(
    signature: DetachedSignature, message: bytes, verifiers: Sequence[Verifier], *, step: str
) -> Verifier:
    """Return the key of ``verifiers`` that ``signature`` names, after its signature has been verified.

    Raises :class:`VerificationError` at ``step`` when none has this name or the signature does not verify.
    """
    for verifier in verifiers:
        if key_name(verifier) != signature.key:
            continue
        try:
            verifier.verify_raw(message, signature.value)
        except VerificationError as error:
            raise VerificationError(
                f"the signature does not verify under {signature.key}",
                step=step,
                evidence={"key": signature.key},
            ) from error
        return verifier
    raise VerificationError(
        f"signed by {signature.key}, which the trust root does not name here",
        step=step,
        evidence={"key": signature.key, "known": [key_name(verifier) for verifier in verifiers]},
    )


def decode(data: bytes, what: str) -> Any:
    """The value of a file; :class:`MalformedError` unless its bytes are the canonical ones and a newline."""
    return canonical.decode_file(data, what=what, limit=MAX_DOCUMENT)


class Form:
    """One JSON object read strictly: made only when its members are exactly the expected ones.

    ``path`` is where the object stands in the document, for messages. Every reader raises
    :class:`MalformedError` with ``what`` and the member's path.
    """

    __slots__ = ("_path", "_value", "_what")

    def __init__(self, value: object, what: str, path: str, members: set[str] | frozenset[str]) -> None:
        self._what = what
        self._path = path
        if not isinstance(value, dict):
            raise MalformedError(what, f"{path or 'the document'} is not an object")
        if value.keys() != members:
            faults = [f"{name} is missing" for name in sorted(members - value.keys())]
            faults += [f"{name} is unknown" for name in sorted(value.keys() - members)]
            raise MalformedError(what, f"members of {path or 'the document'}: {'; '.join(faults)}")
        self._value: dict[str, Any] = value

    def fail(self, name: str, reason: str) -> NoReturn:
        """Refuse the member ``name``."""
        raise MalformedError(self._what, f"{self.path(name)} {reason}")

    def path(self, name: str) -> str:
        """Where the member stands in the document."""
        return f"{self._path}.{name}" if self._path else name

    def raw(self, name: str) -> Any:
        """The member as decoded, of any type."""
        return self._value[name]

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """A string that matches ``pattern`` whole."""
        value = self._value[name]
        if not isinstance(value, str):
            self.fail(name, "is not a string")
        if pattern is not None and pattern.fullmatch(value) is None:
            self.fail(name, "is not of its form")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of the strings ``choices``."""
        value = self.text(name)
        if value not in choices:
            self.fail(name, f"is none of {', '.join(choices)}")
        return value

    def integer(self, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """An integer between ``least`` and ``most``."""
        value = self._value[name]
        if type(value) is not int or not least <= value <= most:
            self.fail(name, f"is not an integer from {least} to {most}")
        return int(value)

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self._value[name]
        if not isinstance(value, bool):
            self.fail(name, "is not a boolean")
        return value

    def hex(self, name: str, length: int) -> bytes:
        """``length`` bytes in lowercase hex."""
        return self._read(hex_decode, name, self._value[name], length)

    def chain_hex(self, name: str, length: int) -> bytes:
        """``length`` bytes as chains write them: ``0x`` and lowercase hex."""
        return self._read(_chain_bytes, name, self.text(name), length)

    def base64(self, name: str, length: int | None = None) -> bytes:
        """Bytes in the one spelling of standard padded base64."""
        return self._read(b64decode, name, self._value[name], length)

    def _read(
        self, decode: Callable[[Any, int | None], bytes], name: str, value: object, length: int | None
    ) -> bytes:
        """Decode; the member is named only when that fails, because most do not."""
        try:
            return decode(value, length)
        except MalformedError as error:
            self.fail(name, f"is {error.reason}")

    def proof(self, name: str) -> tuple[bytes, ...]:
        """A list of hashes, 32 bytes each, at most :data:`MAX_PROOF`."""
        value = self._value[name]
        if not isinstance(value, list) or len(value) > MAX_PROOF:
            self.fail(name, f"is not a list of at most {MAX_PROOF} hashes")
        try:
            if _HASHES.fullmatch(",".join(value) + ","):
                return tuple(map(a2b_base64, value))
        except TypeError:
            pass
        return tuple(b64decode(item, 32, what=f"{self._what}, {self.path(name)}") for item in value)

    def items(self, name: str, read: Callable[[object, str], _T], *, most: int = 100_000) -> tuple[_T, ...]:
        """A list of at most ``most`` items, each read by ``read(value, path)``."""
        value = self._value[name]
        if not isinstance(value, list) or len(value) > most:
            self.fail(name, f"is not a list of at most {most} items")
        return tuple(read(item, f"{self.path(name)}[{at}]") for at, item in enumerate(value))

    def optional(self, name: str, read: Callable[[str], _T]) -> _T | None:
        """``None`` for null, else ``read(name)``."""
        return None if self._value[name] is None else read(name)


@lru_cache(maxsize=256)
def _chain_bytes(text: str, length: int | None) -> bytes:
    """Remembered, because all documents of a log name the same contract and log id."""
    if not text.startswith("0x"):
        raise MalformedError("chain value", "not 0x and hexadecimal")
    return hex_decode(text[2:], length)


def chain_text(data: bytes) -> str:
    """``0x`` and lowercase hex, as chains write values."""
    return "0x" + data.hex()
