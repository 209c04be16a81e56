"""Fabricated reports of every length and severity."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from string import Formatter
from typing import Any

from ledger.audit.catalogue import CATALOGUE, PROCEDURES
from ledger.audit.findings import Evidence, Finding, Procedure
from ledger.audit.report import AuditReport, Basis

HOSTILE = '<script>alert(1)</script>"\'&amp;{{ 7*7 }}#eval("1")$x$\u202edlrow'
LONG = "SDART-2026-1-" + "x" * 150


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


BASIS = Basis(
    origin="sdart.example/2026-1",
    size=1_234_568,
    root=digest("root"),
    register_root=digest("register"),
    as_of="2026-07-31",
    fingerprint=digest("trust"),
    level="final",
    grade="consortium",
    contract="0x5fbdb2315678afecb367f032d93f642f64180aa3",
    chain_id=31337,
    anchored_at="2026-08-01T00:12:07Z",
    steps=(
        "checkpoint: the log published this root and answers for it",
        "anchor: the contract holds this root: it cannot be rewritten unseen",
        "a step of tomorrow, in no list of translations",
    ),
    not_checked=(
        "that what is recorded is true: shown is who stated it, when, and that it is unchanged",
        "events kept off this log, and claims under another asset key or on another origin's log",
        "that those who sign are independent of each other",
        (
            f"where the trust root came from: compare its fingerprint {digest('trust')} with your agreement and "
            "with the contract"
        ),
        "the chain is a consortium's: enough of its members together can rewrite it",
    ),
)
NUMBERS: dict[str, int | str] = {
    "claims": 48_211, "loans": 48_190, "left": 1_306, "records": 1_102_344, "unsigned": 3_118, "corrected": 12,
    "opened": 0, "weak_keys": 2, "erased": 1,
}  # fmt: skip
TOTALS: dict[str, dict[str, Any]] = {
    "CNY": {
        "principal": "183452207.10",
        "credit": "310.00",
        "arrears": "2114870.22",
        "eligible": "171002118.44",
        "opened": "0.00",
        "weak": "4100.00",
        "by_bucket": {"M1": "5210044.10", "M2": "2118230.00", "M3": "814201.55", "M3+": "1022714.00",
                      "current": "174287017.45"},
        "by_status": {"active": "183452207.10", "settled": "0.00"},
    }
}  # fmt: skip


def procedures() -> tuple[Procedure, ...]:
    """Every procedure, with each outcome among them."""
    made = []
    for at, name in enumerate(PROCEDURES):
        one = Procedure(name=name, unit="loans" if at % 3 else "registers")
        if name not in {"concentration", "days"}:
            one.answered(48_190)
        if name == "days_past_due":
            one.undecided("the oldest unpaid due date was not told when the loan was opened", 311)
            one.undecided("a fee names a month and no day", 4)
        if name == "cost":
            one.undecided("there are no flows", 2)
        made.append(one)
    return tuple(made)


def report(*findings: Finding, **changes: Any) -> AuditReport:
    """A report with these findings, counted under their procedures."""
    own = procedures()
    for finding in findings:
        next(one for one in own if one.name == finding.entry.procedure).found(finding)
    values: dict[str, Any] = {
        "pool": "SDART-2026-1",
        "title": "Santander Drive Auto Receivables 2026-1",
        "rules_version": 3,
        "tolerances": {"days_past_due": "1", "tapes_total": "1250.5", "interest": "0.01"},
        "made_by": "poolproof 0.1.0",
        "sees": ("other pools' claims: this reader was given the pool's records and the register's proofs",),
        "basis": BASIS,
        "procedures": own,
        "findings": findings,
        "numbers": NUMBERS,
        "totals": TOTALS,
    }
    return AuditReport(**(values | changes))


#: Facts as audits give them; names that are not here get a plausible word.
_FACTS: dict[str, str | int] = {
    "amount": "210.00", "applied": "217.45", "difference": "-7.45", "currency": "USD", "size": 1_234_568, "seq": 7,
    "reported": "0", "derived": "47", "day": "2026-07-31", "due": "2026-06-14", "payers": "platform",
    "period": "2026-07", "current": "0.0499", "contract": "0.1290", "holder": "fund-a", "others": "fund-b",
    "count": 118, "days": 3, "found": digest("found"), "committed": digest("committed"), "signed": digest("signed"),
    "status": "settled", "first": "2026-05-31", "last": "2026-06-30", "maturity": "2026-11", "as_of": "2026-07-31",
    "type": "repayment.received", "reason": "paid in full",
}  # fmt: skip


def finding(code: str, at: int = 1, **facts: str | int) -> Finding:
    """A finding of this code, its words filled."""
    entry = CATALOGUE[code]
    names = {name for text in (entry.en, entry.zh) for _, name, _, _ in Formatter().parse(text) if name}
    filled = {name: facts.get(name, _FACTS.get(name, name.replace("_", " "))) for name in sorted(names)}
    place = f"{21_884_986 + at}"
    evidence = tuple(Evidence(1000 + 7 * at + one, digest(f"{code}{at}{one}")) for one in range(1 + at % 3))
    return Finding(
        code=code, subject=f"loan:SDART0202600001:{place}", claim="1", facts=filled, evidence=evidence
    )


def clean() -> AuditReport:
    """Nothing found, and nothing undetermined."""
    asked = tuple(replace(one, undetermined=0, reasons={}) for one in procedures())
    return report(procedures=asked)


def eventful() -> AuditReport:
    """Some findings of each severity."""
    codes = (
        *("cash.parts", "dpd.cured_by_others", "pledge.moved_between", "record.altered"),
        *("rate.below_contract", "rate.below_contract", "seal.late", "due.none_within_term"),
        *("life.settled", "life.settled", "life.corrected"),
    )
    return report(*(finding(code, at) for at, code in enumerate(codes, 1)))


def many(count: int = 300) -> AuditReport:
    """Hundreds of findings."""
    codes = list(CATALOGUE)
    return report(*(finding(codes[at % 7 if at % 4 else at % len(codes)], at) for at in range(count)))


def every() -> AuditReport:
    """One finding of each code."""
    return report(*(finding(code, at) for at, code in enumerate(CATALOGUE)))


def hostile() -> AuditReport:
    """Names and facts that want to be markup, or are too long."""
    facts = {"amount": HOSTILE, "applied": LONG, "difference": "*_`#[]<>@\\", "currency": "🀄𠮷\u200b\u2028"}
    one = replace(finding("cash.parts", **facts), subject=f"loan:{HOSTILE}", claim=LONG)
    return report(one, pool=HOSTILE, title=LONG + HOSTILE, made_by=HOSTILE, sees=(HOSTILE, LONG))


def chinese() -> AuditReport:
    """A pool with Chinese names and facts."""
    some = eventful()
    named = finding("dpd.cured_by_others", 12, payers="深圳市喆信融资担保有限公司")
    return report(
        *some.findings,
        named,
        pool="W1",
        title="分期乐 2026 年第一期消费贷款资产池",
        basis=replace(BASIS, origin="fenqile.example/consumer-2026"),
        numbers=NUMBERS,
    )


def bare() -> AuditReport:
    """As little as a report can hold: a log on no chain, no procedure, no figure."""
    basis = replace(BASIS, grade=None, contract=None, chain_id=None, anchored_at=None, level="published")
    basis = replace(basis, steps=(), not_checked=(), size=2)
    return report(basis=basis, title="", sees=(), procedures=(), numbers={}, totals={}, tolerances={})
