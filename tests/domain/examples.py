"""One valid event of each type, and a small world to admit them in."""

from __future__ import annotations

import copy
import hashlib
from datetime import date
from typing import Any

from ledger.domain.admission import Admitted, Book, Party, admit
from ledger.domain.events import Submission, read_submission
from ledger.proofs.note import Signer

ORIGIN = "fenqile.example/consumer-2026"
TODAY = date(2026, 11, 23)
TAPE = hashlib.sha256(b"tape").hexdigest()


def signer(name: str) -> Signer:
    return Signer.from_seed(name, hashlib.sha256(name.encode()).digest())


BANK = signer("bank.example/party")
FUND = signer("fund.example/party")

PARTIES = {
    "fenqile": Party("fenqile", frozenset({"originator", "servicer"})),
    "bank": Party("bank", frozenset({"funding_partner"}), (BANK.verifier.vkey,)),
    "fund": Party("fund", frozenset({"investor"}), (FUND.verifier.vkey,)),
    "auditor": Party("auditor", frozenset({"auditor"})),
}

CLAIMS = [
    {"claim": "a", "creditor": "bank", "share": 700_000},
    {"claim": "b", "creditor": "fenqile", "share": 300_000},
]

DATA: dict[str, dict[str, Any]] = {
    "loan.opened": {
        "currency": "CNY", "as_of": "2026-05", "balances": {"principal": "900.00"}, "basis": "asserted",
        "claims": [{"claim": "a", "creditor": "bank", "share": 1_000_000}],
    },
    "loan.originated": {
        "currency": "CNY", "principal": "1200.00", "annual_rate": "0.1066", "amortisation": "annuity",
        "instalments": 12, "claims": CLAIMS, "remainder": "b",
    },
    "loan.disbursed": {"currency": "CNY", "amount": "1200.00"},
    "repayment.received": {
        "currency": "CNY", "amount": "107.10", "applied": {"principal": "95.00", "interest": "12.10"},
        "payer": "obligor", "instalment": 1,
    },
    "repayment.reversed": {
        "currency": "CNY", "repayment": "r1", "amount": "107.10",
        "applied": {"principal": "95.00", "interest": "12.10"}, "reason": "returned",
    },
    "loan.settled": {"reason": "matured"},
    "loan.charged_off": {"currency": "CNY", "amount": "100.00"},
    "recovery.received": {"currency": "CNY", "amount": "5.00"},
    "balance.reported": {
        "currency": "CNY", "tape": TAPE, "place": "assets[3]", "balance": "900.00",
        "elements": [["subvented", "0"], ["subvented", "1"]],
    },
    "pool.created": {"rules": {"version": 1}},
    "claim.pledged": {"holder": "bank", "claims": [{"loan": "L1", "claim": "a"}]},
    "claim.sold": {"holder": "fund", "claims": [{"loan": "L1", "claim": "a", "share": 400_000}]},
    "claim.released": {"claims": [{"loan": "L1", "claim": "a"}]},
}  # fmt: skip


def raw(kind: str, **changes: Any) -> dict[str, Any]:
    """A valid submission of this type as plain values; ``data=`` updates its data, a None there removes a member."""
    subject = "pool:P" if kind.startswith(("pool.", "claim.")) else "loan:L1"
    party = "bank" if kind == "claim.released" else "fenqile"
    result: dict[str, Any] = {
        "id": "e1", "type": kind, "subject": subject, "effective": "2026-06-30", "party": party,
        "data": copy.deepcopy(DATA[kind]),
    }  # fmt: skip
    data = changes.pop("data", {})
    result.update(changes)
    for name, value in data.items():
        result["data"][name] = value
        if value is None:
            del result["data"][name]
    return result


def submission(kind: str, **changes: Any) -> Submission:
    return read_submission(raw(kind, **changes))


class World:
    """A book that admits events one after another, each at the next index."""

    def __init__(self) -> None:
        self.book = Book(ORIGIN, dict(PARTIES))
        self.index = 0

    def admit(self, item: Submission | str, *, today: date = TODAY, **changes: Any) -> Admitted | None:
        one = submission(item, **changes) if isinstance(item, str) else item
        result = admit(one, self.book, today=today, index=self.index)
        self.index += 1
        return result

    def with_loan(self, name: str = "L1", *, keys: dict[str, str] | None = None) -> World:
        """An active loan of two claims, "a" 70 % and "b" 30 %."""
        self.admit("loan.originated", subject=f"loan:{name}")
        data = {"asset_keys": [{"claim": claim, "asset_key": key} for claim, key in (keys or {}).items()]}
        self.admit("loan.disbursed", subject=f"loan:{name}", data=data)
        return self

    def with_pool(self, name: str = "P") -> World:
        self.admit("pool.created", subject=f"pool:{name}")
        return self
