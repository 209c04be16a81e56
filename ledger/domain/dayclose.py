"""What a business date brought, and to whom: the one rule of day closes (日终) and of reconciliation files (对账文件).

A date brings the records whose effective day it is, as they were posted; a month is no date. Of each the amount counts,
over all holders; and of what concerns claims, each party's part:

- Amounts are split to the loan's claims as the folded state splits principal, component by component, cut to the
  currency's minor unit, the remainder to the claim that the terms name (:func:`ledger.domain.money.split`).
- Of a claim's part the holders get the shares that they held through pools when the day began
  (:func:`ledger.domain.seals.held`), and the creditor of that morning gets the rest. So the parts of all parties sum
  to the claims' part exactly, and nothing counts twice.
- Of payments principal, interest and penalties belong to the claims (:mod:`ledger.domain.proceeds`); fees and other
  amounts belong to their payees and are nobody's part. A guarantor pays the creditors itself, claim by claim, and all
  of that is theirs. A remittance is the holder's that it names.

What a later correction says is no part of the date that it corrects: both sides have closed that already. On the day on
which it takes effect it is told as what it changes (:func:`difference`), beside the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ledger.domain import money, seals
from ledger.domain.events.cash import RemittanceMade
from ledger.domain.events.changes import AmountWaived, LoanRefunded, LoanReinstated
from ledger.domain.events.creditors import ClaimBoughtBack, GuarantorCompensated
from ledger.domain.events.loans import LoanChargedOff, LoanDisbursed
from ledger.domain.events.money_in import (
    LoanPrepaid,
    RecoveryReceived,
    RepaymentReceived,
    RepaymentReversed,
    read_parts,
)
from ledger.domain.fold import Standing
from ledger.domain.record import Record
from ledger.proofs.encumbrance import WHOLE

#: Types that a day close counts, always all of them: one that is left out says that there was none.
TYPES: Final = (
    "amount.waived",
    "claim.bought_back",
    "guarantor.compensated",
    "loan.charged_off",
    "loan.disbursed",
    "loan.prepaid",
    "loan.refunded",
    "loan.reinstated",
    "recovery.received",
    "remittance.made",
    "repayment.received",
    "repayment.reversed",
)

#: Names of a part's components, in their order.
COMPONENTS: Final = ("principal", "interest", "fee", "penalty", "other")

#: Units of 1e-8 by component.
Parts = tuple[int, ...]


class Owned(NamedTuple):
    """Whose a claim was when the day began: its share of the loan; holders as (pool, holder, share of it). In ppm."""

    claim: str
    share: int
    creditor: str
    holders: tuple[tuple[str, str, int], ...] = ()


class Flow(NamedTuple):
    """One party's part of one record. ``pool`` is empty where the party has it as the claim's creditor.

    ``loan`` and ``claim`` are empty for a remittance; ``share`` is of the claim, ppm; ``parts`` by component, in units.
    """

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    id: str
    type: str
    party: str
    loan: str
    claim: str
    pool: str
    share: int
    currency: str
    parts: Parts

    @property
    def amount(self) -> int:
        """All components together."""
        return sum(self.parts)


class Counted(NamedTuple):
    """A record of a date, as far as it is counted: its amount over all holders, and what a bank finds it by."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    type: str
    currency: str
    amount: int
    value_date: str
    bank_ref: str


class Line(NamedTuple):
    """What a close has one line for; no holder: all of them."""

    type: str
    holder: str | None
    currency: str


def amount_of(one: Record) -> int:
    """The amount of a record, in units; zero where its type has none. Of a remittance it is what is remitted."""
    if not hasattr(one.event, "amount"):
        return 0
    amounts: Any = one.amounts
    if isinstance(one.event, RemittanceMade):
        return int(amounts[2])
    return int(amounts[0] if isinstance(amounts, tuple) else amounts)


def flows(index: int, one: Record, claims: Sequence[Owned], remainder: int) -> Iterator[Flow]:
    """Each party's part of a record of one of :data:`TYPES`; parts that are zero are left out.

    ``claims`` are those of the loan in the order of its terms, ``remainder`` is a place among them; a remittance needs
    none.
    """
    event, currency = one.event, getattr(one.event, "currency", "")
    if isinstance(event, RemittanceMade):
        pool = one.subject.removeprefix("pool:")
        remitted = (0, 0, 0, 0, amount_of(one))
        yield Flow(index, one.id, one.type, event.holder, "", "", pool, WHOLE, currency, remitted)
        return
    loan = one.subject.removeprefix("loan:")
    for owned, whole in _of_claims(one, claims, remainder):
        for party, pool, share, parts in _of_parties(owned, whole, currency):
            if any(parts):
                yield Flow(index, one.id, one.type, party, loan, owned.claim, pool, share, currency, parts)


