"""Records that the ledger does not let in, as the log's owner could write them past it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ledger.audit.checks import admitted
from ledger.audit.findings import Finding
from ledger.audit.render.words import sentence
from tests.audit.casework import case, disbursed, found, originated, provokes, records, repaid

LOAN = (originated(), disbursed())
PAID = repaid("2026-02-05", 1, "94.62", "12.00")


def correction(of: int, *before: Any, **changes: Any) -> Any:
    """By the party that posted the record unless ``changes`` say otherwise."""
    kind, _, data = before[of]
    told = {
        "record": records(*before)[of][1].digest.hex(), "type": kind, "replacement": data, "reason": "wrong",
        "approved_by": "x",
    }  # fmt: skip
    return "correction.made", "2026-02-09", {**told, **changes}


@provokes("record.currency_differs")
def test_an_event_in_another_currency_than_the_loans() -> Sequence[Finding]:
    """A hundred dollars would be folded as a hundred yuan."""
    kind, day, data = PAID
    (finding,) = findings = found(admitted.check, case(*LOAN, (kind, day, {**data, "currency": "USD"})))
    assert finding.facts == {"type": "repayment.received", "told": "USD", "currency": "CNY"}
    assert [one.index for one in finding.evidence] == [12]
    return findings


@provokes("correction.refused")
def test_a_correction_by_another_party() -> Sequence[Finding]:
    theirs = correction(2, *LOAN, PAID, party="bank-a")
    (finding,) = findings = found(admitted.check, case(*LOAN, PAID, theirs))
    assert (finding.facts["party"], finding.facts["type"]) == ("bank-a", "repayment.received")
    assert "was posted by fenqile, who alone may correct it" in str(finding.facts["reason"])
    assert [one.index for one in finding.evidence] == [13]
    return findings


@pytest.mark.parametrize(
    ("of", "changes", "why"),
    [
        (2, {"type": "recovery.received", "replacement": None}, "the type stays"),
        (2, {"replacement": {**PAID[2], "currency": "USD"}}, "never changes currency"),
        (2, {"record": "ab" * 32}, "has no record with the digest"),
        (
            0,
            {
                "replacement": {
                    **LOAN[0][2], "claims": [{"claim": "1", "creditor": "other", "share": 1_000_000}]
                }
            },
            "never changes claims",
        ),
    ],
)  # fmt: skip
def test_what_a_correction_may_not_do(of: int, changes: dict[str, Any], why: str) -> None:
    (finding,) = found(admitted.check, case(*LOAN, PAID, correction(of, *LOAN, PAID, **changes)))
    assert finding.code == "correction.refused"
    assert why in str(finding.facts["reason"])
    assert sentence(str(finding.facts["reason"]), "zh")[1] == "zh"


def test_what_the_ledger_lets_in() -> None:
    again = correction(2, *LOAN, PAID, replacement=None)
    assert found(admitted.check, case(*LOAN, PAID, correction(2, *LOAN, PAID), again)) == []
