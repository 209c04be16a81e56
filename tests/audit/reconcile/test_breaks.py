"""Breaks in the log: opened once, closed by two sides, aged from the file that showed them first."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger.audit import pool as pools
from ledger.audit.reconcile import breaks
from ledger.audit.reconcile.breaks import StandingBreak
from ledger.log import Ledger
from ledger.store import logs
from tests.audit import tapebook
from tests.audit.tapebook import CLEAN, POOL, Row, changed, post, run, write

TODAY = date(2026, 11, 22)


@pytest.fixture
def ledger(sqlite_ledger: Ledger, tmp_path: Path) -> Ledger:
    """The pool, with one break in its log: the balance of L1 in April, which the file's sender has to explain."""
    tapebook.fill(sqlite_ledger)
    post(sqlite_ledger, run(sqlite_ledger, write(tmp_path, *changed("L1", fen=1))))
    return sqlite_ledger


def the_break(ledger: Ledger, day: date | None = None) -> StandingBreak:
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = pools.load(connection, log, POOL, before=log.size, as_of=TODAY).records
    [found] = breaks.standing(own, pool=POOL, day=day).values()
    return found


def agree(ledger: Ledger, party: str, resolution: str = "file_wrong", why: str = "typing error") -> None:
    event = breaks.closing(
        the_break(ledger), party=party, resolution=resolution, explanation=why, today=TODAY
    )
    ledger.append([event], party=party)


def later(tmp_path: Path, *, fen: int, day: str = "20260531") -> Path:
    rows = [Row(row.loan, row.fen, row.status, "", "", "", day=day) for row in CLEAN]
    return write(
        tmp_path,
        *(Row("L1", fen, day=day, days="", rate="", left="") if row.loan == "L1" else row for row in rows),
    )


def test_it_reads_back_as_it_was_found(ledger: Ledger, tmp_path: Path) -> None:
    [found] = run(ledger, write(tmp_path, *changed("L1", fen=1))).found
    standing = the_break(ledger)
    assert standing.what == found.what
    assert (standing.status, standing.name) == ("open", found.what.name)
    assert standing.age(date(2026, 5, 30)) == 30
    assert standing.age(date(2026, 4, 1)) == 0


def test_two_sides_close_it(ledger: Ledger) -> None:
    agree(ledger, "fenqile")
    assert the_break(ledger).status == "agreed"
    agree(ledger, "bank-a")
    closed = the_break(ledger)
    assert closed.status == "closed"
    assert [(one.party, one.signed) for one in closed.closings] == [("fenqile", False), ("bank-a", False)]
    assert len(closed.records) == 3
    assert the_break(ledger, day=date(2026, 5, 1)).status == "open", "on that day nobody had agreed"


def test_one_side_twice_does_not_close_it(ledger: Ledger) -> None:
    agree(ledger, "fenqile")
    agree(ledger, "fenqile", "other", "still so")
    assert [one.resolution for one in the_break(ledger).closings] == ["other"]
    assert the_break(ledger).status == "agreed"


def test_others_do_not_close_it(ledger: Ledger) -> None:
    """Neither without the owner, nor with it: a bank that holds nothing of the pool speaks for nobody."""
    agree(ledger, "bank-b")
    agree(ledger, "bank-c")
    assert the_break(ledger).missing == (("fenqile",), ("bank-a",))
    agree(ledger, "fenqile")
    assert (the_break(ledger).status, the_break(ledger).missing) == ("agreed", (("bank-a",),))
    assert the_break(ledger).to_json(TODAY)["waits_for"] == [["bank-a"]]
    agree(ledger, "bank-a")
    assert (the_break(ledger).status, the_break(ledger).missing) == ("closed", ())


def close(ledger: Ledger, resolution: str) -> None:
    agree(ledger, "fenqile", resolution)
    agree(ledger, "bank-a", resolution)


@pytest.mark.parametrize("resolution", ["file_wrong", "record_corrected", "timing"])
def test_what_was_to_go_away_and_is_there_again_is_opened_anew(
    ledger: Ledger, tmp_path: Path, resolution: str
) -> None:
    close(ledger, resolution)
    same_file = run(ledger, write(tmp_path, *changed("L1", fen=1)))
    assert ([one.status for one in same_file.found], same_file.exit_code) == (["closed"], 0)
    assert same_file.events("fenqile") == []
    may = run(ledger, later(tmp_path, fen=1))
    assert ([one.status for one in may.found], may.exit_code) == (["reopened"], 1)
    assert post(ledger, may) == 2
    again = the_break(ledger)
    assert (again.status, again.closings, again.what.since) == ("open", (), date(2026, 5, 31))
    assert run(ledger, later(tmp_path, fen=1)).events("fenqile") == []


@pytest.mark.parametrize(("fen", "status"), [(1, "closed"), (2, "reopened")])
def test_what_both_let_stand_stays_closed_while_the_figures_do(
    ledger: Ledger, tmp_path: Path, fen: int, status: str
) -> None:
    close(ledger, "immaterial")
    assert [one.status for one in run(ledger, later(tmp_path, fen=fen)).found] == [status]


def test_a_name_that_somebody_else_chose_is_kept(ledger: Ledger) -> None:
    opened = the_break(ledger).what.event("bank-a")
    opened["id"], opened["data"]["name"] = "theirs", "THEIR-1"
    ledger.append([opened], party="bank-a")
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        own = pools.load(connection, log, POOL, before=log.size, as_of=TODAY).records
    found = breaks.standing(own, pool=POOL)
    assert list(found) == [the_break_name(found), "THEIR-1"]
    assert found["THEIR-1"].to_json(TODAY)["name"] == "THEIR-1"


def the_break_name(found: dict[str, StandingBreak]) -> str:
    return next(name for name in found if name.startswith("b-"))


def test_closing_what_nobody_opened_changes_nothing(ledger: Ledger) -> None:
    data = {"name": "b-0", "resolution": "other", "explanation": "x"}
    raw = {
        "id": "c",
        "type": "break.closed",
        "subject": f"pool:{POOL}",
        "effective": "2026-05-01",
        "data": data,
    }
    ledger.append([raw], party="bank-a")
    assert the_break(ledger).status == "open"
