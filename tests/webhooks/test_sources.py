from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ledger.store import anchors, outbox
from ledger.store.logs import ChainRow
from ledger.webhooks.sources import recorded
from ledger.webhooks.sources.late import Late
from ledger.webhooks.sources.missing import Missing, MissingFile
from tests import book
from tests.webhooks.conftest import Office

CHAIN = ChainRow(
    chain_id=31337,
    genesis=b"\x01" * 32,
    contract=b"\x02" * 20,
    code_hash=b"\x03" * 32,
    log_key=b"\x04" * 32,
    finality="tag:finalized",
    grade="devnet",
    max_anchor_age=604_800,
)
TAPE = "ab" * 32


def anchor(office: Office, size: int, *states: str) -> None:
    """Take a size through these states, as the outbox does."""
    with office.ledger.store.write() as connection:
        log_id = office.ledger.row().id
        if anchors.get(connection, log_id, size) is None:
            anchors.want(connection, log_id, size, bytes([size]) * 32)
        for state in states:
            block: dict[str, Any] = {}
            if state in ("mined", "final"):
                block = {"block_number": size, "block_hash": b"\x0b" * 32, "block_time": 1_795_372_200 + size}
            assert outbox.move(connection, anchors.job(log_id, size), state, **block)


def told(office: Office) -> list[tuple[str, Any]]:
    """Type and size or place of what has arrived."""
    found = [(body["type"], body["data"]) for body in office.bodies]
    return [(kind, data.get("size") if "size" in data else data.get("name")) for kind, data in found]


def test_final_anchors_are_told_once_in_their_order(office: Office) -> None:
    office.ledger.bind_chain(CHAIN)
    anchor(office, 3, "sent", "mined", "final")
    office.add("bank-a")
    office.run()
    assert told(office) == []  # nobody listened then
    anchor(office, 5, "sent")
    anchor(office, 7, "sent", "mined", "final")
    office.run()
    assert told(office) == []  # 5 is on its way
    anchor(office, 5, "superseded")
    anchor(office, 9, "sent", "mined")
    office.run()
    assert told(office) == [("checkpoint.anchored", 7)]
    anchor(office, 9, "final")
    office.run()
    office.run()
    assert told(office) == [("checkpoint.anchored", 7), ("checkpoint.anchored", 9)]
    assert office.bodies[0] == {
        "type": "checkpoint.anchored",
        "timestamp": "2026-11-22T18:30:07.000000Z",
        "data": {
            "size": 7,
            "root": "07" * 32,
            "chain_id": 31337,
            "contract": "0x" + "02" * 20,
            "block_number": 7,
            "block_hash": "0x" + "0b" * 32,
            "block_time": "2026-11-22T18:30:07.000000Z",
        },
    }


def test_a_lateness_is_told_once(office: Office) -> None:
    clock: Any = office.ledger.clock
    late = Late(within=timedelta(hours=24), clock=clock)
    office.courier = office.new_courier(late)
    office.add("bank-c")
    office.ledger.append([book.pool_created("A")], party="fenqile")
    office.ledger.publish()
    clock.now += timedelta(hours=25)
    office.run()
    assert told(office) == []  # on no chain nothing is late
    office.ledger.bind_chain(CHAIN)
    clock.now -= timedelta(hours=1)
    office.run()
    assert told(office) == []  # just in time
    clock.now += timedelta(seconds=1)
    office.run()
    office.courier = office.new_courier(late)
    office.ledger.append([book.pool_created("B")], party="fenqile")
    office.ledger.publish()
    clock.now += timedelta(hours=25)
    office.run()
    assert told(office) == [("anchor.late", 2)]  # still the same one
    assert office.bodies[0]["data"] == {
        "size": 2,
        "published": "2026-11-22T18:30:00.000000Z",
        "due": "2026-11-23T18:30:00.000000Z",
        "anchored": 0,
    }
    anchor(office, 2, "sent", "mined", "final")
    office.run()
    assert ("anchor.late", 4) in told(office)


