"""One valid event of each type, and a small world to admit them in."""

from __future__ import annotations

import copy
import hashlib
from datetime import date
from typing import Any

from ledger.domain import record, statements
from ledger.domain.admission import Admitted, Book, Party, admit
from ledger.domain.events import EVENTS, Submission, read_submission
from ledger.domain.fold import Indexed
from ledger.proofs.note import Signer

ORIGIN = "fenqile.example/consumer-2026"
TODAY = date(2026, 11, 23)
TAPE = hashlib.sha256(b"tape").hexdigest()


def signer(name: str) -> Signer:
    return Signer.from_seed(name, hashlib.sha256(name.encode()).digest())


BANK = signer("bank.example/party")
FUND = signer("fund.example/party")
CLEARING = signer("clearing.example/party")
SURETY = signer("surety.example/party")

PARTIES = {
    "fenqile": Party("fenqile", frozenset({"originator", "servicer"})),
    "bank": Party("bank", frozenset({"funding_partner"}), (BANK.verifier.vkey,)),
    "fund": Party("fund", frozenset({"investor"}), (FUND.verifier.vkey,)),
    "auditor": Party("auditor", frozenset({"auditor"})),
    "clearing": Party("clearing", frozenset({"account_bank"}), (CLEARING.verifier.vkey,)),
    "surety": Party("surety", frozenset({"guarantor"}), (SURETY.verifier.vkey,)),
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
    "loan.cancelled": {"reason": "cooling_off"},
    "loan.refunded": {
        "currency": "CNY", "amount": "100.00", "applied": {"principal": "100.00"}, "source": "merchant",
    },
    "schedule.changed": {
        "currency": "CNY", "first": 2, "reason": "extension",
        "instalments": [{"due": "2026-09-05", "principal": "1105.00", "interest": "9.82"}],
    },
    "amount.waived": {
        "currency": "CNY", "waived": {"interest": "2.10"}, "instalment": 1, "reason": "goodwill",
    },
    "fee.charged": {
        "currency": "CNY", "amount": "5.00", "component": "penalty", "name": "late fee", "payee": "fenqile",
    },
    "loan.reinstated": {"currency": "CNY", "amount": "100.00", "reason": "cured"},
    "loan.prepaid": {
        "currency": "CNY", "amount": "205.00", "applied": {"principal": "200.00", "fee": "5.00"},
        "effect": "shorter_term", "payer": "obligor",
    },
    "guarantor.compensated": {
        "currency": "CNY", "amount": "70.00", "claims": [{"claim": "a", "applied": {"principal": "70.00"}}],
        "covers": "instalments", "instalments": [1],
    },
    "claim.bought_back": {
        "claim": "a", "buyer": "fenqile", "currency": "CNY", "price": "840.00", "reason": "delinquent",
    },
    "cash.settled": {
        "currency": "CNY", "value_date": "2026-06-30", "amount": "106.50", "charges": "0.60",
        "statement": "ST-0630", "covered": {"before": 9, "count": 1, "sum": "107.10", "root": TAPE},
    },
    "repayment.confirmed": {
        "repayment": TAPE, "currency": "CNY", "amount": "107.10", "value_date": "2026-06-30",
    },
    "remittance.made": {
        "holder": "bank", "currency": "CNY", "first": "2026-06-01", "last": "2026-06-30",
        "collected": "74.97", "items": [{"name": "servicing_fee", "amount": "0.97"}], "amount": "74.00",
    },
    "pool.sealed": {
        "currency": "CNY", "size": 12, "as_of": "2026-06-30", "root": TAPE, "count": 1,
        "receivable": "773.50", "credit": "0.00", "rules_version": 1, "restates": None,
        "seal": "cab1c3a4abf511700e4b5dbb909a5d6b545b3110e888d371b60036b2e491724e",
    },
    "pool.closed": {"reason": "repaid"},
    "servicing.transferred": {"old": "fenqile", "new": "bank"},
    "transfer.settled": {
        "agreement": "T-1", "currency": "CNY", "count": 1, "principal": "840.00", "price": "840.00", "root": TAPE,
    },
    "claim.repurchased": {"claims": [{"loan": "L1", "claim": "a"}], "reason": "delinquent"},
    "claim.substituted": {
        "claims": [{"loan": "L1", "claim": "a"}], "replacements": [{"loan": "L2", "claim": "a"}],
        "reason": "ineligible",
    },
    "tape.received": {"tape": TAPE, "form": "csv", "cut_off": "2026-06", "records": 1},
    "break.opened": {
        "name": "b1", "tape": TAPE, "loan": "L1", "item": "balance", "reported": "900.00", "derived": "895.00",
        "currency": "CNY", "difference": "5.00", "owner": "fenqile",
    },
    "break.closed": {"name": "b1", "resolution": "timing", "explanation": "paid on the last evening"},
    "correction.made": {
        "record": TAPE, "type": "fee.charged", "reason": "keyed in wrongly", "approved_by": "head of operations",
        "replacement": {
            "currency": "CNY", "amount": "0.50", "component": "penalty", "name": "late fee", "payee": "fenqile",
        },
    },
    "subject.erased": {
        "subject": "loan:L1", "records": [[0, TAPE]], "ended": "2026-06-30", "status": "settled",
        "currency": "CNY", "basis": "retention_ended",
        "claims": [{"claim": "a", "share": 1_000_000, "asset_key": TAPE, "principal": "0.00"}],
    },
    "day.closed": {
        "date": "2026-06-30", "before": 9,
        "lines": [
            {"type": "repayment.received", "holder": None, "currency": "CNY", "count": 1, "sum": "107.10"}
        ],
    },
}  # fmt: skip

