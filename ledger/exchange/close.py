"""The close of a business date (日终), which both sides sign.

The servicer closes a date once its files are in: ``day.closed`` with count and sum by type, over all holders and for
each party that has a part (:mod:`ledger.domain.dayclose` is the rule), over the records below the log's size at that
moment. A partner answers with its own ``day.closed`` for the same date and index, of its own lines; it gets that event
ready to be signed as ``close.json`` and sends it back as a file of events, or an operator who holds its key records it.
The audit holds both against the records and against each other.

A date is closed again when records of it come later: that is another event, at another index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.domain import record, statements
from ledger.domain.events import read_submission
from ledger.domain.events.base import HOLDING, SERVICING
from ledger.domain.events.files import DayClosed
from ledger.errors import ConfigurationError, RefusedError
from ledger.exchange import daybook
from ledger.exchange.daybook import lines_of
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import ReadConnection, logs, records, subjects
from ledger.store.logs import LogRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A recorded close. ``repeated``: it stood there before, and says the same."""

    date: str
    party: str
    before: int
    index: int
    signed: bool
    repeated: bool
    lines: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A close that stands in the log."""

    date: str
    index: int
    party: str
    before: int
    signed: bool
    lines: list[dict[str, Any]]


def standing(connection: ReadConnection, log: LogRow) -> list[Standing]:
    """Every close, in the order in which they were recorded."""
    row = subjects.by_name(connection, log.id, ["log"]).get("log")
    if row is None:
        return []
    known = [
        (one.index, record.parse(bytes(one.record)))
        for one in records.of_subject(connection, row.id)
        if one.record is not None and record.type_of(bytes(one.record)) == "day.closed"
    ]
    return [
        Standing(
            date=one.event.date, index=index, party=one.party, before=one.event.before,
            signed=one.sig is not None, lines=[_line(line) for line in one.event.lines],
        )
        for index, one in known
        if isinstance(one.event, DayClosed)
    ]  # fmt: skip


def servicers_newest(connection: ReadConnection, log: LogRow) -> dict[str, Standing]:
    """By date the close that partners answer: the newest by a servicing party."""
    servicing = {
        one.name for one in logs.list_parties(connection, log.id) if SERVICING & frozenset(one.roles)
    }
    return {one.date: one for one in standing(connection, log) if one.party in servicing}


def answer(day: date, partner: str, before: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The partner's day.closed where the servicer's has these lines, in the submission form, not signed."""
    return _event(day, partner, before, lines_of(lines, partner))


def close(ledger: Ledger, day: date, *, party: str, signer: Signer | None) -> Closed:
    """Record a party's close of a date, signed where there is a ``signer``; the same close again adds nothing.

    Raises :class:`RefusedError` for a partner before the servicer's close, :class:`ConfigurationError` for a party or a
    key that cannot close.
    """
    roles = next((frozenset(one.roles) for one in ledger.parties() if one.name == party), frozenset[str]())
    if not roles & (SERVICING | HOLDING):
        raise ConfigurationError(
            f"{party}: who closes a date is a servicer, an originator, or a holder of claims"
        )
    if signer is not None and signer.verifier.name != party:
        raise ConfigurationError(f"the key is {signer.verifier.name}'s, not {party}'s")
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        before = log.size
        if not roles & SERVICING:
            theirs = servicers_newest(connection, log).get(day.isoformat())
            if theirs is None:
                raise RefusedError("date", f"no servicer has closed {day} yet", rule="not_closed")
            before = theirs.before
        lines = daybook.read(connection, log, [day], before=before)[day].lines()
        if not roles & SERVICING:
            lines = lines_of(lines, party)
        mine = [one for one in standing(connection, log) if (one.party, one.date) == (party, day.isoformat())]
    if mine and _same(mine[-1].lines, lines) and (roles & SERVICING or mine[-1].before == before):
        last = mine[-1]
        return Closed(
            date=day.isoformat(), party=party, before=last.before, index=last.index, signed=last.signed,
            repeated=True, lines=lines,
        )  # fmt: skip
    submission = read_submission(_event(day, party, before, lines), party=party, origin=ledger.origin)
    if signer is not None:
        submission = statements.sign_submission(signer, ledger.origin, submission)
    [accepted] = ledger.append([submission], party=party).accepted
    return Closed(
        date=day.isoformat(), party=party, before=before, index=accepted.index, signed=signer is not None,
        repeated=accepted.repeated, lines=lines,
    )  # fmt: skip


def _event(day: date, party: str, before: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"close.{day.isoformat()}.{before}",
        "type": "day.closed",
        "subject": "log",
        "effective": day.isoformat(),
        "party": party,
        "data": {"date": day.isoformat(), "before": before, "lines": lines},
    }


def _same(lines: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    """Whether two closes say the same, in whatever order."""
    return {tuple(line.items()) for line in lines} == {tuple(line.items()) for line in others}


def _line(line: Any) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("type", "holder", "currency", "count", "sum")}
