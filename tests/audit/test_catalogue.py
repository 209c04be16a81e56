"""The catalogue of findings: whole, documented, and in words that its findings can fill."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from ledger.audit import catalogue
from ledger.audit.catalogue import CATALOGUE, PROCEDURES
from ledger.audit.findings import Notes, Outcome
from ledger.audit.reconcile import compare
from ledger.domain.events.rules import TOLERANCES

ROOT = Path(__file__).parents[2]


def test_the_page_is_the_one_that_the_catalogue_gives() -> None:
    page = ROOT / "docs" / "findings.md"
    assert page.read_text(encoding="utf-8") == catalogue.page(), (
        "run: python -m ledger.audit.catalogue > docs/findings.md"
    )


@pytest.mark.parametrize("code", CATALOGUE)
def test_both_languages_say_the_same_facts(code: str) -> None:
    entry = CATALOGUE[code]
    facts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (entry.en, entry.zh)]
    assert facts[1] <= facts[0], "the Chinese words name a fact that the English ones do not"
    assert entry.procedure in PROCEDURES
    assert entry.meaning.endswith((".", "!"))


#: Facts that are amounts of money, rates, shares; all others are names, days and counts, or carry their own unit.
AMOUNTS = {
    "accrued", "amount", "applied", "balance", "bank", "base", "batches", "beginning", "collected",
    "confirmed", "credit", "deducted", "difference", "due", "end", "explained", "left", "lent", "net", "outstanding",
    "owed", "planned", "recorded", "settled", "shortfall", "stated", "sum", "taken",
}  # fmt: skip
RATES, SHARES = {"cap", "contract", "cost", "current"}, {"limit", "share"}
UNITLESS = {
    "age", "agreed", "agreement", "allowed", "answered", "as_of", "attribute", "bank_count", "brought", "committed",
    "count", "counted", "criterion", "currency", "cut_off", "date", "day", "days", "derived", "entries",
    "entry", "field", "first", "found", "holder", "id", "instalment", "instalments", "item", "last", "late",
    "leaf", "maturity", "measure", "name", "named", "old", "other", "others", "owner", "parties", "party",
    "payers", "payment", "period", "place", "pool", "posted", "reason", "reference", "reported", "resolution",
    "roles", "sealed", "seq", "shown", "signed", "size", "status", "told", "type", "usual", "value", "version",
}  # fmt: skip
#: What has another meaning in one finding than in the others.
AMOUNTS_HERE = {
    "balance.contradicted": {"reported", "derived"},
    "schedule.misapplied": {"derived"},
}
UNITLESS_HERE = {
    "dpd.cured_by_others": {"due"},  # a day
    "payment.other_day": {"confirmed", "recorded"},  # days
    "day.disagrees": {"stated"},  # a count and an amount, with its currency
    "day.sides_differ": {"stated"},
}


@pytest.mark.parametrize("code", CATALOGUE)
def test_no_figure_stands_without_its_unit(code: str) -> None:
    """An amount has a currency, a rate says that it is of a year, a share that it is parts per million."""
    entry = CATALOGUE[code]
    names = {name for _, name, _, _ in Formatter().parse(entry.en) if name}
    assert names <= AMOUNTS | RATES | SHARES | UNITLESS, "say here what a new fact is"
    amounts = (names & AMOUNTS - UNITLESS_HERE.get(code, set())) | AMOUNTS_HERE.get(code, set())
    for text in (entry.en, entry.zh):
        assert not amounts or "{currency}" in text
        assert all(f"{{{name}}} ppm" in text for name in names & SHARES)
    assert not names & RATES or ("a year" in entry.en and "年" in entry.zh)


def test_each_fact_is_of_one_kind() -> None:
    kinds = (AMOUNTS, RATES, SHARES, UNITLESS)
    assert sum(map(len, kinds)) == len(set().union(*kinds))
    known = {name for one in CATALOGUE.values() for _, name, _, _ in Formatter().parse(one.en) if name}
    assert set().union(*kinds) == known, "what no finding has any more"


@pytest.mark.parametrize("code", [code for code, one in CATALOGUE.items() if "period reported on" in one.en])
def test_a_period_is_no_day_in_chinese_either(code: str) -> None:
    """ "Owed on 2026-06-30" is another fact than "owed when the period reported on 2026-06-30 began"."""
    assert "{period} 所报期间" in CATALOGUE[code].zh


@pytest.mark.parametrize(
    ("name", "en", "zh"),
    [
        ("life", "Does nothing happen that cannot", "是否没有不可能发生的事件"),
        ("duplicates", "Does each loan, and each bank reference, stand there once?", "只出现一次"),
        ("back_dating", "Was it recorded when it happened?", "没有倒签"),
    ],
)
def test_passed_is_a_yes_to_the_question(name: str, en: str, zh: str) -> None:
    """Of most questions nobody could think otherwise; these are about what must not be."""
    assert en in PROCEDURES[name].en
    assert zh in PROCEDURES[name].zh


def test_notes_add_up_in_either_order() -> None:
    def notes(answered: int, reason: str) -> Notes:
        one = Notes()
        one.procedure("records").answered(answered)
        one.procedure("records").undecided(reason)
        one.find("life.overpaid", "loan:L1", credit="1.00", currency="CNY")
        return one

    a, b = notes(1, "x"), notes(2, "y")
    a.add(b)
    c = notes(2, "y")
    c.add(notes(1, "x"))
    assert a.procedures == c.procedures
    assert a.procedure("records").outcome is Outcome.UNDETERMINED
    assert a.procedure("records").reasons == {"x": 1, "y": 1}
    assert a.procedure("life").outcome is Outcome.FINDINGS


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("cash.parts", Outcome.FINDINGS),
        ("rate.below_contract", Outcome.UNDETERMINED),
        ("life.overpaid", Outcome.UNDETERMINED),
    ],
)
def test_an_error_goes_before_what_is_open_and_that_before_a_warning(code: str, outcome: Outcome) -> None:
    notes, other = Notes(), Notes()
    notes.procedure(CATALOGUE[code].procedure).undecided("a fee names a month and no day")
    other.find(code, "loan:L1")
    notes.add(other)
    procedure = notes.procedure(CATALOGUE[code].procedure)
    assert (procedure.outcome, procedure.undetermined, procedure.findings) == (outcome, 1, 1)


def test_what_nobody_asked_is_not_passed() -> None:
    notes = Notes()
    assert notes.procedure("seal").outcome is Outcome.NOT_APPLICABLE
    notes.procedure("seal").answered()
    assert notes.procedure("seal").outcome is Outcome.PASSED


def test_every_tolerance_is_asked_for_somewhere() -> None:
    """And none is asked for that the rules of a pool cannot name."""
    asked = {compare.AMOUNTS, compare.DAYS, compare.TOTALS}
    for path in (ROOT / "ledger/audit").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'within\("(\w+)"', source)) | set(
            re.findall(r'tolerances\.get\("(\w+)"', source)
        )
    assert asked == TOLERANCES
