"""``poolproof copy``: the log into another database."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted

commands = command_group("Copy.")


@commands.command(
    epilog=example(
        "poolproof copy --to postgresql://poolproof@db/ledger",
        "poolproof copy --to sqlite:///trial.db --keep",
        "poolproof copy --to postgresql://poolproof@db/ledger --give-up",
    )
)
def copy(
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="An empty database, `sqlite:///…` or `postgresql://…`.")
    ],
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on here; the copy can be read, and nothing is appended there.")
    ] = False,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="End a move that was cut off: the log goes on here after all."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Move the log into another database, with its proofs.

    All or nothing: every row is compared, and the tree and the register are worked out again there, before any of it
    shows. Writers of this database wait meanwhile, and when it is done they are refused: a log goes on in one place
    only. Keys and settings stay where they are. A database that has a log already is refused.

    This database is closed before the other one gets the log, and a move that was cut off is carried on by the same
    command. `--give-up` opens this one again, unless the log stands in the other one already.
    """
    from datetime import UTC, datetime

    from ledger import copying
    from ledger.domain.calendar import format_instant
    from ledger.errors import ConfigurationError
    from ledger.store import Store

    if give_up and keep:
        raise ConfigurationError("--give-up: nothing is moved with --keep, so there is nothing to give up")
    out = Output(as_json)
    target = Store(to)
    try:
        if give_up:
            with open_home() as home:
                copying.give_up(home.store, target)
            out.show({"to": str(target), "given_up": True}, f"not moved to {target}: the log goes on here")
            return
        with open_home() as home, out.stages(unit="rows") as progress:
            now = format_instant(datetime.now(UTC))
            copied, counts = copying.copy(home.store, target, now=now, keep=keep, progress=progress)
    finally:
        target.close()
    document = {
        "to": str(target),
        "kept": keep,
        "logs": [
            {
                "origin": one.origin,
                "size": one.size,
                "published": one.published,
                "root": one.root.hex() if one.root else None,
            }
            for one in copied
        ],
        "rows": counts,
    }
    lines = [
        f"{one.origin}: {counted(one.size, 'entry', 'entries')}, {one.published:,} published"
        for one in copied
    ]
    rows = sum(counts.values())
    total = f"{counted(rows, 'row')} of {counted(len(counts), 'table')}"
    lines.append(f"{total} compared, the tree and the register worked out again: the same")
    lines.append(
        "the copy is for reading; the log goes on here"
        if keep
        else f"the log goes on there: set POOLPROOF_DATABASE_URL to {target} for every process"
    )
    out.show(document, *lines)