def difference(
    index: int,
    correction: Record,
    before: Standing | None,
    after: Standing | None,
    *,
    claims: Sequence[Owned],
    remainder: int,
) -> Iterator[Flow]:
    """What a correction changes of each party's part; ``before`` and ``after`` are the record as it stood and stands.

    None is a record that is void. ``claims`` as they were when the corrected record's day began. The type of what it
    gives names the corrected one, which says the way that amounts go: ``correction.made/repayment.received``.
    """
    parts: dict[Flow, Parts] = {}
    for sign, standing in ((-1, before), (1, after)):
        if standing is None:
            continue
        one = msgspec.structs.replace(standing.record, event=standing.event, amounts=standing.amounts)
        for flow in flows(index, one, claims, remainder):
            place = flow._replace(id=correction.id, type=f"{correction.type}/{one.type}", parts=())
            known = parts.get(place, (0,) * len(flow.parts))
            parts[place] = tuple(units + sign * more for units, more in zip(known, flow.parts, strict=True))
    for place, changed in parts.items():
        if any(changed):
            yield place._replace(parts=changed)


def lines(records: Iterable[Counted], parts: Iterable[Flow]) -> list[dict[str, Any]]:
    """The lines of a close, in the form of its data: over all holders, and for each party that has a part."""
    totals: dict[Line, tuple[int, int]] = {}
    for one in records:
        _count(totals, Line(one.type, None, one.currency), one.amount)
    seen: set[tuple[Line, int]] = set()
    for flow in parts:
        line = Line(flow.type, flow.party, flow.currency)
        _count(totals, line, flow.amount, again=(line, flow.index) in seen)
        seen.add((line, flow.index))
    return [
        {
            "type": line.type, "holder": line.holder, "currency": line.currency,
            "count": count, "sum": money.format(units, line.currency),
        }
        for line, (count, units) in sorted(totals.items(), key=lambda item: (item[0].holder or "", item[0]))
    ]  # fmt: skip


def counted(index: int, one: Record) -> Counted:
    """What a close and a reconciliation file need of a record."""
    event: Any = one.event
    told = [
        value if isinstance(value := getattr(event, name, ""), str) else ""
        for name in ("value_date", "bank_ref")
    ]
    return Counted(index, one.type, event.currency, amount_of(one), *told)


def _count(totals: dict[Line, tuple[int, int]], line: Line, units: int, *, again: bool = False) -> None:
    """Add to a line; ``again``: the record is counted there already."""
    count, total = totals.get(line, (0, 0))
    totals[line] = (count if again else count + 1), total + units


def _of_claims(one: Record, claims: Sequence[Owned], remainder: int) -> Iterator[tuple[Owned, Parts]]:
    """Each claim's part of a record, by component."""
    event, amounts = one.event, one.amounts
    by_name = {owned.claim: owned for owned in claims}
    if isinstance(event, GuarantorCompensated):
        for compensated in event.claims:
            if (owned := by_name.get(compensated.claim)) is not None:
                yield owned, read_parts(compensated.applied, event.currency, "data.claims", negative=False)
        return
    if isinstance(event, ClaimBoughtBack):
        if (owned := by_name.get(event.claim)) is not None:
            yield owned, (0, 0, 0, 0, amounts)
        return
    whole = _of_loan(one)
    shares = [owned.share for owned in claims]
    split = [money.split(units, shares, remainder, one.event.currency) for units in whole]  # type: ignore[attr-defined]  # each of these has it
    yield from zip(claims, zip(*split, strict=True), strict=True)


def _of_loan(one: Record) -> Parts:
    """What of a record concerns the loan's claims, by component."""
    event, amounts = one.event, one.amounts
    if isinstance(event, LoanDisbursed | LoanChargedOff | LoanReinstated):
        return amounts, 0, 0, 0, 0
    if isinstance(event, RecoveryReceived):
        return 0, 0, 0, 0, amounts
    if isinstance(event, AmountWaived):
        return tuple(amounts[1:])
    assert isinstance(event, RepaymentReceived | RepaymentReversed | LoanPrepaid | LoanRefunded)
    _, principal, interest, _, penalty, _ = amounts
    return principal, interest, 0, penalty, 0


def _of_parties(owned: Owned, whole: Parts, currency: str) -> Iterator[tuple[str, str, int, Parts]]:
    """(party, pool, ppm, parts): what each holder gets of a claim's part, and the creditor the rest."""
    rest = list(whole)
    free = WHOLE
    for pool, holder, share in owned.holders:
        parts = []
        for place, units in enumerate(whole):
            receivable, credit = seals.held(units, share, currency)
            parts.append(receivable - credit)
            rest[place] -= parts[-1]
        free -= share
        yield holder, pool, share, tuple(parts)
    yield owned.creditor, "", free, tuple(rest)
