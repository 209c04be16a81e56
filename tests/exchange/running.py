"""A log whose files are exchanged in a directory, and a clock that goes with them."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from ledger.exchange import Exchange, Outbox, Place, Report
from ledger.log import Ledger

#: When files of a day are written: before six the next morning, in the log's zone.
ON_TIME = time(15, tzinfo=UTC)


class Desk:
    """Both sides of an exchange: sends files and runs it."""

    def __init__(self, folder: Path, ledger: Ledger, *, batch: int = 500) -> None:
        self.folder = folder
        self.ledger = ledger
        self.batch = batch
        self.place = Place.open(str(folder))

    def run(self) -> Report:
        """One run."""
        return Exchange(self.place, self.ledger, batch=self.batch).run()

    def send(
        self, day: date, party: str, name: str, data: bytes, *, mapping: str | None, sums: tuple[str, ...] = (),
        on: date | None = None,
    ) -> Path:  # fmt: skip
        """Send a file of a date, written on that day or ``on`` another; the path of its data."""
        flag = Outbox(self.place, party).send(day, name, data, mapping=mapping, sums=sums)
        stamp(self.folder / flag, on or day)
        return (self.folder / flag).with_suffix(".csv" if mapping else ".ndjson")

    def reply(self, day: date, party: str, name: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """What the sender was answered: the verdict, and the lines."""
        folder = self.folder / "out" / party / day.isoformat()
        assert (folder / f"{name}.reply.ok").exists()
        verdict = json.loads((folder / f"{name}.reply.json").read_text(encoding="utf-8"))
        lines = folder / f"{name}.reply.csv"
        return verdict, list(
            csv.DictReader(io.StringIO(lines.read_text(encoding="utf-8")))
        ) if lines.exists() else []

    def recon(self, day: date, partner: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """A partner's reconciliation file of a date: its manifest, and its rows."""
        folder = self.folder / "out" / partner / day.isoformat()
        assert (folder / "recon.ok").exists()
        manifest = json.loads((folder / "recon.manifest.json").read_text(encoding="utf-8"))
        return manifest, list(csv.DictReader(io.StringIO((folder / "recon.csv").read_text(encoding="utf-8"))))


def stamp(flag: Path, on: date) -> None:
    """Let a flag have been written on a day."""
    at = datetime.combine(on, ON_TIME).timestamp()
    os.utime(flag, (at, at))


def shown(report: Report) -> list[tuple[str, str, str, str]]:
    """(day, party, name, kind) of what there is to act on."""
    return [(one.day, one.party, one.name, str(one.kind)) for one in report.problems]


FRIDAY, SATURDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)


def payments(day: date, *rows: tuple[int, str, int]) -> bytes:
    """A file of payments: (number, loan, fen)."""
    lines = ["number,loan,day,fen", *(f"{number},{loan},{day:%Y%m%d},{fen}" for number, loan, fen in rows)]
    return ("\n".join(lines) + "\n").encode()


def send_payments(desk: Desk, day: date, *rows: tuple[int, str, int], name: str = "repayments") -> Path:
    """Send them, with their sum stated."""
    return desk.send(day, "fenqile", name, payments(day, *rows), mapping="repayments", sums=("fen",))
