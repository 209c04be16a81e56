"""A pool whose loans have derived positions, and files about it: clean ones, and ones that say something else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger.audit.reconcile import perform as audit
from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import Store, logs
from ledger.tapes import positions
from ledger.tapes.positions import Positions
from ledger.tapes.totals import TotalsFile
from ledger.tapes.totals import read as read_totals
from ledger.vault import Vault
from tests import book
from tests.audit.casework import TERMS
from tests.conftest import TestClock
from tests.databases import sqlite_in

POOL, CUT_OFF = "P", "2026-04-30"
SENDER, SERVICER = "fenqile", "bank-c"

#: A tape as a Chinese core system writes it: GBK, amounts in fen, dates as YYYYMMDD, words for statuses.
MAPPING = """
[file]
encoding = "gbk"
footers = ["合计"]
[[event]]
type = "balance.reported"
id = "bal:{借据号}:{截止日}:{@sha256|short}"
subject = "loan:{借据号}"
effective = { column = "截止日", date = "YYYYMMDD" }
currency = "CNY"
[event.data]
tape = { column = "@sha256" }
place = { template = "line {@line}" }
currency = "CNY"
balance = { column = "余额(分)", money = "fen" }
days_past_due = { column = "逾期天数", integer = true, optional = true }
current_rate = { column = "年利率", rate = "percent", optional = true }
remaining_instalments = { column = "剩余期数", integer = true, optional = true }
status = { column = "状态", map = { "正常" = "active", "结清" = "settled", "M1" = "M1", "M2" = "M2" } }
"""
HEADER = "借据号,截止日,余额(分),状态,逾期天数,年利率,剩余期数"


@dataclass(frozen=True)
class Row:
    """One line of the tape."""

    loan: str
    fen: int
    status: str = "正常"
    days: str = "0"
    rate: str = "12"
    left: str = "9"
    day: str = "20260430"

    def line(self) -> str:
        return f"{self.loan},{self.day},{self.fen},{self.status},{self.days},{self.rate},{self.left}"


#: What the records give at the cut-off: three loans paid on the day, one 25 days late, one settled, one shared.
CLEAN = (
    Row("L0", 91329),
    Row("L1", 91329),
    Row("L2", 91329),
    Row("LATE", 100981, days="25"),
    Row("DONE", 0, status="结清", left="0"),
    Row("JOINT", 91329),
)


def loan(name: str, *, paid: int = 3, shares: tuple[int, ...] = (1_000_000,)) -> Iterator[book.Event]:
    """A loan of 1,200.00 at 12 %, paid out in January and due from February on; ``paid`` instalments are paid."""
    claims = [{"claim": f"c{n}", "creditor": "bank-a", "share": share} for n, share in enumerate(shares, 1)]
    more = {"remainder": "c1"} if len(shares) > 1 else {}
    yield event("loan.originated", name, "2026-01-05", "o", {**TERMS, "claims": claims, **more})
    yield event("loan.disbursed", name, "2026-01-05", "d", {"currency": "CNY", "amount": "1200.00"})
    parts = (("94.62", "12.00"), ("95.57", "11.05"), ("96.52", "10.10"))
    for number, (principal, interest) in enumerate(parts[:paid], 1):
        data = {
            "currency": "CNY", "amount": "106.62", "applied": {"principal": principal, "interest": interest},
            "payer": "obligor", "instalment": number,
        }  # fmt: skip
        yield event("repayment.received", name, f"2026-{number + 1:02d}-05", f"r{number}", data)


def event(kind: str, name: str, day: str, suffix: str, data: dict[str, Any]) -> book.Event:
    return book.event(kind, f"loan:{name}", data, id=f"{name}.{suffix}", effective=day)


def fill(ledger: Ledger, *, tolerances: dict[str, str] | None = None) -> Ledger:
    """The pool with the six loans of :data:`CLEAN` in it, and a seventh outside."""
    rules: dict[str, Any] = {"version": 1} | ({"tolerances": tolerances} if tolerances else {})
    events: list[book.Event] = []
    for name in ("L0", "L1", "L2", "DONE", "OUT"):
        events += loan(name)
    events += loan("LATE", paid=2)
    events += loan("JOINT", shares=(333_333, 666_667))
    waived = {"currency": "CNY", "waived": {"principal": "913.29"}, "reason": "goodwill"}
    events.append(event("amount.waived", "DONE", "2026-04-10", "w", waived))
    events.append(event("loan.settled", "DONE", "2026-04-10", "s", {"reason": "prepaid_or_matured"}))
    pool = {"effective": "2026-01-10", "id": "pool"}
    events.insert(0, book.event("pool.created", f"pool:{POOL}", {"rules": rules}, **pool))
    ledger.append(events[:-1], party="fenqile")
    held = [(name, "c1") for name in ("L0", "L1", "L2", "DONE", "LATE", "JOINT")]
    claims = [{"loan": name, "claim": claim} for name, claim in held]
    pledge = book.event(
        "claim.pledged",
        f"pool:{POOL}",
        {"holder": "bank-a", "claims": claims},
        id="pledge",
        effective="2026-01-10",
    )
    ledger.append([pledge, events[-1]], party="fenqile")
    return ledger


@contextmanager
def shared(folder: Path) -> Iterator[Ledger]:
    """A ledger of its own with the pool in it, for tests that read it together."""
    store = Store(sqlite_in(folder))
    ledger = Ledger.create(
        store,
        "fenqile.example/consumer-2026",
        vault=Vault.create(folder / "kek"),
        service=Signer.from_seed("fenqile.example/service", bytes(32)),
        signer=Signer.from_seed("fenqile.example/consumer-2026", bytes([1]) * 32),
        clock=TestClock(),
    )
    ledger.add_party("fenqile", ["originator", "servicer"])
    ledger.add_party("bank-a", ["funding_partner"])
    yield fill(ledger)
    store.close()


def write(folder: Path, *rows: Row, name: str = "tape.csv", extra: str = "") -> Path:
    """A tape of these rows, with a line at its end that sums up."""
    path = folder / name
    lines = [HEADER, *(row.line() for row in rows), *filter(None, [extra]), f"合计,{len(rows)},,,,,"]
    path.write_bytes("\n".join(lines).encode("gbk") + b"\n")
    (folder / "tape.toml").write_text(MAPPING, encoding="utf-8")
    return path


def changed(loan_name: str, **changes: Any) -> tuple[Row, ...]:
    """The clean tape with one row changed."""
    return tuple(replace(row, **changes) if row.loan == loan_name else row for row in CLEAN)


def without(*names: str) -> tuple[Row, ...]:
    return tuple(row for row in CLEAN if row.loan not in names)


@contextmanager
def opened(path: Path) -> Iterator[Positions | TotalsFile]:
    """A file by its kind: a tape by the mapping beside it, a tape of the SEC's form, totals."""
    if path.name.startswith("totals"):
        yield read_totals(path)
    elif path.suffix == ".xml":
        yield positions.of_ex102(path)
    else:
        yield positions.of_csv(path, path.with_name("tape.toml"))


def run(ledger: Ledger, path: Path, **request: Any) -> Reconciliation:
    """Compare a file with the pool."""
    asked = audit.Request(**{"pool": POOL, "sender": SENDER, "servicer": SERVICER} | request)
    with opened(path) as source, ledger.store.read() as connection:
        return audit.reconcile(connection, logs.get(connection, ledger.origin), source, asked)


def post(ledger: Ledger, result: Reconciliation, party: str = SENDER) -> int:
    """Append what a comparison would post; how many events were new."""
    events = result.events(party)
    ledger.append(events, party=party)
    return len(events)


def shown(result: Reconciliation) -> list[tuple[str | None, str, str | None, str | None]]:
    """What disagrees, without the names."""
    return [(one.what.loan, one.what.item, one.what.reported, one.what.derived) for one in result.found]
