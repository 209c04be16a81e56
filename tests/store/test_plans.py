"""No question that the ledger asks while it works reads a whole log: SQLite's own plans say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, select

from ledger.log import Ledger
from ledger.store import records, subjects, tables
from tests import book

#: Tables that grow with the log; of the others a log has a few rows.
LARGE = "records|disclosures|subjects|claims|encumbrances|tiles|register_pages|receipts"
#: Steps of a plan that read all of such a table, or all of one log's part of it.
WHOLE = re.compile(rf"SCAN ({LARGE})\b|SEARCH ({LARGE}) USING .*\(log_id=\?\)")


@pytest.fixture
def asked(sqlite_ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Every SELECT that runs on the ledger's database, with parameters."""
    statements: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            statements.setdefault(statement, parameters)

    event.listen(sqlite_ledger.store.engine, "before_cursor_execute", note)
    yield statements
    event.remove(sqlite_ledger.store.engine, "before_cursor_execute", note)


def test_nothing_reads_a_whole_log(sqlite_ledger: Ledger, asked: dict[str, Any]) -> None:
    ledger = sqlite_ledger
    events = [
        *book.loans(60),
        book.pool_created("P"),
        book.pledged("P", "bank-a", ("L1", "c1", 500_000), id="p1"),
    ]
    ledger.append(events, party="fenqile")
    ledger.publish()
    assert all(one.repeated for one in ledger.append(events, party="fenqile").accepted)
    ledger.append([book.repaid("L2", 2), *book.loans(3)], party="fenqile")
    ledger.publish()
    ledger.receipt("L3.originated")
    ledger.acceptance("L4.originated", party="fenqile")
    ledger.state_of("p1")
    ledger.prove_claim("L1/c1")
    ledger.pool("P")
    assert [one.pool for one in ledger.pools()] == ["P"]
    with ledger.store.read() as connection:
        assert subjects.accounts(connection, ledger.row().id) == []
        assert [row.event_id for row in records.of_pools(connection, ledger.row().id, 0, 200)] == [
            "P.rules.1",
            "p1",
        ]
    ledger.known_loans(["L1", "L2", "none"])
    ledger.read_entries(0, 60)
    assert len(asked) > 25
    with ledger.store.engine.connect() as connection:
        for statement, parameters in list(asked.items()):
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
            steps = [row[3] for row in plan]
            assert not [step for step in steps if WHOLE.search(step)], (statement, steps)


def test_postgresql_finds_what_is_of_a_kind_by_its_name_whatever_its_language(
    fresh_postgres: str, make_ledger: Callable[[str], Ledger]
) -> None:
    ledger = make_ledger(fresh_postgres)
    with ledger.store.read() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # so few rows are read whole otherwise
        asked = select(tables.subjects.c.id).where(*subjects.of_kind(ledger.row().id, "pool"))
        literal = asked.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {literal}")]
        assert any("Index Cond" in step and "'pool:'" in step for step in plan), plan
        columns = "SELECT collation_name FROM information_schema.columns WHERE table_name = 'subjects'"
        assert connection.exec_driver_sql(f"{columns} AND column_name = 'name'").scalar_one() == "C"
