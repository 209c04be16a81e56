"""A party's webhooks: made, changed, tried out and looked into. What API and command line go through.

A secret (``whsec_`` and 32 random bytes in base64) has to be read again to sign with it, so it is stored wrapped by the
key-encryption key, and shown only when it is made. Every call takes the ``party`` whose webhook it must be; None is
the operator, who may all. Another party's webhook is answered like one that is not there.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.domain.calendar import format_instant
from ledger.errors import NotFoundError, RefusedError, UnavailableError
from ledger.log import Ledger
from ledger.store import Store, logs
from ledger.store import webhooks as rows
from ledger.store.engine import ReadConnection, WriteConnection, shared_time
from ledger.store.logs import LogRow
from ledger.store.webhooks import DeliveryRow, EndpointRow
from ledger.vault import Vault
from ledger.webhooks import sources
from ledger.webhooks.guard import Guard, Network
from ledger.webhooks.kinds import PING, check_types
from ledger.webhooks.messages import Occurrence, message

#: A receiver can pass on to others; each webhook is one more request for every message.
MAX_PER_PARTY: Final = 20
#: How long the secret before the newest one still signs: a working day to bring the new one to all receivers.
ROTATION: Final = timedelta(hours=24)
PREFIX: Final = "whsec_"


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook with its secret, which is shown this once."""

    endpoint: EndpointRow
    secret: str


