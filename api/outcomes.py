"""What became of each event of an append: its acceptance, or why it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ledger.domain.events import Submission
    from ledger.errors import RefusedError
    from ledger.log import Ledger


class Answer(NamedTuple):
    """An accepted event. ``acceptance`` is the signed document; ``repeated``: it was accepted before."""

    id: str
    repeated: bool
    acceptance: bytes


def append(
    ledger: Ledger,
    events: Sequence[bytes | Submission],
    *,
    party: str | None = None,
    on_error: Literal["abort", "report"] = "report",
) -> list[Answer | RefusedError]:
    """Append events in one transaction; one outcome for each, in their order.

    With ``abort`` the first refusal is raised. What the ledger raises otherwise concerns all of them.
    """
    appended = ledger.append(events, party=party, on_error=on_error)
    documents = ledger.acceptances(appended)
    refused = {error.line: error for error in appended.rejects}
    accepted = (
        Answer(one.id, one.repeated, document)
        for one, document in zip(appended.accepted, documents, strict=True)
    )
    return [refused[line] if line in refused else next(accepted) for line in range(1, len(events) + 1)]
