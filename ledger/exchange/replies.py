"""What the sender is answered: what became of the file, and of each of its lines.

::

    NAME.reply.csv     line,id,outcome,index,digest,field,rule,reason      one row for each event, or for a row refused
    NAME.reply.json    the state of the file, counts, what is wrong, and SHA-256 and rows of the reply itself
    NAME.reply.ok      written last

``outcome`` is *accepted* (it stands at ``index`` with ``digest``), *repeated* (it stood there before this file) or
*refused* (with the field at fault, the rule and the reason; nothing of it is stored). A file that was not taken in has
no ``.csv``. The same file makes the same reply, however often a run was interrupted.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, deque
from pathlib import Path
from typing import Any, Final, TextIO

from ledger.append import Accepted
from ledger.errors import RefusedError
from ledger.exchange import layout
from ledger.exchange.layout import Slot
from ledger.exchange.manifest import FORMAT, document
from ledger.exchange.place import Place
from ledger.store.exchange import FileRow
from ledger.tapes.model import Reject

COLUMNS: Final = ("line", "id", "outcome", "index", "digest", "field", "rule", "reason")
#: The rule that a reader's reject breaks: the row does not fit the mapping or the event's form.
ROW_RULE: Final = "wrong_row"
_Row = tuple[Any, ...]


class ReplyWriter:
    """Writes the lines of a reply in the order of the file.

    Rejects of the reader are known at once, what became of an event only when its batch is durable: rejects wait until
    a later line has been told. ``begun`` is the size of the log when the file was first begun: an event that stands at
    or above it and *was there before* was accepted from this very file by a run that was interrupted.
    """

    def __init__(self, path: Path, *, begun: int) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow(COLUMNS)
        self._begun = begun
        self._rejects: deque[tuple[int, _Row]] = deque()
        self.outcomes: Counter[str] = Counter()

    def reject(self, reject: Reject) -> None:
        """A row that made no event."""
        row = (reject.line, "", "refused", "", "", reject.field, ROW_RULE, reject.reason)
        self._rejects.append((reject.line, row))

    def tell(self, line: int | None, name: str | None, outcome: Accepted | RefusedError) -> None:
        """What became of an event."""
        assert line is not None
        while self._rejects and self._rejects[0][0] < line:
            self._write(self._rejects.popleft()[1])
        if isinstance(outcome, RefusedError):
            self._write((line, name or "", "refused", "", "", outcome.field, outcome.rule, outcome.reason))
            return
        there = outcome.repeated and outcome.index < self._begun
        word = "repeated" if there else "accepted"
        self._write((line, outcome.id, word, outcome.index, outcome.digest.hex(), "", "", ""))

    def close(self) -> None:
        """Write what waits, and end the file."""
        while self._rejects:
            self._write(self._rejects.popleft()[1])
        self._file.close()

    def _write(self, row: _Row) -> None:
        self.outcomes[row[2]] += 1
        self._csv.writerow(row)


def send(place: Place, slot: Slot, row: FileRow, lines: Path | None) -> None:
    """Put a reply there: lines, verdict, flag; a flag that stands from before is taken away first."""
    place.remove(layout.reply(slot, ".ok"))
    reply: dict[str, Any] | None = None
    if lines is None:
        place.remove(layout.reply(slot, ".csv"))
    else:
        place.write(layout.reply(slot, ".csv"), lines)
        with lines.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        reply = {"rows": row.accepted + row.repeated + row.refused, "sha256": digest}
    verdict = {
        "format": FORMAT,
        "party": row.party,
        "date": row.day,
        "name": row.name,
        "sha256": row.sha256.hex() if any(row.sha256) else None,
        "state": row.state,
        "detail": row.detail,
        "rows": row.rows,
        "accepted": row.accepted,
        "repeated": row.repeated,
        "refused": row.refused,
        "reply": reply,
    }
    place.write(layout.reply(slot, ".json"), document(verdict))
    place.write(layout.reply(slot, ".ok"), b"")
