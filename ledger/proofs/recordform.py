r"""A record as a verifier reads it: its members and their forms, not what its event means.

The bytes are canonical JSON with exactly these members::

    {"v": 1, "origin", "id", "type", "subject", "seq", "prev", "effective", "posted", "party", "data",
     "private", "sig", "nonce"}

``prev`` is null at ``seq`` 0 and else the hex digest of the subject's previous record; ``private`` are the
sorted hex digests SHA-256(canonical([salt, name, value])) of fields not shown; ``sig`` is null or Ed25519 by
a key of the party over::

    "poolproof/statement/v1\n" || canonical({origin, id, type, subject, effective, party, data})

``ledger.domain`` knows the events; this module must stay usable without it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import MAX_INTEGER
from ledger.proofs.documents import INSTANT, NAME, ORIGIN, SUBJECT, DetachedSignature, Form

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A record is at most 1 MiB.
MAX_RECORD: Final = 1 << 20
#: In these one party could otherwise speak for another: they are nothing without a signature.
SIGNED_TYPES: Final = frozenset(
    {"repayment.confirmed", "cash.settled", "claim.released", "guarantor.compensated"}
)
#: What replaces a record of such a type is nothing without a signature either.
CORRECTION: Final = "correction.made"
#: These may carry the pledgee's acceptance.
PLEDGE_TYPES: Final = frozenset({"claim.pledged", "claim.sold"})
_FORMS: Final = {
    "effective": re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?"),
    "id": NAME,
    "nonce": re.compile(r"[0-9a-f]{32}"),
    "origin": ORIGIN,
    "party": NAME,
    "posted": INSTANT,
    "subject": SUBJECT,
    "type": re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*"),
}
_RECORD: Final = re.compile(
    r'\{"data":(?P<data>\{.*\}),"effective":%(effective)s,"id":%(id)s,"nonce":%(nonce)s,"origin":%(origin)s,'
    r'"party":%(party)s,"posted":%(posted)s,"prev":(?P<prev>null|"[0-9a-f]{64}"),'
    r'"private":\[(?P<private>(?:"[0-9a-f]{64}"(?:,(?=")|(?=\])))*)\],"seq":(?P<seq>0|[1-9][0-9]{0,15}),'
    r'"sig":(?P<sig>null|\{"key":"[^"]*","value":"[^"]*"\}),"subject":%(subject)s,"type":%(type)s,"v":1\}'
    % {name: f'"(?P<{name}>{pattern.pattern})"' for name, pattern in _FORMS.items()}
)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_WHAT: Final = "record"
_MEMBERS: Final = frozenset(
    {
        "v", "origin", "id", "type", "subject", "seq", "prev", "effective", "posted", "party", "data",
        "private", "sig", "nonce",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """The members of a record and its digest."""

    digest: bytes
    origin: str
    id: str
    type: str
    subject: str
    seq: int
    prev: bytes | None
    effective: str
    posted: str
    party: str
    data: dict[str, Any]
    private: tuple[str, ...]
    sig: DetachedSignature | None
    nonce: str

    @property
    def must_be_signed(self) -> bool:
        """Whether the record is nothing without its party's signature."""
        return self.type in SIGNED_TYPES or (
            self.type == CORRECTION and self.data.get("type") in SIGNED_TYPES
        )

    def statement(self) -> bytes:
        """The bytes that the party signs."""
        return statement_bytes(
            origin=self.origin,
            event_id=self.id,
            event_type=self.type,
            subject=self.subject,
            effective=self.effective,
            party=self.party,
            data=self.data,
        )


def parse_record(text: str) -> RecordView:
    """Read a record strictly. Raises :class:`MalformedError`.

    Members stand in one order and ``data`` comes first, so one expression reads all others; most of the time
    of a verification went into reading them one by one.
    """
    match = _RECORD.fullmatch(text)
    if match is None or len(text) > MAX_RECORD:
        raise MalformedError(_WHAT, _defect(text))
    data = canonical.decode_canonical(match["data"], what=_WHAT, limit=MAX_RECORD)
    private = tuple(_DIGEST.findall(match["private"]))
    if any(left >= right for left, right in pairwise(private)):
        raise MalformedError(_WHAT, "private is not in strictly ascending order")
    seq, prev, sig = match["seq"], match["prev"], match["sig"]
    if int(seq) > MAX_INTEGER:
        raise MalformedError(_WHAT, "seq is beyond 2^53 − 1")
    if (prev == "null") != (seq == "0"):
        raise MalformedError(_WHAT, "prev is null exactly at seq 0")
    return RecordView(
        digest=hashlib.sha256(text.encode()).digest(),
        origin=match["origin"],
        id=match["id"],
        type=match["type"],
        subject=match["subject"],
        seq=int(seq),
        prev=None if prev == "null" else bytes.fromhex(prev[1:-1]),
        effective=_calendar(match["effective"]),
        posted=match["posted"],
        party=match["party"],
        data=data,
        private=private,
        sig=None if sig == "null" else _signature(sig),
        nonce=match["nonce"],
    )


def _defect(text: str) -> str:
    """What keeps ``text`` from being a record, for the message."""
    form = Form(canonical.decode_canonical(text, what=_WHAT, limit=MAX_RECORD), _WHAT, "", _MEMBERS)
    form.integer("v", least=1, most=1)
    form.integer("seq")
    for name, pattern in _FORMS.items():
        form.text(name, pattern)
    return "its members are not of their forms"


def _signature(text: str) -> DetachedSignature:
    value = canonical.decode_canonical(text, what=_WHAT)
    return DetachedSignature.from_json(value, _WHAT, "sig")


def _calendar(text: str) -> str:
    try:
        dt.date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    except ValueError:
        raise MalformedError(_WHAT, "effective is no date of the calendar") from None
    return text


def statement_bytes(
    *, origin: str, event_id: str, event_type: str, subject: str, effective: str, party: str, data: Any
) -> bytes:
    """The bytes of a statement that its party signs: a line that names the use, then canonical JSON."""
    statement = {
        "origin": origin,
        "id": event_id,
        "type": event_type,
        "subject": subject,
        "effective": effective,
        "party": party,
        "data": data,
    }
    return b"poolproof/statement/v1\n" + canonical.encode(statement)


def pledge_acceptance_bytes(*, origin: str, pool: str, holder: str, claims: Any) -> bytes:
    """The bytes that a pledgee or buyer signs to accept ``claims``, as the record lists them, into a pool."""
    document = {"origin": origin, "pool": pool, "holder": holder, "claims": claims}
    return b"poolproof/pledge-acceptance/v1\n" + canonical.encode(document)


def disclosure_digest(disclosure: Sequence[Any]) -> str:
    """The hex digest of ``[salt, name, value]``, as it stands in ``private``."""
    return hashlib.sha256(canonical.encode(list(disclosure))).hexdigest()
