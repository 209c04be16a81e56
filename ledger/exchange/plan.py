"""``exchange.toml``: who sends which files, on which days, by when, and who gets reconciliation files.

::

    since = 2026-03-02               the first business date for which files are expected
    due = "T+1 06:00"                files of a date are due a day later at six, by the clock of the log's zone
    partners = ["bank-a"]            who gets reconciliation files; default: funding partners, trustees, investors

    [[file]]
    party = "lender"                 also the submitter of the file's events
    name = "repayments"
    mapping = "repayments"           mappings/repayments.toml; without it the file holds events, one JSON object a line
    days = "business_days"           or "every_day" (default), or "optional": it may come

    holidays = [2026-10-01]          beside weekends, for business_days; worked = […] are weekend days that are worked

The files of a day are taken in in the order in which they stand here. The plan is the operator's: a manifest names its
mapping, and a manifest that names another than the plan is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from ledger.domain.schedule.workdays import Workdays
from ledger.errors import ConfigurationError, NotFoundError
from ledger.exchange import layout
from ledger.exchange.place import Place
from ledger.tapes import mapping as maps
from ledger.tapes.mapping import MappingForm

#: Bytes of a plan or a mapping.
_MAX_BYTES: Final = 1 << 20
_DUE = re.compile(r"T\+(?P<days>[0-9]{1,2}) (?P<time>(?:[01][0-9]|2[0-3]):[0-5][0-9])", re.ASCII)


class ExpectedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[file]]``."""

    party: str
    name: Annotated[str, Meta(pattern=f"^{layout.NAME.pattern}$")]
    mapping: Annotated[str, Meta(pattern=f"^{layout.NAME.pattern}$")] | None = None
    days: Literal["every_day", "business_days", "optional"] = "every_day"


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    since: date
    until: date | None = None
    due: Annotated[str, Meta(pattern=f"^{_DUE.pattern}$")] = "T+1 06:00"
    file: list[ExpectedFile]
    partners: list[str] | None = None
    holidays: list[date] = []
    worked: list[date] = []

    def expected(self, day: date) -> list[ExpectedFile]:
        """The files that are to come for a business date, in their order."""
        if day < self.since or (self.until is not None and day > self.until):
            return []
        workdays = Workdays(holidays=frozenset(self.holidays), worked=frozenset(self.worked))
        at_work = workdays.is_business_day(day)
        return [
            one for one in self.file if one.days == "every_day" or (one.days == "business_days" and at_work)
        ]

    def find(self, slot: layout.Slot) -> ExpectedFile | None:
        """What the plan says of a file; None where it has no such file."""
        return next((one for one in self.file if (one.party, one.name) == (slot.party, slot.base)), None)

    def place_of(self, slot: layout.Slot) -> int:
        """Where the file stands in the order of a day."""
        return next(
            (n for n, one in enumerate(self.file) if (one.party, one.name) == (slot.party, slot.base)),
            len(self.file),
        )

    def due_at(self, day: date, zone: str) -> datetime:
        """The moment, in UTC, after which a file of that date is late."""
        found = _DUE.fullmatch(self.due)
        assert found is not None
        local = datetime.combine(day + timedelta(days=int(found["days"])), time.fromisoformat(found["time"]))
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def days(self, last: date) -> Iterator[date]:
        """The business dates of the plan up to ``last``, ascending."""
        end = last if self.until is None else min(last, self.until)
        for ordinal in range(self.since.toordinal(), end.toordinal() + 1):
            yield date.fromordinal(ordinal)


def parse(text: str) -> Plan:
    """Read a plan; raises :class:`ConfigurationError` naming the place."""
    try:
        plan = msgspec.convert(tomllib.loads(text), Plan)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{layout.PLAN} is no valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{layout.PLAN}: {error}") from error
    seen = set()
    for one in plan.file:
        if (one.party, one.name) in seen:
            raise ConfigurationError(f"{layout.PLAN}: {one.party} sends {one.name} twice")
        if one.name == layout.CLOSE and one.mapping is not None:
            raise ConfigurationError(f"{layout.PLAN}: {layout.CLOSE} is a file of events, without a mapping")
        seen.add((one.party, one.name))
    return plan


def read(place: Place) -> str:
    """The plan that lies there, verbatim."""
    return _text(place, layout.PLAN, f"{place.name} has no {layout.PLAN}: it says who sends what, by when")


def mapping(place: Place, name: str) -> MappingForm:
    """The mapping of this name; raises :class:`ConfigurationError`."""
    path = f"mappings/{name}.toml"
    return maps.load(path, _text(place, path, f"{place.name} has no {path}, which {layout.PLAN} names"))


def _text(place: Place, path: str, absent: str) -> str:
    try:
        return place.read(path, limit=_MAX_BYTES).decode()
    except NotFoundError as error:
        raise ConfigurationError(absent) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8") from error
