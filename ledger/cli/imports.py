"""``poolproof import``: servicers' files in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.batches import MAX_SHOWN, lines, say_refusals
from ledger.cli.frame import Json, Output, command_group, example, only_party, open_home
from ledger.cli.names import pool_name
from ledger.counts import counted, noun
from ledger.errors import NotFoundError

if TYPE_CHECKING:
    from ledger.home import Home
    from ledger.tapes.model import Progress, Tape

commands = command_group("Import servicers' files.")

#: A dry run asks the ledger about this many events at most: they are checked in one transaction, in memory.
MAX_CHECKED = 20_000
_EXIT_REFUSED = 2
_TRANSFERS = ("claim.sold", "claim.pledged")

Party = Annotated[
    str | None, typer.Option(help="Who submits. [default: the log's only servicer, or its only originator]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go in; store nothing.")]


@commands.command(
    epilog=example(
        "poolproof import ex102 2026-06.xml 2026-07.xml --pool SDART-2026-1 --holder trust",
        "poolproof import ex102 2026-08.xml --dry-run --json",
    )
)
def ex102(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="EX-102 files, oldest month first.")],
    *,
    party: Party = None,
    pool: Annotated[
        str | None,
        typer.Option(help="The pool that the loans are in; made where it is new.", callback=pool_name),
    ] = None,
    holder: Annotated[
        str | None, typer.Option(help="The party that holds the pool, such as the trust.")
    ] = None,
    pledge: Annotated[
        bool, typer.Option("--pledge", help="The claims are pledged to the holder, not sold.")
    ] = False,
    trust: Annotated[
        str | None, typer.Option(help="The trust's name in event ids. [default: the file's assetTypeNumber]")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="In front of asset numbers in loan names. [default: the trust]")
    ] = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="Rates stand as percentages, not fractions.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import SEC EX-102 loan-level files (auto loans), each a month.

    A loan met for the first time is opened with the position it has; a month becomes what came in, what was
    charged off or settled, and the balance as reported. Nothing is repaired. The same file again adds
    nothing. Exit code 2 if a record or an event did not go in; the rest is in.
    """
    from ledger.tapes import ex102 as reader
    from ledger.tapes.pools import Placement

    if (pool is None) != (holder is None):
        raise typer.BadParameter("a pool has a holder: give --pool and --holder together")
    out = Output(as_json)
    with open_home() as home:
        submitter = party or only_party(home)
        run = _Import(home, out, dry_run, submitter, pool)
        placement = None
        if pool is not None and holder is not None:
            placement = Placement(
                pool=pool, holder=holder, kind="pledged" if pledge else "sold", placed=run.placed
            )

        def tape(file: Path, progress: Progress) -> Tape:
            return reader.read(
                file,
                party=submitter,
                known=run.known,
                trust=trust,
                prefix=prefix,
                placement=placement,
                percent=percent,
                progress=progress,
            )

        for file in files:
            run.read(file, tape)
        run.finish()


