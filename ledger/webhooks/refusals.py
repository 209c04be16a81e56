"""``pledge.refused``: whoever pledged, and who would have got the pledge, hear that it is taken, and by which record.

The standing record is named by its index and digest. Who holds it, and in which pool, is not theirs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from ledger.domain.calendar import format_instant
from ledger.domain.events import Submission
from ledger.domain.events.transfers import Transfer
from ledger.errors import TakenError
from ledger.store import Store, logs, records
from ledger.store import webhooks as rows
from ledger.webhooks.messages import announce

#: Of what a refusal says about a claim, this is told.
_TOLD = ("index", "digest", "loan", "claim", "asked", "free")


def announcer(
    store: Store, origin: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Callable[[Sequence[tuple[Submission, TakenError]]], None]:
    """What a ledger calls with the events that it has refused, after their transaction.

    It is not in that transaction, which leaves nothing behind; a refusal that nobody was told of before a crash is
    made again, since its event had no answer and is sent again.
    """

    def tell(refused: Sequence[tuple[Submission, TakenError]]) -> None:
        taken = [
            (submission, error)
            for submission, error in refused
            if error.rule == "taken" and isinstance(submission.event, Transfer)
        ]
        if not taken:
            return
        with store.write() as connection:
            log = logs.get(connection, origin)
            if not rows.any_endpoint(connection, log.id):
                return
            at = format_instant(clock())
            wanted = [error.details["index"] for _, error in taken if "index" in error.details]
            standing = records.digests_at(connection, log.id, wanted)
            for submission, error in taken:
                digest = standing.get(error.details.get("index", -1))
                if digest is None or digest.hex() != error.details.get("digest"):
                    continue  # what held the claim was in the same batch, and went with it
                data = _data(submission, error)
                key = f"{submission.party}:{submission.id}:{data['standing']}"
                for party in sorted({submission.party, data["holder"]}):
                    announce(connection, log, "pledge.refused", data, at=at, key=key, party=party)

    return tell


def _data(submission: Submission, error: TakenError) -> dict[str, Any]:
    event = submission.event
    assert isinstance(event, Transfer)
    return {
        "event": submission.id,
        "event_type": submission.kind.name,
        "party": submission.party,
        "pool": submission.subject.removeprefix("pool:"),
        "holder": event.holder,
        "field": error.field,
        "standing": {name: error.details[name] for name in _TOLD if name in error.details},
    }
