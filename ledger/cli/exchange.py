"""``poolproof exchange``: dated daily files in, replies and reconciliation files out, business dates closed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.frame import (
    Json,
    Output,
    command_group,
    example,
    only_party,
    open_home,
)
from ledger.counts import counted
from ledger.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from ledger.exchange import Closed, Exchange, Report
    from ledger.home import Home

commands = command_group("Files exchanged with other parties.")

_EXIT_TO_ACT = 1


@commands.command(
    epilog=example(
        "poolproof exchange /srv/exchange",
        "poolproof exchange s3://bucket/poolproof --watch 300",
        "poolproof exchange /srv/exchange --close 2026-03-02 --key servicer.key",
    ),
)
def exchange(
    where: Annotated[
        str, typer.Argument(metavar="DIR|URL", help="The directory or object store that has exchange.toml.")
    ],
    *,
    close: Annotated[
        str | None, typer.Option(metavar="DATE", help="Close this business date once its files are in.")
    ] = None,
    party: Annotated[
        str | None,
        typer.Option(help="Who closes. [default: the log's only servicer, or its only originator]"),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Sign the close with this statement key of the party.")
    ] = None,
    watch: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Keep running, and look this often.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in daily files, answer their lines, tell each partner of each date.

    Which files are expected, by when, and what their columns mean stands in exchange.toml beside them. A file is taken
    in once: run again, it adds nothing. One that is short or altered is not taken in; what came late, twice or not at
    all is said. Exit code 1 if there is something to act on. With --close a date is closed: counts and sums by type and
    claim holder, for both sides to sign.
    """
    if close is not None and watch is not None:
        raise ConfigurationError("--close and --watch: give one of them")
    if close is None and (party or key):
        raise ConfigurationError("--party and --key go with --close")
    out = Output(as_json)
    first = True
    while True:
        try:
            report, closed = _run(out, where, close, party, key)
        except UnavailableError as error:
            if watch is None:
                raise
            out.warn(f"{error}; the next look is in {watch:g} seconds")
        else:
            if first or watch is None or report.did_something:
                document = report.to_json() | ({"closed": closed.to_json()} if closed else {})
                out.show(document, *_lines(report, closed))
            if watch is None:
                if report.problems:
                    raise typer.Exit(_EXIT_TO_ACT)
                return
            first = False
        time.sleep(watch)


@commands.command(
    epilog=example(
        "poolproof dayclose /srv/exchange 2026-03-02 --key bank.key --trust trust.json",
        "poolproof dayclose s3://bucket/poolproof 2026-03-02 --key bank.key --json",
    )
)
def dayclose(
    where: Annotated[
        str, typer.Argument(metavar="DIR|URL", help="The directory or object store that has out/ and in/.")
    ],
    day: Annotated[str, typer.Argument(metavar="DATE", help="The business date.")],
    *,
    key: Annotated[Path, typer.Option(help="Your party's statement key: it says whose close this is.")],
    trust: Annotated[
        Path | None,
        typer.Option(help="Sign for the log of this trust root alone, with a key that stands in it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign a partner's close of a business date (日终).

    For the partner's own machine: it needs no home, only the place. Once the servicer has closed the date, close.json
    lies beside your reconciliation file. It is signed only if its counts and sums are those of the rows of recon.csv,
    which you have compared with your own books; the signed event lies then in your in/ folder with manifest and flag.
    Again, it adds nothing. Exit code 1: the files contradict each other. 2: there is no such file. 3: the servicer has
    not closed the date.
    """
    from ledger.cli.sign import origin_of
    from ledger.domain.calendar import parse_day
    from ledger.exchange import Place, countersign
    from ledger.vault import load_signer

    signer = load_signer(key)
    done = countersign(Place.open(where), parse_day(day, "DATE"), signer, origin=origin_of(trust, signer))
    lines = [f"  {one['type']}: {one['count']}, {one['sum']} {one['currency']}" for one in done.lines]
    what = "signed before, as it is" if done.again else "signed"
    out = Output(as_json)
    out.show(
        done.to_json(),
        f"{done.date} of {done.origin}, over the records before {done.before}: {what} by {done.party}",
        *lines,
        f"wrote {done.file}" if not done.again else f"it lies in {done.file}",
    )


def _run(
    out: Output, where: str, close: str | None, party: str | None, key: Path | None
) -> tuple[Report, Closed | None]:
    """One run over the place, and the close where one is asked for."""
    from ledger.exchange import Exchange, Place

    with open_home() as home, out.stages(unit="steps") as progress:
        work = Exchange(Place.open(where), home.ledger, batch=home.settings.import_batch, progress=progress)
        report = work.run()
        if close is None:
            return report, None
        closed = _close(home, work, close, party, key)
        report.problems = work.problems()
        return report, closed


def _close(home: Home, work: Exchange, day: str, party: str | None, key: Path | None) -> Closed:
    """Close the date that was asked for."""
    from ledger.domain.calendar import parse_day
    from ledger.vault import load_signer

    signer = None if key is None else load_signer(key)
    return work.close(parse_day(day, "--close"), party=party or only_party(home), signer=signer)


def _lines(report: Report, closed: Closed | None) -> list[str]:
    """A run for the eye."""
    lines = []
    late = {(row.party, row.day, row.name) for row in report.late}
    for one in report.files:
        row = one.row
        where = f"{row.party}/{row.day}/{row.name}"
        if one.again:
            lines.append(f"{where}: sent again, as it was taken in")
            continue
        if row.state != "taken":
            lines.append(f"{where}: {row.state}: nothing of it is stored")
            continue
        accepted = f"{counted(row.accepted, 'event')} accepted"
        before = f"{counted(row.repeated, 'was', 'were')} there before"
        also = ", late" if (row.party, row.day, row.name) in late else ""
        lines.append(
            f"{where}: {row.state}{also}: {counted(row.rows, 'row')}; {accepted}, {before}, {row.refused} refused"
        )
    lines += [f"{row.party}/{row.day}/{row.name}: withdrawn" for row in report.withdrawn]
    if report.told:
        dates = (
            f"{report.told[0]}"
            if len(report.told) == 1
            else f"{len(report.told)} dates, {min(report.told)} to {max(report.told)}"
        )
        lines.append(f"reconciliation files: {dates}")
    if closed is not None:
        how = "signed" if closed.signed else "not signed"
        again = ", as before" if closed.repeated else ""
        count = len(closed.lines)
        lines.append(
            f"{closed.date} is closed by {closed.party}{again}: {counted(count, 'line')} over the records "
            f"before {closed.before}; {how}, entry {closed.index}"
        )
    if not report.problems:
        return [*lines, "nothing to act on"]
    return [*lines, f"to act on: {len(report.problems)}", *(f"  {problem}" for problem in report.problems)]
