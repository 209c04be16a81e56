"""A ledger's clock that stands where the simulation stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class SimulatedClock:
    """Call it for the time: the middle of the business date that was set last, as the log counts business dates."""

    def __init__(self, day: date, *, zone: str, day_cut: str = "00:00") -> None:
        self._zone = ZoneInfo(zone)
        hours, minutes = day_cut.split(":")
        self._since = timedelta(hours=int(hours) + 12, minutes=int(minutes))
        self.set(day)

    def set(self, day: date) -> None:
        """From now on it is this day."""
        local = datetime.combine(day, time()) + self._since
        self._now = local.replace(tzinfo=self._zone).astimezone(UTC)

    def __call__(self) -> datetime:
        """The time in UTC."""
        return self._now
