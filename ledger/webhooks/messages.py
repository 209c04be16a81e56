"""What there is to tell, written once.

A message's id is made from what it tells of::

    "msg_" || first 32 hex digits of SHA-256 of canonical [origin, type, key, party]

so whoever finds the same thing again, after a crash or in another process, writes nothing new, and a receiver knows a
message that comes twice by its ``webhook-id``. The body is canonical JSON, ``{"data": …, "timestamp": …, "type": …}``,
as the Standard Webhooks specification has it; it is stored and sent as these bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.proofs import canonical
from ledger.store import webhooks as store
from ledger.store.engine import WriteConnection
from ledger.store.logs import LogRow
from ledger.store.webhooks import MessageRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that happened at ``at`` (RFC 3339), told by ``data``, which is made of canonical JSON's values.

    ``key`` tells it from everything else of its ``type``. It is for those who may see ``pool``, or for ``party`` alone,
    or, with neither, for every party of the log.
    """

    type: str
    at: str
    key: str
    data: Mapping[str, Any]
    pool: str | None = None
    party: str | None = None


def announce(
    connection: WriteConnection,
    log: LogRow,
    type: str,  # noqa: A002 - the word for it everywhere
    data: Mapping[str, Any],
    *,
    at: str,
    key: str | None = None,
    pool: str | None = None,
    party: str | None = None,
) -> bool:
    """Tell those concerned, once; whether that was new. ``key`` is what ``data`` says, where none is given.

    MUST be called in the transaction that stores what is told of, where there is one: neither is without the other.
    In a log without webhooks nothing is written.
    """
    made = Occurrence(
        type=type,
        at=at,
        key=canonical.encode(dict(data)).decode() if key is None else key,
        data=data,
        pool=pool,
        party=party,
    )
    return write(connection, log, made)


def write(connection: WriteConnection, log: LogRow, occurrence: Occurrence) -> bool:
    """Write its message, if anybody is there to be told; whether that was new."""
    if not store.any_endpoint(connection, log.id):
        return False
    return store.add_message(connection, log.id, message(log.origin, occurrence))


def message(origin: str, occurrence: Occurrence) -> MessageRow:
    """The message that tells of it."""
    one = occurrence
    named = canonical.encode([origin, one.type, one.key, one.party])
    body = {"type": one.type, "timestamp": one.at, "data": dict(one.data)}
    return MessageRow(
        id="msg_" + hashlib.sha256(named).hexdigest()[:32],
        type=one.type,
        time=one.at,
        pool=one.pool,
        party=one.party,
        payload=canonical.encode(body),
    )
