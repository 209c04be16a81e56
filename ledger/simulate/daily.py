"""The simulation as the daily files that a platform sends: rows where rows can say it, events for the rest.

Loans and payments become rows: a row an event, a column a member of its data (``claims.1.creditor``), and a mapping
that makes the very same events of them. What rows cannot say (statements that are signed, members that are null) and
what concerns pools goes into files of events. :class:`Daily` runs the simulation twice: once to learn which members
there are, since a mapping is written before the first row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ledger.simulate.options import Options
from ledger.simulate.platform import PLATFORM
from ledger.simulate.stream import Simulation

LOANS: Final = "loans"
REPAYMENTS: Final = "repayments"
EVENTS: Final = "events"
#: Types that are sent as rows, and in which file.
_ROWS: Final = {
    "loan.originated": LOANS,
    "loan.disbursed": LOANS,
    "repayment.received": REPAYMENTS,
    "repayment.reversed": REPAYMENTS,
    "loan.prepaid": REPAYMENTS,
    "loan.refunded": REPAYMENTS,
}
#: The columns that every row has.
_HEAD: Final = ("kind", "id", "loan", "effective")
#: The column whose sum a manifest states.
AMOUNT: Final = {LOANS: "principal", REPAYMENTS: "amount"}
#: Members of which the file has exact amounts in yuan.
_MONEY: Final = frozenset({"amount", "principal"})

#: A member's path, such as ``claims.1.creditor``, and the type of its value.
Shape = tuple[tuple[str, type], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFile:
    """A file of a day: ``mapping`` is None for events, ``sums`` are the columns that its manifest sums."""

    day: date
    party: str
    name: str
    data: bytes
    mapping: str | None
    rows: int
    sums: tuple[str, ...] = ()


class Daily:
    """The daily files of a simulation by its options: the same options, the same bytes."""

    def __init__(self, options: Options, *, processes: int = 1) -> None:
        self._options = options
        self._processes = processes
        self._shapes: dict[str, dict[tuple[str, Shape], str]] = {LOANS: {}, REPAYMENTS: {}}
        self._columns: dict[str, dict[str, None]] = {LOANS: {}, REPAYMENTS: {}}
        self._parties: dict[str, None] = {PLATFORM: None}
        for day in Simulation(options, processes=processes).days():
            for line in day.lines:
                self._learn(json.loads(line))
        #: files of rows that there are at all: a short span has no payment
        self._tables = [name for name, shapes in self._shapes.items() if shapes]

    def files(self) -> Iterator[list[DailyFile]]:
        """The files of each day, in the order in which they are to be taken in."""
        for day in Simulation(self._options, processes=self._processes).days():
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in self._tables}
            events: dict[str, list[str]] = {}
            for line in day.lines:
                event = json.loads(line)
                name = _file_of(event)
                if name is None:
                    events.setdefault(event["party"], []).append(line)
                else:
                    rows[name].append(self._row(name, event))
            files = [
                DailyFile(
                    day=day.date, party=PLATFORM, name=name, data=self._table(name, found), mapping=name,
                    rows=len(found), sums=(AMOUNT[name],),
                )
                for name, found in rows.items()
            ]  # fmt: skip
            for party, lines in events.items():
                data = ("\n".join(lines) + "\n").encode()
                one = DailyFile(
                    day=day.date, party=party, name=EVENTS, data=data, mapping=None, rows=len(lines)
                )
                files.append(one)
            yield files

    def mappings(self) -> dict[str, str]:
        """Name → mapping, in TOML."""
        return {name: self._mapping(name) for name in self._tables}

    def plan(self) -> str:
        """The exchange's plan, in TOML."""
        first, last = self._options.start.isoformat(), self._options.last.isoformat()
        lines = [f"since = {first}", f"until = {last}", 'due = "T+1 06:00"']
        for name in self._tables:
            lines += ["", "[[file]]", f'party = "{PLATFORM}"', f'name = "{name}"', f'mapping = "{name}"']
        for party in self._parties:
            lines += ["", "[[file]]", f'party = "{party}"', f'name = "{EVENTS}"', 'days = "optional"']
        return "\n".join(lines) + "\n"

    # -- rows ----------------------------------------------------------------------------------------------

    def _learn(self, event: dict[str, Any]) -> None:
        name = _file_of(event)
        if name is None:
            self._parties.setdefault(event["party"])
            return
        values = _flat(event)
        self._columns[name].update(dict.fromkeys(values))
        key = (event["type"], _shape(values))
        self._shapes[name].setdefault(key, f"{event['type']}/{len(self._shapes[name]) + 1}")

    def _row(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        values = _flat(event)
        head = {
            "kind": self._shapes[name][event["type"], _shape(values)],
            "id": event["id"],
            "loan": event["subject"].removeprefix("loan:"),
            "effective": event["effective"],
        }
        return head | {
            path: str(value).lower() if isinstance(value, bool) else value for path, value in values.items()
        }

    def _table(self, name: str, rows: list[dict[str, Any]]) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, [*_HEAD, *self._columns[name]], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()

    def _mapping(self, name: str) -> str:
        lines = [f'title = "Daily {name} of a simulated platform"']
        for (kind, shape), label in self._shapes[name].items():
            data = [one for one in shape if not one[0].startswith("private.")]
            private = [one for one in shape if one[0].startswith("private.")]
            lines += [
                "",
                "[[event]]",
                f'type = "{kind}"',
                f'when = {{ column = "kind", in = ["{label}"] }}',
                'id = "{id}"',
                'subject = "loan:{loan}"',
                'effective = { column = "effective", date = "YYYY-MM-DD" }',
                'currency = { column = "currency" }',
                f"data = {_inline(_tree(data, 0))}",
                *([f"private = {_inline(_tree(private, 1))}"] if private else []),
            ]
        return "\n".join(lines) + "\n"


def _file_of(event: Mapping[str, Any]) -> str | None:
    """The file of rows that an event goes into; None where only a file of events can say it."""
    name = _ROWS.get(event["type"])
    if name is None or event["party"] != PLATFORM or "sig" in event:
        return None
    return name if all(value is not None for value in _flat(event).values()) else None


def _flat(event: Mapping[str, Any]) -> dict[str, Any]:
    """Path → value of each member of an event's data, and of its private fields below ``private``."""
    found: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, member in value.items():
                walk(f"{path}.{name}" if path else name, member)
        elif isinstance(value, list):
            for number, member in enumerate(value, 1):
                walk(f"{path}.{number}", member)
        else:
            found[path] = value

    walk("", event["data"])
    walk("private", event.get("private", {}))
    return found


def _shape(values: Mapping[str, Any]) -> Shape:
    return tuple((path, type(value)) for path, value in values.items())


def _tree(shape: list[tuple[str, type]], skip: int) -> dict[str, Any]:
    """The nested form of some paths, each end a leaf of a mapping; ``skip`` names in front are left out."""
    tree: dict[str, Any] = {}
    for path, kind in shape:
        *names, last = path.split(".")[skip:]
        place = tree
        for name in names:
            place = place.setdefault(name, {})
        place[last] = _leaf(path, kind)
    return tree


def _leaf(path: str, kind: type) -> str:
    meaning = ""
    if kind is bool:
        meaning = ', map = { "true" = true, "false" = false }'
    elif kind is int:
        meaning = ", integer = true"
    elif path in _MONEY or path.startswith("applied."):
        meaning = ', money = "yuan"'
    return f'{{ column = "{path}"{meaning} }}'


def _inline(tree: Any) -> str:
    """A tree as TOML on one line; members that are named 1, 2, 3 are a list."""
    if isinstance(tree, str):
        return tree
    if all(name.isdecimal() for name in tree):
        return f"[{', '.join(_inline(member) for member in tree.values())}]"
    return "{ " + ", ".join(f"{name} = {_inline(member)}" for name, member in tree.items()) + " }"
