"""``poolproof simulate``: the events of a platform that does not exist, of any size."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home, today
from ledger.collector import collector_paused
from ledger.counts import counted
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.append import Accepted
    from ledger.home import Home
    from ledger.simulate import Day, Options, Simulation

commands = command_group("Simulated events.")

#: When a simulated day's files are written: before they are due, and on that day, in every time zone.
_SENT_AT = time(15, tzinfo=UTC)


@commands.command(
    epilog=example(
        "poolproof simulate --loans 100000 --months 24 -o events.ndjson",
        "poolproof simulate --loans 2000 --fraud double_pledge:3 --fraud kept_cash:1 --append --json",
    )
)
def simulate(
    *,
    loans: Annotated[int, typer.Option(help="Loans taken out.")] = 1_000,
    start: Annotated[str, typer.Option(help="First day, the first of a month.")] = "2025-01-01",
    months: Annotated[int, typer.Option(help="Months simulated.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    scenario: Annotated[
        str, typer.Option(help="Stress: baseline, unemployment_shock, prepayment_wave, servicer_outage.")
    ] = "baseline",
    fraud: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:COUNT", help="Plant frauds; once for each. --json tells where they are."),
    ] = None,
    weak: Annotated[int, typer.Option(help="Share of loans without an asset key, ppm.")] = 0,
    report_every: Annotated[
        int, typer.Option(help="One loan in so many stands on the monthly tapes; 0: none does.")
    ] = 50,
    origin: Annotated[
        str | None, typer.Option(help="Origin of the log meant: signatures are for it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the events to this file.")
    ] = None,
    days: Annotated[
        Path | None,
        typer.Option(help="Write a file for each day on which it is to be posted, and the tapes."),
    ] = None,
    daily: Annotated[
        Path | None,
        typer.Option(help="Write the daily files of an exchange there, for `poolproof exchange`."),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Append to the log of this home, its clock set day by day.")
    ] = False,
    parties: Annotated[
        bool, typer.Option("--parties", help="Print the commands that add the parties, and no event.")
    ] = False,
    register: Annotated[
        bool, typer.Option("--register", help="Add the parties to the log of this home, and no event.")
    ] = False,
    processes: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Processes to share the work; 0: by cores and loans. The bytes are the same.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Simulate a consumer-finance platform: loans, payments, pools, remittances.

    Prints the events, one JSON object a line; with --json the summary instead: counts, sums and planted frauds. The
    parties must be there before the first event. What names records that stand in a log already (the account bank's
    settlements, corrections, day closes) comes with --append only, which takes a log without records, publishes it at
    the end of each day, and ends with yesterday where the months reach further.
    """
    from ledger.simulate import Options

    chosen = [name for name, wanted in
              (("--output", output), ("--days", days), ("--daily", daily), ("--append", append),
               ("--parties", parties), ("--register", register)) if wanted]  # fmt: skip
    if len(chosen) > 1:
        raise ConfigurationError(f"{' and '.join(chosen)}: give one of them")
    out = Output(as_json)
    with ExitStack() as stack:
        home = stack.enter_context(open_home()) if append or register else None
        options = Options(
            loans=loans,
            start=_day(start),
            months=months,
            seed=seed,
            scenario=scenario,
            frauds=tuple(_fraud(text) for text in fraud or []),
            weak=weak,
            report_every=report_every,
            origin=_origin(origin, home),
        )
        if parties or register:
            _parties(out, options, home)
            return
        if daily is not None:
            _daily(out, options, daily, processes)
            return
        _run(out, options, processes, output=output, days=days, home=home)


def _run(
    out: Output,
    options: Options,
    processes: int,
    *,
    output: Path | None,
    days: Path | None,
    home: Home | None,
) -> None:
    from ledger.simulate import Simulation

    simulation = Simulation(options, processes=processes)
    with ExitStack() as stack:
        stream: BinaryIO | None = None
        if home is not None:
            posted: Iterable[Day] = _appended(home, simulation)
        else:
            posted = simulation.days()
            stack.enter_context(collector_paused())  # loans live long, and in no cycle
            if output is not None:
                stream = stack.enter_context(output.open("wb"))
            elif days is None and not out.as_json:
                stream = sys.stdout.buffer
        progress = stack.enter_context(out.progress("simulate", unit="days"))
        whole = (options.last - options.start).days + 1
        for done, day in enumerate(posted, 1):
            if stream is not None:
                stream.write(day.ndjson)
            elif days is not None:
                _write(days, day)
            progress(done, whole)
    summary = simulation.summary() | {"destination": _destination(output, days, home)}
    if stream is sys.stdout.buffer:
        out.say(_line(summary))
    else:
        out.show(summary, _line(summary))


