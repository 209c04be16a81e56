"""What becomes of one file: taken in, or left out whole, with the reason and an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from ledger.errors import ConfigurationError
from ledger.exchange import Exchange, Outbox, Place, problems
from ledger.exchange.layout import Slot, sent
from ledger.log import Ledger
from tests import book
from tests.exchange.conftest import MAPPING, PLAN, desk_of
from tests.exchange.running import FRIDAY, SATURDAY, SUNDAY, Desk, payments, send_payments, shown


def kinds(desk: Desk) -> dict[str, str]:
    """Name → kind of what there is to act on about Friday, after a run."""
    return {name: kind for day, _, name, kind in shown(desk.run()) if day == FRIDAY.isoformat()}


def detail(desk: Desk) -> str:
    (one,) = [one for one in desk.run().problems if one.day == FRIDAY.isoformat()]
    return one.detail


def edit_manifest(desk: Desk, **members: Any) -> None:
    """Change the manifest of Friday's payments, and write the flag again."""
    path = desk.folder / sent(Slot(FRIDAY, "fenqile", "repayments"), ".manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def size(desk: Desk) -> int:
    return desk.ledger.row().size


def test_a_file_is_taken_in_once(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L1", 500))
    before = size(desk)
    (one,) = desk.run().files
    assert (one.row.state, one.row.rows, one.row.accepted, size(desk)) == ("taken", 2, 2, before + 2)
    verdict, lines = desk.reply(FRIDAY, "fenqile", "repayments")
    assert (verdict["state"], verdict["reply"]["rows"]) == ("taken", 2)
    assert [(row["line"], row["id"], row["outcome"], int(row["index"])) for row in lines] == [
        ("2", "pay:1", "accepted", before), ("3", "pay:2", "accepted", before + 1),
    ]  # fmt: skip
    second = desk.run()
    assert (second.files, second.told, size(desk)) == ([], [], before + 2)
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L1", 500))
    third = desk.run()
    assert [one.again for one in third.files] == [True]
    assert size(desk) == before + 2


def test_nothing_without_its_flag_is_touched(desk: Desk) -> None:
    path = send_payments(desk, FRIDAY, (1, "L0", 10_662))
    path.with_suffix(".ok").unlink()
    before = size(desk)
    assert desk.run().files == []
    assert size(desk) == before
    assert not list((desk.folder / "out" / "fenqile").rglob("*"))


#: Changes of a manifest of two payments that sum to 11162 fen, and what is said of the file then.
CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"rows": 3}, "short", "rows: 3 stated, 2 there"),
    ({"sums": {"fen": "11163"}}, "short", "sum of fen: 11163 stated, 11162 there"),
    ({"sums": {"yuan": "1"}}, "wrong", 'the file has no column "yuan"'),
    ({"sums": {"loan": "1"}}, "wrong", "line 2: loan is no number"),
    ({"sha256": "0" * 64}, "altered", f"SHA-256: {'0' * 64} stated"),
    ({"party": "bank-a"}, "wrong", "party: bank-a stated, it lies under fenqile"),
    ({"date": "2026-11-21"}, "wrong", "date: 2026-11-21 stated, it lies under 2026-11-20"),
    ({"mapping": "loans"}, "wrong", "mapping: loans stated, it lies under repayments"),
    ({"more": 1}, "wrong", "manifest"),
    ({"format": "poolproof/exchange/v2"}, "wrong", "manifest"),
]


def test_a_file_that_is_not_what_its_manifest_says_is_left_out_whole(desk: Desk) -> None:
    before = size(desk)
    for members, kind, words in CONTRADICTIONS:
        send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L1", 500))
        edit_manifest(desk, **members)
        (problem,) = [one for one in desk.run().problems if one.day == FRIDAY.isoformat()]
        assert (str(problem.kind), size(desk)) == (kind, before)
        assert words in problem.detail
        verdict, lines = desk.reply(FRIDAY, "fenqile", "repayments")
        assert (verdict["state"], verdict["detail"], lines) == (kind, problem.detail, [])
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L1", 500))
    assert kinds(desk) == {}, "mended in its place: nothing of it had been taken in"
    assert desk.reply(FRIDAY, "fenqile", "repayments")[0]["state"] == "taken"
    assert size(desk) == before + 2


