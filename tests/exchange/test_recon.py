"""Whose an event is: holders when the day began, the creditor of that morning, and what is in no sum."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ledger.exchange import daybook, recon, replies
from ledger.exchange.daybook import DayBook
from ledger.log import Ledger
from ledger.store import logs
from tests import book
from tests.exchange.running import FRIDAY, SATURDAY, SUNDAY, Desk, payments, send_payments

ROOT = Path(__file__).parents[2]


def read(ledger: Ledger, day: date, *, before: int | None = None) -> DayBook:
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        return daybook.read(connection, log, [day], before=log.size if before is None else before)[day]


def parts(found: DayBook) -> dict[tuple[str, str, str, str], str]:
    """(event, party, claim, pool) → amount in fen."""
    return {(one.id, one.party, one.claim, one.pool): f"{one.amount / 10**6:.0f}" for one in found.flows}


def paid(loan: str, day: date, number: int = 1) -> dict[str, Any]:
    return book.repaid(loan, number, effective=day.isoformat())


def pledged(pool: str, holder: str, share: int, day: date, id: str) -> dict[str, Any]:
    return book.pledged(pool, holder, ("L0", "c2", share), id=id) | {"effective": day.isoformat()}


def test_a_share_pledged_today_takes_its_payments_along_from_tomorrow(desk: Desk) -> None:
    desk.ledger.append(
        [
            book.pool_created("P"), book.pool_created("Q"),
            pledged("P", "bank-b", 250_000, FRIDAY, "p1"), paid("L0", FRIDAY),
            pledged("Q", "bank-c", 500_000, SATURDAY, "q1"), paid("L0", SATURDAY, 2), paid("L0", SUNDAY, 3),
        ],
        party="fenqile",
    )  # fmt: skip
    # 106.62: 94.62 of principal, 12.00 of interest; c2 has 28.38 + 3.60 = 31.98.
    assert parts(read(desk.ledger, FRIDAY)) == {
        ("L0.repaid.1", "bank-a", "c1", ""): "7464", ("L0.repaid.1", "bank-b", "c2", ""): "3198",
    }  # fmt: skip
    assert parts(read(desk.ledger, SATURDAY)) == {
        ("L0.repaid.2", "bank-a", "c1", ""): "7464",
        ("L0.repaid.2", "bank-b", "c2", "P"): "799",
        ("L0.repaid.2", "bank-b", "c2", ""): "2399",
    }
    assert parts(read(desk.ledger, SUNDAY)) == {
        ("L0.repaid.3", "bank-a", "c1", ""): "7464",
        ("L0.repaid.3", "bank-b", "c2", "P"): "799",
        ("L0.repaid.3", "bank-c", "c2", "Q"): "1599",
        ("L0.repaid.3", "bank-b", "c2", ""): "800",
    }


def test_a_claim_bought_back_is_its_old_creditor_s_until_the_evening(desk: Desk) -> None:
    bought = {"claim": "c1", "buyer": "fenqile", "currency": "CNY", "price": "700.00", "reason": "delinquent"}
    desk.ledger.append(
        [
            paid("L0", FRIDAY),
            book.event("claim.bought_back", "loan:L0", bought, id="b1", effective="2026-11-21"),
            paid("L0", SATURDAY, 2),
            paid("L0", SUNDAY, 3),
        ],
        party="fenqile",
    )
    of = {day: {one.id: one.party for one in read(desk.ledger, day).flows if one.claim == "c1"}
          for day in (FRIDAY, SATURDAY, SUNDAY)}  # fmt: skip
    assert of == {
        FRIDAY: {"L0.repaid.1": "bank-a"},
        SATURDAY: {"L0.repaid.2": "bank-a", "b1": "bank-a"},
        SUNDAY: {"L0.repaid.3": "fenqile"},
    }


def test_a_month_is_no_date_a_fee_is_nobody_s_part_and_a_correction_is_in_no_sum(desk: Desk) -> None:
    fee = {"currency": "CNY", "amount": "5.00", "component": "fee", "name": "late", "payee": "fenqile"}
    one = paid("L0", FRIDAY)
    [accepted] = desk.ledger.append([one], party="fenqile").accepted
    correction = {
        "record": accepted.digest.hex(), "type": "repayment.received", "reason": "typing error",
        "replacement": one["data"] | {"amount": "100.00"}, "approved_by": "operations",
    }  # fmt: skip
    total = book.repaid("L1", 1, effective="2026-10") | {"id": "month"}
    total["data"] |= {"aggregate": True}
    desk.ledger.append(
        [
            book.event("fee.charged", "loan:L0", fee, id="f1", effective="2026-11-20"),
            book.event("correction.made", "loan:L0", correction, id="k1", effective="2026-11-20"),
            total,
        ],
        party="fenqile",
    )
    found = read(desk.ledger, FRIDAY)
    assert [(one.type, one.amount) for one in found.records] == [("repayment.received", 10_662 * 10**6)]
    assert [(line["holder"], line["sum"]) for line in found.lines()] == [
        (None, "106.62"), ("bank-a", "74.64"), ("bank-b", "31.98"),
    ]  # fmt: skip
    with desk.ledger.store.read() as connection:
        log = logs.get(connection, desk.ledger.origin)
        assert daybook.touched(connection, log, 0, log.size) == {"2026-11-01": 4, "2026-11-20": 2}


def test_the_file_has_what_a_bank_books_by(desk: Desk) -> None:
    desk.ledger.append([paid("L3", FRIDAY)], party="fenqile")
    send_payments(desk, FRIDAY, (1, "L0", 10_001))
    desk.run()
    manifest, rows = desk.recon(FRIDAY, "bank-a")
    columns = ("id", "loan", "claim", "share", "principal", "interest", "amount")
    assert [tuple(one[name] for name in columns) for one in rows] == [
        ("L3.repaid.1", "L3", "c1", "1000000", "66.24", "8.40", "74.64"),
        ("pay:1", "L0", "c1", "1000000", "70.01", "0.00", "70.01"),
    ]
    assert manifest["lines"] == [
        {"type": "repayment.received", "holder": "bank-a", "currency": "CNY", "count": 2, "sum": "144.65"}
    ]
    _, none = desk.recon(FRIDAY, "bank-c")
    assert none == []


def test_it_is_made_again_when_records_of_the_date_come_later(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_000))
    assert desk.run().told == [FRIDAY]
    send_payments(desk, SATURDAY)
    assert desk.run().told == [SATURDAY]
    late = payments(FRIDAY, (2, "L1", 5_000))
    desk.send(SATURDAY, "fenqile", "repayments.2", late, mapping="repayments")
    assert desk.run().told == [FRIDAY]
    assert [one["id"] for one in desk.recon(FRIDAY, "bank-a")[1]] == ["pay:1", "pay:2"]
    (desk.folder / "out" / "bank-b" / "2026-11-20" / "recon.ok").unlink()
    assert desk.run().told == [FRIDAY], "what is lost is made again"


def test_the_columns_are_those_that_the_documentation_promises() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").splitlines()
    assert ",".join(recon.COLUMNS) in page
    assert ",".join(replies.COLUMNS) in page


def test_what_a_correction_changes_is_told_beside_the_sums(desk: Desk) -> None:
    one, other = paid("L0", FRIDAY), paid("L1", FRIDAY)
    first, second = desk.ledger.append([one, other], party="fenqile").accepted
    less = one["data"] | {"amount": "96.62", "applied": {"principal": "84.62", "interest": "12.00"}}

    def corrected(of: str, replacement: dict[str, Any] | None, id: str, day: date) -> dict[str, Any]:
        data = {
            "record": of, "type": "repayment.received", "reason": "typing error", "replacement": replacement,
            "approved_by": "operations",
        }  # fmt: skip
        loan = "loan:L1" if of == second.digest.hex() else "loan:L0"
        return book.event("correction.made", loan, data, id=id, effective=day.isoformat())

    desk.ledger.append(
        [
            corrected(first.digest.hex(), less, "k1", SATURDAY),
            corrected(second.digest.hex(), None, "k2", SATURDAY),
            corrected(first.digest.hex(), one["data"], "k3", SUNDAY),
        ],
        party="fenqile",
    )
    for day in (FRIDAY, SATURDAY, SUNDAY):
        send_payments(desk, day)
    desk.run()
    told = {
        day: [
            (row["id"], row["type"], row["principal"], row["interest"])
            for row in desk.recon(day, "bank-a")[1]
        ]
        for day in (FRIDAY, SATURDAY, SUNDAY)
    }
    kind = "correction.made/repayment.received"
    assert told == {
        FRIDAY: [
            ("L0.repaid.1", "repayment.received", "66.24", "8.40"),
            ("L1.repaid.1", "repayment.received", "66.24", "8.40"),
        ],
        SATURDAY: [("k1", kind, "-7.00", "0.00"), ("k2", kind, "-66.24", "-8.40")],
        SUNDAY: [("k3", kind, "7.00", "0.00")],
    }
    manifest, _ = desk.recon(SATURDAY, "bank-a")
    assert (manifest["corrections"], manifest["lines"]) == (2, [])


def test_it_waits_for_the_files_of_its_date(desk: Desk) -> None:
    desk.ledger.append([paid("L3", FRIDAY)], party="fenqile")
    assert desk.run().told == []
    assert not (desk.folder / "out" / "bank-a").exists()
