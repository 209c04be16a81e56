"""Loans to examine, written as events; and the mark that says which finding a test provokes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from ledger.audit.checks.case import Case, Move, PoolClaim
from ledger.audit.findings import Finding
from ledger.audit.rules import PoolRules
from ledger.domain import record
from ledger.domain.events import read_submission
from ledger.domain.fold import Indexed, unsuperseded

ORIGIN = "fenqile.example/consumer-2026"
SECRET = bytes(32)
POSTED = "2026-12-31T00:00:00.000000Z"

#: 1,200.00 over twelve months at 12 %, level instalments of 106.62 due on the fifth.
TERMS: dict[str, Any] = {
    "currency": "CNY", "principal": "1200.00", "annual_rate": "0.12", "day_count": "1/12", "amortisation": "annuity",
    "instalments": 12, "first_due": "2026-02-05", "due_day": 5, "rounding": "half_up", "residual": "last",
    "claims": [{"claim": "1", "creditor": "bank", "share": 1_000_000}],
}  # fmt: skip

Event = tuple[str, str, dict[str, Any]]


def originated(effective: str = "2026-01-05", **terms: Any) -> Event:
    """A loan; a member that is None is left out."""
    data = {name: value for name, value in {**TERMS, **terms}.items() if value is not None}
    return "loan.originated", effective, data


def disbursed(effective: str = "2026-01-05", amount: str = "1200.00", **data: Any) -> Event:
    return "loan.disbursed", effective, {"currency": "CNY", "amount": amount, **data}


def repaid(
    effective: str, number: int | None, principal: str, interest: str, *, payer: str = "obligor", **data: Any
) -> Event:
    """A payment whose amount is the sum of its parts, unless ``amount`` says otherwise."""
    cents = sum(round(float(text) * 100) for text in (principal, interest))
    amount = data.pop("amount", f"{cents // 100}.{cents % 100:02d}")
    applied = {"principal": principal, "interest": interest, **data.pop("applied", {})}
    return "repayment.received", effective, {
        "currency": "CNY", "amount": amount, "applied": applied, "payer": payer, "instalment": number, **data,
    }  # fmt: skip


def reported(effective: str, **data: Any) -> Event:
    return "balance.reported", effective, {"tape": "ab" * 32, "place": "line 1", "currency": "CNY", **data}


def records(*events: Event, loan: str = "L1") -> list[Indexed]:
    """The loan's records in the order given, at indexes 10, 11, …; an event may name its own ``id`` and ``party``."""
    made: list[Indexed] = []
    head: bytes | None = None
    for seq, (kind, effective, data) in enumerate(events):
        fields = dict(data)
        submission = read_submission(
            {
                "id": fields.pop("id", f"e{seq}"), "type": kind, "subject": f"loan:{loan}", "effective": effective,
                "party": fields.pop("party", "fenqile"), "data": fields,
            }
        )  # fmt: skip
        draft = record.build(ORIGIN, submission, seq=seq, prev=head, posted=POSTED, secret=SECRET)
        head = draft.digest
        made.append((10 + seq, record.parse(draft.record)))
    return made


def case(
    *events: Event, as_of: str = "2026-12-31", rules: dict[str, Any] | None = None, loan: str = "L1"
) -> Case:
    """The loan before the checks; the pool holds all of its claims since the first day."""
    all_records = records(*events, loan=loan)
    day = date.fromisoformat(as_of)
    held = unsuperseded(all_records, until=day)
    claims = [
        PoolClaim(one["claim"], one["claim"].encode().rjust(32), one["creditor"], one["share"], True,
                  (Move(1, 1, "fund", 1_000_000),))
        for one in events[0][2]["claims"]
    ]  # fmt: skip
    return Case(loan, all_records, held, claims, as_of=day, rules=PoolRules.of(rules or {"version": 1}))


def found(check: Callable[[Case], None], one: Case) -> list[Finding]:
    """What a check finds."""
    check(one)
    return one.notes.findings


def codes(findings: Iterable[Finding]) -> list[str]:
    return sorted(one.code for one in findings)


def provokes(code: str) -> Callable[[Callable[..., Sequence[Finding]]], Callable[..., None]]:
    """Mark a test that returns findings: this code must be among them, in words that its facts fill."""

    def mark(test: Callable[..., Sequence[Finding]]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            findings = [one for one in test(*args, **kwargs) if one.code == code]
            assert findings, f"{code} was not found"
            for one in findings:
                assert "{" not in one.text() + one.text("zh")

        return run

    return mark
