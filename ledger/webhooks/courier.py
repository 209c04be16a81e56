"""Carries messages to their receivers: finds what there is to tell, makes its deliveries, attempts those that are due.

Each of the three is a transaction of its own that can be cut off anywhere and done again: a message is written once
(:mod:`ledger.webhooks.messages`), its deliveries are made together with the note that they are, and an attempt is begun
by comparing and setting a number. So a crash loses nothing, and what was under way is attempted again: a receiver
gets each message at least once, now and then twice, always with the same ``webhook-id``. Any number of couriers may
work on one database.

A receiver that fails is tried again by the plan (:mod:`ledger.webhooks.backoff`). One that answers 410, or fails to the
end of the plan, is disabled, and says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog
from standardwebhooks import Webhook

from ledger.domain.calendar import format_instant
from ledger.errors import UnavailableError
from ledger.store import ReadConnection, Store, logs, shared_time
from ledger.store import webhooks as rows
from ledger.store.webhooks import DeliveryRow, EndpointRow, MessageRow
from ledger.vault import Vault
from ledger.webhooks import backoff
from ledger.webhooks.audience import Audience
from ledger.webhooks.endpoints import secrets_of
from ledger.webhooks.messages import Occurrence, write
from ledger.webhooks.sending import ATTEMPT_SECONDS, Answer, Sender
from ledger.webhooks.sources import LOCAL, Source

#: Receivers that are served at the same time: a slow one shall not make the others wait, and waiting costs no more than
#: a thread.
PARALLEL: Final = 8
#: How long one receiver is served in a step: others may wait for a thread, and a worker that is stopped waits for it.
TURN_SECONDS: Final = 5.0
#: An attempt that has not ended by then was lost with its process, and is made again.
LOST_AFTER: Final = timedelta(seconds=8 * ATTEMPT_SECONDS)
#: Messages whose deliveries are made in one transaction.
SPREAD_TOGETHER: Final = 500
#: How long what was delivered can be looked up and replayed.
KEPT: Final = timedelta(days=30)
_FORGET_EVERY: Final = timedelta(hours=1)
_GONE: Final = 410
#: Statuses with which a receiver may say when to come again.
_BUSY: Final = frozenset({429, 503})

_logger = structlog.get_logger(__name__)


class Courier:
    """The courier of one log. ``sources`` are looked through besides those that need the database only."""

    def __init__(
        self,
        store: Store,
        origin: str,
        *,
        vault: Vault,
        sender: Sender,
        clock: Callable[[], datetime],
        sources: Sequence[Source] = (),
    ) -> None:
        self._store = store
        self._origin = origin
        self._vault = vault
        self._sender = sender
        self._clock = clock
        self._sources: tuple[Source, ...] = (*LOCAL, *sources)
        self._forgot: datetime | None = None

    def step(self) -> bool:
        """Some of what is to be done now; whether there may be more."""
        with self._store.read() as connection:
            log = logs.get(connection, self._origin)
            if log.closed or not rows.any_endpoint(connection, log.id):
                return False  # a log that goes on in another database is told of by the workers there
        for source in self._sources:
            try:
                self._look(source)
            except UnavailableError as error:  # a chain that does not answer shall not stop the others
                _logger.warning("webhook.source_waits", source=source.name, reason=str(error))
        while self._spread(log.id) == SPREAD_TOGETHER:
            pass
        self._forget(log.id)
        return self._deliver(log.id)

    # -- finding -------------------------------------------------------------------------------------------

    def _look(self, source: Source) -> None:
        """Write what is new in a source, and move its cursor with it."""
        found: list[Occurrence] = []
        with self._store.read() as connection:
            log = logs.get(connection, self._origin)
            start = rows.cursor(connection, log.id, source.name)
            if start is None:
                position = source.end(connection, log)
            else:
                found, position = source.look(connection, log, start)
        if not found and position == start:
            return
        with self._store.write() as connection:
            if rows.move_cursor(connection, log.id, source.name, start=start, to=position):
                for occurrence in found:
                    write(connection, log, occurrence)

    # -- spreading -----------------------------------------------------------------------------------------

    def _spread(self, log_id: int) -> int:
        """Make the deliveries of messages that have none yet; how many messages these were."""
        with self._store.write() as connection:
            now = self._shared_now(connection)
            found = rows.take_unspread(connection, log_id, SPREAD_TOGETHER, now=now)
            if not found:
                return 0
            audience = Audience(connection, logs.get(connection, self._origin))
            enabled = [one for one in rows.list_endpoints(connection, log_id) if one.disabled is None]
            pairs = [
                (endpoint.id, one.id)
                for one in found
                for endpoint in enabled
                if (not endpoint.types or one.type in endpoint.types)
                and audience.may_see(endpoint.party, one)
            ]
            rows.add_deliveries(connection, log_id, pairs, due=now)
        return len(found)

    # -- delivering ----------------------------------------------------------------------------------------

    def _deliver(self, log_id: int) -> bool:
        """Serve the receivers for which something is due, each for at most its turn; whether there were any."""
        with self._store.read() as connection:
            now = self._shared_now(connection)
            due = rows.endpoints_due(connection, log_id, now=now, most=PARALLEL * 4)
        if not due:
            return False
        with ThreadPoolExecutor(max_workers=min(PARALLEL, len(due)), thread_name_prefix="webhook") as pool:
            for served in [pool.submit(self._serve, endpoint_id) for endpoint_id in due]:
                served.result()
        return True

    def _serve(self, endpoint_id: str) -> None:
        """Attempt what is due for one receiver, until an attempt fails."""
        end = time.monotonic() + TURN_SECONDS
        while time.monotonic() < end and self._attempt(endpoint_id):
            pass

    def _attempt(self, endpoint_id: str) -> bool:
        """Make one attempt; False where none is due or it failed."""
        with self._store.write() as connection:
            log = logs.get(connection, self._origin)
            endpoint = rows.endpoint(connection, log.id, endpoint_id)
            if endpoint is None or endpoint.disabled is not None:
                return False
            now = self._shared_now(connection)
            until = self._shared_now(connection, LOST_AFTER)
            begun = rows.claim(connection, log.id, endpoint_id, now=now, until=until)
            if begun is None:
                return False
            message = rows.message(connection, log.id, begun.message)
        assert message is not None
        with (
            self._store.read() as connection
        ):  # not in the transaction above: it may have to look at many claims
            visible = Audience(connection, log).may_see(endpoint.party, message)
        if not visible:
            # It was for the party when it was written; since then the party has lost sight of it.
            error = f"{endpoint.party} may not see this any more"
            with self._store.write() as connection:
                return rows.settle(connection, begun, "withheld", due=None, attempted=now, error=error)
        answer = self._sender.post(endpoint.url, self._headers(endpoint, message), message.payload)
        return self._settle(endpoint, begun, answer)

    def _headers(self, endpoint: EndpointRow, message: MessageRow) -> dict[str, str]:
        """The signed headers of the specification."""
        now = self._clock()
        body = message.payload.decode()
        signatures = [
            Webhook(secret).sign(message.id, now, body)
            for secret in secrets_of(endpoint, self._vault, format_instant(now))
        ]
        return {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _settle(self, endpoint: EndpointRow, begun: DeliveryRow, answer: Answer) -> bool:
        """Write down how an attempt ended; whether the message was delivered."""
        now = self._clock()
        ended = {"attempted": format_instant(now), "status": answer.status, "error": answer.error}
        if answer.delivered:
            with self._store.write() as connection:
                rows.settle(connection, begun, "delivered", due=None, **ended)
            return True
        told = answer.error or f"the receiver answered {answer.status}"
        asked = answer.retry_after if answer.status in _BUSY else None
        wait = None
        if answer.status != _GONE:
            wait = backoff.pause(
                begun.attempts, seed=f"{begun.id}:{begun.message}",
                retry_after=backoff.read_retry_after(asked, now),
            )  # fmt: skip
        _logger.warning(
            "webhook.failed", webhook=endpoint.id, party=endpoint.party, host=urlsplit(endpoint.url).hostname,
            delivery=begun.id, attempt=begun.attempts, reason=told,
            again_in=None if wait is None else round(wait.total_seconds()),
        )  # fmt: skip
        with self._store.write() as connection:
            if wait is not None:
                due = self._shared_now(connection, wait)
                rows.settle(connection, begun, "waiting", due=due, **ended)
            elif rows.settle(connection, begun, "failed", due=None, **ended):
                times = (
                    f"delivery {begun.id} failed {begun.attempts} times: " if answer.status != _GONE else ""
                )
                reason = f"{times}{told}"
                rows.change_endpoint(connection, endpoint.id, disabled=ended["attempted"], reason=reason)
        return False

    # -- forgetting ----------------------------------------------------------------------------------------

    def _forget(self, log_id: int) -> None:
        """Delete what is older than :data:`KEPT`, now and then."""
        now = self._clock()
        if self._forgot is not None and now - self._forgot < _FORGET_EVERY:
            return
        with self._store.write() as connection:
            gone = rows.forget_before(connection, log_id, format_instant(now - KEPT))
        if gone == 0:
            self._forgot = now

    def _shared_now(self, connection: ReadConnection, later: timedelta = timedelta()) -> str:
        """What is due, and which attempt was lost, goes by the clock that all couriers share."""
        return format_instant(shared_time(connection, self._clock()) + later)
