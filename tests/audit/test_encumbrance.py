"""Who held a claim, step by step, and from which tree on holders are followed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.audit import encumbrance
from ledger.audit.findings import Notes
from ledger.audit.sight import Sight
from ledger.audit.watch import look
from ledger.errors import RefusedError, VerificationError
from ledger.log import Ledger
from tests.audit.poolbook import fill, run


def _steps(*steps: tuple[str, int]) -> list[tuple[str, int]]:
    """What _check_moves finds, as (others, entry of the return), of steps (holder, change) at entries 0, 1, …"""
    pool, notes = SimpleNamespace(id=1), Notes()
    rows = [
        SimpleNamespace(holder=holder, change=change, index=n, pool_id=1)
        for n, (holder, change) in enumerate(steps)
    ]
    claim = SimpleNamespace(steps=rows, subject="loan:L1", row=SimpleNamespace(name="c1"))
    encumbrance._check_moves(claim, pool, 0, {}, notes)  # type: ignore[arg-type]  # of a pool only its id is asked
    return [(str(one.facts["others"]), str(one.facts["last"])) for one in notes.findings]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([("a", 100), ("a", -99), ("b", 99), ("b", -99), ("a", 99)], [("b", "entry 4")]),
        ([("a", 100), ("a", -99), ("b", 99), ("b", -99), ("a", -1), ("a", 100)], [("b", "entry 5")]),
        ([("a", 100), ("a", -100), ("b", 50), ("a", 50)], [("b", "entry 3")]),
        # Honest: a part sold that its buyer keeps, a part given back that nobody took, a part bought in addition.
        ([("a", 100), ("a", -50), ("b", 50), ("a", -50), ("a", 50)], []),
        ([("a", 100), ("a", -50), ("a", 50)], []),
        ([("a", 50), ("b", 50), ("b", -50), ("a", 50)], []),
        ([("a", 60), ("c", 40), ("a", -30), ("c", -40), ("c", 40), ("a", 30)], []),
    ],
)
def test_a_part_of_a_claim_that_went_to_another_lender_and_came_back(
    steps: list[tuple[str, int]], found: list[tuple[str, str]]
) -> None:
    assert _steps(*steps) == found


def test_holders_are_not_followed_from_a_tree_that_is_not_there_yet(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    ledger = fill(sqlite_ledger)
    newest = ledger.checkpoint_sizes()[-1]
    with pytest.raises(RefusedError, match="since"):
        run(ledger, tmp_path, since=newest + 1)
    with pytest.raises(VerificationError, match="was shown before"):
        look(
            ledger.store,
            ledger.origin,
            "P",
            trust=ledger.trust_root(),
            since=newest + 1,
            sight=Sight.of_owner(tmp_path / "kek"),
        )
