"""Numbers for Prometheus: how far the log has come, what waits, what was refused, how requests went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ledger import audits, reconciling, uploads

if TYPE_CHECKING:
    from api.chain_account import Seen
    from ledger.status import Status
    from ledger.store.webhooks import Backlog

#: Seconds. The promises are 50 ms for reads and 150 ms for writes; the buckets part what keeps them.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)
DELIVERY_STATES = ("waiting", "suspended", "delivered", "failed", "withheld")
JOB_KINDS = (audits.KIND, reconciling.KIND, uploads.KIND)
#: Any other method is counted under one name: a caller must not be able to make label values.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "poolproof_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "poolproof_http_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._events = Counter(
            "poolproof_events", "Events by what became of them.", ["outcome"], registry=self.registry
        )
        self._refusals = Counter(
            "poolproof_refusals", "Events refused, by the rule that did.", ["rule"], registry=self.registry
        )
        self._waiting = Gauge(
            "poolproof_intake_waiting",
            "Single events that wait for their transaction.",
            registry=self.registry,
        )
        self._jobs = Gauge(
            "poolproof_jobs", "Jobs that wait for a worker or are with one.", ["kind", "state"],
            registry=self.registry,
        )  # fmt: skip
        self._webhooks = Gauge(
            "poolproof_webhooks", "Webhooks that are enabled or disabled.", ["state"], registry=self.registry
        )
        self._deliveries = Gauge(
            "poolproof_webhook_deliveries",
            "Messages on their way to a webhook or kept since, by what became of them.",
            ["state"],
            registry=self.registry,
        )
        self._oldest_message = Gauge(
            "poolproof_webhook_oldest_seconds",
            "Time since what the oldest message tells of that an enabled webhook waits for; 0 where none does.",
            registry=self.registry,
        )
        self._anchor_age = Gauge(
            "poolproof_anchor_age_seconds",
            "Time since the block of the newest anchor; not a number before the first.",
            registry=self.registry,
        )
        self._balance = Gauge(
            "poolproof_chain_account_balance_wei",
            "What the account that pays for anchors has; not a number where that is not known.",
            registry=self.registry,
        )
        self._affordable = Gauge(
            "poolproof_chain_account_anchors",
            "How many more anchors it pays for at the gas of the last one; not a number where that is not known.",
            registry=self.registry,
        )
        self._sizes = Gauge(
            "poolproof_log_size",
            "Entries in the log that have come this far on the ladder.",
            ["state"],
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request under the pattern of its route."""
        key = (method if method in _METHODS else "other", route, status)
        series = self._series.get(key)
        if series is None:
            # To look a series up by its labels costs more than to count in it.
            counter = self._requests.labels(key[0], route, str(status))
            series = self._series[key] = (counter, self._seconds.labels(route))
        series[0].inc()
        series[1].observe(seconds)

    def accepted(self, *, repeated: bool, count: int = 1) -> None:
        """Count accepted events, first or repeated."""
        if count:
            self._events.labels("repeated" if repeated else "accepted").inc(count)

    def refused(self, rule: str) -> None:
        """Count one refused event."""
        self._events.labels("refused").inc()
        self._refusals.labels(rule).inc()

    def render(
        self,
        status: Status,
        waiting: int,
        *,
        jobs: Mapping[tuple[str, str], int],
        anchor_age: float | None,
        told: Backlog,
        told_age: float,
        account: Seen | None,
    ) -> bytes:
        """The exposition in Prometheus' text format; ``jobs`` by kind and state, ``account`` pays for anchors.

        ``anchor_age`` and ``told_age``, of the oldest message that waits, are in seconds.
        """
        self._waiting.set(waiting)
        for kind in JOB_KINDS:
            for state in ("queued", "running"):
                self._jobs.labels(kind, state).set(jobs.get((kind, state), 0))
        for state, count in (("enabled", told.enabled), ("disabled", told.disabled)):
            self._webhooks.labels(state).set(count)
        for state in DELIVERY_STATES:
            self._deliveries.labels(state).set(told.deliveries.get(state, 0))
        self._oldest_message.set(told_age)
        self._anchor_age.set(_or_nan(anchor_age))
        self._balance.set(_or_nan(None if account is None else account.balance))
        self._affordable.set(_or_nan(None if account is None else account.anchors))
        for state, size in (
            ("included", status.size),
            ("published", status.published),
            ("anchored", status.anchored),
            ("final", status.final),
        ):
            self._sizes.labels(state).set(size)
        return generate_latest(self.registry)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
