"""EX-102 files made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from ledger.tapes import ex102
from ledger.tapes.model import Reject, Submission, TapeSummary

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


class ReadEx102:
    """Reads a tape to its end for an empty ledger, unless ``known`` says otherwise."""

    def __call__(self, path: Path, **options: Any) -> tuple[list[Submission], list[Reject], TapeSummary]:
        tape = ex102.read(path, **{"party": "servicer", "known": set[str]().intersection, **options})
        items = list(tape)
        submissions = [item for item in items if not isinstance(item, Reject)]
        return submissions, [item for item in items if isinstance(item, Reject)], tape.summary

    @staticmethod
    def of(submissions: list[Submission], kind: str) -> list[Submission]:
        """Those of one type."""
        return [submission for submission in submissions if submission["type"] == kind]

    def one(self, submissions: list[Submission], kind: str) -> Submission:
        """The only one of a type."""
        (found,) = self.of(submissions, kind)
        return found

    @staticmethod
    def flags(summary: TapeSummary) -> dict[str, int]:
        """How often each field is flagged."""
        return {flag.field: flag.count for flag in summary.flags.values()}


@pytest.fixture
def read() -> ReadEx102:
    """A reader of EX-102 files."""
    return ReadEx102()