class Endpoints:
    """The webhooks of one log."""

    def __init__(
        self, store: Store, origin: str, *, vault: Vault, guard: Guard, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._origin = origin
        self._vault = vault
        self._guard = guard
        self._clock = clock

    def add(self, party: str, url: str, types: Iterable[str] = ()) -> Made:
        """A new webhook of ``party``, for messages of these types (none: all).

        Raises :class:`NotFoundError` for an unknown party, :class:`RefusedError` for a URL or a type that cannot be.
        """
        wanted = check_types(types)
        self._check_url(url)
        made = "hook_" + secrets.token_hex(8)
        secret, wrapped = self._vault.new_secret(_label(made))
        row = EndpointRow(
            id=made,
            party=party,
            url=url,
            types=wanted,
            created=self._now(),
            secret=wrapped,
            old_secret=None,
            old_until=None,
            disabled=None,
            reason=None,
        )
        with self._store.write() as connection:
            log = logs.get(connection, self._origin)
            if party not in {one.name for one in logs.list_parties(connection, log.id)}:
                raise NotFoundError(f"no party {party!r} in this log")
            if len(rows.list_endpoints(connection, log.id, party=party)) >= MAX_PER_PARTY:
                raise RefusedError("", f"{party} has {MAX_PER_PARTY} webhooks already", rule="too_many")
            if not rows.any_endpoint(connection, log.id):
                sources.begin(connection, log)  # what happened before anybody listened is not told
            rows.add_endpoint(connection, log.id, row)
        return Made(row, _shown(secret))

    def list(self, party: str | None = None) -> list[EndpointRow]:
        """Of one party, or all, by party and age."""
        with self._store.read() as connection:
            log = logs.get(connection, self._origin)
            return rows.list_endpoints(connection, log.id, party=party)

    def get(self, endpoint_id: str, *, party: str | None = None) -> EndpointRow:
        """One of them; raises :class:`NotFoundError`."""
        with self._store.read() as connection:
            return self._find(connection, endpoint_id, party)[1]

    def change(
        self,
        endpoint_id: str,
        *,
        party: str | None = None,
        url: str | None = None,
        types: Iterable[str] | None = None,
        enabled: bool | None = None,
    ) -> EndpointRow:
        """Change what is given. Enabled again, it gets what waits for it and what happens from now on."""
        values: dict[str, object] = {}
        if types is not None:
            values["types"] = check_types(types)
        if url is not None:
            self._check_url(url)
            values["url"] = url
        if enabled is not None:
            values |= {"disabled": None if enabled else self._now()}
            values |= {"reason": None if enabled else "disabled by hand"}
        with self._store.write() as connection:
            log, _ = self._find(connection, endpoint_id, party)
            if values:
                rows.change_endpoint(connection, endpoint_id, **values)
            changed = rows.endpoint(connection, log.id, endpoint_id)
        assert changed is not None
        return changed

    def rotate(self, endpoint_id: str, *, party: str | None = None) -> Made:
        """A new secret. For :data:`ROTATION` messages are signed with the one before too."""
        with self._store.write() as connection:
            log, row = self._find(connection, endpoint_id, party)
            secret, wrapped = self._vault.new_secret(_label(endpoint_id))
            until = format_instant(self._clock() + ROTATION)
            rows.change_endpoint(
                connection, endpoint_id, secret=wrapped, old_secret=row.secret, old_until=until
            )
            changed = rows.endpoint(connection, log.id, endpoint_id)
        assert changed is not None
        return Made(changed, _shown(secret))

    def remove(self, endpoint_id: str, *, party: str | None = None) -> None:
        """Delete it, with what waits for it."""
        with self._store.write() as connection:
            self._find(connection, endpoint_id, party)
            rows.remove_endpoint(connection, endpoint_id)

    def deliveries(
        self, endpoint_id: str, *, party: str | None = None, before: int | None = None, most: int = 100
    ) -> Sequence[DeliveryRow]:
        """Its deliveries, the newest first; with ``before`` those older than that one."""
        with self._store.read() as connection:
            self._find(connection, endpoint_id, party)
            return rows.list_deliveries(connection, endpoint_id, before=before, most=most)

    def replay(self, endpoint_id: str, delivery_id: int, *, party: str | None = None) -> DeliveryRow:
        """Send the message of a delivery once more, with the same ``webhook-id``; the new delivery."""
        with self._store.write() as connection:
            log, row = self._find(connection, endpoint_id, party)
            before = rows.delivery(connection, log.id, delivery_id)
            if before is None or before.endpoint != endpoint_id:
                raise NotFoundError(f"no delivery {delivery_id} of webhook {endpoint_id!r}")
            _check_enabled(row)
            return self._deliver(connection, log, endpoint_id, before.message)

    def ping(self, endpoint_id: str, *, party: str | None = None) -> DeliveryRow:
        """Send a message that says nothing, to try the receiver out; its delivery."""
        with self._store.write() as connection:
            log, row = self._find(connection, endpoint_id, party)
            _check_enabled(row)
            now = self._now()
            made = message(
                log.origin,
                Occurrence(
                    type=PING,
                    at=now,
                    key=secrets.token_hex(16),
                    data={"webhook": endpoint_id, "origin": log.origin},
                    party=row.party,
                ),
            )
            rows.add_message(connection, log.id, made, spread=now)
            return self._deliver(connection, log, endpoint_id, made.id)

    def _deliver(
        self, connection: WriteConnection, log: LogRow, endpoint_id: str, message_id: str
    ) -> DeliveryRow:
        due = format_instant(shared_time(connection, self._clock()))
        [made] = rows.add_deliveries(connection, log.id, [(endpoint_id, message_id)], due=due)
        delivery = rows.delivery(connection, log.id, made)
        assert delivery is not None
        return delivery

    def _find(
        self, connection: ReadConnection, endpoint_id: str, party: str | None
    ) -> tuple[LogRow, EndpointRow]:
        log = logs.get(connection, self._origin)
        row = rows.endpoint(connection, log.id, endpoint_id)
        if row is None or party not in (None, row.party):
            raise NotFoundError(f"no webhook {endpoint_id!r}")
        return log, row

    def _check_url(self, url: str) -> None:
        try:
            self._guard.receiver(url)
        except UnavailableError as error:
            raise RefusedError("url", str(error), rule="unresolved") from error

    def _now(self) -> str:
        return format_instant(self._clock())


def endpoints_of(ledger: Ledger, *, networks: Sequence[Network] = ()) -> Endpoints:
    """The webhooks of an open log; their receivers may be in these ``networks`` too."""
    return Endpoints(
        ledger.store, ledger.origin, vault=ledger.vault, guard=Guard(networks), clock=ledger.clock
    )


def secrets_of(row: EndpointRow, vault: Vault, now: str) -> list[bytes]:
    """What messages to it are signed with now, the newest first."""
    wrapped = [row.secret]
    if row.old_secret is not None and row.old_until is not None and now < row.old_until:
        wrapped.append(row.old_secret)
    return [vault.unwrap(one, _label(row.id)) for one in wrapped]


def endpoint_document(row: EndpointRow) -> dict[str, Any]:
    """A webhook as API and command line show it: without its secrets."""
    return {
        "id": row.id,
        "party": row.party,
        "url": row.url,
        "types": list(row.types),
        "created": row.created,
        "disabled": row.disabled,
        "reason": row.reason,
    }


def delivery_document(row: DeliveryRow) -> dict[str, Any]:
    """A delivery as API and command line show it."""
    return {
        "id": row.id,
        "message": row.message,
        "type": row.type,
        "time": row.time,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt": row.due,
        "attempted": row.attempted,
        "status": row.status,
        "error": row.error,
    }


def _check_enabled(row: EndpointRow) -> None:
    if row.disabled is not None:
        raise RefusedError(
            "", f"webhook {row.id} is disabled ({row.reason}); enable it first", rule="disabled"
        )


def _label(endpoint_id: str) -> str:
    """Ties a wrapped secret to its webhook."""
    return f"webhook:{endpoint_id}"


def _shown(secret: bytes) -> str:
    return PREFIX + base64.b64encode(secret).decode()
