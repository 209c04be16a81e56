from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.webhooks import backoff

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


@given(seed=st.text(max_size=40))
def test_the_plan_is_kept_for_whomever_it_is(seed: str) -> None:
    pauses = [backoff.pause(attempts, seed=seed) for attempts in range(1, backoff.MAX_ATTEMPTS + 1)]
    assert pauses == [backoff.pause(attempts, seed=seed) for attempts in range(1, backoff.MAX_ATTEMPTS + 1)]
    assert pauses.pop() is None
    for planned, drawn in zip(backoff.PLAN, pauses, strict=True):
        assert drawn is not None
        assert planned <= drawn <= planned * (1 + backoff.JITTER)
    assert pauses == sorted(pauses)  # type: ignore[type-var]  # none is None


@given(
    attempts=st.integers(1, backoff.MAX_ATTEMPTS - 1),
    asked=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=900)),
)
def test_a_receiver_can_ask_for_more_time_within_bounds(attempts: int, asked: timedelta) -> None:
    planned, longer = (backoff.pause(attempts, seed="s", retry_after=one) for one in (None, asked))
    assert planned is not None
    assert longer is not None
    assert longer == max(planned, min(asked, backoff.MAX_RETRY_AFTER))


def test_those_who_failed_together_do_not_come_back_together() -> None:
    assert len({backoff.pause(2, seed=str(number)) for number in range(100)}) == 100


def test_it_takes_three_days_to_give_up() -> None:
    assert timedelta(days=3) < sum(backoff.PLAN, timedelta()) < timedelta(days=4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", timedelta()),
        (" 120 ", timedelta(minutes=2)),
        ("9" * 5_000, backoff.MAX_RETRY_AFTER),
        ("Sun, 22 Nov 2026 18:31:00 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 18:29:00 GMT", timedelta()),
        ("Sun, 22 Nov 2026 18:31:00 -0000", None),
        ("Sun, 99 Nov 2026 18:31:00 GMT", None),
    ],
)
def test_what_a_receiver_asks_for_is_read(value: str | None, expected: timedelta | None) -> None:
    assert backoff.read_retry_after(value, NOW) == expected