def test_a_missing_file_is_told_once_to_its_party_and_the_platform(office: Office) -> None:
    files = [
        MissingFile(day="2026-11-20", party="bank-a", name="close", detail="it was due"),
        MissingFile(day="2026-11-20", party="fenqile", name="repayments", detail="it was due"),
    ]
    asked: list[int] = []

    def missing(_log: object) -> list[MissingFile]:
        asked.append(len(files))
        return files

    office.courier = office.new_courier(Missing(missing, clock=office.clock, every=0))
    for party in ("fenqile", "bank-a", "bank-b"):
        office.add(party, path=f"/{party}")
    for _ in range(3):
        office.run()
    heard = sorted((got.path, json.loads(got.body)["data"]["name"]) for got in office.receiver.got)
    assert heard == [("/bank-a", "close"), ("/fenqile", "close"), ("/fenqile", "repayments")]
    files[0] = MissingFile(day="2026-11-21", party="bank-a", name="close", detail="it was due")
    office.run()
    assert len(office.receiver.got) == 5
    office.courier = office.new_courier(Missing(missing, clock=office.clock))
    asked.clear()
    for _ in range(3):
        office.run()
    assert len(asked) == 1  # not at every step


def break_opened(pool: str, name: str, loan: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": name,
        "tape": TAPE,
        "item": "balance",
        "reported": "207.10",
        "derived": "217.45",
        "owner": "fenqile",
    }
    if loan is not None:
        data |= {"loan": loan, "claim": "c1", "currency": "CNY", "difference": "-10.35"}
    return book.event("break.opened", f"pool:{pool}", data, id=f"break-{name}")


def test_breaks_and_seals_are_told_when_they_are_published(any_office: Office) -> None:
    office = any_office
    office.pools()
    office.add("bank-a")
    office.ledger.append([break_opened("A", "b-1", "L0"), break_opened("B", "b-2")], party="fenqile")
    office.run()
    assert told(office) == []  # nothing can be proved of them yet
    office.ledger.publish()
    office.run()
    assert told(office) == [("break.opened", "b-1")]
    data = office.bodies[0]["data"]
    assert data.pop("index") == office.ledger.state_of("break-b-1")["index"]
    assert data.pop("digest") == office.ledger.state_of("break-b-1")["digest"]
    assert data == {
        "pool": "A", "party": "fenqile", "name": "b-1", "loan": "L0", "claim": "c1", "item": "balance",
        "currency": "CNY", "difference": "-10.35", "owner": "fenqile", "tape": TAPE,
    }  # fmt: skip
    seal = office.ledger.seal_pool("A", party="fenqile", as_of="2026-11-20")
    office.ledger.seal_pool("B", party="fenqile", as_of="2026-11-20")
    office.ledger.publish()
    office.run()
    sealed = office.bodies[-1]
    assert sealed["type"] == "pool.sealed"
    assert (sealed["data"]["pool"], sealed["data"]["seal"]) == ("A", seal.header.seal.hex())
    assert (sealed["data"]["count"], sealed["data"]["as_of"]) == (1, "2026-11-20")
    assert len(office.bodies) == 2  # of pool B bank-a hears nothing


def test_a_great_many_records_are_looked_through_part_by_part(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MOST", 3)
    office.pools()
    office.add("fenqile")
    office.ledger.append(
        [one for n in range(4) for one in (*book.loans(1, prefix=f"M{n}-"), break_opened("A", f"b-{n}"))],
        party="fenqile",
    )
    office.ledger.publish()
    for _ in range(8):
        office.run()
    assert sorted(name for _, name in told(office)) == ["b-0", "b-1", "b-2", "b-3"]


def test_an_erased_record_is_passed_over(office: Office) -> None:
    from sqlalchemy import update

    from ledger.store.tables import records

    office.pools()
    office.add("fenqile")
    office.ledger.append([break_opened("A", "b-1"), break_opened("A", "b-2")], party="fenqile")
    office.ledger.publish()
    with office.ledger.store.write() as connection:
        connection.execute(update(records).where(records.c.event_id == "break-b-1").values(record=None))
    office.run()
    assert told(office) == [("break.opened", "b-2")]


def test_looking_reads_no_whole_log(office: Office) -> None:
    """The plan of the query that runs every two seconds."""
    from sqlalchemy import event

    from tests.store.test_plans import WHOLE

    office.pools()
    office.add("fenqile")
    office.run()
    office.ledger.append([break_opened("A", "b-1")], party="fenqile")
    office.ledger.publish()
    statements: dict[str, Any] = {}
    engine = office.ledger.store.engine

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            statements.setdefault(statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    office.run()
    event.remove(engine, "before_cursor_execute", note)
    assert told(office) == [("break.opened", "b-1")]
    with engine.connect() as connection:
        for statement, parameters in statements.items():
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)
            steps = [row[3] for row in plan]
            assert not [step for step in steps if WHOLE.search(step)], (statement, steps)
