"""Cases at the edge, each through a ledger and a whole audit: it works, or is refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.erased import LATER
from ledger.audit.findings import Outcome
from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.audit.timeline import tell
from ledger.domain.money import UNIT
from ledger.errors import IntegrityError, RefusedError
from ledger.log import Ledger
from ledger.store import erasure, records, subjects, tables
from tests import book
from tests.audit.poolbook import released
from tests.conftest import TestClock

WHOLE = 1_000_000
THIRDS = (333_333, 333_333, 333_334)
AS_OF = date(2026, 11, 22)


def loan(
    name: str, *, on: str = "2026-01-05", shares: tuple[int, ...] = (WHOLE,), **terms: Any
) -> list[book.Event]:
    """A loan and its payout."""
    data = {
        "currency": "CNY", "principal": "100.00", "annual_rate": "0", "amortisation": "linear", "instalments": 3,
        "first_due": "2026-02-05", "rounding": "half_up", "residual": "last",
        "claims": [{"claim": f"c{n}", "creditor": f"bank-{n}", "share": share} for n, share in enumerate(shares)],
        **({"remainder": "c1"} if len(shares) > 1 else {}),
    } | terms  # fmt: skip
    paid_out = {"currency": data["currency"], "amount": data["principal"]}
    return [
        book.event("loan.originated", f"loan:{name}", data, id=f"{name}.o", effective=on),
        book.event("loan.disbursed", f"loan:{name}", paid_out, id=f"{name}.d", effective=on),
    ]


def paid(name: str, amount: str, *, currency: str = "CNY", on: str = "2026-02-05", **more: Any) -> book.Event:
    """A payment of principal alone."""
    data = {
        "currency": currency,
        "amount": amount,
        "applied": {"principal": amount},
        "payer": "obligor",
        **more,
    }
    return book.event("repayment.received", f"loan:{name}", data, id=f"{name}.{on}", effective=on)


def taken(*claims: tuple[str, str]) -> list[book.Event]:
    """A pool that takes these claims, (loan, claim), whole."""
    made: list[book.Event] = [book.pool_created("P", effective="2026-01-01")]
    if claims:
        made.append(book.pledged("P", "bank-a", *((loan, claim, WHOLE) for loan, claim in claims), id="p"))
    return made


def audited(
    ledger: Ledger,
    tmp_path: Path,
    *events: book.Event,
    currencies: tuple[str, ...] = ("CNY",),
    as_of: date = AS_OF,
) -> AuditReport:
    """Append, publish, seal in each currency, publish, and audit."""
    ledger.append(list(events), party="fenqile")
    ledger.publish()
    for currency in currencies:
        ledger.seal_pool("P", as_of=as_of.isoformat(), currency=currency, party="fenqile")
    ledger.publish()
    return again(ledger, tmp_path, as_of=as_of)


def again(ledger: Ledger, tmp_path: Path, *, as_of: date = AS_OF) -> AuditReport:
    """Audit what is there."""
    request = Request(pool="P", as_of=as_of, processes=1)
    return audit(ledger.store, ledger.origin, request, trust=ledger.trust_root(), kek=tmp_path / "kek")


def outcome(report: AuditReport, procedure: str) -> Outcome:
    return next(one.outcome for one in report.procedures if one.name == procedure)


def sound(report: AuditReport) -> bool:
    """No error; seal, register and histories hold."""
    return report.exit_code != 1 and all(
        outcome(report, name) in {Outcome.PASSED, Outcome.NOT_APPLICABLE}
        for name in ("seal", "register", "encumbrance")
    )


def money(report: AuditReport, currency: str = "CNY") -> tuple[Any, Any]:
    """(principal, customer credits)"""
    return report.totals[currency]["principal"], report.totals[currency]["credit"]


def sealed(ledger: Ledger, currency: str = "CNY") -> tuple[int, int, int]:
    """(count, receivable, credit in units of 1e-8) of the pool's newest seal in a currency."""
    (total,) = [one.header.total for one in ledger.pool_seals("P") if one.header.currency == currency]
    return total.count, total.receivable, total.credit


# -- how many claims -------------------------------------------------------------------------------------------


