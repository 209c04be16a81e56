"""A file against the records: what agrees, what disagrees and under which name, what cannot be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.audit.reconcile.reconciliation import Reconciliation
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import ConfigurationError, MalformedError, NotFoundError, UndeterminedError
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.store import tables
from ledger.tapes import ex102
from ledger.tapes.pools import Placement, pool_created
from tests import book
from tests.audit import tapebook
from tests.audit.tapebook import CLEAN, POOL, Row, changed, post, run, shown, without, write

EX102 = Path(__file__).parents[2] / "data" / "ex102"
JUNE, JULY = EX102 / "2026-06.xml", EX102 / "2026-07.xml"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The pool, for tests that only read it."""
    with tapebook.shared(tmp_path_factory.mktemp("pool")) as ledger:
        yield ledger


@pytest.fixture
def own(sqlite_ledger: Ledger) -> Ledger:
    """The pool, for a test that writes."""
    return tapebook.fill(sqlite_ledger)


def totals(result: Reconciliation) -> dict[str, tuple[Any, Any]]:
    return {one["name"]: (one["reported"], one["derived"]) for one in result.totals.to_json()}


# -- a tape of one's own -------------------------------------------------------------------------------------


def test_a_clean_tape_agrees(ledger: Ledger, tmp_path: Path) -> None:
    result = run(ledger, write(tmp_path, *CLEAN))
    assert (result.exit_code, shown(result), dict(result.undetermined)) == (0, [], {})
    assert totals(result) == {"balance": ("4662.97", "4662.97"), "count": (6, 6)}
    assert (result.records, result.compared, result.cut_off.text) == (6, 6, "2026-04-30")
    assert result.to_json()["outcome"] == "agrees"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_gives_the_same(database_url: str, make_ledger: Any, tmp_path: Path) -> None:
    ledger = tapebook.fill(make_ledger(database_url))
    assert run(ledger, write(tmp_path, *without("L2"))).to_json()["breaks"][0]["item"] == "absent_in_tape"


@pytest.mark.parametrize(
    ("loan", "change", "item", "reported", "derived"),
    [
        ("L1", {"fen": 91330}, "balance", "913.30", "913.29"),
        ("L1", {"fen": -91329}, "balance", "-913.29", "913.29"),
        ("L1", {"status": "结清"}, "status", "settled", "active"),
        ("DONE", {"status": "正常"}, "status", "active", "settled"),
        ("LATE", {"days": "0"}, "days_past_due", "0 (current)", "25 (M1)"),
        ("LATE", {"days": "", "status": "M2"}, "bucket", "M2", "M1"),
        ("L2", {"rate": "11.99"}, "rate", "0.1199", "0.12"),
        ("L2", {"left": "8"}, "remaining_instalments", "8", "9"),
    ],
)
def test_each_figure_that_differs_is_one_break(
    ledger: Ledger, tmp_path: Path, loan: str, change: dict[str, Any], item: str, reported: str, derived: str
) -> None:
    result = run(ledger, write(tmp_path, *changed(loan, **change)))
    assert shown(result) == [(loan, item, reported, derived)]
    [found] = result.found
    assert (found.status, found.what.owner, found.what.claim) == ("new", tapebook.SENDER, "c1")
    assert result.exit_code == 1


def test_a_bucket_in_the_place_of_days_agrees(ledger: Ledger, tmp_path: Path) -> None:
    assert run(ledger, write(tmp_path, *changed("LATE", days="", status="M1"))).exit_code == 0


def test_what_the_file_does_not_say_is_not_compared(ledger: Ledger, tmp_path: Path) -> None:
    rows = [Row(row.loan, row.fen, row.status, days="", rate="", left="") for row in CLEAN]
    assert run(ledger, write(tmp_path, *rows)).exit_code == 0


