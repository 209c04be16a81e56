"""EX-102 files made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

NAMESPACE = "http://www.sec.gov/edgar/document/absee/autoloan/assetdata"

#: A quiet month of a loan: the least a record needs, and a payment that adds up.
QUIET = {
    "assetTypeNumber": "TRUST1",
    "assetNumber": "A1",
    "reportingPeriodBeginningDate": "06-01-2026",
    "reportingPeriodEndingDate": "06-30-2026",
    "reportingPeriodBeginningLoanBalanceAmount": "1000.00000000",
    "reportingPeriodActualEndBalanceAmount": "900.00000000",
    "totalActualAmountPaid": "110.00000000",
    "actualPrincipalCollectedAmount": "100.00000000",
    "actualInterestCollectedAmount": "10.00000000",
    "actualOtherCollectedAmount": "0.00000000",
}

#: What a test changes in the quiet month: None leaves an element out, a list repeats it.
Changes = dict[str, str | list[str] | None]
WriteTape = Callable[..., Path]


def record(changes: Changes) -> str:
    """One ``assets`` element: the quiet month with changes."""
    lines = [
        f"    <{name}>{escape(text)}</{name}>"
        for name, value in {**QUIET, **changes}.items()
        for text in ([value] if isinstance(value, str) else value or [])
    ]
    return "  <assets>\n" + "\n".join(lines) + "\n  </assets>\n"


@pytest.fixture
def write_tape(tmp_path: Path) -> WriteTape:
    """A function that writes an EX-102 file of the records given as changes to a quiet month."""

    def write(*records: Changes, name: str = "tape.xml") -> Path:
        path = tmp_path / name
        body = "".join(map(record, records))
        path.write_text(
            f'<?xml version="1.0"?>\n<assetData xmlns="{NAMESPACE}">\n{body}</assetData>\n', "utf-8"
        )
        return path

    return write
