"""A small book of loans, written the way a platform writes it: events for tests that need some."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

CURRENCY = "CNY"
Event = dict[str, Any]


def event(
    kind: str, subject: str, data: dict[str, Any], *, id: str, effective: str = "2026-11-01", **more: Any
) -> Event:
    """One submission."""
    return {"id": id, "type": kind, "subject": subject, "effective": effective, "data": data, **more}


def asset_key(loan: str, claim: str = "c1") -> str:
    """The asset key that both banks would compute for the claim."""
    return hashlib.sha256(f"{loan}/{claim}".encode()).hexdigest()


def originated(loan: str, *, shares: tuple[int, ...] = (1_000_000,), **more: Any) -> Event:
    """A loan of 1,200.00 in twelve instalments, with a claim c1, c2, … for each share."""
    claims = [
        {"claim": f"c{n}", "creditor": f"bank-{'abc'[n - 1]}", "share": share}
        for n, share in enumerate(shares, 1)
    ]
    data = {
        "principal": "1200.00", "currency": CURRENCY, "annual_rate": "0.12", "amortisation": "annuity",
        "instalments": 12, "claims": claims,
    }  # fmt: skip
    if len(shares) > 1:
        data["remainder"] = "c1"
    return event("loan.originated", f"loan:{loan}", data, id=f"{loan}.originated", **more)


def disbursed(loan: str, *, claims: tuple[str, ...] = ("c1",), **more: Any) -> Event:
    """The payout, with an asset key for each claim."""
    keys = [{"claim": claim, "asset_key": asset_key(loan, claim)} for claim in claims]
    data = {"currency": CURRENCY, "amount": "1200.00", "asset_keys": keys}
    return event("loan.disbursed", f"loan:{loan}", data, id=f"{loan}.disbursed", **more)


def repaid(loan: str, number: int, **more: Any) -> Event:
    """An instalment of 106.62, paid by the borrower."""
    applied = {"principal": "94.62", "interest": "12.00"}
    data = {
        "currency": CURRENCY, "amount": "106.62", "applied": applied, "payer": "obligor", "instalment": number,
    }  # fmt: skip
    return event("repayment.received", f"loan:{loan}", data, id=f"{loan}.repaid.{number}", **more)


def pool_created(pool: str, *, version: int = 1, **more: Any) -> Event:
    """A pool with rules that ask for nothing."""
    return event(
        "pool.created", f"pool:{pool}", {"rules": {"version": version}}, id=f"{pool}.rules.{version}", **more
    )


def pledged(
    pool: str, holder: str, *claims: tuple[str, str, int], id: str, kind: str = "claim.pledged", **more: Any
) -> Event:
    """Shares (loan, claim, ppm) pledged to a holder."""
    items = [{"loan": loan, "claim": claim, "share": share} for loan, claim, share in claims]
    return event(kind, f"pool:{pool}", {"holder": holder, "claims": items}, id=id, **more)


def loans(count: int, *, repayments: int = 1, prefix: str = "L") -> Iterator[Event]:
    """``count`` loans with their payout and some repayments."""
    for n in range(count):
        loan = f"{prefix}{n}"
        yield originated(loan, private={"name": f"王小明{n}", "score": 600 + n % 200})
        yield disbursed(loan)
        for number in range(1, repayments + 1):
            yield repaid(loan, number)
