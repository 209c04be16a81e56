from __future__ import annotations

import pytest

from ledger.domain import fold, loans, pools, record
from ledger.domain.money import format as money
from ledger.errors import IntegrityError
from tests.domain.examples import ORIGIN, World, submission

SECRET = bytes(32)


def state_after(*events: tuple[str, dict[str, object]]) -> loans.LoanState:
    world = World()
    for i, (kind, changes) in enumerate(events):
        world.admit(kind, id=f"e{i}", **changes)
    return world.book.loans["loan:L1"]


ORIGINATED = ("loan.originated", {"effective": "2026-06-01"})
DISBURSED = ("loan.disbursed", {"effective": "2026-06-02"})


def test_a_life() -> None:
    state = state_after(
        ORIGINATED, DISBURSED, ("repayment.received", {}), ("repayment.received", {}), ("repayment.reversed", {}),
        ("loan.charged_off", {"effective": "2026-08-01"}), ("recovery.received", {"effective": "2026-09"}),
    )  # fmt: skip
    assert state.status == "charged_off"
    assert state.ended
    assert state.events == 7
    names = [
        "principal",
        "disbursed",
        "collected",
        "collected_principal",
        "collected_interest",
        "charged_off",
        "recovered",
    ]
    assert [money(getattr(state, name), "CNY") for name in names] == [
        "1005.00", "1200.00", "107.10", "95.00", "12.10", "100.00", "5.00",
    ]  # fmt: skip
    # 70 % and 30 % of each flow, the remainder of each to "b".
    assert [money(part.principal, "CNY") for part in state.claims] == ["703.50", "301.50"]


def test_balances_start_with_the_payout() -> None:
    state = state_after(ORIGINATED)
    assert (state.status, state.principal) == ("originated", 0)
    assert state_after(ORIGINATED, DISBURSED).status == "active"


def test_nothing_on_or_before_the_opening_is_derived() -> None:
    opened = ("loan.opened", {"effective": "2026-06-30", "data": {"as_of": "2026-05"}})
    on_the_day = ("repayment.received", {"effective": "2026-05-31"})
    in_the_month = ("repayment.received", {"effective": "2026-05"})
    after = ("repayment.received", {"effective": "2026-06-01"})
    assert state_after(opened, on_the_day, in_the_month).principal == 90_000_000_000
    assert state_after(opened, on_the_day, in_the_month).before == 2
    assert state_after(opened, after).principal == 80_500_000_000


def test_a_settlement_before_the_opening_does_not_end_the_loan() -> None:
    opened = ("loan.opened", {"effective": "2026-06-30", "data": {"as_of": "2026-05"}})
    assert not state_after(opened, ("loan.settled", {"effective": "2026-04-30"})).ended
    assert state_after(opened, ("loan.settled", {"effective": "2026-06-01"})).ended


def test_on_one_day_the_rank_decides_and_then_the_sequence() -> None:
    same = {"effective": "2026-08-01"}
    assert (
        state_after(ORIGINATED, DISBURSED, ("loan.settled", same), ("loan.charged_off", same)).status
        == "settled"
    )
    assert state_after(ORIGINATED, ("loan.settled", same), ("loan.settled", same)).status_seq == 2


def test_a_report_is_counted_and_changes_nothing() -> None:
    before = state_after(ORIGINATED, DISBURSED)
    after = state_after(
        ORIGINATED, DISBURSED, ("balance.reported", {"data": {"balance": "1.00", "status": "written off"}})
    )
    assert after.reports == 1
    assert (after.principal, after.status) == (before.principal, before.status)


def test_the_stored_form_is_small_and_exact() -> None:
    state = state_after(ORIGINATED, DISBURSED, ("repayment.received", {}))
    stored = loans.encode(state)
    assert loans.decode(stored) == state
    assert len(stored) < 256
    with pytest.raises(IntegrityError):
        loans.decode(stored[:-1])
    with pytest.raises(IntegrityError):
        pools.decode(b"\x01")
    pool = pools.PoolState(3, '{"version":3}', "t", "abs", 4, 5)
    assert pools.decode(pools.encode(pool)) == pool


def test_what_the_register_commits_to() -> None:
    state = state_after(ORIGINATED, DISBURSED, ("repayment.received", {}))
    committed = loans.claim_state(
        state, loan="L1", claim="a", count=3, head=b"h" * 32, last_index=9, nonce="ab" * 16
    )
    assert (committed.creditor, committed.share, committed.currency) == ("bank", 700_000, "CNY")
    assert (committed.status, committed.principal, committed.count) == ("active", "773.50", 3)
    with pytest.raises(IntegrityError):
        loans.claim_state(state, loan="L1", claim="z", count=3, head=b"h" * 32, last_index=9, nonce="ab" * 16)


def test_records_fold_to_the_state_that_admission_kept() -> None:
    world = World()
    records, prev = [], None
    for seq, kind in enumerate(["loan.originated", "loan.disbursed", "repayment.received", "loan.settled"]):
        one = submission(kind, id=f"e{seq}")
        world.admit(one)
        draft = record.build(
            ORIGIN, one, seq=seq, prev=prev, posted="2026-11-22T00:00:00.000000Z", secret=SECRET
        )
        records.append((seq, record.parse(draft.record)))
        prev = draft.digest
    kept = world.book.loans["loan:L1"]
    for part in kept.claims:  # asset keys are places, not state
        part.asset_key, part.weak = b"", False
    assert fold.fold(records) == kept
    assert fold.fold(reversed(records)) == kept
    with pytest.raises(IntegrityError):
        fold.fold(records[1:])
