from __future__ import annotations

from typing import Any

import pytest

from ledger.audit.render.text import columns, lines
from tests.audit.render import samples
from tests.audit.test_reportfile import ALL


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("make", ALL)
def test_no_line_is_too_wide_and_none_obeys_a_record(make: Any, width: int, language: Any) -> None:
    shown = lines(make(), width=width, language=language)
    # Digests and the code are whole, so that they can be copied.
    wide = [line for line in shown if columns(line) > width]
    assert all("poolproof:report?" in line or len(line.strip()) == 64 for line in wide)
    assert all(line.isprintable() for line in shown)


def test_the_verdict_and_the_counts_come_first() -> None:
    shown = lines(samples.eventful())
    assert shown[0] == "Pool audit: Santander Drive Auto Receivables 2026-1"
    assert "4 findings of severity error" in shown[3]
    assert "4 errors · 4 warnings · 3 explanations · 2 procedures undetermined" in shown
    assert "No finding of severity error. Every procedure that applies was answered." in lines(
        samples.clean()
    )


def test_a_procedure_says_why_it_is_undetermined() -> None:
    shown = "\n".join(lines(samples.eventful(), width=120))
    assert "??  cost              undetermined · 48,192 loans · Undetermined: 2" in shown
    assert "2 × there are no flows" in shown
    assert "311 × the oldest unpaid due date was not told when the loan was opened" in shown
    assert "--  concentration     not applicable\n" in shown
    assert "ok  tree              passed · 48,190 loans" in shown


def test_a_procedure_is_as_grave_as_its_gravest_finding() -> None:
    """An honest book has explanations: they must not look like what contradicts itself."""
    shown = "\n".join(lines(samples.eventful(), width=120))
    assert "!!  records           findings · " in shown
    assert "!!  days_past_due     findings · 48,505 registers · Findings: 1 · Undetermined: 315" in shown, (
        "an error is no less one because something else is open"
    )
    assert " !  terms             warnings · " in shown
    assert " i  life              explanations · 48,190 " in shown
    chinese = "\n".join(lines(samples.eventful(), width=120, language="zh"))
    assert " i  life              有说明 · " in chinese


def test_what_the_rules_let_pass_is_shown_with_its_unit() -> None:
    label = "Tolerances of the rules"
    [at] = [line for line in lines(samples.eventful(), width=200) if label in line]
    shown = (
        "version 3: days_past_due 1 day · interest 0.01 currency units · tapes_total 1,250.5 currency units"
    )
    assert at.split(maxsplit=4)[4] == shown
    assert any(line.startswith(f"  {label}  version 3 sets none") for line in lines(samples.bare()))
    chinese = "\n".join(lines(samples.eventful(), width=200, language="zh"))
    assert "第 3 版：days_past_due 1 天 · interest 0.01 货币单位 · tapes_total 1,250.5 货币单位" in chinese


def test_a_few_findings_of_each_code_are_shown_and_the_rest_counted() -> None:
    report = samples.report(*(samples.finding("cash.parts", at) for at in range(22)))
    shown = lines(report, most=10)
    assert sum(line.startswith("  cash.parts ") for line in shown) == 10
    assert "  … and 12 more of cash.parts; the JSON report lists them." in shown
    assert "── Errors (22) " + "─" * 65 in shown


def test_procedure_and_evidence_of_a_finding_are_named() -> None:
    one = samples.finding("cash.parts", 1)
    record = one.evidence[0]
    shown = f"record {record.index} {record.digest[:12]}…"
    assert f"    procedure cash_identity  {shown}" in "\n".join(lines(samples.report(one)))
    chinese = "\n".join(lines(samples.report(one), language="zh"))
    assert "    程序 cash_identity  记录 " in chinese


def test_figures_stand_below_each_other() -> None:
    shown = lines(samples.eventful())
    start = next(at for at, line in enumerate(shown) if line.startswith("── Amounts in CNY"))
    amounts = shown[start + 1 : start + 7]
    assert len({len(line) for line in amounts}) == 1, amounts
    assert amounts[0].endswith(" 183,452,207.10")
    assert amounts[1].endswith(" 310.00")
