"""A clean tape with one figure changed gives exactly that break, whatever the figure and however far."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import money
from ledger.log import Ledger
from tests.audit import tapebook
from tests.audit.tapebook import CLEAN, changed, run, shown, write


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with tapebook.shared(tmp_path_factory.mktemp("pool")) as ledger:
        yield ledger


@settings(max_examples=40)
@given(row=st.sampled_from(CLEAN), by=st.integers(-(10**9), 10**9).filter(bool), order=st.randoms())
def test_one_changed_balance_is_one_break(ledger: Ledger, row: tapebook.Row, by: int, order: object) -> None:
    rows = list(changed(row.loan, fen=row.fen + by))
    order.shuffle(rows)  # type: ignore[attr-defined]  # typed as Any's cousin by Hypothesis
    with tempfile.TemporaryDirectory() as folder:
        result = run(ledger, write(Path(folder), *rows))
    assert [(loan, item) for loan, item, _, _ in shown(result)] == [(row.loan, "balance")]
    [found] = result.found
    assert found.what.difference == by * money.UNIT // 100
    assert (found.what.currency, result.exit_code) == ("CNY", 1)


@settings(max_examples=20)
@given(gone=st.sets(st.sampled_from([row.loan for row in CLEAN])))
def test_what_is_left_out_is_absent_and_explains_the_total(ledger: Ledger, gone: set[str]) -> None:
    kept = [row for row in CLEAN if row.loan not in gone]
    if not kept:
        return
    with tempfile.TemporaryDirectory() as folder:
        result = run(ledger, write(Path(folder), *kept))
    expected = sorted((loan, "absent_in_tape") for loan in gone - {"DONE"})
    assert [(loan, item) for loan, item, _, _ in shown(result)] == expected
    assert all(one.unexplained == 0 for one in result.totals)
