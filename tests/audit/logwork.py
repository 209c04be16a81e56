"""Many subjects of one log, in the order of their indexes; for a single loan there is ``casework``."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.audit.checks.case import Case, Move, PoolClaim
from ledger.audit.rules import PoolRules
from ledger.domain import record
from ledger.domain.events import read_submission
from ledger.domain.fold import Indexed, unsuperseded
from ledger.domain.record import Record

ORIGIN = "fenqile.example/consumer-2026"
POSTED = "2026-12-31T16:00:00.000000Z"
AS_OF = date(2026, 12, 31)
WHOLE = 1_000_000


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


class Records:
    """Records of many subjects in the order of one log."""

    def __init__(self) -> None:
        self.all: list[Indexed] = []
        self._of: dict[str, list[Indexed]] = {}

    def of(self, subject: str) -> list[Indexed]:
        return self._of.get(subject, [])

    def post(
        self, kind: str, subject: str, data: dict[str, Any], *, effective: str = "2026-03-01", id: str = "",
        party: str = "fenqile", posted: str = POSTED,
    ) -> Record:  # fmt: skip
        value = {
            "id": id or f"e{len(self.all)}", "type": kind, "subject": subject, "effective": effective,
            "party": party, "data": data,
        }  # fmt: skip
        chain = self._of.setdefault(subject, [])
        draft = record.build(
            ORIGIN, read_submission(value), seq=len(chain), prev=chain[-1][1].digest if chain else None,
            posted=posted, secret=bytes(32),
        )  # fmt: skip
        one = record.parse(draft.record)
        chain.append((len(self.all), one))
        self.all.append((len(self.all), one))
        return one

    def loan(
        self, name: str, *, shares: tuple[int, ...] = (WHOLE,), remainder: int = 0, paid_out: str = "2026-03-01",
        amount: str = "1200.00", payout: dict[str, Any] | None = None, **terms: Any,
    ) -> str:  # fmt: skip
        """A loan that is paid out; its claims are c0, c1, …"""
        claims = [
            {"claim": f"c{n}", "creditor": f"bank-{n}", "share": share} for n, share in enumerate(shares)
        ]
        data: dict[str, Any] = {
            "currency": "CNY", "principal": amount, "annual_rate": "0.12", "amortisation": "annuity",
            "instalments": 12, "claims": claims,
        }  # fmt: skip
        if len(shares) > 1:
            data["remainder"] = f"c{remainder}"
        subject = f"loan:{name}"
        self.post("loan.originated", subject, data | terms, effective=paid_out)
        paid = {"currency": "CNY", "amount": amount, "value_date": paid_out} | (payout or {})
        self.post("loan.disbursed", subject, paid, effective=paid_out)
        return subject

    def pay(
        self, subject: str, on: str, *, amount: str = "107.00", kind: str = "repayment.received", **more: Any
    ) -> Record:
        """A payment of principal but for 7.00 of interest, unless ``applied`` says otherwise."""
        whole, fen = amount.split(".")
        applied = (
            {"principal": f"{int(whole) - 7}.{fen}", "interest": "7.00"}
            if int(whole) >= 7
            else {"interest": amount}
        )
        posted = {name: more.pop(name) for name in ("id", "party", "posted", "effective") if name in more}
        data = {"currency": "CNY", "amount": amount, "applied": applied, "value_date": on}
        data |= {
            "repayment.received": {"payer": "obligor"}, "loan.prepaid": {"payer": "obligor", "effect": "settle"},
            "loan.refunded": {"source": "merchant"}, "repayment.reversed": {"repayment": "r1", "reason": "returned"},
        }[kind]  # fmt: skip
        data = {name: value for name, value in (data | more).items() if value is not None}
        return self.post(kind, subject, data, **({"effective": on} | posted))

    def correct(
        self, subject: str, original: Record, replacement: dict[str, Any] | None, **more: Any
    ) -> Record:
        data = {
            "record": original.digest.hex(), "type": original.type, "replacement": replacement, "reason": "typing",
            "approved_by": "operations",
        }  # fmt: skip
        return self.post("correction.made", subject, data, **more)

    def case(
        self, subject: str, *claims: PoolClaim, as_of: date = AS_OF, rules: PoolRules | None = None
    ) -> Case:
        records = self.of(subject)
        return Case(
            subject.removeprefix("loan:"), records, unsuperseded(records, until=as_of), claims or (claim(),),
            as_of=as_of, rules=rules or PoolRules(),
        )  # fmt: skip


def claim(
    name: str = "c0", *moves: tuple[str, int] | tuple[str, int, str], share: int = WHOLE, weak: bool = False
) -> PoolClaim:
    """A claim that the pool holds: ``moves`` are (day, change in ppm, holder), by default the whole from March 2 on."""
    made = [
        Move(day(move[0]), n, move[2] if len(move) > 2 else "fund", move[1])
        for n, move in enumerate(moves or (("2026-03-02", WHOLE),))
    ]
    return PoolClaim(name, name.encode().ljust(32), f"bank-{name[1:]}", share, weak, tuple(made))