@commands.command(
    epilog=example(
        "poolproof import csv loans.csv --mapping docs/mappings/loans.toml --dry-run",
        "poolproof import csv repayments.csv --mapping repayments.toml --party originator",
    )
)
def csv(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A delimited text file.")],
    mapping: Annotated[
        Path, typer.Option(help="What its columns mean, in TOML; docs/mappings has examples.")
    ],
    party: Party = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import your own delimited file, by a mapping of its columns.

    Amounts in yuan or fen, dates as they stand, GBK or UTF-8: the mapping says. A row goes in whole or not at
    all. The same file again adds nothing. Exit code 2 if a row or an event did not go in; the rest is in.
    """
    from ledger.tapes import csv as reader
    from ledger.tapes import mapping as maps

    form = maps.load(mapping)
    out = Output(as_json)
    with open_home() as home:
        submitter = party or only_party(home)
        run = _Import(home, out, dry_run, submitter, None)
        run.read(file, lambda path, progress: reader.read(path, form, party=submitter, progress=progress))
        run.finish()


class _Import:
    """One run over some files: what it read, what the ledger made of it."""

    def __init__(self, home: Home, out: Output, dry_run: bool, party: str, pool: str | None) -> None:
        from ledger.batches import BatchWriter

        self._home = home
        self._out = out
        self._dry_run = dry_run
        self._party = party
        self._pool = pool
        self._writer = BatchWriter(
            home.ledger, party=party, on_error="report", dry_run=dry_run, batch=home.settings.import_batch
        )
        self._handed = 0
        self._rejected = 0
        self._files: list[dict[str, Any]] = []
        self._lines: list[str] = []
        # What a dry run would have stored by now, which the ledger cannot be asked about.
        self._opened: set[str] = set()
        self._placed: set[str] = set()
        self._has_pool = pool is None or self._find_pool(pool)

    def known(self, loans: set[str]) -> set[str]:
        """Which loans the ledger has, or would have by now."""
        return self._home.ledger.known_loans(loans) | (loans & self._opened)

    def placed(self, loans: set[str]) -> set[str]:
        """Which loans need no place in the pool: they are in it, were once, or have ended."""
        from ledger.domain.loans import decode
        from ledger.store import subjects

        pool, names = f"pool:{self._pool}", [f"loan:{name}" for name in loans]
        with self._home.ledger.store.read() as connection:
            log_id = self._home.log_id(connection)
            rows = subjects.by_name(connection, log_id, names)
            settled = subjects.been_in_pool(connection, log_id, pool, names)
        settled |= {row.name for row in rows.values() if decode(row.state).ended}
        return {name.removeprefix("loan:") for name in settled} | (loans & self._placed)

    def read(self, file: Path, open_tape: Callable[[Path, Progress], Tape]) -> None:
        """Import one file, or go through it for a dry run."""
        with self._out.progress(f"import {file.name}") as progress:
            tape = open_tape(file, progress)
            for item in tape:
                if isinstance(item, dict):
                    self._hand_in(item)
            self._writer.pause()
        summary = tape.summary
        self._rejected += summary.rejected
        document = {"file": str(file), **summary.to_json()}
        self._files.append(document)
        self._lines += _describe(document, with_events=self._dry_run)
        for reject in summary.rejects[:MAX_SHOWN]:
            found = f" (found {reject.value!r})" if reject.value else ""
            self._out.say(f"{file.name}:{reject.line}: {reject.field}: {reject.reason}{found}")
        if summary.rejected > MAX_SHOWN:
            more = summary.rejected - MAX_SHOWN
            self._out.say(f"… and {more} more {noun(more, 'reject')}; --json lists them")

    def finish(self) -> None:
        """Print the result; exit code 2 if anything did not go in."""
        account = self._writer.finish()
        say_refusals(account, self._out)
        shown = [*self._lines, *lines(account, dry_run=self._dry_run)]
        if self._dry_run and self._handed > MAX_CHECKED:
            shown.append(f"the ledger's own rules were applied to the first {MAX_CHECKED:,} events only")
        document = {
            "dry_run": self._dry_run,
            "party": self._party,
            "files": self._files,
            "ledger": account.to_json() | {"handed_in": self._handed},
        }
        self._out.show(document, *shown)
        if self._rejected or account.refused:
            raise typer.Exit(_EXIT_REFUSED)

    def _hand_in(self, event: dict[str, Any]) -> None:
        """Give an event to the ledger, the pool before the first that puts something into it."""
        from ledger.tapes.pools import pool_created

        if self._pool is not None and not self._has_pool and event["type"] in _TRANSFERS:
            self._has_pool = True
            self._hand_in(pool_created(self._pool, party=self._party, effective=event["effective"]))
        self._handed += 1
        if self._dry_run:
            self._remember(event)
            if self._handed > MAX_CHECKED:
                return
        self._writer.add(event, None)

    def _remember(self, event: dict[str, Any]) -> None:
        if event["type"] == "loan.opened":
            self._opened.add(event["subject"].removeprefix("loan:"))
        elif event["type"] in _TRANSFERS:
            self._placed.update(claim["loan"] for claim in event["data"]["claims"])

    def _find_pool(self, pool: str) -> bool:
        try:
            self._home.ledger.pool(pool)
        except NotFoundError:
            return False
        return True


def _describe(document: dict[str, Any], *, with_events: bool) -> list[str]:
    """A file for the eye."""
    counts = [counted(document["records"], "record"), counted(document["events"], "event")]
    lines = [
        f"{document['file']}: {', '.join(counts)}, {document['rejected']} rejected",
        f"  sha256 {document['sha256']}",
    ]
    lines += [f"  {kind:<22} {count:>9,}" for kind, count in document["counts"].items()]
    for currency, sums in document["sums"].items():
        lines += [f"  {name:<48} {amount:>20} {currency}" for name, amount in sums.items()]
    lines += [
        f"  look: {flag['field']} {flag['reason']}: {counted(flag['count'], 'time')}, first in line "
        f"{flag['first_line']}"
        for flag in document["flags"]
    ]
    if with_events:
        lines += ["  the first events:"]
        lines += [f"    {json.dumps(event, ensure_ascii=False)}" for event in document["first"]]
    return lines
