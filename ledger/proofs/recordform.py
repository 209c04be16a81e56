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
from ledger.proofs.documents import INSTANT, NAME, ORIGIN, SUBJECT, DetachedSignature, Form

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A record is at most 1 MiB.
MAX_RECORD: Final = 1 << 20
#: In these one party could otherwise speak for another: they are nothing without a signature.
SIGNED_TYPES: Final = frozenset(
    {"repayment.confirmed", "cash.settled", "claim.released", "guarantor.compensated"}
)
#: These may carry the pledgee's acceptance.
PLEDGE_TYPES: Final = frozenset({"claim.pledged", "claim.sold"})
_TYPE: Final = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_EFFECTIVE: Final = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
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
    """Read a record strictly. Raises :class:`MalformedError`."""
    form = Form(canonical.decode_canonical(text, what=_WHAT, limit=MAX_RECORD), _WHAT, "", _MEMBERS)
    form.integer("v", least=1, most=1)
    seq = form.integer("seq")
    prev = form.optional("prev", lambda name: form.hex(name, 32))
    if (prev is None) != (seq == 0):
        form.fail("prev", "is null exactly at seq 0")
    data = form.raw("data")
    if not isinstance(data, dict):
        form.fail("data", "is not an object")
    return RecordView(
        digest=hashlib.sha256(text.encode()).digest(),
        origin=form.text("origin", ORIGIN),
        id=form.text("id", NAME),
        type=form.text("type", _TYPE),
        subject=form.text("subject", SUBJECT),
        seq=seq,
        prev=prev,
        effective=_effective(form),
        posted=form.text("posted", INSTANT),
        party=form.text("party", NAME),
        data=data,
        private=_private(form),
        sig=form.optional("sig", lambda name: DetachedSignature.from_json(form.raw(name), _WHAT, name)),
        nonce=form.hex("nonce", 16).hex(),
    )


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


def _effective(form: Form) -> str:
    text = form.text("effective", _EFFECTIVE)
    try:
        dt.date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    except ValueError:
        form.fail("effective", "is no date of the calendar")
    return text


def _private(form: Form) -> tuple[str, ...]:
    digests = form.items("private", _read_digest)
    if any(left >= right for left, right in pairwise(digests)):
        form.fail("private", "is not in strictly ascending order")
    return digests


def _read_digest(value: object, path: str) -> str:
    if not isinstance(value, str) or _DIGEST.fullmatch(value) is None:
        raise MalformedError(_WHAT, f"{path} is not a digest in hex")
    return value
