"""The partner's side of a day close: its ``close.json`` held against its reconciliation file, signed, and sent back.

A partner signs what it has seen, so nothing is signed before it holds: ``recon.csv`` is the one that its manifest
names, and the lines of ``close.json`` are what its rows sum to, by type and currency, no more and no fewer. Whether the
rows are right is for the partner's own books to say. Needs nothing but the place: no log, no database.

The signed event goes back as the file of events ``in/PARTNER/DATE/close.ndjson`` with its manifest and flag, and where
the servicer has closed the date again, at a later index, as ``close.2.ndjson``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from ledger.domain import money, statements
from ledger.domain.events import Submission, read_submission
from ledger.domain.events.files import DayClosed
from ledger.errors import MalformedError, NotFoundError, RefusedError, UndeterminedError, VerificationError
from ledger.exchange import layout
from ledger.exchange.layout import Slot
from ledger.exchange.manifest import FORMAT
from ledger.exchange.place import Place
from ledger.exchange.recon import COLUMNS
from ledger.exchange.sender import Outbox
from ledger.proofs import canonical
from ledger.proofs.note import Signer

#: Bytes of a reconciliation file: rows of some 200 bytes, for a million parts of a date.
MAX_RECON: Final = 256 << 20
#: Bytes of the JSON files beside it: a close has at most 5,000 lines.
MAX_JSON: Final = 4 << 20

#: Type, holder, currency, count, sum.
Line = tuple[str, str | None, str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigned:
    """A close that was signed and lies where the exchange takes it in. ``again``: it lay there, signed, before."""

    origin: str
    date: str
    party: str
    before: int
    rows: int
    lines: list[dict[str, Any]]
    file: str
    again: bool

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


def countersign(place: Place, day: date, signer: Signer, *, origin: str | None = None) -> Countersigned:
    """Sign the close of a date for the party whose key ``signer`` is, and send it back; ``origin``: of this log alone.

    Raises :class:`NotFoundError` where there is no reconciliation file, :class:`UndeterminedError` where the servicer
    has not closed the date as the file stands, :class:`RefusedError` for another log, and :class:`VerificationError`
    where the files contradict each other; nothing is written then.
    """
    party = signer.verifier.name
    manifest, rows = _recon(place, party, day)
    log = manifest["origin"]
    if origin is not None and log != origin:
        raise RefusedError("origin", f"the file is of the log {log}, not of {origin}", rule="another_log")
    submission = _closing(place, party, day, log)
    closed = cast("DayClosed", submission.event)
    if closed.before != manifest.get("before"):
        raise UndeterminedError(
            f"{day} was closed before {closed.before}, the file tells it until {manifest.get('before')}"
        )
    stated = sorted(
        ((one.type, one.holder, one.currency, one.count, one.sum) for one in closed.lines), key=str
    )
    counted = sorted(_lines(rows, party), key=str)
    if stated != counted:
        raise VerificationError(
            "its lines are not what the rows of recon.csv sum to",
            step="close",
            evidence={"close": [_line(one) for one in stated], "recon": [_line(one) for one in counted]},
        )
    signed = statements.sign_submission(signer, log, submission)
    slot, again = _send(place, party, day, _printed(signed))
    return Countersigned(
        origin=log, date=day.isoformat(), party=party, before=closed.before, rows=len(rows),
        lines=[_line(one) for one in stated],
        file=layout.sent(slot, ".ndjson"), again=again,
    )  # fmt: skip


def _recon(place: Place, party: str, day: date) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The reconciliation file: its manifest, and its rows, which must be the manifest's."""
    path = {
        name: layout.partner(party, day, name) for name in ("recon.ok", "recon.manifest.json", "recon.csv")
    }
    try:
        place.read(path["recon.ok"], limit=MAX_JSON)
    except NotFoundError:
        raise NotFoundError(f"{path['recon.ok']}: {party} has no reconciliation file of {day} yet") from None
    manifest = _json(place, path["recon.manifest.json"])
    wanted = {"format": FORMAT, "partner": party, "date": day.isoformat()}
    for name, value in wanted.items():
        if manifest.get(name) != value:
            raise VerificationError(f"its {name} is not {value}", step="manifest")
    if not isinstance(manifest.get("origin"), str):
        raise VerificationError("it names no log", step="manifest")
    data = place.read(path["recon.csv"], limit=MAX_RECON)
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise VerificationError("recon.csv is not the file that its manifest names", step="manifest")
    try:
        reader = csv.DictReader(io.StringIO(data.decode()), strict=True)
        rows = list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedError(path["recon.csv"], str(error)) from None
    if tuple(reader.fieldnames or ()) != COLUMNS or len(rows) != manifest.get("rows"):
        raise VerificationError("recon.csv has other columns or rows than it should", step="manifest")
    return manifest, rows


def _closing(place: Place, party: str, day: date, origin: str) -> Submission:
    """The partner's own ``day.closed`` of the date, ready to be signed."""
    path = layout.partner(party, day, "close.json")
    try:
        event = _json(place, path)
    except NotFoundError:
        raise UndeterminedError(f"{path}: the servicer has not closed {day} yet") from None
    submission = read_submission(event, party=party, origin=origin)
    if not isinstance(submission.event, DayClosed) or submission.event.date != day.isoformat():
        raise VerificationError(f"close.json is not the close of {day}", step="close")
    return submission


def _lines(rows: list[dict[str, str]], party: str) -> Iterator[Line]:
    """What the rows sum to, as lines of a close; what a correction changes is in no sum."""
    events: dict[tuple[str, str], set[str]] = {}
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        if "/" in row["type"]:
            continue
        line = (row["type"], row["currency"])
        events.setdefault(line, set()).add(row["index"])
        sums[line] = sums.get(line, 0) + money.parse(row["amount"], row["currency"])
    for (kind, currency), units in sums.items():
        yield kind, party, currency, len(events[kind, currency]), money.format(units, currency)


def _printed(signed: Submission) -> bytes:
    """The event as a line of a file of events."""
    assert signed.sig is not None
    event = {
        "id": signed.id, "type": signed.type, "subject": signed.subject, "effective": signed.effective,
        "party": signed.party, "data": signed.data, "sig": {"key": signed.sig.key, "value": signed.sig.value},
    }  # fmt: skip
    return canonical.encode(event) + b"\n"


def _send(place: Place, party: str, day: date, data: bytes) -> tuple[Slot, bool]:
    """Put the file there under the first name that is free, unless it lies there already."""
    there = {entry.path for entry in place.entries(f"in/{party}/{day.isoformat()}")}
    number = 1
    while True:
        slot = Slot(day, party, layout.CLOSE if number == 1 else f"{layout.CLOSE}.{number}")
        path, flag = layout.sent(slot, ".ndjson"), layout.sent(slot, ".ok")
        if path not in there or flag not in there:
            break  # free, or a sending that broke off
        if place.read(path, limit=MAX_JSON) == data:
            return slot, True
        number += 1
    Outbox(place, party).send(day, slot.name, data, mapping=None)
    return slot, False


def _json(place: Place, path: str) -> dict[str, Any]:
    try:
        found = json.loads(place.read(path, limit=MAX_JSON))
    except ValueError as error:
        raise MalformedError(path, f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise MalformedError(path, "no JSON object")
    return found


def _line(one: Line) -> dict[str, Any]:
    return dict(zip(("type", "holder", "currency", "count", "sum"), one, strict=True))