def test_a_live_claim_that_is_left_out_is_absent(ledger: Ledger, tmp_path: Path) -> None:
    result = run(ledger, write(tmp_path, *without("L2", "DONE")))
    assert shown(result) == [("L2", "absent_in_tape", None, "balance 913.29")]
    assert result.found[0].what.owner == tapebook.SENDER
    assert dict(result.explained) == {"left out, over by the records (settled)": 1}
    assert totals(result) == {"balance": ("3749.68", "4662.97"), "count": (4, 5)}
    partial = run(ledger, write(tmp_path, *without("L2", "DONE")), partial=True)
    assert (partial.exit_code, totals(partial)["count"]) == (0, (4, 4))


@pytest.mark.parametrize("name", ["OUT", "NEVER"])
def test_a_loan_that_the_pool_does_not_hold_is_extra(ledger: Ledger, tmp_path: Path, name: str) -> None:
    result = run(ledger, write(tmp_path, *CLEAN, Row(name, 5000)))
    assert shown(result) == [(name, "extra_in_tape", "balance 50.00", None)]
    # The records have nothing, so whoever keeps them explains it.
    assert result.found[0].what.owner == tapebook.SERVICER
    assert result.to_json()["totals"][0]["unexplained"] == "0.00"


def test_a_released_claim_may_stand_with_nothing(own: Ledger, tmp_path: Path) -> None:
    raw = book.event(
        "claim.released", f"pool:{POOL}", {"claims": [{"loan": "L0", "claim": "c1"}]}, id="rel",
        effective="2026-04-20", party="bank-a",
    )  # fmt: skip
    signer = Signer.from_seed("bank-a", bytes([10]) * 32)
    own.append([statements.sign_submission(signer, own.origin, read_submission(raw))], party="bank-a")
    assert run(own, write(tmp_path, *changed("L0", fen=0))).exit_code == 0
    assert shown(run(own, write(tmp_path, *CLEAN)))[0][:2] == ("L0", "extra_in_tape")
    before = [Row(row.loan, row.fen, row.status, "", "", "", day="20260419") for row in CLEAN]
    items = {(loan, item) for loan, item, _, _ in shown(run(own, write(tmp_path, *before)))}
    assert not any(loan == "L0" for loan, _ in items), "on the day before the release the pool still held it"


def test_the_cut_off_decides_what_the_records_give(ledger: Ledger, tmp_path: Path) -> None:
    march = [Row(row.loan, 100981, "正常", "", "", "", day="20260331") for row in CLEAN]
    assert run(ledger, write(tmp_path, *march)).exit_code == 0


def test_balances_may_be_of_the_shares_held(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path, *changed("JOINT", fen=30442))
    assert run(ledger, path, basis="held").exit_code == 0
    assert shown(run(ledger, path)) == [("JOINT", "balance", "304.42", "913.29")]


@pytest.mark.parametrize(("fen", "breaks"), [(91334, 0), (91335, 1), (91324, 0), (91323, 1)])
def test_the_tolerance_is_taken_to_its_edge(
    sqlite_ledger: Ledger, tmp_path: Path, fen: int, breaks: int
) -> None:
    ledger = tapebook.fill(sqlite_ledger, tolerances={"tapes": "0.05", "days_past_due": "1"})
    rows = changed("L1", fen=fen)
    rows = tuple(Row(row.loan, row.fen, row.status, "26" if row.loan == "LATE" else row.days) for row in rows)
    rows = tuple(row if row.loan != "DONE" else CLEAN[4] for row in rows)
    assert len(run(ledger, write(tmp_path, *rows)).found) == breaks


