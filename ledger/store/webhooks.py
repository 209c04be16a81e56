"""Webhooks: endpoints, messages, deliveries, and how far each source of messages was looked through.

A message is written once, whoever finds what it tells of and however often: its id is made from that. Deliveries are
claimed by comparing and setting their number of attempts, so that no attempt is made twice at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import webhook_cursors as cursors
from ledger.store.tables import webhook_deliveries as deliveries
from ledger.store.tables import webhook_endpoints as endpoints
from ledger.store.tables import webhook_messages as messages

State = Literal["waiting", "delivered", "failed", "withheld"]

#: A delivery and its message. One that was asked for while its message was forgotten has none, and is passed over.
_TOLD: Final = (messages.c.log_id == deliveries.c.log_id) & (messages.c.id == deliveries.c.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """Where a party wants to be told; see :data:`ledger.store.tables.webhook_endpoints`."""

    id: str
    party: str
    url: str
    types: tuple[str, ...]
    created: str
    secret: bytes
    old_secret: bytes | None
    old_until: str | None
    disabled: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """What there is to tell; see :data:`ledger.store.tables.webhook_messages`."""

    id: str
    type: str
    time: str
    pool: str | None
    party: str | None
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A message on its way to an endpoint; see :data:`ledger.store.tables.webhook_deliveries`.

    ``type`` and ``time`` are the message's.
    """

    id: int
    endpoint: str
    message: str
    type: str
    time: str
    state: State
    attempts: int
    due: str | None
    attempted: str | None
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How the telling goes. ``deliveries`` by state; those that wait for a disabled endpoint are ``suspended``.

    ``oldest`` is when the oldest happened that still waits to be told to an enabled endpoint, or for a courier.
    """

    enabled: int
    disabled: int
    deliveries: dict[str, int]
    oldest: str | None


# -- endpoints -----------------------------------------------------------------------------------------------


def add_endpoint(connection: WriteConnection, log_id: int, row: EndpointRow) -> None:
    values = {name: getattr(row, name) for name in EndpointRow.__slots__} | {"types": ",".join(row.types)}
    connection.execute(insert(endpoints).values(log_id=log_id, **values))


def list_endpoints(connection: ReadConnection, log_id: int, *, party: str | None = None) -> list[EndpointRow]:
    """By party and age."""
    statement = select(endpoints).where(endpoints.c.log_id == log_id)
    if party is not None:
        statement = statement.where(endpoints.c.party == party)
    rows = connection.execute(statement.order_by(endpoints.c.party, endpoints.c.created, endpoints.c.id))
    return [_endpoint(row) for row in rows]


def endpoint(connection: ReadConnection, log_id: int, endpoint_id: str) -> EndpointRow | None:
    statement = select(endpoints).where(endpoints.c.log_id == log_id, endpoints.c.id == endpoint_id)
    row = connection.execute(statement).one_or_none()
    return _endpoint(row) if row else None


def any_endpoint(connection: ReadConnection, log_id: int) -> bool:
    statement = select(endpoints.c.id).where(endpoints.c.log_id == log_id).limit(1)
    return connection.execute(statement).one_or_none() is not None


def change_endpoint(connection: WriteConnection, endpoint_id: str, **values: Any) -> None:
    """Set any of url, types, secret, old_secret, old_until, disabled, reason."""
    if "types" in values:
        values["types"] = ",".join(values["types"])
    connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(**values))


def remove_endpoint(connection: WriteConnection, endpoint_id: str) -> None:
    """With all its deliveries."""
    connection.execute(delete(deliveries).where(deliveries.c.endpoint == endpoint_id))
    connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


# -- messages ------------------------------------------------------------------------------------------------


def add_message(
    connection: WriteConnection, log_id: int, row: MessageRow, *, spread: str | None = None
) -> bool:
    """Write a message; False when it stands there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {name: getattr(row, name) for name in MessageRow.__slots__}
    statement = dialect.insert(messages).values(log_id=log_id, spread=spread, **values)
    written = statement.on_conflict_do_nothing().returning(messages.c.id)
    return connection.execute(written).one_or_none() is not None


def message(connection: ReadConnection, log_id: int, message_id: str) -> MessageRow | None:
    statement = select(messages).where(messages.c.log_id == log_id, messages.c.id == message_id)
    row = connection.execute(statement).one_or_none()
    return _message(row) if row else None


