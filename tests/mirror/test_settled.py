"""Settlements over payments of several pools come out for a partner as they do for the owner, corrections and all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from ledger.audit.findings import Finding, Notes
from ledger.audit.scan.cash import CashBook, CashScan
from ledger.audit.scan.logscan import known
from ledger.audit.sight import Outside
from ledger.domain import record, statements
from ledger.domain.events import read_submission
from ledger.domain.fold import Indexed
from ledger.errors import MalformedError
from ledger.log import Ledger
from ledger.mirror import settled
from ledger.mirror.entries import Entries
from ledger.mirror.form import ELSEWHERE, SeenForm, SettledForm
from ledger.mirror.serving import Shown
from ledger.proofs import merkle, tiles
from ledger.proofs.note import Signer
from ledger.sequence import Accepted
from ledger.store import logs, records
from tests import book

CLEARING = Signer.from_seed("clearing", bytes([41]) * 32)
DAY = "2026-11-01"
OWN = "L0"


class Told(NamedTuple):
    """What the settlements say by all records, and by a partner's and what it is told."""

    by_all: tuple[CashBook, list[Finding]]
    by_own: tuple[CashBook, list[Finding]]
    outside: Outside


def paid(ledger: Ledger, loan: str, number: int = 1, **data: Any) -> Accepted:
    one = book.repaid(loan, number)
    one["data"] |= {"account": "A1", "value_date": DAY} | data
    return ledger.append([one], party="fenqile").accepted[0]


def corrected(ledger: Ledger, loan: str, what: Accepted, number: int = 1, **data: Any) -> None:
    """Give a payment other members, or make it void where none are given."""
    whole = book.repaid(loan, 1)["data"] | {"account": "A1", "value_date": DAY} | data if data else None
    members = {
        "record": what.digest.hex(), "type": "repayment.received", "replacement": whole, "reason": "typing error",
        "approved_by": "operations",
    }  # fmt: skip
    event = book.event("correction.made", f"loan:{loan}", members, id=f"{loan}.{what.index}.{number}")
    ledger.append([event], party="fenqile")


def settle(
    ledger: Ledger, covered: Sequence[Accepted], total: str, *, name: str = "s1", account: str = "A1",
    currency: str = "CNY",
) -> None:  # fmt: skip
    """The bank's word on the account's day, over the records so far."""
    data = {
        "currency": currency, "value_date": DAY, "amount": total, "statement": name,
        "covered": {
            "before": ledger.status().size, "count": len(covered), "sum": total,
            "root": merkle.root([merkle.leaf_hash(one.digest) for one in covered]).hex(),
        },
    }  # fmt: skip
    event = book.event("cash.settled", f"account:{account}", data, id=name, party="clearing")
    ledger.append([statements.sign_submission(CLEARING, ledger.origin, read_submission(event))])


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    """Three loans, of which the pool P has the first."""
    sqlite_ledger.add_party("clearing", ["account_bank"], [CLEARING.verifier.vkey])
    pledge = book.pledged("P", "bank-a", (OWN, "c1", 1_000_000), id="p0")
    events = [*book.loans(3, repayments=0), book.pool_created("P"), pledge]
    sqlite_ledger.append(events, party="fenqile")
    return sqlite_ledger


