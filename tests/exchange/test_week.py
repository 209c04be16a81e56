"""A week of daily files: one missing, one repeated, one short, one altered; each noticed, nothing doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.findings import Notes
from ledger.audit.scan.days import DayScan
from ledger.domain import record
from ledger.domain.fold import Indexed
from ledger.exchange import Exchange, Kind, Report, countersign, days, problems
from ledger.log import Ledger
from ledger.proofs.note import Signer
from ledger.simulate import Options, SimulatedClock
from ledger.simulate.daily import Daily, DailyFile
from ledger.store import logs, records
from tests.exchange.running import Desk, shown, stamp
from tests.oracles.daybook import Daybook, fen
from tests.simulate.running import events, log_of

OPTIONS = Options(loans=150, months=3)
FIRST = date(2025, 3, 20)
WEEK = [FIRST + timedelta(days=n) for n in range(7)]
THU, FRI, SAT, SUN, MON, TUE, WED = WEEK
PARTNERS = ("bank-east", "bank-north", "fund-a", "fund-b", "spv-1")
PLATFORM = Signer.from_seed("platform", bytes(32))
BANK = Signer.from_seed("bank-east", bytes([1]) * 32)


@dataclass
class Week:
    """What was sent, what each morning's run said, and the log that came of it."""

    desk: Desk
    ledger: Ledger
    files: dict[tuple[date, str, str], DailyFile]
    posted: list[dict[str, Any]]
    mornings: dict[date, Report] = field(default_factory=dict)

    def send(
        self, day: date, name: str, *, of: date | None = None, data: bytes | None = None, on: date
    ) -> Path:
        """Send a file of the platform: its own, that ``of`` another day, or other ``data``."""
        file = self.files[of or day, "platform", name]
        return self.desk.send(
            day,
            "platform",
            name,
            file.data if data is None else data,
            mapping=file.mapping,
            sums=file.sums,
            on=on,
        )

    def send_day(self, day: date, *, but: tuple[str, ...] = ()) -> None:
        for on, party, name in sorted(self.files):
            if on == day and name not in but:
                file = self.files[on, party, name]
                self.desk.send(day, party, name, file.data, mapping=file.mapping, sums=file.sums)

    def morning_after(self, day: date) -> Report:
        clock = self.ledger.clock
        assert isinstance(clock, SimulatedClock)
        clock.set(day + timedelta(days=1))
        self.mornings[day] = self.desk.run()
        return self.mornings[day]

    @property
    def book(self) -> Daybook:
        """All events that were posted in the simulation until the week's end."""
        return Daybook(self.posted)


