"""What parties are told of: each type of message, and when it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.errors import RefusedError

#: Type to its meaning. New ones may come; a receiver passes over what it does not know.
KINDS: Final[dict[str, str]] = {
    "checkpoint.anchored": "a checkpoint is on chain, in a final block",
    "anchor.late": "a published checkpoint has waited for its anchor longer than acceptances promise",
    "pool.sealed": "a pool's composition was sealed, and the seal is published",
    "finding.opened": "an audit has found what the one before it had not",
    "break.opened": "a file and the records disagree",
    "pledge.refused": "a pledge was refused, because what it asks for is taken",
    "file.missing": "a file that was due has not come",
    "attestation.made": "somebody has attested on chain to what an audit stands on",
}
#: Sent on request, to try a receiver out; nobody subscribes to it.
PING: Final = "ping"


def check_types(types: Iterable[str]) -> tuple[str, ...]:
    """The types to subscribe to, each once, in order; none means all. Raises :class:`RefusedError`."""
    wanted = set(types)
    unknown = sorted(wanted - set(KINDS))
    if unknown:
        raise RefusedError(
            "types", f'"{unknown[0]}" is none of {", ".join(KINDS)}', rule="unknown_message_type"
        )
    return tuple(sorted(wanted))