def told(ledger: Ledger, *, step: int) -> Told:
    """Scan all records, and then those of the pool with what is told in ranges of ``step`` entries."""
    ledger.publish()
    size = ledger.status().size
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        settlements = known(connection, log, before=size, notes=Notes()).settlements
        rows = [row for row in records.between(connection, log.id, 0, size) if row.record is not None]
        everything = [(row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None]
        shown = Shown.of(connection, log, "P", size=size, party="bank-a", whole=False, vault=ledger.vault)
        items = [
            one
            for start in range(0, size, step)
            for one in settled.told(shown, start, min(start + step, size)).items
        ]
        assert settled.told(replace(shown, whole=True), 0, size).items == []
    entries = Entries(size)
    for entry in tiles.parse_bundle(ledger.read_entries(0, size), size):
        entries.add(entry)
    outside = settled.outside(items, entries, erased=None)
    own = [(index, one) for index, one in everything if one.subject == f"loan:{OWN}"]
    return Told(scanned(settlements, everything, None), scanned(settlements, own, outside), outside)


def scanned(
    settlements: Sequence[Indexed], some: Sequence[Indexed], outside: Outside | None
) -> tuple[CashBook, list[Finding]]:
    scan = CashScan(settlements, outside=outside)
    for index, one in some:
        scan.take(index, one)
    found = scan.finish()
    return found, [finding for notes in scan.notes.values() for finding in notes.findings]


def as_recorded(ledger: Ledger) -> None:
    settle(ledger, [paid(ledger, f"L{n}") for n in range(3)], "319.86")


def with_one_that_the_bank_has_not(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    settle(ledger, some[1:], "213.24")


def with_one_of_others_that_the_bank_has_not(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    settle(ledger, some[:2], "213.24")


def with_one_that_is_not_recorded(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    settle(ledger, [*some, some[0]], "426.48")


def corrected_before(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    corrected(ledger, "L1", some[1], amount="100.00")
    corrected(ledger, "L1", some[1], 2, amount="90.00")
    settle(ledger, some, "303.24")


def voided_before(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    corrected(ledger, "L1", some[1])
    settle(ledger, [some[0], some[2]], "213.24")


def corrected_between_two(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    settle(ledger, some, "319.86")
    corrected(ledger, "L1", some[1], amount="100.00")
    settle(ledger, some, "313.24", name="s2")


def moved_to_another_account(ledger: Ledger) -> None:
    some = [paid(ledger, f"L{n}") for n in range(3)]
    corrected(ledger, "L1", some[1], account="A2")
    settle(ledger, [some[0], some[2]], "213.24")


def moved_here_from_another_account(ledger: Ledger) -> None:
    some = [paid(ledger, "L0"), paid(ledger, "L1", account="A2"), paid(ledger, "L2")]
    corrected(ledger, "L1", some[1], account="A1")
    settle(ledger, some, "319.86")


def in_two_currencies(ledger: Ledger) -> None:
    """A fourth loan, in dollars, is paid to the same account on the same day."""
    for one in (book.originated("D"), book.disbursed("D")):
        one["data"]["currency"] = "USD"
        ledger.append([one], party="fenqile")
    some = [paid(ledger, "L0"), paid(ledger, "D", currency="USD"), paid(ledger, "L1")]
    settle(ledger, [some[0], some[2]], "213.24")
    settle(ledger, [some[1]], "106.62", name="s2", currency="USD")


CASES = [
    as_recorded, with_one_that_the_bank_has_not, with_one_of_others_that_the_bank_has_not,
    with_one_that_is_not_recorded, corrected_before, voided_before, corrected_between_two,
    moved_to_another_account, moved_here_from_another_account, in_two_currencies,
]  # fmt: skip


def seen_by(book: CashBook, *, own: set[str]) -> CashBook:
    """A book as it is to whom no other accounts than its ``own`` are shown: payments to others are counted together."""
    seen = Counter[str]()
    for name, count in book.seen.items():
        seen[name if name in own else ELSEWHERE] += count
    return replace(book, seen=dict(seen))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_partner_recomputes_what_the_owner_does(ledger: Ledger, case: Any) -> None:
    case(ledger)
    for step in (1, 4, 1_000):
        by_all, by_own, outside = told(ledger, step=step)
        assert by_own == (seen_by(by_all[0], own={"A1"}), by_all[1])
        assert by_all[0].settled
        assert sum(outside.seen.values()) == 2, "payments of two loans are not shown"


def test_currencies_of_one_account_are_told_apart(ledger: Ledger) -> None:
    in_two_currencies(ledger)
    (by_all, findings), (by_own, told_findings), _ = told(ledger, step=1_000)
    assert (findings, told_findings) == ([], [])
    for found in (by_all, by_own):
        assert [row.fits for rows in found.settled.values() for row in rows] == [True, True]


def test_what_is_told_names_no_amount_and_no_loan(ledger: Ledger) -> None:
    as_recorded(ledger)
    outside = told(ledger, step=1_000).outside
    [others] = outside.settlements.values()
    assert (len(others.payments), others.units) == (2, 21_324_000_000)


def test_one_payment_left_out_contradicts_the_bank(ledger: Ledger) -> None:
    as_recorded(ledger)
    _, (found, _), outside = told(ledger, step=1_000)
    assert found.proven
    [(at, others)] = outside.settlements.items()
    lying = Outside(settlements={at: replace(others, payments=others.payments[1:])}, seen=outside.seen)
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        settlements = known(connection, log, before=ledger.status().size, notes=Notes()).settlements
    lied, findings = scanned(settlements, [], lying)
    assert not lied.proven
    assert [one.code for one in findings] == ["settlement.contradicts"]


def test_what_is_told_to_be_covered_must_be_records() -> None:
    with pytest.raises(MalformedError, match="not all records"):
        settled.outside([SettledForm(settlement=3, payments=(1,))], Entries(4), erased=None)


def test_nothing_is_told_of_an_account_to_which_no_loan_of_the_pool_was_paid(ledger: Ledger) -> None:
    as_recorded(ledger)
    others = [paid(ledger, f"L{n}", 2, account="A2") for n in (1, 2)]
    settle(ledger, others, "213.24", name="s2", account="A2")
    ledger.publish()
    size = ledger.status().size
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        shown = Shown.of(connection, log, "P", size=size, party="bank-a", whole=False, vault=ledger.vault)
        assert shown.accounts_in_sight().keys() == {"A1"}
        named = {json.loads(one.record)["subject"] for one in shown.records(0, size, since=0).items}
        items = settled.told(shown, 0, size).items
    assert named == {f"loan:{OWN}", "pool:P", "account:A1"}
    assert {one.account: one.payments for one in items if isinstance(one, SeenForm)} == {
        "A1": 2,
        ELSEWHERE: 2,
    }
    assert sum(isinstance(one, SettledForm) for one in items) == 1
    assert "A2" not in repr(items)


def test_an_account_comes_into_sight_with_the_payment_or_the_pledge_that_shows_it(ledger: Ledger) -> None:
    settle(ledger, [paid(ledger, "L1", account="A2")], "106.62", name="early", account="A2")
    ledger.publish()
    before = ledger.status().size
    at = [paid(ledger, OWN, account="A2").index]  # the pool's own loan is paid to it
    paid(ledger, "L1", 2, account="A3")
    ledger.append([book.pledged("P", "bank-a", ("L1", "c1", 1_000_000), id="p1")], party="fenqile")
    at.append(ledger.status().size - 1)  # a loan that was paid to it comes into the pool
    corrected(ledger, OWN, paid(ledger, OWN, 2), account="A4")
    ledger.publish()
    size = ledger.status().size
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        first = Shown.of(connection, log, "P", size=before, party="bank-a", whole=False, vault=ledger.vault)
        later = Shown.of(connection, log, "P", size=size, party="bank-a", whole=False, vault=ledger.vault)
        found = later.accounts_in_sight()
        assert first.accounts_in_sight() == {}
        assert [found["A2"], found["A3"]] == at
        assert found.keys() == {"A1", "A2", "A3", "A4"}
        items = later.records(0, before, since=before).items
        early = [json.loads(one.record) for one in items if '"subject":"account:' in one.record]
        assert [one["id"] for one in early] == ["early"], "it is fetched with what newly came into sight"
        assert "account:" not in repr(later.records(0, before, since=at[0] + 1).items)