def test_parts_that_are_missing_and_files_that_cannot_be_read(desk: Desk) -> None:
    path = send_payments(desk, FRIDAY, (1, "L0", 10_662))
    manifest = path.with_suffix(".manifest.json")
    kept = manifest.read_bytes()
    manifest.unlink()
    assert detail(desk) == "its flag is there, its manifest is not"
    manifest.write_bytes(kept)
    path.unlink()
    assert detail(desk) == "its flag is there, its file is not"
    path.write_bytes(b'number,loan,day,fen\n1,"L0,20261120,5\n')
    assert "a quote opened in the row at line 2 does not close" in detail(desk)
    desk.send(FRIDAY, "fenqile", "repayments", b"other,columns\n1,2\n", mapping="repayments")
    assert "no column" in detail(desk)
    path.with_suffix(".csv").unlink()
    desk.send(FRIDAY, "fenqile", "repayments", b"{}\n", mapping=None)
    assert detail(desk) == "the plan expects a file of rows: .csv"


def test_what_nobody_expects_is_left_out_and_said(desk: Desk) -> None:
    desk.send(FRIDAY, "bank-b", "repayments", b"number\n", mapping="repayments")
    stray = desk.folder / "in" / "fenqile" / "20261120" / "repayments.ok"
    stray.parent.mkdir(parents=True)
    stray.touch()
    report = desk.run()
    assert ("2026-11-20", "bank-b", "repayments", "unexpected") in shown(report)
    assert report.strays == ["in/fenqile/20261120/repayments.ok"]
    assert report.problems[-1].name == "in/fenqile/20261120/repayments.ok"
    assert desk.run().files == [], "said once, and looked at again in silence"
    text = PLAN + '\n[[file]]\nparty = "bank-b"\nname = "repayments"\nmapping = "repayments"\n'
    (desk.folder / "exchange.toml").write_text(text, encoding="utf-8")
    (one,) = desk.run().files
    assert str(one.row.state) == "wrong", "now it is expected, and has not the columns of its mapping"
    mapping = MAPPING.replace('"pay:{number}"', '"pay:{nr}"')
    desk.send(FRIDAY, "bank-b", "repayments", b"nr,loan,day,fen\n", mapping="repayments")
    assert [str(one.row.state) for one in desk.run().files] == ["wrong"]
    (desk.folder / "mappings" / "repayments.toml").write_text(mapping, encoding="utf-8")
    assert [str(one.row.state) for one in desk.run().files] == ["taken"], "the mapping was mended"