def test_many_small_differences_are_one_of_the_total(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    ledger = tapebook.fill(sqlite_ledger, tolerances={"tapes": "0.05"})
    rows = [Row(row.loan, row.fen + 3, *row.line().split(",")[3:]) if row.fen else row for row in CLEAN]
    assert shown(run(ledger, write(tmp_path, *rows))) == [(None, "total.balance", "4663.12", "4662.97")]
    wide = book.event(
        "pool.created", f"pool:{POOL}", {"rules": {"version": 2, "tolerances": {"tapes": "0.05", "tapes_total": "1"}}},
        id="v2", effective="2026-04-01",
    )  # fmt: skip
    ledger.append([wide], party="fenqile")
    assert run(ledger, write(tmp_path, *rows)).exit_code == 0


# -- files that cannot be read whole -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("L9,20260430,12x,正常,0,12,9", "line 8: 余额(分): is not a plain decimal number"),
        ("L9,20260430,1,正常,0,12", "line 8: (row): has 6 cells where the header has 7"),
        ("L9,20260230,1,正常,0,12,9", "line 8: 截止日: is not a day that exists"),
        ("L1,20260430,91329,正常,0,12,9", "line 8: loan: loan:L1 stands in the file twice"),
        ("NEW,20260331,1,正常,0,12,9", "line 8: effective: 2026-03-31 is not the cut-off, 2026-04-30"),
    ],
)
def test_a_fault_refuses_the_file_by_line_and_field(
    ledger: Ledger, tmp_path: Path, line: str, told: str
) -> None:
    path = write(tmp_path, *CLEAN, extra=line)
    with pytest.raises(MalformedError) as error:
        run(ledger, path)
    assert told in str(error.value)
    assert "nothing was compared" in str(error.value)


def test_a_fault_in_the_first_row_is_told_like_any_other(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path, Row("L0", 1, day="0"), *CLEAN[1:])
    with pytest.raises(MalformedError, match="line 2: 截止日"):
        run(ledger, path)


def test_an_unknown_loan_twice_is_a_fault_too(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="loan:NEVER stands in the file twice"):
        run(ledger, write(tmp_path, *CLEAN, Row("NEVER", 1), Row("L8", 1), Row("NEVER", 2)))


def test_a_file_without_rows_says_so(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="no row in it"):
        run(ledger, write(tmp_path))


def test_a_mapping_of_other_events_is_no_tape(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path, *CLEAN)
    mapping = path.with_name("tape.toml")
    mapping.write_text(tapebook.MAPPING.replace("balance.reported", "repayment.received"))
    with pytest.raises(ConfigurationError, match="map its rows to balance"):
        run(ledger, path)


def test_an_unknown_pool_is_named(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="'Q'"):
        run(ledger, write(tmp_path, *CLEAN), pool="Q")


# -- from file to file ---------------------------------------------------------------------------------------


def test_a_break_is_carried_on_under_its_name(own: Ledger, tmp_path: Path) -> None:
    april = run(own, write(tmp_path, *changed("L1", fen=1)))
    assert post(own, april) == 2
    again = run(own, write(tmp_path, *changed("L1", fen=1)))
    assert post(own, again) == 0
    assert [one.status for one in again.found] == ["open"]
    may = [Row(row.loan, row.fen, row.status, "", "", "", day="20260531") for row in changed("L1", fen=2)]
    later = run(own, write(tmp_path, *may))
    assert [event["type"] for event in later.events("fenqile")] == ["tape.received"]
    [found] = later.found
    assert found.what.name == april.found[0].what.name
    assert (found.status, found.since) == ("open", date(2026, 4, 30))


def test_a_break_that_a_later_file_does_not_show_stays_open(own: Ledger, tmp_path: Path) -> None:
    post(own, run(own, write(tmp_path, *changed("L1", fen=1))))
    may = [Row(row.loan, row.fen, row.status, "", "", "", day="20260531") for row in CLEAN]
    later = run(own, write(tmp_path, *may))
    assert (shown(later), [one.what.loan for one in later.gone]) == ([], ["L1"])
    assert later.exit_code == 1
    assert run(own, write(tmp_path, *may), private=True, sender="").exit_code == 0


