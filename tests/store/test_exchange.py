"""What is remembered of exchanged files, on both databases."""

from __future__ import annotations

from dataclasses import replace

from ledger.log import Ledger
from ledger.store import exchange
from ledger.store.exchange import DayRow, ExchangeRow, FileRow

FILE = FileRow(
    party="fenqile", day="2026-11-20", name="repayments", sha256=bytes(32), state="wrong", tag="a b c", detail="no",
    arrived="2026-11-20T15:00:00.000000Z", begun=3, rows=0, accepted=0, repeated=0, refused=0,
)  # fmt: skip


def test_rows_are_made_and_changed_in_place(ledger: Ledger) -> None:
    log = ledger.row().id
    other = replace(FILE, sha256=bytes([1]) * 32, state="taken", begun=2**40, rows=2**40)
    plan = ExchangeRow(place="s3://bucket", plan="since = 2026-11-20\n" * 1_000, ran="now", scanned=7)
    with ledger.store.write() as connection:
        assert exchange.get(connection, log) is None
        for row in (FILE, other, replace(FILE, day="2026-11-21"), replace(FILE, state="withdrawn")):
            exchange.put_file(connection, log, row)
        for day in (
            DayRow(day="2026-11-20", before=9, closed=None),
            DayRow(day="2026-11-20", before=10, closed=9),
        ):
            exchange.put_day(connection, log, day)
        exchange.put(connection, log, plan)
        exchange.put(connection, log, replace(plan, scanned=8))
    with ledger.store.read() as connection:
        assert exchange.get(connection, log) == replace(plan, scanned=8)
        assert exchange.files(connection, log, last="2026-11-20") == [replace(FILE, state="withdrawn"), other]
        assert [row.day for row in exchange.files(connection, log, first="2026-11-21")] == ["2026-11-21"]
        assert exchange.days(connection, log) == {"2026-11-20": DayRow(day="2026-11-20", before=10, closed=9)}
        assert exchange.files(connection, log + 1) == []
