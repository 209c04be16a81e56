"""Which file lies where: by direction, party and business date.

::

    exchange.toml                                    who sends what, by when (ledger/exchange/plan.py)
    mappings/NAME.toml                               what the columns mean (docs/guides/import.md)
    in/PARTY/2026-03-02/NAME.csv                     or NAME.ndjson: events, one a line, as `append` takes them
    in/PARTY/2026-03-02/NAME.manifest.json           what the file is said to be (ledger/exchange/manifest.py)
    in/PARTY/2026-03-02/NAME.ok                      written last: nothing without it is touched
    out/PARTY/2026-03-02/NAME.reply.csv .json .ok    what became of each line, of the file
    out/PARTNER/2026-03-02/recon.csv .manifest.json .ok
    out/PARTNER/2026-03-02/close.json                the partner's day.closed, to be signed and sent back

NAME is a name of the plan, or one with a number behind it (``repayments.2``): a further file of the same kind and day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.exchange.place import Entry

PLAN: Final = "exchange.toml"
#: The name of countersigned day closes: they follow the day's own files.
CLOSE: Final = "close"
RECON: Final = "recon"

_NAME: Final = r"[A-Za-z0-9_-]{1,48}"
NAME: Final = re.compile(_NAME, re.ASCII)
_FILE = re.compile(
    rf"in/(?P<party>[A-Za-z0-9._:-]{{1,64}})/(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/"
    rf"(?P<name>{_NAME}(?:\.[1-9][0-9]{{0,3}})?)\.(?P<kind>csv|ndjson|manifest\.json|ok)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """What a file is named: one place for one file."""

    day: date
    party: str
    name: str

    @property
    def base(self) -> str:
        """The name that the plan has."""
        return self.name.partition(".")[0]

    @property
    def number(self) -> int:
        """1 for the first file of its kind and day."""
        return int(self.name.partition(".")[2] or 1)

    def __str__(self) -> str:
        return f"{self.party}/{self.day.isoformat()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A file whose flag lies there; parts that do not are None."""

    slot: Slot
    ok: Entry
    data: Entry | None
    manifest: Entry | None

    @property
    def is_events(self) -> bool:
        """Whether it holds events rather than rows."""
        return self.data is not None and self.data.path.endswith(".ndjson")

    @property
    def tag(self) -> str:
        """Changes whenever any of the three is written again."""
        return " ".join(entry.tag if entry else "-" for entry in (self.data, self.manifest, self.ok))


def inbound(entries: Iterable[Entry]) -> tuple[list[Inbound], list[str]]:
    """The files that are ready, by day, party and name; and paths of flags that name no place for a file."""
    slots: dict[Slot, dict[str, Entry]] = {}
    strays: list[str] = []
    for entry in entries:
        found = _FILE.fullmatch(entry.path)
        slot = _slot(found) if found else None
        if slot is None or found is None:
            strays += [entry.path] if entry.path.endswith(".ok") else []
            continue
        slots.setdefault(slot, {})[found["kind"]] = entry
    ready = [
        Inbound(slot, parts["ok"], parts.get("csv") or parts.get("ndjson"), parts.get("manifest.json"))
        for slot, parts in sorted(slots.items())
        if "ok" in parts
    ]
    return ready, strays


def _slot(found: re.Match[str]) -> Slot | None:
    try:
        return Slot(date.fromisoformat(found["day"]), found["party"], found["name"])
    except ValueError:
        return None


def sent(slot: Slot, ending: str) -> str:
    """The path of a part of an inbound file."""
    return f"in/{slot.party}/{slot.day.isoformat()}/{slot.name}{ending}"


def reply(slot: Slot, ending: str) -> str:
    """The path of a part of the reply to a file."""
    return f"out/{slot.party}/{slot.day.isoformat()}/{slot.name}.reply{ending}"


def partner(name: str, day: date, file: str) -> str:
    """The path of what a partner gets for a date."""
    return f"out/{name}/{day.isoformat()}/{file}"