def take_unspread(connection: WriteConnection, log_id: int, most: int, *, now: str) -> list[MessageRow]:
    """The oldest messages that have no deliveries yet, noted as having them from this transaction on."""
    chosen = (
        select(messages)
        .where(messages.c.log_id == log_id, messages.c.spread.is_(None))
        .order_by(messages.c.time, messages.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    found = [_message(row) for row in connection.execute(chosen)]
    taken = messages.c.id.in_([one.id for one in found])
    connection.execute(update(messages).where(messages.c.log_id == log_id, taken).values(spread=now))
    return found


def forget_before(connection: WriteConnection, log_id: int, time: str) -> int:
    """Delete messages that were spread before ``time`` and wait for no attempt any more, with their deliveries."""
    waiting = select(deliveries.c.message).where(
        deliveries.c.log_id == log_id, deliveries.c.message == messages.c.id, deliveries.c.state == "waiting"
    )
    old = select(messages.c.id).where(
        messages.c.log_id == log_id, messages.c.spread < time, ~waiting.exists()
    )
    ids = list(connection.execute(old.order_by(messages.c.spread).limit(1_000)).scalars())
    connection.execute(delete(deliveries).where(deliveries.c.log_id == log_id, deliveries.c.message.in_(ids)))
    connection.execute(delete(messages).where(messages.c.log_id == log_id, messages.c.id.in_(ids)))
    return len(ids)


# -- deliveries ----------------------------------------------------------------------------------------------


def add_deliveries(
    connection: WriteConnection, log_id: int, pairs: Iterable[tuple[str, str]], *, due: str
) -> list[int]:
    """One for each (endpoint, message), due then; their ids."""
    rows = [
        {"log_id": log_id, "endpoint": to, "message": what, "state": "waiting", "attempts": 0, "due": due}
        for to, what in pairs
    ]
    return [
        int(connection.execute(insert(deliveries).values(row).returning(deliveries.c.id)).scalar_one())
        for row in rows
    ]


def delivery(connection: ReadConnection, log_id: int, delivery_id: int) -> DeliveryRow | None:
    found = _deliveries(connection, deliveries.c.log_id == log_id, deliveries.c.id == delivery_id)
    return found[0] if found else None


def list_deliveries(
    connection: ReadConnection, endpoint_id: str, *, before: int | None, most: int
) -> list[DeliveryRow]:
    """Of an endpoint, the newest first; with ``before`` those older than that one."""
    where = [deliveries.c.endpoint == endpoint_id]
    if before is not None:
        where.append(deliveries.c.id < before)
    return _deliveries(connection, *where, most=most)


def endpoints_due(connection: ReadConnection, log_id: int, *, now: str, most: int) -> list[str]:
    """Enabled endpoints for which an attempt is due, the one that waits longest first."""
    statement = (
        select(deliveries.c.endpoint)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint)
        .join(messages, _TOLD)
        .where(*_due(log_id, now), endpoints.c.disabled.is_(None))
        .group_by(deliveries.c.endpoint)
        .order_by(func.min(deliveries.c.due))
        .limit(most)
    )
    return list(connection.execute(statement).scalars())


def claim(
    connection: WriteConnection, log_id: int, endpoint_id: str, *, now: str, until: str
) -> DeliveryRow | None:
    """Begin an attempt of the endpoint's delivery that waits longest; None where none is due.

    Until ``until`` nobody else begins one of it. One that is not settled by then is begun anew.
    """
    chosen = (
        select(deliveries.c.id, deliveries.c.attempts)
        .join(messages, _TOLD)
        .where(*_due(log_id, now), deliveries.c.endpoint == endpoint_id)
        .order_by(deliveries.c.due, deliveries.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    row = connection.execute(chosen).one_or_none()
    if row is None or not _set(connection, row.id, row.attempts, attempts=row.attempts + 1, due=until):
        return None
    return _deliveries(connection, deliveries.c.id == row.id)[0]


def settle(connection: WriteConnection, row: DeliveryRow, state: State, **values: Any) -> bool:
    """Say how the attempt that ``row`` began has ended; False where another one has begun meanwhile."""
    return _set(connection, row.id, row.attempts, state=state, **values)


def _set(connection: WriteConnection, delivery_id: int, begun: int, **values: Any) -> bool:
    """Compare and set: only while nobody else has begun another attempt than these."""
    here = (deliveries.c.id == delivery_id) & (deliveries.c.attempts == begun)
    statement = update(deliveries).where(here, deliveries.c.state == "waiting").values(**values)
    return connection.execute(statement).rowcount == 1


def _due(log_id: int, now: str) -> list[Any]:
    return [deliveries.c.log_id == log_id, deliveries.c.state == "waiting", deliveries.c.due <= now]


def _deliveries(connection: ReadConnection, *where: Any, most: int | None = None) -> list[DeliveryRow]:
    own = [deliveries.c[name] for name in DeliveryRow.__slots__ if name in deliveries.c]
    statement = select(*own, messages.c.type, messages.c.time).join(messages, _TOLD).where(*where)
    rows = connection.execute(statement.order_by(deliveries.c.id.desc()).limit(most))
    return [DeliveryRow(**row._mapping) for row in rows]


def backlog(connection: ReadConnection, log_id: int) -> Backlog:
    """What waits, what has come of the rest as far as it is kept, and since when the oldest waits."""
    every = list_endpoints(connection, log_id)
    disabled = [one.id for one in every if one.disabled is not None]
    counts = _by_state(connection, deliveries.c.log_id == log_id)
    waiting = (deliveries.c.log_id == log_id) & (deliveries.c.state == "waiting")
    suspended = _by_state(connection, waiting, deliveries.c.endpoint.in_(disabled)).get("waiting", 0)
    counts |= {"waiting": counts.get("waiting", 0) - suspended, "suspended": suspended}
    sent = select(func.min(messages.c.time)).select_from(deliveries).join(messages, _TOLD)
    unspread = select(func.min(messages.c.time)).where(
        messages.c.log_id == log_id, messages.c.spread.is_(None)
    )
    times = [
        connection.execute(sent.where(waiting, deliveries.c.endpoint.not_in(disabled))).scalar_one(),
        connection.execute(unspread).scalar_one() if len(disabled) < len(every) else None,
    ]
    oldest = min((one for one in times if one is not None), default=None)
    return Backlog(
        enabled=len(every) - len(disabled), disabled=len(disabled), deliveries=counts, oldest=oldest
    )


def _by_state(connection: ReadConnection, *where: Any) -> dict[str, int]:
    statement = select(deliveries.c.state, func.count()).where(*where).group_by(deliveries.c.state)
    return {row[0]: row[1] for row in connection.execute(statement)}


# -- sources -------------------------------------------------------------------------------------------------


def cursor(connection: ReadConnection, log_id: int, source: str) -> int | None:
    """How far the source was looked through; None before the first look."""
    where = (cursors.c.log_id == log_id) & (cursors.c.source == source)
    position: int | None = connection.execute(select(cursors.c.position).where(where)).scalar_one_or_none()
    return position


def move_cursor(connection: WriteConnection, log_id: int, source: str, *, start: int | None, to: int) -> bool:
    """Move it from ``start`` (None: there is none) on; False where another worker has moved it."""
    if start is None:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        fresh = dialect.insert(cursors).values(log_id=log_id, source=source, position=to)
        made = fresh.on_conflict_do_nothing().returning(cursors.c.source)
        return connection.execute(made).one_or_none() is not None
    where = (cursors.c.log_id == log_id) & (cursors.c.source == source) & (cursors.c.position == start)
    return connection.execute(update(cursors).where(where).values(position=to)).rowcount == 1


def drop_cursors(connection: WriteConnection, log_id: int) -> None:
    connection.execute(delete(cursors).where(cursors.c.log_id == log_id))


def _endpoint(row: Row[Any]) -> EndpointRow:
    values = {name: row._mapping[name] for name in EndpointRow.__slots__}
    old = None if row.old_secret is None else bytes(row.old_secret)
    types = tuple(filter(None, row.types.split(",")))
    return EndpointRow(**(values | {"types": types, "secret": bytes(row.secret), "old_secret": old}))


def _message(row: Row[Any]) -> MessageRow:
    values = {name: row._mapping[name] for name in MessageRow.__slots__}
    return MessageRow(**(values | {"payload": bytes(row.payload)}))
