"""Do both sides' day closes agree with what was recorded, and with each other?

A day.closed says by type how many events of a business date there were among the records before an index, and what
their amounts sum to. Lines over all holders are recomputed from the records as they were posted, in a scan of the log:
the closes are known beforehand, so a scan keeps two numbers for each type of each close. A type that a party closes on
any day and leaves out on another says zero there. Lines of single holders are held against the other parties' lines for
the same date and index; what belongs to a holder would take every loan of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple, Self

from ledger.audit.findings import Evidence, Notes
from ledger.domain import calendar, money
from ledger.domain.dayclose import amount_of
from ledger.domain.events.files import DayClosed
from ledger.domain.fold import Indexed
from ledger.domain.record import Record

_LOST: Final = "a record before its index cannot be read"
_ONE_SIDE: Final = "only one side closes the day by holder"


class Cut(NamedTuple):
    """A business date (ordinal) and the index before which records count."""

    day: int
    before: int


class Line(NamedTuple):
    """What is counted: a type of event in one currency; the currency is empty for a type without amounts."""

    type: str
    currency: str


class Stated(NamedTuple):
    """Count, and sum in units."""

    count: int = 0  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    units: int = 0

    def text(self, currency: str) -> str:
        """In words."""
        return f"{self.count} events, {money.format(self.units, currency)} {currency}"


class DayScan:
    """Counts and sums for each close, over records in any order; picklable, and small.

    ``closes`` are the records of the subject ``log`` with an index below the audited size.
    """

    def __init__(self, closes: Sequence[Indexed]) -> None:
        self._cuts: dict[int, set[int]] = {}
        types: set[str] = set()
        for _, _, event in _closes(closes):
            self._cuts.setdefault(_day(event), set()).add(event.before)
            types.update(line.type for line in _stated(event, None))
        #: types of the records that a scan has to be shown
        self.types = frozenset(types)
        self._sums: dict[tuple[Cut, Line], Stated] = {}
        self.lost: int | None = None

    def take(self, index: int, one: Record) -> None:
        """Take a record in; any type may come, :attr:`types` are looked at."""
        if one.when.day is None or one.type not in self.types:
            return
        for before in self._cuts.get(one.when.ordinal, ()):
            if index < before:
                key = (
                    Cut(one.when.ordinal, before),
                    Line(one.type, getattr(one.event, "currency", None) or ""),
                )
                count, units = self._sums.get(key, Stated())
                self._sums[key] = Stated(count + 1, units + amount_of(one))

    def lose(self, index: int) -> None:
        """A record that cannot be read, such as an erased one."""
        self.lost = index if self.lost is None else min(self.lost, index)

    def add(self, other: Self) -> None:
        """Take in what another range gave."""
        for key, stated in other._sums.items():
            count, units = self._sums.get(key, Stated())
            self._sums[key] = Stated(count + stated.count, units + stated.units)
        if other.lost is not None:
            self.lose(other.lost)

    # -- findings ------------------------------------------------------------------------------------------

    def check(self, notes: Notes, closes: Sequence[Indexed]) -> None:
        """Perform the procedure days; ``closes`` are those that the scan was made for."""
        procedure = notes.procedure("days")
        named: dict[str, set[Line]] = {}
        for _, one, event in _closes(closes):
            named.setdefault(one.party, set()).update(_stated(event, None))
        for index, one, event in _closes(closes):
            cut, said = Cut(_day(event), event.before), _stated(event, None)
            derived = {line: self._derived(cut, line) for line in named[one.party]}
            wrong = [line for line in sorted(derived) if derived[line] != said.get(line, Stated())]
            if wrong and self.lost is not None and self.lost < event.before:
                procedure.undecided(_LOST)
                continue
            procedure.answered()
            for line in wrong:
                notes.find(
                    "day.disagrees", "log", evidence=[Evidence(index, one.digest.hex())], date=event.date,
                    party=one.party, type=line.type, stated=said.get(line, Stated()).text(line.currency),
                    derived=derived[line].text(line.currency),
                )  # fmt: skip
        _compare_sides(notes, closes)

    def _derived(self, cut: Cut, line: Line) -> Stated:
        with_amount = self._sums.get((cut, line), Stated())
        without = self._sums.get((cut, Line(line.type, "")), Stated())
        return Stated(with_amount.count + without.count, with_amount.units)


class _Side(NamedTuple):
    """What one party says of one holder."""

    party: str
    evidence: Evidence
    lines: dict[Line, Stated]


def _compare_sides(notes: Notes, closes: Sequence[Indexed]) -> None:
    """Lines of single holders: parties that close the same date at the same index say the same."""
    procedure = notes.procedure("days")
    sides: dict[tuple[Cut, str], list[_Side]] = {}
    for index, one, event in _closes(closes):
        for holder in sorted({line.holder for line in event.lines if line.holder is not None}):
            side = _Side(one.party, Evidence(index, one.digest.hex()), _stated(event, holder))
            sides.setdefault((Cut(_day(event), event.before), holder), []).append(side)
    for (cut, holder), (mine, *others) in sorted(sides.items(), key=lambda item: item[0]):
        if all(other.party == mine.party for other in others):
            procedure.undecided(_ONE_SIDE)
            continue
        procedure.answered()
        for theirs in others:
            _differ(notes, date.fromordinal(cut.day), holder, mine, theirs)


def _differ(notes: Notes, day: date, holder: str, mine: _Side, theirs: _Side) -> None:
    for line in sorted(mine.lines.keys() | theirs.lines.keys()):
        said, answered = mine.lines.get(line, Stated()), theirs.lines.get(line, Stated())
        if said != answered:
            notes.find(
                "day.sides_differ", "log", evidence=[mine.evidence, theirs.evidence], date=day.isoformat(),
                type=line.type, holder=holder, party=mine.party, other=theirs.party,
                stated=said.text(line.currency), answered=answered.text(line.currency),
            )  # fmt: skip


def _closes(records: Sequence[Indexed]) -> Iterator[tuple[int, Record, DayClosed]]:
    return ((index, one, one.event) for index, one in records if isinstance(one.event, DayClosed))


def _day(event: DayClosed) -> int:
    return calendar.parse_effective(event.date).ordinal


def _stated(event: DayClosed, holder: str | None) -> dict[Line, Stated]:
    """The lines of one holder (None: of all), summed where a line stands twice."""
    lines: dict[Line, Stated] = {}
    for line in event.lines:
        if line.holder == holder:
            key = Line(line.type, line.currency)
            count, units = lines.get(key, Stated())
            lines[key] = Stated(count + line.count, units + money.parse_total(line.sum, line.currency))
    return lines
