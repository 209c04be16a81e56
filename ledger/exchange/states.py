"""What became of each file, and what somebody has to do about: read from the database alone.

A file is in one of these states (one row for each *content* seen under a name):

- **taking**: its lines are being taken in; a run that ended here is taken up again
- **taken**: its lines were judged one by one; those that were refused are in the reply
- **short**: rows or sums are not those of its manifest; nothing of it is stored
- **altered**: its bytes are not those of its manifest, or not those that were taken in; nothing of it is stored
- **wrong**: it cannot be read, or its manifest is of another party, date, name or mapping; nothing of it is stored
- **repeated**: every line of it was accepted before; nothing of it is stored again
- **unexpected**: the plan has no such file; nothing of it is stored
- **withdrawn**: it was one of the bad ones, and is not there any more

What is wrong about a kind of file and date is settled by the newest of its files: once a further one (``repayments.2``)
is taken in with no line refused, the faults of those before it are history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from ledger.domain import calendar
from ledger.errors import NotFoundError
from ledger.exchange import layout
from ledger.exchange import plan as plans
from ledger.exchange.layout import Slot
from ledger.exchange.plan import Plan
from ledger.store import ReadConnection, Store, exchange
from ledger.store.exchange import DayRow, FileRow
from ledger.store.logs import LogRow

#: Dates that the table of days shows where none are named: a month and a bit.
DAYS_SHOWN: Final = 35


class State(StrEnum):
    """What became of a content seen under a name."""

    TAKING = "taking"
    TAKEN = "taken"
    SHORT = "short"
    ALTERED = "altered"
    WRONG = "wrong"
    REPEATED = "repeated"
    UNEXPECTED = "unexpected"
    WITHDRAWN = "withdrawn"


#: States of which nothing is stored, as long as the content lies there.
BAD: Final = frozenset({State.SHORT, State.ALTERED, State.WRONG, State.REPEATED, State.UNEXPECTED})


class Kind(StrEnum):
    """What there is to act on."""

    MISSING = "missing"
    SHORT = "short"
    ALTERED = "altered"
    WRONG = "wrong"
    REPEATED = "repeated"
    UNEXPECTED = "unexpected"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """Something to act on; ``party`` and ``name`` are empty for what concerns a date as a whole."""

    day: str
    party: str
    name: str
    kind: Kind
    detail: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "day": self.day, "party": self.party, "name": self.name, "kind": str(self.kind), "detail": self.detail,
        }  # fmt: skip

    def __str__(self) -> str:
        where = "/".join(filter(None, (self.party, self.day, self.name)))
        return f"{where}: {self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file in the table of days; ``late`` where its flag was written after it was due."""

    party: str
    name: str
    state: State
    late: bool
    arrived: str
    rows: int
    accepted: int
    repeated: int
    refused: int
    detail: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"state": str(self.state)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A business date: its files, what is wrong, and whether it is told to partners and closed."""

    day: str
    complete: bool
    files: tuple[FileView, ...]
    problems: tuple[Problem, ...]
    told: bool
    closed: bool

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "day": self.day,
            "complete": self.complete,
            "files": [one.to_json() for one in self.files],
            "problems": [one.to_json() for one in self.problems],
            "told": self.told,
            "closed": self.closed,
        }


class Book:
    """What the database remembers of one log's files, under a plan, at a moment; pure."""

    def __init__(
        self, plan: Plan, files: Iterable[FileRow], told: Mapping[str, DayRow], *, zone: str, now: datetime
    ) -> None:
        self.plan = plan
        self.told = told
        self._zone = zone
        self._now = now
        self._kinds: dict[tuple[str, str, str], list[FileRow]] = {}
        for row in files:
            slot = slot_of(row)
            self._kinds.setdefault((row.day, slot.party, slot.base), []).append(row)
        for rows in self._kinds.values():
            rows.sort(key=lambda row: (slot_of(row).number, row.state in BAD))  # a bad content lies there now

    def is_due(self, day: date) -> bool:
        """Whether the files of a date should be there by now."""
        return self._now > self.plan.due_at(day, self._zone)

    def is_late(self, row: FileRow) -> bool:
        """Whether a file's flag was written after it was due."""
        due = self.plan.due_at(date.fromisoformat(row.day), self._zone)
        return calendar.parse_instant(row.arrived) > due

    def is_complete(self, day: date) -> bool:
        """Whether all that the plan expects for a date is taken in; countersigned closes come after that."""
        expected = [one for one in self.plan.expected(day) if one.name != layout.CLOSE]
        if not expected:
            return self.is_due(day)
        return all(self._taken(day, one.party, one.name) for one in expected)

    def problems(self, day: date) -> list[Problem]:
        """What there is to act on about a date, in the order of party and name."""
        text, found = day.isoformat(), []
        expected = {(one.party, one.name) for one in self.plan.expected(day)}
        named = {(party, name) for on, party, name in self._kinds if on == text}
        for party, name in sorted(expected | named):
            rows = self._kinds.get((text, party, name), [])
            problem = _problem(rows)
            if problem is not None:
                found.append(problem)
            elif (party, name) in expected and not self._taken(day, party, name) and self.is_due(day):
                due = calendar.format_instant(self.plan.due_at(day, self._zone))
                found.append(
                    Problem(
                        day=text,
                        party=party,
                        name=name,
                        kind=Kind.MISSING,
                        detail=f"it was due at {due[:16]}Z",
                    )
                )
        told = self.told.get(text)
        if told is not None and told.closed is not None and told.closed < told.before:
            reason = "records of the date came after it was closed: close it again"
            found.append(Problem(day=text, party="", name="", kind=Kind.REOPENED, detail=reason))
        return found

    def view(self, day: date) -> DayView:
        """A date as a row of the table."""
        text = day.isoformat()
        rows = [row for (on, _, _), rows in sorted(self._kinds.items()) if on == text for row in rows]
        told = self.told.get(text)
        return DayView(
            day=text,
            complete=self.is_complete(day),
            files=tuple(self._file(row) for row in rows),
            problems=tuple(self.problems(day)),
            told=told is not None,
            closed=told is not None and told.closed is not None,
        )

    def days(self) -> list[date]:
        """Every date that is expected by now or of which something is known, ascending."""
        last = self._now.astimezone(UTC).date()
        seen = {date.fromisoformat(day) for day, _, _ in self._kinds} | {
            date.fromisoformat(day) for day in self.told
        }
        return sorted(seen | {day for day in self.plan.days(last) if self.is_due(day)})

    def _taken(self, day: date, party: str, name: str) -> bool:
        rows = self._kinds.get((day.isoformat(), party, name), [])
        return any(row.state == State.TAKEN for row in rows)

    def _file(self, row: FileRow) -> FileView:
        return FileView(
            party=row.party, name=row.name, state=State(row.state), late=self.is_late(row), arrived=row.arrived,
            rows=row.rows, accepted=row.accepted, repeated=row.repeated, refused=row.refused, detail=row.detail,
            sha256=row.sha256.hex(),
        )  # fmt: skip


