"""Reading what a party submits: strict, typed, and fast enough for bulk.

A submission is the submitter's part of a record::

    {"id", "type", "subject", "effective", "party", "data", "private"?, "sig"?, "origin"?}

One typed decode does most of the work: :mod:`msgspec` picks the struct by ``type`` and refuses unknown
members, wrong types and floats. What it does not see is settled after it: duplicate keys, strings that are
not in NFC, and everything that an event's own ``check`` says. Those two need no second parse in the usual
case: where the line has no backslash, every quote in it delimits a string, so a duplicate key shows as a
difference in the number of quotes between the line and the canonical encoding of what was understood.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, Final, Union, get_args

import msgspec
from msgspec import UNSET, UnsetType

from ledger.domain.calendar import Effective, parse_effective
from ledger.domain.events.base import EVENTS, Data, EventType, SubjectKind, check_name
from ledger.domain.events.wording import refusal
from ledger.errors import MalformedError, RefusedError, UnreadableError
from ledger.proofs import canonical
from ledger.quotes import in_quotes

#: Greatest size of one submission, and so of a record: a tape's record has 3 KB, a pledge of 500 claims 60
#: KB.
MAX_BYTES: Final = 1 << 20
#: Greatest size of the data: what is left of a record's mebibyte once its other members have their room.
MAX_DATA: Final = MAX_BYTES - (1 << 15)
#: Most private fields of one event.
MAX_PRIVATE: Final = 256

_NAME = r"[A-Za-z0-9._:-]{1,64}"
#: "<id> <subject>" of an event, by the kind of its subject: one match for both.
_NAMED = {
    kind: re.compile(rf"{_NAME} log" if kind == "log" else rf"{_NAME} {kind}:{_NAME}", re.ASCII).fullmatch
    for kind in get_args(SubjectKind)
}
_good_name = functools.lru_cache(maxsize=4_096)(re.compile(_NAME, re.ASCII).fullmatch)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII).fullmatch
_encode = msgspec.json.Encoder(order="sorted").encode


class Sig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A party's signature: the reference of its key (``name+hex8``) and 64 bytes in base64."""

    key: str
    value: str


def _envelope(kind: EventType) -> type[msgspec.Struct]:
    fields: list[Any] = [
        ("id", str),
        ("subject", str),
        ("effective", str),
        ("party", str | UnsetType, UNSET),
        ("data", kind.data),
        ("private", dict[str, Any] | UnsetType, UNSET),
        ("sig", Sig | UnsetType | None, UNSET),
        ("origin", str | UnsetType, UNSET),
    ]
    return msgspec.defstruct(
        "Envelope",
        fields,
        tag=kind.name,
        tag_field="type",
        forbid_unknown_fields=True,
        kw_only=True,
        frozen=True,
    )


ENVELOPES: Final = {name: _envelope(kind) for name, kind in EVENTS.items()}
_Any: Any = Union[tuple(ENVELOPES.values())]  # noqa: UP007 - the members are known at run time only
_decode = msgspec.json.Decoder(_Any).decode


class _Typed(msgspec.Struct):
    """An event of which nothing is known but its type."""

    type: object = None


#: Follows the grammar and reads no value: a number that nothing can hold is JSON, and judged where it stands.
_skim = msgspec.json.Decoder(msgspec.Raw).decode
_decode_type = msgspec.json.Decoder(_Typed).decode


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One event as a party submitted it, checked for its form. Made by :func:`read_submission` only.

    ``event`` is the typed data, ``data_json`` its canonical bytes (what was submitted, no more),
    ``amounts`` what the event's check parsed for the fold, ``when`` the effective day or month.
    """

    id: str
    subject: str
    when: Effective
    party: str
    kind: EventType
    event: Data
    data_json: bytes
    amounts: Any
    private: dict[str, Any]
    sig: Sig | None
    origin: str | None

    @property
    def effective(self) -> str:
        """The effective day or month as submitted."""
        return self.when.text

    @property
    def type(self) -> str:
        """The event's type, such as ``repayment.received``."""
        return self.kind.name

    @property
    def data(self) -> dict[str, Any]:
        """The data as submitted, as plain values."""
        result: dict[str, Any] = msgspec.json.decode(self.data_json)
        return result

    @property
    def name(self) -> str:
        """The subject's name without its kind."""
        return self.subject.partition(":")[2]

    def __repr__(self) -> str:
        return f"<Submission {self.kind.name} {self.id} of {self.party} on {self.subject}>"


def read_submission(
    line: bytes | str | dict[str, Any], *, party: str | None = None, origin: str | None = None
) -> Submission:
    """Read one event. Raises :class:`RefusedError` naming the member's path, the reason and the rule;
    :class:`UnreadableError` where it is no JSON at all, or JSON with two meanings.

    ``party`` is who submits: it fills an absent member and must equal one that is there. ``origin`` is the
    log's; a submission that names another is refused.
    """
    if isinstance(line, dict):
        envelope, data_json = _convert(line)
        if not data_json.isascii() or b"\\" in data_json:
            _check_text(data_json)
    else:
        raw = _bytes(line) if isinstance(line, str) else line
        if len(raw) > MAX_BYTES:
            raise _too_large(len(raw))
        envelope = _parse(raw)
        data_json = _encode(envelope.data)
        _check_spelling(raw, envelope, data_json)
    if len(data_json) > MAX_DATA:
        raise _too_large(len(data_json))
    return _build(envelope, data_json, party, origin)


