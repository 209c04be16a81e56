"""A small log whose files are exchanged: loans L0 to L3, of which bank-a has 70 % and fenqile the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.log import Ledger
from tests import book
from tests.exchange.running import Desk

PLAN = """\
since = 2026-11-20
due = "T+1 06:00"

[[file]]
party = "fenqile"
name = "repayments"
mapping = "repayments"

[[file]]
party = "bank-a"
name = "close"
days = "optional"
"""

MAPPING = """\
[[event]]
type = "repayment.received"
id = "pay:{number}"
subject = "loan:{loan}"
effective = { column = "day", date = "YYYYMMDD" }
currency = "CNY"
[event.data]
currency = "CNY"
amount = { column = "fen", money = "fen" }
payer = "obligor"
[event.data.applied]
principal = { column = "fen", money = "fen" }
"""


def loans() -> list[dict[str, Any]]:
    """Loans L0 to L3, of which bank-a has 70 % and fenqile the rest."""
    return [
        one
        for n in range(4)
        for one in (
            book.originated(f"L{n}", shares=(700_000, 300_000)),
            book.disbursed(f"L{n}", claims=("c1", "c2")),
        )
    ]


def desk_of(folder: Path, ledger: Ledger) -> Desk:
    """The exchange of a log, with nothing sent yet; it is the morning of 23 November, before six."""
    (folder / "mappings").mkdir(parents=True)
    (folder / "exchange.toml").write_text(PLAN, encoding="utf-8")
    (folder / "mappings" / "repayments.toml").write_text(MAPPING, encoding="utf-8")
    ledger.append(loans(), party="fenqile")
    return Desk(folder, ledger)


@pytest.fixture
def desk(tmp_path: Path, sqlite_ledger: Ledger) -> Desk:
    """On SQLite."""
    return desk_of(tmp_path / "files", sqlite_ledger)