def problems(store: Store, log: LogRow, *, now: datetime) -> list[Problem]:
    """What there is to act on about the files of a log: missing ones first of all; by date, party and name.

    By what the last run found and by the plan that it read; a log without an exchange has none. ``now`` is aware.
    """
    with store.read() as connection:
        book = _book(connection, log, now)
    if book is None:
        return []
    return [problem for day in book.days() for problem in book.problems(day)]


def days(
    store: Store, log: LogRow, *, now: datetime, first: date | None = None, last: date | None = None
) -> list[DayView]:
    """The table of days, newest first: from ``first`` to ``last``, or the newest :data:`DAYS_SHOWN`.

    Raises :class:`NotFoundError` for a log without an exchange.
    """
    with store.read() as connection:
        book = _book(connection, log, now)
    if book is None:
        raise NotFoundError(f"{log.origin} exchanges no files; `poolproof exchange DIR` does")
    chosen = [day for day in book.days() if (first is None or day >= first) and (last is None or day <= last)]
    if first is None and last is None:
        chosen = chosen[-DAYS_SHOWN:]
    return [book.view(day) for day in reversed(chosen)]


def _book(connection: ReadConnection, log: LogRow, now: datetime) -> Book | None:
    row = exchange.get(connection, log.id)
    if row is None:
        return None
    return Book(
        plans.parse(row.plan), exchange.files(connection, log.id), exchange.days(connection, log.id),
        zone=log.zone, now=now,
    )  # fmt: skip


def slot_of(row: FileRow) -> Slot:
    """Where the file of a row lies."""
    return Slot(date.fromisoformat(row.day), row.party, row.name)


def _problem(rows: Sequence[FileRow]) -> Problem | None:
    """What is wrong about a kind of file and date, by its files in their order; None where nothing is."""
    last: Problem | None = None
    for row in rows:
        kind: Kind | None = None
        if row.state in BAD:
            kind = Kind(row.state)
        elif row.state == State.TAKING:
            kind = Kind.INTERRUPTED
        elif row.state == State.TAKEN:
            kind = Kind.REFUSED if row.refused else None
            last = None
        else:
            continue
        if kind is not None:
            detail = row.detail or "its taking-in did not end; the next run takes it up"
            last = Problem(day=row.day, party=row.party, name=row.name, kind=kind, detail=detail)
    return last
