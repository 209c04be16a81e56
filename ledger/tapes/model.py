"""What every tape reader yields, and the account it gives of itself.

A reader is pure: it takes a file and yields *submissions*, plain dicts in the submission form
(``id, type, subject, effective, party, data, private``), and :class:`Reject` values for what does not go
in. It touches no store; what it must know of the ledger comes in as a callable (:data:`Known`). While it
is iterated it fills a :class:`TapeSummary`, which is all that a dry run shows.

A *reject* concerns a whole record (or row): it names every field at fault, and nothing of that record is
yielded. A *flag* concerns something that goes in but deserves a look; flags are counted by field and
reason, so that 80,000 equal ones take the room of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ledger.domain import money

#: An event in the submission form, as ``ledger.domain.events.read_submission`` takes it.
Submission: TypeAlias = dict[str, Any]

#: Which of these loans (names without the ``loan:`` prefix) does the ledger have already?
Known: TypeAlias = Callable[[set[str]], set[str]]

#: Called now and then with (bytes done, bytes in all); both passes over a file count.
Progress: TypeAlias = Callable[[int, int], None]

#: Rejects kept with their words; more are only counted. A file of the wrong kind rejects every row, and
#: the reader's memory must not depend on that.
MAX_KEPT_REJECTS = 1_000

#: Submissions kept for a dry run to print.
MAX_FIRST = 5

#: A value quoted in a reject is cut here: it says enough to be found, and a huge field stays out of logs.
MAX_QUOTED = 80


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that did not go in. ``record`` counts records from 1, ``line`` is its place in the file.

    ``value`` is the offending text as it stood, cut to :data:`MAX_QUOTED` characters; it is empty where
    the field holds borrower facts. ``subject`` names the loan where that much could be read.
    """

    record: int
    line: int
    field: str
    reason: str
    value: str = ""
    subject: str = ""

    def to_json(self) -> dict[str, Any]:
        """The reject as JSON-ready values, for ``--json`` and logs."""
        return {
            "record": self.record,
            "line": self.line,
            "field": self.field,
            "reason": self.reason,
            "value": self.value,
            "subject": self.subject,
        }


@dataclass(slots=True)
class Flag:
    """Something in the file that went in but deserves a look: how often, and where first."""

    field: str
    reason: str
    count: int
    record: int
    line: int

    def to_json(self) -> dict[str, Any]:
        """The flag as JSON-ready values."""
        return {
            "field": self.field,
            "reason": self.reason,
            "count": self.count,
            "first_record": self.record,
            "first_line": self.line,
        }


@dataclass(slots=True, kw_only=True)
class TapeSummary:
    """The account of one tape: what it is, what it yields, what stays out.

    ``counts`` are submissions by type; ``sums`` are exact, in units of 1e-8, by (type, field, currency),
    where ``field`` is the path inside ``data``.
    """

    form: str
    source: str
    sha256: str = ""
    size: int = 0
    records: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[tuple[str, str, str], int] = field(default_factory=dict)
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    flags: dict[tuple[str, str], Flag] = field(default_factory=dict)
    first: list[Submission] = field(default_factory=list)
    first_effective: str | None = None
    last_effective: str | None = None
    #: line of the file that the item yielded last is of; 0 where the form has no lines
    line: int = 0

    def count(self, submission: Submission) -> Submission:
        """Count a submission on its way out; returns it."""
        kind = submission["type"]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if len(self.first) < MAX_FIRST:
            self.first.append(submission)
        effective = submission["effective"]
        if self.first_effective is None or _last_day(effective) < _last_day(self.first_effective):
            self.first_effective = effective
        if self.last_effective is None or _last_day(effective) > _last_day(self.last_effective):
            self.last_effective = effective
        return submission

    def add(self, kind: str, path: str, currency: str, units: int) -> None:
        """Add an amount, in units of 1e-8, to the sum of (type, field, currency)."""
        key = (kind, path, currency)
        self.sums[key] = self.sums.get(key, 0) + units

    def reject(self, reject: Reject) -> Reject:
        """Count a reject on its way out; returns it."""
        self.rejected += 1
        if len(self.rejects) < MAX_KEPT_REJECTS:
            self.rejects.append(reject)
        return reject

    def flag(self, name: str, reason: str, *, record: int, line: int) -> None:
        """Note that ``reason`` holds of field ``name`` in this record."""
        found = self.flags.get((name, reason))
        if found is None:
            self.flags[(name, reason)] = Flag(name, reason, 1, record, line)
        else:
            found.count += 1

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON-ready values; sums as money strings under ``type.field``."""
        sums: dict[str, dict[str, str]] = {}
        for (kind, path, currency), units in sorted(self.sums.items()):
            sums.setdefault(currency, {})[f"{kind}.{path}"] = money.format(units, currency)
        return {
            "form": self.form,
            "source": self.source,
            "sha256": self.sha256,
            "size": self.size,
            "records": self.records,
            "events": sum(self.counts.values()),
            "counts": dict(sorted(self.counts.items())),
            "sums": sums,
            "first_effective": self.first_effective,
            "last_effective": self.last_effective,
            "rejected": self.rejected,
            "rejects": [reject.to_json() for reject in self.rejects],
            "flags": [flag.to_json() for _, flag in sorted(self.flags.items())],
            "first": self.first,
        }


class Tape:
    """One opened tape: iterate it once for submissions and rejects; ``summary`` grows as it goes."""

    __slots__ = ("_items", "summary")

    def __init__(self, summary: TapeSummary, items: Iterator[Submission | Reject]) -> None:
        self.summary = summary
        self._items = items

    def __iter__(self) -> Iterator[Submission | Reject]:
        return self._items

    def drain(self) -> TapeSummary:
        """Read the tape to its end for the summary alone: a dry run."""
        for _ in self._items:
            pass
        return self.summary


def _last_day(effective: str) -> str:
    """A key that orders days and months: a month counts as its last day."""
    return effective if len(effective) > len("YYYY-MM") else f"{effective}-31"


def quoted(value: str) -> str:
    """``value`` short enough for a message."""
    return value if len(value) <= MAX_QUOTED else value[: MAX_QUOTED - 1] + "…"


class FieldError(Exception):
    """A value that its field cannot take; becomes part of a :class:`Reject`, never leaves the readers."""

    def __init__(self, name: str, reason: str, value: str = "") -> None:
        super().__init__(f"{name}: {reason}")
        self.field = name
        self.reason = reason
        self.value = quoted(value)
