"""``poolproof append``: events from an NDJSON file or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from ledger.cli.batches import show
from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.errors import NotFoundError

commands = command_group("Events in.")


@commands.command(
    epilog=example(
        "poolproof append events.ndjson", "cat events.ndjson | poolproof append - --on-error report --json"
    )
)
def append(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Events, one JSON object a line; - reads standard input.")
    ],
    party: Annotated[
        str | None, typer.Option(help="Who submits: events that name another party are refused.")
    ] = None,
    on_error: Annotated[
        Literal["abort", "report"],
        typer.Option(
            help="abort: one refused event and nothing is stored. report: the others go in, refusals are listed."
        ),
    ] = "abort",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Append events to the log.

    An event that stands there already, with the same statement, is answered with its first acceptance: the
    same file can be appended again. Exit code 2 if an event was refused.
    """
    from ledger.batches import BatchWriter

    out = Output(as_json)
    with open_home() as home, events_in(file) as (lines, size), out.progress(f"append {file}") as progress:
        writer = BatchWriter(
            home.ledger, party=party, on_error=on_error, dry_run=dry_run, batch=home.settings.import_batch
        )
        done = 0
        for number, line in lines:
            writer.add(line, number)
            done += len(line)
            progress(done, size)
        total = writer.finish()
    show(total, out, source=file, dry_run=dry_run)


@contextmanager
def events_in(name: str) -> Iterator[tuple[Iterator[tuple[int, bytes]], int]]:
    """Number and bytes of each line of a file of events, ``-`` for standard input; and its size, 0 where unknown."""
    from ledger.tapes.ndjson import lines

    if name == "-":
        yield lines(sys.stdin.buffer), 0
        return
    path = Path(name)
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path}") from error
    with file:
        yield lines(file), path.stat().st_size