def test_one_file_may_be_about_two_pools(own: Ledger, tmp_path: Path) -> None:
    own.append([book.pool_created("Q", effective="2026-01-10")], party="fenqile")
    first, second = (run(own, write(tmp_path, *CLEAN), pool=name, partial=True) for name in (POOL, "Q"))
    assert post(own, first) == 1
    assert post(own, second) == 7  # the file, and six loans that this pool does not hold
    assert [one.status for one in run(own, write(tmp_path, *CLEAN), pool="Q").found] == ["open"] * 6


def test_names_are_of_the_disagreement_only(ledger: Ledger, tmp_path: Path) -> None:
    results = [run(ledger, write(tmp_path, *changed("L1", fen=fen))) for fen in (1, 2)]
    other = run(ledger, write(tmp_path, *changed("L2", fen=1)))
    names = [result.found[0].what.name for result in (*results, other)]
    assert names[0] == names[1] != names[2]
    assert names[0] == "b-" + hashlib.sha256(b'["P","L1","c1","balance",null]').hexdigest()[:24]


def test_what_is_posted_says_what_was_compared(ledger: Ledger, tmp_path: Path) -> None:
    result = run(ledger, write(tmp_path, *changed("L1", fen=91330)))
    tape, opened = result.events("fenqile")
    assert tape["data"]["records"] == 6
    assert tape["data"]["totals"] == [{"name": "balance", "currency": "CNY", "amount": "4662.98"}]
    assert (tape["data"]["form"], len(tape["data"]["mapping"])) == ("csv", 64)
    assert tape["effective"] == opened["effective"] == "2026-04-30"
    assert opened["data"] | {"name": "", "tape": ""} == {
        "name": "", "tape": "", "loan": "L1", "claim": "c1", "item": "balance", "reported": "913.30",
        "derived": "913.29", "currency": "CNY", "difference": "0.01", "owner": "fenqile",
    }  # fmt: skip
    assert run(ledger, write(tmp_path, *CLEAN)).events("bank-a")[0]["data"]["sender"] == "fenqile"


# -- totals of a general ledger ------------------------------------------------------------------------------


def write_totals(folder: Path, *lines: str) -> Path:
    path = folder / "totals.csv"
    path.write_text("name,currency,amount\n" + "\n".join(lines) + "\n")
    return path


def test_totals_of_a_general_ledger(ledger: Ledger, tmp_path: Path) -> None:
    path = write_totals(
        tmp_path, "count,CNY,5", "balance,CNY,4662.97", "collected,CNY,1812.54", "collected.interest,CNY,188.80",
        "disbursed,CNY,7200.00", "charged_off,CNY,0.00", "waived,CNY,913.29",
    )  # fmt: skip
    result = run(ledger, path, cut_off="2026-04-30")
    assert (shown(result), result.exit_code) == ([], 0)
    march = write_totals(tmp_path, "collected,CNY,639.72")
    assert run(ledger, march, cut_off="2026-03-31", since=date(2026, 3, 1)).exit_code == 0


def test_a_total_that_differs_is_a_break_of_the_pool(own: Ledger, tmp_path: Path) -> None:
    path = write_totals(tmp_path, "count,CNY,6", "balance,CNY,4662.96", "balance,USD,1.00")
    result = run(own, path, cut_off="2026-04-30")
    assert shown(result) == [
        (None, "ledger.balance", "4662.96", "4662.97"),
        (None, "ledger.balance", "1.00", "0.00"),
        (None, "ledger.count", "6", "5"),
    ]
    assert len({one.what.name for one in result.found}) == 3
    assert post(own, result) == 4
    assert post(own, run(own, path, cut_off="2026-04-30")) == 0


def test_totals_need_a_cut_off(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UndeterminedError, match="cut_off"):
        run(ledger, write_totals(tmp_path, "balance,CNY,0.00"))


# -- two real months -----------------------------------------------------------------------------------------


