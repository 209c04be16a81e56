"""The canonical bytes of a record: what is hashed, disclosed and re-read.

::

    {"data":…,"effective":…,"id":…,"nonce":…,"origin":…,"party":…,"posted":…,"prev":…,"private":[…],
     "seq":…,"sig":…,"subject":…,"type":…,"v":1}

with members in this order, which is the canonical one. ``nonce`` and the salts of private fields are keyed
digests under the subject's secret, so that the same event makes the same record and nobody without the secret
can guess a private value from its digest. ``private`` holds the sorted digests only; the triples
``[salt, name, value]`` (`RFC 9901 <https://www.rfc-editor.org/rfc/rfc9901>`_) are disclosed apart.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Annotated, Any, Final, NamedTuple, Union

import msgspec
from msgspec import Meta

from ledger.domain.calendar import Effective, parse_effective, parse_instant
from ledger.domain.events import EVENTS, Data, EventType, Sig, Submission
from ledger.domain.loans import Moment
from ledger.errors import MalformedError, PoolproofError
from ledger.proofs import canonical
from ledger.proofs.keyed import hmac_sha256

VERSION: Final = 1
_STATEMENT: Final = b"poolproof/statement/v1\n"
_TYPE: Final = b'"type":"'
_EFFECTIVE: Final = b'"effective":"'
_encode = msgspec.json.Encoder(order="sorted").encode

_Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Draft(NamedTuple):
    """A record ready to enter the log; ``disclosures`` are its private fields as (salt, name, value)."""

    record: bytes
    digest: bytes
    disclosures: list[list[Any]]


class Record(msgspec.Struct, frozen=True):
    """A record, re-read: the typed view. ``amounts`` is what the event's check parsed; ``raw`` its bytes."""

    origin: str
    id: str
    kind: EventType
    subject: str
    seq: int
    prev: bytes | None
    when: Effective
    posted: str
    party: str
    event: Data
    amounts: Any
    private: list[str]
    sig: Sig | None
    nonce: str
    raw: bytes

    @property
    def type(self) -> str:
        """The event's type."""
        return self.kind.name

    @property
    def effective(self) -> str:
        """The effective day or month, as written."""
        return self.when.text

    @property
    def digest(self) -> bytes:
        """SHA-256 of the record."""
        return hashlib.sha256(self.raw).digest()

    @property
    def moment(self) -> Moment:
        """Its place in the fold's order."""
        return self.when.ordinal, self.kind.rank, self.seq


@functools.lru_cache(maxsize=256)
def quoted(text: str) -> str:
    """``text`` as a JSON string; origins repeat, and the other members need no escape."""
    return json.dumps(text, ensure_ascii=False)


def build(
    origin: str, submission: Submission, *, seq: int, prev: bytes | None, posted: str, secret: bytes
) -> Draft:
    """Make the record of an admitted submission.

    ``prev`` is the digest of the subject's previous record (None at seq 0), ``posted`` the ledger's clock,
    ``secret`` the subject's.
    """
    label = f'"{submission.party}","{submission.id}"'
    nonce = hmac_sha256(secret, f'["poolproof/nonce/v1",{label}]'.encode())[:16].hex()
    disclosures: list[list[Any]] = []
    private = ""
    if submission.private:
        disclosures = disclose(submission, secret)
        private = '"' + '","'.join(sorted(private_digest(triple) for triple in disclosures)) + '"'
    record = _print(
        data=submission.data_json, effective=submission.when.text, id=submission.id, nonce=nonce,
        origin=origin, party=submission.party, posted=posted, prev=prev, private=private, seq=seq, sig=submission.sig,
        subject=submission.subject, type=submission.kind.name,
    )  # fmt: skip
    return Draft(record, hashlib.sha256(record).digest(), disclosures)


def _print(
    *, data: bytes, effective: str, id: str, nonce: str, origin: str, party: str, posted: str,  # noqa: A002
    prev: bytes | None, private: str, seq: int, sig: Sig | None, subject: str, type: str,  # noqa: A002
) -> bytes:  # fmt: skip
    """The canonical bytes. All strings but the origin are of alphabets that JSON prints as they are."""
    return b'{"data":%b%b' % (
        data,
        (
            f',"effective":"{effective}","id":"{id}","nonce":"{nonce}","origin":{quoted(origin)},'
            f'"party":"{party}","posted":"{posted}","prev":{"null" if prev is None else _hex(prev)},'
            f'"private":[{private}],"seq":{seq},"sig":{"null" if sig is None else _encode(sig).decode()},'
            f'"subject":"{subject}","type":"{type}","v":1}}'
        ).encode(),
    )


def _hex(digest: bytes) -> str:
    return f'"{digest.hex()}"'