def prepared(folder: Path, ledger: Ledger) -> Week:
    """A log with the simulation until the week, and the week's files, to be sent."""
    daily, exchange = Daily(OPTIONS), folder / "files"
    (exchange / "mappings").mkdir(parents=True)
    plan = daily.plan().replace(f"since = {OPTIONS.start}", f"since = {FIRST}")
    plan += '[[file]]\nparty = "bank-east"\nname = "close"\ndays = "optional"\n'
    (exchange / "exchange.toml").write_text(plan, encoding="utf-8")
    for name, text in daily.mappings().items():
        (exchange / "mappings" / f"{name}.toml").write_text(text, encoding="utf-8")
    posted = [one for one in events(OPTIONS) if one["posted"] <= WED.isoformat()]
    clock = ledger.clock
    assert isinstance(clock, SimulatedClock)
    clock.set(FIRST - timedelta(days=1))
    before = [dict(one) for one in posted if one["posted"] < FIRST.isoformat()]
    for one in before:
        del one["posted"]
    ledger.append(before)
    ledger.add_party("platform", ["originator", "servicer"], [PLATFORM.verifier.vkey])
    ledger.add_party("bank-east", ["funding_partner"], [BANK.verifier.vkey])
    files = {
        (one.day, one.party, one.name): one for of_day in daily.files() for one in of_day if one.day in WEEK
    }
    return Week(Desk(exchange, ledger), ledger, files, posted)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    """The week as it went, each morning's run kept."""
    folder = tmp_path_factory.mktemp("week")
    with log_of(folder, OPTIONS) as ledger:
        week = prepared(folder, ledger)
        week.send_day(THU)
        week.morning_after(THU)
        week.send_day(FRI, but=("repayments",))  # missing
        week.morning_after(FRI)
        week.send_day(SAT, but=("loans",))
        week.send(SAT, "loans", of=FRI, on=SAT)  # repeated: Friday's loans as Saturday's
        week.morning_after(SAT)
        week.send_day(SUN)
        cut = week.files[SUN, "platform", "repayments"].data.splitlines(keepends=True)
        sunday = week.desk.folder / "in" / "platform" / SUN.isoformat() / "repayments.csv"
        sunday.write_bytes(b"".join(cut[:-2]))  # short: two rows less than its manifest says
        week.send(FRI, "repayments", on=SUN)  # late, and there at last
        week.morning_after(SUN)
        week.send_day(MON)
        week.send(SUN, "repayments", on=MON)
        week.send(SAT, "loans", on=MON)
        week.send(SUN, "events", on=MON)  # its pledge of one of Saturday's loans, once more
        changed = week.files[THU, "platform", "repayments"].data.replace(b"BK", b"BX")
        week.send(THU, "repayments", data=changed, on=MON)  # altered, after it was taken in
        week.morning_after(MON)
        week.send(THU, "repayments", on=TUE)  # as it was
        week.send_day(TUE)
        week.send_day(MON)  # a whole day once more
        week.morning_after(TUE)
        week.send_day(WED)
        week.morning_after(WED)
        yield week


def test_each_fault_is_noticed_on_its_morning_and_gone_when_it_is_mended(week: Week) -> None:
    on = {day: shown(week.mornings[day]) for day in WEEK}
    missing = ("2025-03-21", "platform", "repayments", "missing")
    repeated = ("2025-03-22", "platform", "loans", "repeated")
    short = ("2025-03-23", "platform", "repayments", "short")
    altered = ("2025-03-20", "platform", "repayments", "altered")
    pledge_of_nothing = ("2025-03-23", "platform", "events", "refused")
    assert on == {
        THU: [], FRI: [missing], SAT: [missing, repeated], SUN: [repeated, pledge_of_nothing, short],
        MON: [altered], TUE: [], WED: [],
    }  # fmt: skip
    reasons = {one.kind: one.detail for report in week.mornings.values() for one in report.problems}
    assert reasons[Kind.SHORT].startswith("rows: 26 stated, 24 there; sum of amount: ")
    assert reasons[Kind.REPEATED] == "the same bytes as platform/2025-03-21/loans, taken in before"
    assert reasons[Kind.MISSING] == "it was due at 2025-03-21T22:00Z", "six in the morning in Shanghai"
    assert "a correction comes as a further file, such as repayments.2" in reasons[Kind.ALTERED]


def test_what_came_late_and_what_came_again_is_said(week: Week) -> None:
    late = [(day, row.day, row.name) for day in WEEK for row in week.mornings[day].late]
    assert late == [
        (SUN, "2025-03-21", "repayments"),
        (MON, "2025-03-20", "repayments"),
        (MON, "2025-03-22", "loans"),
        (MON, "2025-03-23", "repayments"),
    ]
    again = Counter(one.row.day for one in week.mornings[TUE].files if one.again)
    assert again["2025-03-24"] == sum(on == MON for on, _, _ in week.files)
    assert again["2025-03-20"] == 1, "the original, put back in its place"


