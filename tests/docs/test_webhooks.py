"""The guide to webhooks: its receivers verify what the ledger signs, and its table tells of what is sent."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from ledger.webhooks import backoff, endpoints, guard, sending
from ledger.webhooks.courier import KEPT
from ledger.webhooks.kinds import KINDS, PING
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "guides" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_" + "c2VjcmV0" * 5
BODY = '{"data":{"pool":"W1"},"timestamp":"2026-11-22T18:30:00.000000Z","type":"pool.sealed"}'


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    """What the page's Python defines."""
    namespace: dict[str, Any] = {}
    for code in re.findall(r"<!-- receiver -->\n```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(code.replace("whsec_…", SECRET), "webhooks.md", "exec"), namespace)
    return namespace


def signed(age: float = 0, **changes: str) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() - age, UTC)
    signature = Webhook(SECRET).sign("msg_1", at, BODY)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,{'A' * 43}= {signature}",
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_the_receiver_handles_each_message_once(sample: dict[str, Any]) -> None:
    handled: list[Any] = []
    sample["handle"] = lambda kind, data: handled.append((kind, data))
    assert [sample["receive"](signed(), BODY.encode()) for _ in range(2)] == [204, 204]
    assert sample["receive"](signed(), BODY.encode() + b" ") == 400
    assert sample["receive"](signed(age=301), BODY.encode()) == 400
    assert handled == [("pool.sealed", {"pool": "W1"})]


def test_the_receiver_without_a_library_agrees(sample: dict[str, Any]) -> None:
    verify, body = sample["verify"], BODY.encode()
    assert verify(SECRET, signed(), body)
    assert not verify("whsec_" + "b3RoZXIh" * 5, signed(), body)
    assert not verify(SECRET, signed(), body + b" ")
    assert not verify(SECRET, signed(webhook_id="msg_2"), body)
    assert not verify(SECRET, signed(age=310), body)


def test_the_table_tells_of_every_type() -> None:
    told = re.findall(r"^\| `([a-z.]+)` \| (.+?) \|", PAGE, re.MULTILINE)
    assert told == [*KINDS.items(), (PING, "you asked for it")]


def test_the_numbers_are_those_of_the_sender() -> None:
    hours = [pause.total_seconds() / 3_600 for pause in backoff.PLAN]
    assert "5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours" in PAGE
    assert hours == [5 / 3_600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert (backoff.JITTER, backoff.MAX_ATTEMPTS, sending.ATTEMPT_SECONDS) == (0.2, 10, 15)
    assert (KEPT.days, endpoints.ROTATION.total_seconds()) == (30, 24 * 3_600)
    assert sorted(guard.PUBLIC_PORTS) == [443, 8443]