def test_a_pool_without_claims(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = audited(sqlite_ledger, tmp_path, *taken())
    assert sound(report)
    assert (report.numbers["claims"], report.totals, sealed(sqlite_ledger)) == (0, {}, (0, 0, 0))


def test_a_pool_of_one_claim(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = audited(sqlite_ledger, tmp_path, *loan("L1"), *taken(("L1", "c0")))
    assert sound(report)
    assert report.numbers["claims"] == 1
    assert money(report) == ("100.00", "0.00")
    assert sealed(sqlite_ledger) == (1, 100 * UNIT, 0)


def test_a_past_day_finds_the_claims_that_the_pool_held_then(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """One claim was given back since, another came: the base then is of what was lent then."""
    rules = {"version": 1, "advance_rate": "1"}
    early = book.pledged("P", "bank-a", ("L1", "c0", WHOLE), id="p1", effective="2026-10-01")
    late = book.pledged(
        "P", "bank-a", ("L2", "c0", WHOLE), ("L3", "c0", WHOLE), id="p2", effective="2026-11-02"
    )
    for event in (early, late):
        event["data"] |= {"currency": "CNY", "price": "100.00"}
    sqlite_ledger.append(
        [
            *loan("L1"), *loan("L2"), *loan("L3"),
            book.event("pool.created", "pool:P", {"rules": rules}, id="P.1", effective="2026-01-01"), early, late,
        ],
        party="fenqile",
    )  # fmt: skip
    given = released(sqlite_ledger, "bank-a", "L1", "r1", claim="c0")
    sqlite_ledger.append([given])
    sqlite_ledger.publish()
    then, now = (
        again(sqlite_ledger, tmp_path, as_of=day) for day in (date(2026, 10, 31), date(2026, 11, 22))
    )
    assert [one.code for one in (*then.findings, *now.findings) if one.code == "base.shortfall"] == []
    counted = ("loans", "claims", "left")
    assert [then.numbers[name] for name in counted] == [1, 1, 0]
    assert [now.numbers[name] for name in counted] == [3, 2, 1]
    assert (money(then), money(now)) == (("100.00", "0.00"), ("200.00", "0.00"))
    assert (then.totals["CNY"]["lent"], then.totals["CNY"]["borrowing_base"]) == ("100.00", "100.00")


def test_the_report_says_what_the_rules_of_its_day_let_pass(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    versions = [
        ("2026-01-01", {"version": 1, "tolerances": {"remittance": "0.5", "back_dating": "100"}}),
        ("2026-11-01", {"version": 2}),
    ]
    sqlite_ledger.append(
        [
            *loan("L1"),
            *(
                book.event("pool.created", "pool:P", {"rules": rules}, id=f"P.{day}", effective=day)
                for day, rules in versions
            ),
        ],
        party="fenqile",
    )
    sqlite_ledger.publish()
    then, now = (
        again(sqlite_ledger, tmp_path, as_of=day) for day in (date(2026, 10, 31), date(2026, 11, 22))
    )
    assert (then.rules_version, then.tolerances) == (1, {"back_dating": "100", "remittance": "0.5"})
    assert (now.rules_version, now.tolerances) == (2, {})


def test_three_claims_whose_shares_do_not_divide(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Thirds of 100.00 and of 66.67: each flow is split, the fen that is left goes to the named claim."""
    report = audited(
        sqlite_ledger, tmp_path, *loan("L1", shares=THIRDS), *taken(*((("L1", f"c{n}")) for n in range(3))),
        paid("L1", "33.33", instalment=1),
    )  # fmt: skip
    assert sound(report)
    assert money(report) == ("66.67", "0.00")
    assert sealed(sqlite_ledger) == (3, 6_667_000_000, 0)


@pytest.mark.parametrize(("claim", "owed"), [("c0", "22.23"), ("c1", "22.22"), ("c2", "22.22")])
def test_one_claim_of_the_three(sqlite_ledger: Ledger, tmp_path: Path, claim: str, owed: str) -> None:
    """33.33, 33.34 and 33.33 of the payout, less 11.10, 11.12 and 11.11 of the payment."""
    report = audited(
        sqlite_ledger,
        tmp_path,
        *loan("L1", shares=THIRDS),
        *taken(("L1", claim)),
        paid("L1", "33.33", instalment=1),
    )
    assert sound(report)
    assert money(report) == (owed, "0.00")


# -- amounts ---------------------------------------------------------------------------------------------------


def test_a_negative_balance_is_a_credit_and_no_negative_receivable(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    report = audited(
        sqlite_ledger,
        tmp_path,
        *loan("L1"),
        *loan("L2"),
        *taken(("L1", "c0"), ("L2", "c0")),
        paid("L1", "150.00"),
    )
    assert sound(report)
    assert money(report) == ("100.00", "50.00")
    assert sealed(sqlite_ledger) == (2, 100 * UNIT, 50 * UNIT)
    assert [(one.subject, one.facts["credit"]) for one in report.findings if one.code == "life.overpaid"] == [
        ("loan:L1", "50.00")
    ]


def test_a_negative_balance_of_three_claims(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = audited(
        sqlite_ledger, tmp_path, *loan("L1", shares=THIRDS), *taken(*((("L1", f"c{n}")) for n in range(3))),
        paid("L1", "100.01"),
    )  # fmt: skip
    assert sound(report)
    assert money(report) == ("0.00", "0.01")
    assert sealed(sqlite_ledger) == (3, 0, 1_000_000)


def test_amounts_of_eight_decimals(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = audited(
        sqlite_ledger, tmp_path, *loan("L1", principal="18.05383199"), *taken(("L1", "c0")),
        paid("L1", "6.01794399"),
    )  # fmt: skip
    assert sound(report)
    assert money(report) == ("12.035888", "0.00")
    assert sealed(sqlite_ledger) == (1, 1_203_588_800, 0)


def test_a_currency_that_was_never_sealed_is_not_passed_over(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    events = [*loan("L1"), *loan("L2", currency="BHD", principal="7.005"), *taken(("L1", "c0"), ("L2", "c0"))]
    report = audited(sqlite_ledger, tmp_path, *events, currencies=("CNY",))
    seal = next(one for one in report.procedures if one.name == "seal")
    assert seal.outcome is Outcome.UNDETERMINED
    assert seal.reasons == {"the pool holds claims in BHD and was never sealed in it": 1}


def test_a_loan_that_begins_between_the_cut_off_and_the_sealed_size(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """The seal has its claim, with nothing owed on it: the audit of that day must not miss it."""
    early = book.pledged("P", "bank-a", ("L1", "c0", WHOLE), id="p1", effective="2026-10-01")
    late = book.pledged("P", "bank-a", ("L2", "c0", WHOLE), id="p2", effective="2026-11-02")
    events = [
        *loan("L1"),
        *loan("L2", on="2026-11-02"),
        book.pool_created("P", effective="2026-01-01"),
        early,
        late,
    ]
    report = audited(sqlite_ledger, tmp_path, *events, as_of=date(2026, 10, 31))
    assert sealed(sqlite_ledger) == (2, 100 * UNIT, 0)
    assert {one.code for one in report.findings if one.code.startswith("seal.")} == {"seal.late"}
    assert (report.numbers["claims"], money(report)) == (1, ("100.00", "0.00"))


def test_two_currencies_are_two_books(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    events = [*loan("L1"), *loan("L2", currency="BHD", principal="7.005"), *taken(("L1", "c0"), ("L2", "c0"))]
    report = audited(sqlite_ledger, tmp_path, *events, currencies=("BHD", "CNY"))
    assert sound(report)
    assert (money(report), money(report, "BHD")) == (("100.00", "0.00"), ("7.005", "0.000"))
    assert sealed(sqlite_ledger, "BHD") == (1, 700_500_000, 0)
    with pytest.raises(RefusedError, match="currency"):
        sqlite_ledger.seal_pool("P", as_of="2026-11-22", party="fenqile")


@pytest.mark.parametrize(
    ("terms", "field", "reason"),
    [
        ({"principal": "100.123456789"}, "data.principal", "8"),
        ({"principal": "-100.00"}, "data.principal", "negative|not|more than"),
        ({"principal": "100.0"}, "data.principal", "100.00"),
        ({"claims": []}, "data.claims", "claim|least|length"),
        (
            {"claims": [{"claim": "c0", "creditor": "x", "share": 999_999}]},
            "data.claims",
            "1000000|1,000,000",
        ),
        ({"first_due": "2026-02-29"}, "data.first_due", "day|date|calendar"),
    ],
    ids=["nine decimals", "negative", "one decimal", "no claims", "less than the whole", "no leap year"],
)
def test_refused_with_the_member_and_a_reason(
    sqlite_ledger: Ledger, terms: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason) as refused:
        sqlite_ledger.append(loan("L1", **terms), party="fenqile")
    assert refused.value.field.startswith(field)
    assert sqlite_ledger.status().size == 0


# -- days ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "bucket"),
    [(date(2024, 3, 29), "current"), (date(2024, 3, 30), "M1"), (date(2024, 4, 29), "M2")],
    ids=["on the day", "a day late", "31 days late"],
)
def test_a_loan_of_the_leap_day(
    sqlite_ledger: Ledger, clock: TestClock, tmp_path: Path, day: date, bucket: str
) -> None:
    """Paid out on 29 February; nothing was paid of the instalment of 29 March."""
    clock.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    terms: dict[str, Any] = {"annual_rate": "0.12", "day_count": "actual/actual", "amortisation": "annuity",
                             "instalments": 12, "first_due": "2024-03-29", "due_day": 29}  # fmt: skip
    events = [*loan("L1", on="2024-02-29", **terms), *taken(("L1", "c0"))]
    events[-2]["effective"] = events[-1]["effective"] = "2024-02-29"
    report = audited(sqlite_ledger, tmp_path, *events, as_of=day)
    assert sound(report)
    assert report.totals["CNY"]["by_bucket"] == {bucket: "100.00"}
    assert outcome(report, "schedule") is not Outcome.UNDETERMINED


@pytest.mark.parametrize(
    ("day", "bucket"), [(date(2026, 10, 8), "current"), (date(2026, 10, 9), "M1")], ids=["shifted", "late"]
)
def test_a_due_date_on_a_holiday(
    sqlite_ledger: Ledger, clock: TestClock, tmp_path: Path, day: date, bucket: str
) -> None:
    """1 October to 7 October are holidays: the instalment of the 1st is due on the 8th."""
    clock.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    terms: dict[str, Any] = {
        "first_due": "2026-10-01", "business_days": "following",
        "holidays": [f"2026-10-0{n}" for n in (1, 2, 5, 6, 7)],
    }  # fmt: skip
    report = audited(
        sqlite_ledger, tmp_path, *loan("L1", on="2026-09-01", **terms), *_pledged_late(), as_of=day
    )
    assert sound(report)
    assert report.totals["CNY"]["by_bucket"] == {bucket: "100.00"}


def _pledged_late() -> list[book.Event]:
    """The pool that takes it, in September."""
    created, pledge = taken(("L1", "c0"))
    return [created, {**pledge, "effective": "2026-09-02"}]


# -- erased ----------------------------------------------------------------------------------------------------


def test_an_erased_borrower_is_counted_and_never_green(
    sqlite_ledger: Ledger, clock: TestClock, tmp_path: Path
) -> None:
    ended = book.event("loan.settled", "loan:L1", {"reason": "matured"}, id="end", effective="2026-05-05")
    events = [*loan("L1"), *loan("L2"), *taken(("L1", "c0"), ("L2", "c0"))]
    before = audited(sqlite_ledger, tmp_path, *events, paid("L1", "100.00"), ended)
    assert (before.exit_code, before.numbers["erased"], outcome(before, "seal")) == (3, 0, Outcome.PASSED)
    clock.now = datetime(2032, 1, 5, tzinfo=UTC)
    sqlite_ledger.erase("L1", party="fenqile", basis="retention_ended")
    early = again(sqlite_ledger, tmp_path)
    asked = next(one for one in early.procedures if one.name == "records")
    assert (early.numbers["erased"], asked.reasons) == (1, {LATER: 1}), (
        "no tree has it before it is published"
    )
    sqlite_ledger.publish()
    report = again(sqlite_ledger, tmp_path)
    assert (report.numbers["loans"], report.numbers["erased"], report.exit_code) == (1, 1, 3)
    assert {outcome(report, name) for name in ("seal", "encumbrance")} == {Outcome.UNDETERMINED}
    assert money(report) == ("100.00", "0.00"), "what can still be derived"


def test_a_loan_of_which_nothing_is_left_is_missing_where_the_log_does_not_say_that_it_is_erased(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    audited(sqlite_ledger, tmp_path, *loan("L1"), *loan("L2"), *taken(("L1", "c0"), ("L2", "c0")))
    with sqlite_ledger.store.write() as connection:
        row = subjects.by_name(connection, 1, ["loan:L1"])["loan:L1"]
        own = records.of_subject(connection, row.id)
        erasure.erase(connection, 1, row.id, rest=b"")
    report = again(sqlite_ledger, tmp_path)
    missing = [one for one in report.findings if one.code == "record.withheld"]
    assert {one.subject for one in missing} == {"loan:L1"}
    assert [one.evidence[0].index for one in missing] == [one.index for one in own]
    assert (report.numbers["erased"], report.numbers["unreadable"], report.exit_code) == (0, 1, 1)
    with (
        sqlite_ledger.store.read() as connection,
        pytest.raises(IntegrityError, match=r"no subject\.erased names"),
    ):
        tell(connection, sqlite_ledger.row(), "L1")


def test_what_an_erasure_does_not_name_is_missing(
    sqlite_ledger: Ledger, clock: TestClock, tmp_path: Path
) -> None:
    ended = book.event("loan.settled", "loan:L1", {"reason": "matured"}, id="end", effective="2026-05-05")
    audited(sqlite_ledger, tmp_path, *loan("L1"), *taken(("L1", "c0")), paid("L1", "100.00"), ended)
    clock.now = datetime(2032, 1, 5, tzinfo=UTC)
    sqlite_ledger.erase("L1", party="fenqile", basis="retention_ended")
    sqlite_ledger.publish()
    with sqlite_ledger.store.write() as connection:
        row = subjects.by_name(connection, 1, ["loan:L1"])["loan:L1"]
        last = records.of_subject(connection, row.id)[-1]
        connection.execute(
            tables.records.update().where(tables.records.c.index == last.index).values(digest=bytes(32))
        )
    report = again(sqlite_ledger, tmp_path)
    assert ("record.withheld", "loan:L1") in {(one.code, one.subject) for one in report.findings}
    assert report.numbers["erased"] == 0
