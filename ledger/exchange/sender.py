"""The sender's side: a file, its manifest and its flag, in that order."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from ledger.exchange import layout, manifest
from ledger.exchange.layout import Slot
from ledger.exchange.manifest import Manifest
from ledger.exchange.place import Place
from ledger.tapes.mapping import FileForm


@dataclass(frozen=True, slots=True)
class Outbox:
    """Puts the files of one party there."""

    place: Place
    party: str

    def send(
        self,
        day: date,
        name: str,
        data: bytes,
        *,
        mapping: str | None,
        form: FileForm | None = None,
        sums: Sequence[str] = (),
    ) -> str:
        """Send a file of a date: rows by ``mapping``, or events without one; returns the path of its flag.

        ``sums`` are the columns to sum; ``form`` says how rows are told apart (default: UTF-8, commas). A flag that
        stands is taken away first, so that nobody reads a file half replaced. The flag holds the time: of an object
        store that tells times in whole seconds, and tags an object by its bytes, two empty ones may look the same.
        """
        slot = Slot(day, self.party, name)
        with tempfile.TemporaryDirectory(prefix="poolproof-exchange-") as folder:
            copy = Path(folder) / "file"
            copy.write_bytes(data)
            counted = manifest.count(copy, None if mapping is None else form or FileForm(), list(sums))
        stated = Manifest(
            party=self.party, date=day, name=name, mapping=mapping, rows=counted.rows,
            sums={column: f"{total:f}" for column, total in counted.sums.items()},
            sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        self.place.remove(layout.sent(slot, ".ok"))
        self.place.write(layout.sent(slot, ".ndjson" if mapping is None else ".csv"), data)
        self.place.write(layout.sent(slot, ".manifest.json"), stated.encode())
        flag = layout.sent(slot, ".ok")
        self.place.write(flag, f"{datetime.now(UTC).isoformat()}\n".encode())
        return flag