def take_in(ledger: Ledger, path: Path) -> None:
    """Import a month into the pool SDART."""
    tape = ex102.read(
        path, party="fenqile", known=ledger.known_loans, placement=Placement(pool="SDART", holder="bank-a")
    )
    ledger.append([item for item in tape if isinstance(item, dict)], party="fenqile")


@pytest.fixture
def sdart(sqlite_ledger: Ledger) -> Ledger:
    sqlite_ledger.append([pool_created("SDART", party="fenqile", effective="2026-06-01")], party="fenqile")
    take_in(sqlite_ledger, JUNE)
    return sqlite_ledger


def test_a_record_of_another_day_is_named_by_its_number(sdart: Ledger, tmp_path: Path) -> None:
    text = JULY.read_text()
    assert text.count("07-31-2026") == 4
    (tmp_path / "two.xml").write_text(text[::-1].replace("07-31-2026"[::-1], "07-30-2026"[::-1], 1)[::-1])
    with pytest.raises(
        MalformedError, match="record 4: effective: 2026-07-30 is not the cut-off, 2026-07-31"
    ):
        run(sdart, tmp_path / "two.xml", pool="SDART")


@pytest.mark.parametrize("partial", [False, True])
def test_two_real_months_agree_with_their_import(sdart: Ledger, partial: bool) -> None:
    """What ended in June is not missed in July, and what came in July was not missing in June."""
    take_in(sdart, JULY)
    june, july = (run(sdart, path, pool="SDART", partial=partial) for path in (JUNE, JULY))
    expected = json.loads((EX102 / "expected.json").read_text())["months"]
    for result, month in zip((june, july), expected, strict=True):
        assert shown(result) == []
        assert result.exit_code == 3
        assert {item for item, _ in result.undetermined} == {"days_past_due", "remaining_instalments"}
        assert set(result.undetermined.values()) == {2}  # of the two loans that go on
        assert totals(result)["collected"] == (month["sums"]["repayment.received.amount"],) * 2
        assert totals(result)["collected.other"] == (month["sums"]["repayment.received.applied.other"],) * 2
        assert totals(result)["balance"] == (month["sums"]["balance.reported.balance"],) * 2
        assert totals(result)["count"] == (4, 4)
    assert dict(june.explained) == {}
    assert dict(july.explained) == ({} if partial else {"left out, over by the records (settled)": 2})


def test_a_month_that_the_records_lack_breaks_by_claim_and_total(sdart: Ledger) -> None:
    result = run(sdart, JULY, pool="SDART")
    items = [(loan and loan.rpartition(":")[2], item) for loan, item, _, _ in shown(result)]
    assert items == [
        (None, "total.collected"), (None, "total.collected.interest"), (None, "total.collected.other"),
        (None, "total.collected.principal"), ("21904424", "balance"), ("21904424", "status"),
        ("21919291", "balance"), ("21919291", "status"), ("22376302", "extra_in_tape"),
        ("22538422", "extra_in_tape"),
    ]  # fmt: skip
    post(sdart, result)
    take_in(sdart, JULY)
    settled = run(sdart, JULY, pool="SDART")
    assert (shown(settled), len(settled.gone), settled.events("fenqile")) == ([], 10, [])


def test_an_erased_loan_cannot_be_asked(own: Ledger, tmp_path: Path) -> None:
    """Its bytes are gone, so a file that still has it, or leaves it out, is undetermined and not wrong."""
    with own.store.write() as connection:
        [loan] = connection.execute(select(tables.subjects.c.id).where(tables.subjects.c.name == "loan:DONE"))
        connection.execute(
            update(tables.records).where(tables.records.c.subject_id == loan.id).values(record=None)
        )
    for rows in (CLEAN, without("DONE")):
        result = run(own, write(tmp_path, *rows))
        assert (shown(result), result.exit_code) == ([], 3)
        assert dict(result.undetermined) == {("loan", "the loan is erased"): 1}