def _daily(out: Output, options: Options, folder: Path, processes: int) -> None:
    """Write the exchange's plan, its mappings, and the files of each day, as if they had come on that day."""
    from ledger.exchange import Outbox, Place
    from ledger.simulate.daily import Daily

    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    place, daily = Place.open(str(folder)), Daily(options, processes=processes)
    place.write("exchange.toml", daily.plan().encode())
    for name, text in daily.mappings().items():
        place.write(f"mappings/{name}.toml", text.encode())
    files = rows = 0
    whole = (options.last - options.start).days + 1
    with out.progress("simulate", unit="days") as progress:
        for done, day in enumerate(daily.files(), 1):
            for one in day:
                sent = Outbox(place, one.party).send(
                    one.day, one.name, one.data, mapping=one.mapping, sums=one.sums
                )
                stamp = datetime.combine(one.day, _SENT_AT).timestamp()
                os.utime(folder / sent, (stamp, stamp))
                files, rows = files + 1, rows + one.rows
            progress(done, whole)
    document = {"destination": str(folder), "days": whole, "files": files, "rows": rows}
    out.show(
        document,
        f"{counted(files, 'file')} of {counted(whole, 'day')} in {folder}, {counted(rows, 'row')}",
    )


def _line(summary: dict[str, Any]) -> str:
    planted = f"; frauds planted: {len(summary['frauds'])}" if summary["frauds"] else ""
    missing = summary["left_out"]
    left_out = f"; left out, as they name records of a log: {', '.join(missing)}" if missing else ""
    events, loans = summary["events"], summary["loans"]
    return f"{counted(events, 'event')} of {counted(loans, 'loan')}{planted}{left_out}"


def _destination(output: Path | None, days: Path | None, home: Home | None) -> str | None:
    if home is not None:
        return home.ledger.origin
    return str(output or days) if output or days else None


def _write(folder: Path, day: Day) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if day.ndjson:
        (folder / f"{day.date.isoformat()}.ndjson").write_bytes(day.ndjson)
    for name, tape in day.tapes.items():
        (folder / "tapes").mkdir(exist_ok=True)
        (folder / "tapes" / name).write_bytes(tape)


def _appended(home: Home, simulation: Simulation) -> Iterator[Day]:
    """Run the simulation into the home's log, as if it had been there then; days that have not passed are left out."""
    from ledger.simulate import SimulatedClock, drive

    ledger, yesterday = home.ledger, today(home) - timedelta(days=1)
    row = ledger.row()
    if row.size:
        raise ConfigurationError(
            f"append: {ledger.origin} has {counted(row.size, 'entry', 'entries')}; a simulation goes into an empty log"
        )
    clock = SimulatedClock(simulation.options.start, zone=row.zone, day_cut=row.day_cut)
    ledger.clock = clock
    _register(home, simulation.options)

    def append(day: date, lines: Sequence[str]) -> Sequence[Accepted]:
        clock.set(day)
        return ledger.append(lines).accepted if lines else []

    for day in drive(simulation, append, until=yesterday):
        ledger.publish()
        yield day


def _register(home: Home, options: Options) -> None:
    from ledger.simulate import parties

    for one in parties(options.seed):
        home.ledger.add_party(one.name, one.roles, [one.key] if one.key else [])


def _parties(out: Output, options: Options, home: Home | None) -> None:
    from ledger.simulate import parties

    listed = parties(options.seed)
    if home is not None:
        _register(home, options)
    document = {"parties": [{"name": one.name, "roles": list(one.roles), "key": one.key} for one in listed]}
    out.show(
        document,
        *(
            " ".join(
                [
                    "poolproof party add",
                    one.name,
                    *(f"--role {role}" for role in one.roles),
                    *([f"--key {one.key}"] if one.key else []),
                ]
            )
            for one in listed
        ),
    )


def _origin(given: str | None, home: Home | None) -> str:
    from ledger.simulate.options import DEFAULT_ORIGIN

    if home is None:
        return given or DEFAULT_ORIGIN
    if given is not None and given != home.ledger.origin:
        raise ConfigurationError(f"origin {given!r}: the log of this home is {home.ledger.origin!r}")
    return home.ledger.origin


def _fraud(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    if not (count or "1").isdecimal():
        raise ConfigurationError(f"fraud {text!r}: write NAME or NAME:COUNT")
    return name, int(count or "1")


def _day(text: str) -> date:
    from ledger.domain.calendar import parse_day

    return parse_day(text, "start")