def disclose(submission: Submission, secret: bytes) -> list[list[Any]]:
    """The triples [salt, name, value] of a submission's private fields, by name."""
    result: list[list[Any]] = []
    for name in sorted(submission.private):
        message = f'["poolproof/salt/v1","{submission.party}","{submission.id}","{name}"]'
        salt = hmac_sha256(secret, message.encode())[:16].hex()
        result.append([salt, name, submission.private[name]])
    return result


def private_digest(triple: list[Any]) -> str:
    """What stands in a record for a disclosure: SHA-256 of its canonical bytes, in hex."""
    return hashlib.sha256(canonical.encode(triple)).hexdigest()


def statement_bytes(origin: str, submission: Submission | Record) -> bytes:
    """What a party signs: the label and the canonical {data, effective, id, origin, party, subject, type}."""
    data = submission.data_json if isinstance(submission, Submission) else _encode(submission.event)
    return b'%b{"data":%b%b' % (
        _STATEMENT,
        data,
        (
            f',"effective":"{submission.when.text}","id":"{submission.id}","origin":{quoted(origin)},'
            f'"party":"{submission.party}","subject":"{submission.subject}","type":"{submission.kind.name}"}}'
        ).encode(),
    )


def same_statement(record: bytes, submission: Submission, *, secret: bytes | None = None) -> bool:
    """Whether the record was made from the same statement as ``submission``.

    Compares id, party, type, subject, effective and data; with ``secret`` the private values too (they are in
    the record as salted digests), without it their number. A signature is no part of the statement.
    """
    value = msgspec.json.decode(record)
    if (
        value["id"] != submission.id
        or value["party"] != submission.party
        or value["type"] != submission.kind.name
        or value["subject"] != submission.subject
        or value["effective"] != submission.when.text
        or _encode(value["data"]) != submission.data_json
    ):
        return False
    if secret is None:
        return len(value["private"]) == len(submission.private)
    return bool(value["private"] == sorted(private_digest(triple) for triple in disclose(submission, secret)))


def type_of(raw: bytes) -> str:
    """The type of a record by its bytes, of which it is the last member but one."""
    return _told(raw, _TYPE)


def effective_of(raw: bytes) -> str:
    """The effective day or month of a record by its bytes: no member after ``data`` can hold what is looked for."""
    return _told(raw, _EFFECTIVE)


def _told(raw: bytes, member: bytes) -> str:
    start = raw.rfind(member) + len(member)
    return raw[start : raw.find(b'"', start)].decode("ascii", "replace")


def _stored(kind: EventType) -> type[msgspec.Struct]:
    fields: list[Any] = [
        ("data", kind.data),
        ("effective", str),
        ("id", Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]),
        ("nonce", Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]),
        ("origin", str),
        ("party", Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]),
        ("posted", str),
        ("prev", _Hex32 | None),
        ("private", list[_Hex32]),
        ("seq", Annotated[int, Meta(ge=0)]),
        ("sig", Sig | None),
        ("subject", Annotated[str, Meta(pattern="^((loan|pool|account):[A-Za-z0-9._:-]{1,64}|log)$")]),
        ("v", Annotated[int, Meta(ge=VERSION, le=VERSION)]),
    ]
    return msgspec.defstruct(
        "Stored",
        fields,
        tag=kind.name,
        tag_field="type",
        forbid_unknown_fields=True,
        kw_only=True,
        frozen=True,
    )


_Any: Any = Union[tuple(_stored(kind) for kind in EVENTS.values())]  # noqa: UP007 - known at run time only
_decode = msgspec.json.Decoder(_Any).decode


def parse(raw: bytes) -> Record:
    """Read a record: exactly the bytes that :func:`build` prints. Raises :class:`MalformedError`."""
    try:
        stored: Any = _decode(raw)
        event: Data = stored.data
        posted = parse_instant(stored.posted)
        when, amounts = parse_effective(stored.effective), event.check()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, PoolproofError) as error:
        raise MalformedError("record", str(error)) from None
    if not posted or not stored.subject.startswith(event.kind.subject):
        raise MalformedError("record", f"{stored.subject} is no subject of {event.kind.name}")
    private, prev = stored.private, stored.prev
    if (private and private != sorted(set(private))) or (prev is None) != (stored.seq == 0):
        raise MalformedError("record", "private digests out of order, or prev does not fit seq")
    if _encode(stored) != raw:  # the members' order is the canonical one, so this is what `_print` gives
        raise MalformedError("record", "not in canonical form")
    return Record(
        stored.origin, stored.id, event.kind, stored.subject, stored.seq,
        None if prev is None else bytes.fromhex(prev),
        when, stored.posted, stored.party, event, amounts, private, stored.sig, stored.nonce, raw,
    )  # fmt: skip