def everything(ledger: Ledger) -> list[Indexed]:
    """All records of the log."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        rows = list(records.between(connection, log.id, 0, log.size))
    return [(row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None]


def test_nothing_is_doubled_and_nothing_is_lost(week: Week) -> None:
    known = [one for _, one in everything(week.ledger)]
    ids = Counter((one.party, one.id) for one in known if one.type != "day.closed")
    assert ids == Counter({(one["party"], one["id"]): 1 for one in week.posted})
    by_id = {(one.party, one.id): one for one in known}
    for event in week.posted:
        one = by_id[event["party"], event["id"]]
        assert json.loads(one.raw)["data"] == event["data"]


def test_every_line_is_answered_with_its_place_in_the_log(week: Week) -> None:
    verdict, lines = week.desk.reply(SUN, "platform", "repayments")
    assert (verdict["state"], verdict["accepted"], verdict["refused"]) == ("taken", 26, 0)
    assert [int(one["line"]) for one in lines] == list(range(2, 28))
    with week.ledger.store.read() as connection:
        log = logs.get(connection, week.ledger.origin)
        for one in lines:
            row = records.at(connection, log.id, int(one["index"]))
            assert row is not None
            assert (row.event_id, row.digest.hex(), one["outcome"]) == (one["id"], one["digest"], "accepted")


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_reconciliation_file_is_right_to_the_cent(week: Week, partner: str) -> None:
    told = 0
    for day in WEEK:
        manifest, rows = week.desk.recon(day, partner)
        wanted = week.book.rows(partner, day.isoformat())
        found = {
            (one["id"], one["claim"], one["pool"]): tuple(
                fen(one[name]) for name in ("principal", "interest", "fee", "penalty", "other")
            )
            for one in rows
        }
        assert found == wanted
        assert len(rows) == len(found) == manifest["rows"]
        assert all(fen(one["amount"]) == sum(found[one["id"], one["claim"], one["pool"]]) for one in rows)
        sums: Counter[str] = Counter()
        for one in rows:
            sums[one["type"]] += fen(one["amount"])
        assert {line["type"]: fen(line["sum"]) for line in manifest["lines"]} == sums
        told += len(rows)
    assert told >= 5


def test_both_sides_close_every_date_and_the_audit_agrees(week: Week) -> None:
    exchange = Exchange(week.desk.place, week.ledger, batch=500)
    for day in WEEK:
        ours = exchange.close(day, party="platform", signer=PLATFORM)
        totals = {
            line["type"]: (line["count"], fen(line["sum"])) for line in ours.lines if line["holder"] is None
        }
        assert totals == week.book.totals(day.isoformat())
        # The bank has the files alone: it signs what its own reconciliation file sums to, and sends it back.
        signed = countersign(week.desk.place, day, BANK, origin=week.ledger.origin)
        stamp(week.desk.folder / signed.file.replace(".ndjson", ".ok"), day)
        (taken,) = week.desk.run().files
        assert (taken.row.party, taken.row.name, taken.row.accepted) == ("bank-east", "close", 1)
        theirs = exchange.close(day, party="bank-east", signer=BANK)
        assert (theirs.repeated, theirs.signed) == (True, True)
        manifest, _ = week.desk.recon(day, "bank-east")
        assert (
            theirs.lines
            == manifest["lines"]
            == [line for line in ours.lines if line["holder"] == "bank-east"]
        )
        assert (theirs.before, manifest["before"], manifest["closed"]) == (ours.before, ours.before, True)
        assert exchange.close(day, party="platform", signer=PLATFORM).repeated
    known = everything(week.ledger)
    closes = [pair for pair in known if pair[1].type == "day.closed"]
    scan, notes = DayScan(closes), Notes()
    for index, one in known:
        scan.take(index, one)
    scan.check(notes, closes)
    assert notes.findings == []
    assert notes.procedure("days").asked > 3 * len(WEEK), (
        "both closes of each date, and lines of single holders"
    )
    assert week.desk.run().problems == []


def test_pages_and_webhooks_ask_the_database_alone(week: Week) -> None:
    row, now = week.ledger.row(), week.ledger.clock()
    assert problems(week.ledger.store, row, now=now) == []
    table = days(week.ledger.store, row, now=now)
    assert [one.day for one in table] == [day.isoformat() for day in reversed(WEEK)]
    assert all(one.complete and one.told for one in table)
    friday = next(one for one in table if one.day == FRI.isoformat())
    assert [(one.name, one.late) for one in friday.files if one.late] == [("repayments", True)]
    gone = {one.name: str(one.state) for one in table[-1].files if one.state == "withdrawn"}
    assert gone == {"repayments": "withdrawn"}