def test_lines_are_refused_one_by_one_and_corrected_by_a_further_file(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L9", 500), (3, "L1", 700))
    path = desk.folder / "in" / "fenqile" / FRIDAY.isoformat() / "repayments.csv"
    desk.send(
        FRIDAY, "fenqile", "repayments", path.read_bytes().replace(b",700", b",x"), mapping="repayments"
    )
    assert detail(desk) == "2 of 3 lines refused; the reply names them"
    _, lines = desk.reply(FRIDAY, "fenqile", "repayments")
    assert [(row["line"], row["outcome"], row["rule"]) for row in lines] == [
        ("2", "accepted", ""), ("3", "refused", "unknown_subject"), ("4", "refused", "wrong_row"),
    ]  # fmt: skip
    assert (lines[1]["id"], lines[1]["field"], lines[2]["id"], lines[2]["field"]) == (
        "pay:2",
        "subject",
        "",
        "fen",
    )
    before = size(desk)
    assert desk.run().files == [], "a line that was refused is not tried again by itself"
    send_payments(desk, FRIDAY, (2, "L2", 500), (3, "L1", 700), name="repayments.2")
    assert kinds(desk) == {}
    assert size(desk) == before + 2


def test_a_file_whose_flag_is_written_again_is_tried_again_where_lines_were_refused(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L9", 500))
    assert kinds(desk) == {"repayments": "refused"}
    desk.ledger.append([book.originated("L9"), book.disbursed("L9")], party="fenqile")
    assert kinds(desk) == {"repayments": "refused"}
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L9", 500))
    assert kinds(desk) == {}
    verdict, lines = desk.reply(FRIDAY, "fenqile", "repayments")
    assert (verdict["accepted"], [row["outcome"] for row in lines]) == (2, ["accepted", "accepted"])


def test_a_changed_file_is_not_taken_in_until_it_is_as_it_was_or_gone(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662))
    assert kinds(desk) == {}
    before = size(desk)
    path = send_payments(desk, FRIDAY, (1, "L0", 9_999))
    assert kinds(desk) == {"repayments": "altered"}
    assert desk.reply(FRIDAY, "fenqile", "repayments")[0]["state"] == "altered"
    assert problems(desk.ledger.store, desk.ledger.row(), now=desk.ledger.clock()) == desk.run().problems
    for part in (path, path.with_suffix(".ok"), path.with_suffix(".manifest.json")):
        part.unlink()
    report = desk.run()
    assert [row.name for row in report.withdrawn] == ["repayments"]
    assert kinds(desk) == {}
    assert size(desk) == before


def test_every_line_again_in_another_file_is_a_repetition(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L1", 500))
    desk.run()
    before = size(desk)
    other = payments(FRIDAY, (2, "L1", 500), (1, "L0", 10_662))
    desk.send(SATURDAY, "fenqile", "repayments", other, mapping="repayments")
    assert ("2026-11-21", "fenqile", "repayments", "repeated") in shown(desk.run())
    _, lines = desk.reply(SATURDAY, "fenqile", "repayments")
    assert [row["outcome"] for row in lines] == ["repeated", "repeated"]
    assert size(desk) == before


def test_days_without_rows_are_not_repetitions_of_each_other(desk: Desk) -> None:
    for day in (FRIDAY, SATURDAY, SUNDAY):
        send_payments(desk, day)
    report = desk.run()
    assert {one.row.state for one in report.files} == {"taken"}
    assert report.problems == []


def test_missing_from_the_minute_it_is_due(desk: Desk) -> None:
    assert {day for day, _, _, kind in shown(desk.run()) if kind == "missing"} == {"2026-11-20", "2026-11-21"}
    clock: Any = desk.ledger.clock
    clock.now += timedelta(hours=3, minutes=29)  # 05:59 in Shanghai
    assert ("2026-11-22", "fenqile", "repayments", "missing") not in shown(desk.run())
    clock.now += timedelta(minutes=2)
    assert ("2026-11-22", "fenqile", "repayments", "missing") in shown(desk.run())
    desk.send(
        SUNDAY, "fenqile", "repayments", payments(SUNDAY), mapping="repayments", on=SUNDAY + timedelta(days=1)
    )
    report = desk.run()
    assert [row.day for row in report.late] == ["2026-11-22"]
    assert ("2026-11-22", "fenqile", "repayments", "missing") not in shown(report)


@pytest.mark.parametrize("stop_at", [1, 3])
def test_an_interrupted_run_is_taken_up_and_answers_the_same(desk: Desk, stop_at: int) -> None:
    (desk.folder / "exchange.toml").write_text(
        PLAN + '\n[[file]]\nparty = "fenqile"\nname = "events"\ndays = "optional"\n', encoding="utf-8"
    )
    events = [book.repaid(f"L{n}", 1, effective="2026-11-20") for n in range(4)]
    lines = "".join(json.dumps(one) + "\n" for one in events).encode()
    desk.send(FRIDAY, "fenqile", "events", lines, mapping=None)
    before, seen = size(desk), 0

    def interrupt(what: str, _done: int, _total: int) -> None:
        nonlocal seen
        if what.startswith("take in"):
            seen += 1
            if seen == stop_at:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Exchange(desk.place, desk.ledger, batch=1, progress=interrupt).run()
    assert size(desk) == before + stop_at - 1
    standing = problems(desk.ledger.store, desk.ledger.row(), now=desk.ledger.clock())
    assert ("events", "interrupted") in {(one.name, str(one.kind)) for one in standing}
    report = desk.run()
    assert [one.row.state for one in report.files] == ["taken"]
    assert size(desk) == before + 4
    verdict, rows = desk.reply(FRIDAY, "fenqile", "events")
    assert (verdict["accepted"], verdict["repeated"]) == (4, 0)
    assert [(row["outcome"], int(row["index"])) for row in rows] == [
        ("accepted", before + n) for n in range(4)
    ]


def test_two_runs_at_once_do_no_harm(desk: Desk) -> None:
    before = size(desk)
    rows = [(n, f"L{n % 4}", 100 + n) for n in range(40)]
    send_payments(desk, FRIDAY, *rows)
    send_payments(desk, SATURDAY, *((n + 40, loan, fen) for n, loan, fen in rows))
    barrier = threading.Barrier(3)

    def work() -> None:
        run = Exchange(desk.place, desk.ledger, batch=3)
        barrier.wait()
        run.run()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result()
    assert size(desk) == before + 80
    for day in (FRIDAY, SATURDAY):
        verdict, lines = desk.reply(day, "fenqile", "repayments")
        assert (verdict["state"], verdict["accepted"], verdict["repeated"]) == ("taken", 40, 0)
        assert [row["outcome"] for row in lines] == ["accepted"] * 40
    assert desk.run().files == []


def test_it_is_the_same_on_postgresql(
    tmp_path: Path, fresh_postgres: str, make_ledger: Callable[[str], Ledger]
) -> None:
    desk = desk_of(tmp_path / "files", make_ledger(fresh_postgres))
    send_payments(desk, FRIDAY, (1, "L0", 10_662), (2, "L9", 500))
    assert kinds(desk) == {"repayments": "refused"}
    send_payments(desk, FRIDAY, (2, "L1", 500), name="repayments.2")
    report = desk.run()
    assert (report.told, [one.row.accepted for one in report.files]) == ([FRIDAY], [1])
    assert [row["id"] for row in desk.recon(FRIDAY, "bank-a")[1]] == ["pay:1", "pay:2"]
    closed = Exchange(desk.place, desk.ledger, batch=10).close(FRIDAY, party="fenqile", signer=None)
    assert [(line["holder"], line["sum"]) for line in closed.lines] == [
        (None, "111.62"), ("bank-a", "78.14"), ("bank-b", "33.48"),
    ]  # fmt: skip


def test_an_object_store_works_as_a_directory_does(desk: Desk) -> None:
    place = Place(MemoryStore(), "memory://")
    place.write("exchange.toml", PLAN.encode())
    place.write("mappings/repayments.toml", MAPPING.encode())
    Outbox(place, "fenqile").send(
        FRIDAY, "repayments", payments(FRIDAY, (1, "L0", 500)), mapping="repayments", sums=["fen"]
    )
    report = Exchange(place, desk.ledger, batch=10).run()
    assert [one.row.state for one in report.files] == ["taken"]
    assert [row.day for row in report.late] == ["2026-11-20"], "its flag was written now"
    written = {entry.path for entry in place.entries("out")}
    assert "out/fenqile/2026-11-20/repayments.reply.ok" in written
    assert "out/bank-a/2026-11-20/recon.ok" in written
    assert Exchange(place, desk.ledger, batch=10).run().files == []


def test_a_plan_that_is_not_there_or_names_a_mapping_that_is_not(desk: Desk) -> None:
    send_payments(desk, FRIDAY, (1, "L0", 10_662))
    (desk.folder / "mappings" / "repayments.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"has no mappings/repayments.toml"):
        desk.run()
    (desk.folder / "exchange.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"has no exchange.toml"):
        desk.run()