def _build(envelope: Any, data_json: bytes, party: str | None, origin: str | None) -> Submission:
    event: Data = envelope.data
    kind = event.kind
    given = envelope.party
    if given is UNSET:
        if party is None:
            raise RefusedError("party", "missing")
        given = party
    elif party is not None and given != party:
        raise RefusedError(
            "party", f"{in_quotes(given, 80)} is not {party}, who submits this", rule="wrong_party"
        )
    if not _good_name(given):
        check_name(given, "party")
    if _NAMED[kind.subject](f"{envelope.id} {envelope.subject}") is None:
        check_name(envelope.id, "id")
        raise _wrong_subject(envelope.subject, kind)
    private, sig, its_origin = envelope.private, envelope.sig, envelope.origin
    if its_origin is not UNSET and origin is not None and its_origin != origin:
        raise RefusedError("origin", f'this log is "{origin}"', rule="wrong_origin")
    return Submission(
        envelope.id,
        envelope.subject,
        parse_effective(envelope.effective),
        given,
        kind,
        event,
        data_json,
        event.check(),
        {} if private is UNSET else _check_private(private, kind),
        None if sig is UNSET else sig,
        None if its_origin is UNSET else its_origin,
    )


def _parse(raw: bytes) -> Any:
    if raw.count(b"[") + raw.count(b"{") > canonical.MAX_DEPTH:
        _check_nesting(raw)
    try:
        return _decode(raw)
    except msgspec.ValidationError as error:
        _check_json(raw)
        raise refusal(error, _told_type(raw)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The profile's own reader knows better words; where it finds nothing, msgspec's reason stands.
        _read_strictly(raw)
        raise UnreadableError("", f"no JSON: {error}", rule="malformed") from None


def _check_json(raw: bytes) -> None:
    """Raise for broken JSON that begins like an event of the wrong form: it is never judged as an event."""
    try:
        raw.decode()
        _skim(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError("", f"no JSON: {error}", rule="malformed") from None


def _told_type(raw: bytes) -> object:
    """The event's type as told in bytes that may be no event."""
    try:
        return _decode_type(raw).type
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _bytes(line: str) -> bytes:
    try:
        return line.encode()
    except UnicodeEncodeError:
        raise UnreadableError("", "string with a lone surrogate", rule="malformed") from None


def _check_nesting(raw: bytes) -> None:
    """Raise for what no parser is to follow; a record of 500 claims has many brackets and is flat."""
    try:
        canonical.check_nesting(raw.decode(), "event")
    except MalformedError as error:
        raise UnreadableError("", error.reason, rule="malformed") from None
    except UnicodeDecodeError:
        raise UnreadableError("", "no JSON: not UTF-8", rule="malformed") from None


def _convert(value: dict[str, Any]) -> tuple[Any, bytes]:
    """The envelope and the canonical bytes of its data."""
    try:
        envelope: Any = msgspec.convert(value, _Any)
        return envelope, _encode(envelope.data)
    except msgspec.ValidationError as error:
        raise refusal(error, value.get("type")) from None
    except (UnicodeEncodeError, RecursionError) as error:
        raise UnreadableError("", f"no JSON: {error}", rule="malformed") from None


def _check_spelling(raw: bytes, envelope: Any, data_json: bytes) -> None:
    """Raise for duplicate keys and strings out of NFC; both are ruled out cheaply in the usual case."""
    if b"\\" in raw:
        _read_strictly(raw)
        return
    if envelope.private is not UNSET or envelope.sig is not UNSET:
        _read_strictly(raw)  # free-form values: a few microseconds, in few events
        return
    # "id", "type", "subject", "effective" with their values, and "data": 18 quotes; 4 for each other member.
    quotes = 18 + data_json.count(b'"')
    if envelope.party is not UNSET:
        quotes += 4
    if envelope.origin is not UNSET:
        quotes += 4
    if raw.count(b'"') != quotes or not (raw.isascii() or unicodedata.is_normalized("NFC", raw.decode())):
        _read_strictly(raw)


def _read_strictly(raw: bytes) -> None:
    """The exact, slower parse: raises for whatever the profile does not allow."""
    try:
        canonical.decode(raw, what="event", limit=MAX_BYTES)
    except MalformedError as error:
        raise UnreadableError("", _without_values(error.reason), rule="malformed") from None


def _without_values(reason: str) -> str:
    """A reason fit for logs: it may quote keys, but no value, which may be a borrower's."""
    if "NFC" in reason:
        return "a string is not in Unicode NFC"
    if reason.startswith("number "):
        return "a number is not an integer within ±(2^53 − 1); amounts are strings"
    return reason


def _check_text(data_json: bytes) -> None:
    try:
        canonical.decode(data_json, what="data", limit=MAX_BYTES)
    except MalformedError as error:
        raise UnreadableError("data", _without_values(error.reason), rule="malformed") from None


def _check_private(private: dict[str, Any], kind: EventType) -> dict[str, Any]:
    if len(private) > MAX_PRIVATE:
        raise RefusedError("private", f"more than {MAX_PRIVATE} fields", rule="too_large")
    clear = kind.data.__struct_fields__
    for name in private:
        if not isinstance(name, str) or _KEY(name) is None:
            raise RefusedError("private", f"{in_quotes(ascii(name), 80)} is no field name: [a-z][a-z0-9_]*")
        if name in clear:
            raise RefusedError(f"private.{name}", "shadows a clear member of this event")
    try:
        size = len(canonical.encode(private))
    except MalformedError as error:
        raise UnreadableError("private", _without_values(error.reason), rule="malformed") from None
    if size > MAX_BYTES:
        raise _too_large(size)
    return private


def _wrong_subject(subject: str, kind: EventType) -> RefusedError:
    form = "log" if kind.subject == "log" else f"{kind.subject}:NAME"
    return RefusedError("subject", f"{in_quotes(subject, 100)} is not {form}, the subject of {kind.name}")


def _too_large(size: int) -> RefusedError:
    return RefusedError("", f"{size} bytes; a record has at most {MAX_BYTES}", rule="too_large")
