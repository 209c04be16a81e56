"""Random small books: each loan once as the oracle's plain values, once as the case that an audit has of it."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

from ledger.audit.checks.case import Case, Move, PoolClaim
from ledger.audit.rules import PoolRules
from ledger.domain import money
from ledger.domain.fold import unsuperseded
from tests.audit.casework import Event, records

AS_OF = date(2026, 12, 15).toordinal()
_FIRST = date(2026, 1, 5).toordinal()
_CENT = money.UNIT // 100
_COMPONENTS = ("principal", "interest", "fee", "penalty", "other")
#: kind → ACTUS rank, as the events declare it
_RANKS = {
    "disbursed": 10, "repaid": 30, "reversed": 35, "waived": 35, "refunded": 65, "prepaid": 70, "compensated": 85,
    "charged_off": 100, "recovered": 105, "settled": 160, "reinstated": 195,
}  # fmt: skip


def text(units: int) -> str:
    return money.format(units, "CNY")


def day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def random_loan(seed: int, *, parts: bool) -> dict[str, Any]:
    """A loan with a plan of its own and a life of any kind; ``parts``: shares below the whole may be held."""
    dice = Random(seed)
    begins = _FIRST + dice.randrange(150)
    claims = dice.choice([{"1": 1_000_000}, {"1": 700_000, "2": 300_000}, {"1": 333_333, "2": 666_667}])
    plan, due = [], begins
    for number in range(1, dice.randint(1, 6) + 1):
        due += dice.choice([28, 30, 31])
        plan.append((number, due, dice.randint(1, 50_000) * _CENT, dice.randint(0, 900) * _CENT))
    total = sum(one[2] for one in plan)
    events: list[Any] = [(begins, 10, "disbursed", {"principal": total})]
    left = total
    for _ in range(dice.randrange(9)):
        left = _happen(dice, events, plan, claims, begins, left)
    events.sort(key=lambda one: one[:2])
    moves = {claim: _moves(dice, begins, parts) for claim in claims if dice.random() < 0.9}
    return {
        "begins": begins, "claims": claims, "remainder": dice.choice(list(claims)), "plan": plan, "moves": moves,
        "rate": dice.choice([0, 120, 1866]), "events": events,
    }  # fmt: skip


def _moves(dice: Random, begins: int, parts: bool) -> list[tuple[int, int]]:
    """In and out of the pool, in order; never more than the whole."""
    held, moves, at = 0, [], begins - dice.choice([0, 0, 3])
    for _ in range(dice.randint(1, 4)):
        wanted = dice.choice([0, 1_000_000, *([450_001, 990_000] if parts else [])])
        if wanted != held:
            moves.append((at, wanted - held))
            held = wanted
        at += dice.choice([0, 20, 45, 90])
    return moves


def _happen(
    dice: Random, events: list[Any], plan: list[Any], claims: dict[str, int], begins: int, left: int
) -> int:
    kind = dice.choice(["repaid"] * 8 + [name for name in _RANKS if name != "disbursed"])
    at = begins + dice.randrange(1, 330)
    part = min(max(left, 0), dice.randint(0, 60_000) * _CENT)
    values: dict[str, Any] = {
        "principal": part,
        "interest": dice.randint(0, 500) * _CENT,
        "fee": dice.choice([0, _CENT]),
    }
    if kind in ("repaid", "reversed", "waived"):
        values["instalment"] = dice.choice([None, *(one[0] for one in plan)])
    if kind in ("repaid", "prepaid"):
        values["payer"] = dice.choice(["obligor", "obligor", "platform", "guarantor"])
    if kind == "reversed":
        paid = [one for one in events if one[2] == "repaid"]
        if not paid:
            return left
        undone = dice.choice(paid)
        values |= undone[3]
        at, part = max(at, undone[0] + 1), -undone[3]["principal"]
        values["undoes"] = undone[3]["id"]
    elif kind == "prepaid":
        values["settles"] = dice.random() < 0.5
    elif kind == "compensated":
        values["claim"] = dice.choice(list(claims))
    elif kind in ("charged_off", "reinstated"):
        values = {"principal": part}
        part = -part if kind == "reinstated" else part
    elif kind in ("settled", "recovered"):
        values, part = {"amount": part + _CENT}, 0
    elif kind == "waived" and not sum(values[name] for name in ("principal", "interest", "fee")):
        return left
    if kind != "reversed":
        values["id"] = f"e{len(events)}"
    else:
        values = {**values, "id": f"e{len(events)}"}
    if at <= AS_OF:
        events.append((at, _RANKS[kind], kind, values))
        return left - part
    return left


# -- the same loan as records ----------------------------------------------------------------------------------


def _applied(values: dict[str, Any]) -> dict[str, str]:
    return {name: text(values[name]) for name in _COMPONENTS if values.get(name)}


def _event(at: int, kind: str, values: dict[str, Any]) -> Event:
    total = text(sum(values.get(name, 0) for name in _COMPONENTS))
    data: dict[str, Any] = {"currency": "CNY", "amount": total, "id": values.get("id", "d0")}
    if kind in ("repaid", "reversed", "prepaid", "refunded"):
        data["applied"] = _applied(values)
    if kind == "repaid":
        name, more = "repayment.received", {"payer": values["payer"], "instalment": values["instalment"]}
    elif kind == "reversed":
        name, more = "repayment.reversed", {"repayment": values["undoes"], "reason": "returned"}
    elif kind == "prepaid":
        effect = "settle" if values["settles"] else "shorter_term"
        name, more = "loan.prepaid", {"payer": values["payer"], "effect": effect}
    elif kind == "refunded":
        name, more = "loan.refunded", {"source": "merchant"}
    elif kind == "waived":
        del data["amount"]
        name = "amount.waived"
        more = {"waived": _applied(values), "instalment": values["instalment"], "reason": "goodwill"}
    elif kind == "compensated":
        paid = [{"claim": values["claim"], "applied": _applied(values)}]
        name, more = "guarantor.compensated", {"claims": paid, "covers": "whole"}
    elif kind == "recovered":
        data["amount"] = text(values["amount"])
        name, more = "recovery.received", {"source": "obligor"}
    elif kind == "settled":
        del data["amount"], data["currency"]
        name, more = "loan.settled", {"reason": "prepaid"}
    elif kind == "reinstated":
        name, more = "loan.reinstated", {"reason": "cured"}
    else:
        name, more = {"disbursed": "loan.disbursed", "charged_off": "loan.charged_off"}[kind], {}
    return name, day(at), {**data, **more}


def case(loan: dict[str, Any], name: str) -> Case:
    """The loan as an audit of the pool sees it."""
    lines = [
        {"due": day(due), "principal": text(principal), "interest": text(interest)}
        for _, due, principal, interest in loan["plan"]
    ]
    terms = {
        "currency": "CNY", "principal": text(sum(one[2] for one in loan["plan"])), "amortisation": "explicit",
        "annual_rate": f"0.{loan['rate']:04d}".rstrip("0").rstrip("."), "instalments": len(lines), "plan": lines,
        "claims": [{"claim": one, "creditor": "bank", "share": share} for one, share in loan["claims"].items()],
        "remainder": loan["remainder"],
    }  # fmt: skip
    events: list[Event] = [("loan.originated", day(loan["begins"]), terms)]
    events += [_event(at, kind, values) for at, _, kind, values in loan["events"]]
    made = records(*events, loan=name)
    claims = [
        PoolClaim(claim, claim.encode().rjust(32), "bank", loan["claims"][claim], True,
                  tuple(Move(at, 100 + n, "fund", change) for n, (at, change) in enumerate(moves)))
        for claim, moves in loan["moves"].items() if moves
    ]  # fmt: skip
    as_of = date.fromordinal(AS_OF)
    return Case(name, made, unsuperseded(made, until=as_of), claims, as_of=as_of, rules=PoolRules())
