"""Who sends what, by when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ledger.errors import ConfigurationError
from ledger.exchange.layout import Slot
from ledger.exchange.plan import parse

TEXT = """\
since = 2026-09-28
until = 2026-10-12
due = "T+2 01:30"
holidays = [2026-10-01, 2026-10-02]
worked = [2026-10-10]
[[file]]
party = "lender"
name = "loans"
mapping = "loans"
days = "business_days"
[[file]]
party = "lender"
name = "repayments"
mapping = "repayments"
[[file]]
party = "bank"
name = "events"
days = "optional"
"""


def test_which_files_a_date_expects() -> None:
    plan = parse(TEXT)
    names = {day: [one.name for one in plan.expected(date(2026, *day))] for day in
             ((9, 27), (9, 28), (10, 1), (10, 3), (10, 5), (10, 10), (10, 12), (10, 13))}  # fmt: skip
    both, one = ["loans", "repayments"], ["repayments"]
    assert names == {
        (9, 27): [], (9, 28): both, (10, 1): one, (10, 3): one, (10, 5): both, (10, 10): both,
        (10, 12): both, (10, 13): [],
    }  # fmt: skip


def test_due_by_the_clock_of_the_log_s_zone() -> None:
    plan = parse(TEXT)
    assert plan.due_at(date(2026, 9, 28), "Asia/Shanghai") == datetime(2026, 9, 29, 17, 30, tzinfo=UTC)
    assert plan.due_at(date(2026, 10, 31), "America/New_York") == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_a_further_file_is_of_the_same_kind() -> None:
    plan = parse(TEXT)
    slot = Slot(date(2026, 10, 5), "lender", "repayments.2")
    found = plan.find(slot)
    assert found is not None
    assert (found.mapping, plan.place_of(slot), slot.number) == ("repayments", 1, 2)
    assert plan.find(Slot(date(2026, 10, 5), "bank", "repayments")) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("since = 2026-09-28", "", "since"),
        ("T+2 01:30", "tomorrow", "due"),
        ("T+2 01:30", "T+2 25:30", "due"),
        ('name = "events"', 'name = "a/b"', "name"),
        ('name = "loans"', 'name = "repayments"', "lender sends repayments twice"),
        ('days = "optional"', 'days = "never"', "days"),
        ('days = "optional"', 'weekdays = "all"', "weekdays"),
        ("[[file]]", "[[file]", "TOML"),
        ('name = "loans"', 'name = "close"', "without a mapping"),
    ],
)
def test_what_a_plan_cannot_be(old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse(TEXT.replace(old, new, 1))