SIGNERS = {"bank": BANK, "fund": FUND, "clearing": CLEARING, "surety": SURETY}
#: Who posts an example, where it is not the platform.
POSTERS = {
    "claim.released": "bank", "cash.settled": "clearing", "repayment.confirmed": "clearing",
    "guarantor.compensated": "surety",
}  # fmt: skip
_SUBJECTS = {"loan": "loan:L1", "pool": "pool:P", "account": "account:A1", "log": "log"}


def raw(kind: str, **changes: Any) -> dict[str, Any]:
    """A valid submission of this type as plain values; ``data=`` updates its data, a None there removes a member."""
    subject = _SUBJECTS[EVENTS[kind].subject]
    party = POSTERS.get(kind, "fenqile")
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


def signed(kind: str, **changes: Any) -> Submission:
    """The example, with its party's signature where it has a key."""
    one = submission(kind, **changes)
    return statements.sign_submission(SIGNERS[one.party], ORIGIN, one) if one.party in SIGNERS else one


class World:
    """A book that admits events one after another, each at the next index, and keeps their records."""

    def __init__(self) -> None:
        self.records: dict[str, list[Indexed]] = {}
        records = self.records
        self.book = Book(ORIGIN, dict(PARTIES), history=lambda subject: records.get(subject, ()))
        self.index = 0

    def admit(self, item: Submission | str, *, today: date = TODAY, **changes: Any) -> Admitted | None:
        one = submission(item, **changes) if isinstance(item, str) else item
        result = admit(one, self.book, today=today, index=self.index)
        chain = self.records.setdefault(one.subject, [])
        prev = chain[-1][1].digest if chain else None
        draft = record.build(
            ORIGIN, one, seq=len(chain), prev=prev, posted="2026-11-22T16:00:00.000000Z", secret=bytes(32)
        )
        chain.append((self.index, record.parse(draft.record)))
        self.index += 1
        return result

    def digest(self, id: str, subject: str = "loan:L1") -> str:
        """The digest of a record, in hex, as a correction names it."""
        return next(one.digest.hex() for _, one in self.records[subject] if one.id == id)

    def correct(self, id: str, data: dict[str, Any] | None, **changes: Any) -> Admitted | None:
        """Correct the record of this event: give it other data, or None to make it void."""
        one = next(one for chain in self.records.values() for _, one in chain if one.id == id)
        members = {"record": one.digest.hex(), "type": one.type, "replacement": data}
        envelope = {"subject": one.subject, "party": one.party, "id": f"c{self.index}", **changes}
        value = raw("correction.made", **envelope)
        value["data"].update(members)
        return self.admit(read_submission(value))

    def with_loan(self, name: str = "L1", *, keys: dict[str, str] | None = None) -> World:
        """An active loan of two claims, "a" 70 % and "b" 30 %."""
        self.admit("loan.originated", subject=f"loan:{name}")
        data = {"asset_keys": [{"claim": claim, "asset_key": key} for claim, key in (keys or {}).items()]}
        self.admit("loan.disbursed", subject=f"loan:{name}", data=data)
        return self

    def with_pool(self, name: str = "P") -> World:
        self.admit("pool.created", subject=f"pool:{name}")
        return self
