"""``poolproof acceptance``, ``receipt`` and ``evidence``: files that a partner keeps; see also :mod:`.prove`."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.cli.names import pool_name
from ledger.counts import counted
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.home import Home

commands = command_group("Documents.")

EventId = Annotated[
    str, typer.Argument(metavar="EVENT_ID", help="The event's id, as its submitter chose it.")
]
Party = Annotated[str | None, typer.Option(help="Whose event, where several parties used the id.")]
To = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the file here instead of printing it.")
]


@commands.command(epilog=example("poolproof acceptance EVENT_ID -o event.acceptance.json"))
def acceptance(event_id: EventId, party: Party = None, output: To = None, as_json: Json = False) -> None:
    """The signed promise given when an event was accepted."""
    with open_home() as home:
        deliver(home.ledger.acceptance(event_id, party=party), output, as_json)


@commands.command(
    epilog=example(
        "poolproof receipt EVENT_ID -o event.receipt.json",
        "poolproof receipt --pool POOL -o pool.receipts.ndjson",
    )
)
def receipt(
    event_id: Annotated[
        str | None,
        typer.Argument(
            metavar="EVENT_ID", help="The event's id, as its submitter chose it.", show_default=False
        ),
    ] = None,
    *,
    party: Party = None,
    output: To = None,
    tlog: Annotated[
        Path | None, typer.Option("--tlog-proof", help="Write the inclusion proof in C2SP form here as well.")
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            help="All receipts of this pool instead, each a line of one file (with -o).", callback=pool_name
        ),
    ] = None,
    since: Annotated[int, typer.Option(min=0, help="With --pool: from this index of the log on.")] = 0,
    as_json: Json = False,
) -> None:
    """An event's receipt, once it is published; or all receipts of a pool in one file.

    Always the same bytes. The receipt and trust.json are all that `poolproof verify --offline` needs, anywhere; it
    takes a pool's file too. That has the receipts of the pool and of all loans that are or were in it, with private
    fields.
    """
    if (event_id is None) == (pool is None):
        raise typer.BadParameter("give an EVENT_ID or --pool")
    with open_home() as home:
        if pool is not None:
            if output is None or tlog is not None or party is not None:
                raise typer.BadParameter("--pool takes -o FILE and --since", param_hint="--pool")
            _write_bundle(home, pool, since, output, as_json)
            return
        assert event_id is not None
        document = home.ledger.receipt(event_id, party=party)
        if tlog is not None:
            from ledger.proofs.receipt import Receipt
            from ledger.static import write_file

            write_file(tlog, Receipt.parse(document).tlog_proof())
        deliver(document, output, as_json)


def _write_bundle(home: Home, pool: str, since: int, output: Path, as_json: bool) -> None:
    """All receipts of a pool, for whoever runs the ledger: nothing is kept back."""
    from ledger import bundle
    from ledger.access import LOG, PRIVATE, Caller
    from ledger.static import check_place

    check_place(output)
    own = Caller(party="", roles=frozenset(), scopes=frozenset(), grants=frozenset({LOG, PRIVATE}))
    count = size = 0
    pieces = bundle.receipts(home.ledger, own, pool, since=since)
    first = next(pieces, b"")  # a pool that is not there leaves no file
    fresh = output.with_name(f".{output.name}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            for piece in chain([first], pieces):
                count, size = count + piece.count(b"\n"), size + len(piece)
                file.write(piece)
        fresh.replace(output)
    except OSError as error:
        raise ConfigurationError(f"cannot write {output}: {error.strerror}") from error
    Output(as_json).show(
        {"file": str(output), "receipts": count, "bytes": size},
        f"wrote {output} ({counted(count, 'receipt')}, {size:,} bytes)",
    )


@commands.command(
    epilog=example("poolproof evidence 12 -o anchor-12.evidence.json", "poolproof evidence --latest")
)
def evidence(
    size: Annotated[
        int | None, typer.Argument(metavar="SIZE", help="The anchored size, as `poolproof status` shows it.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Of the newest final anchor.")] = False,
    output: To = None,
    as_json: Json = False,
) -> None:
    """The evidence of a final anchor.

    Block header and state proof: what `poolproof verify --evidence` needs to show `final` offline, against one
    block hash.
    """
    if (size is None) == (not latest):
        raise typer.BadParameter("give a SIZE or --latest")
    with open_home() as home:
        deliver(home.evidence(size), output, as_json)


def deliver(document: bytes, output: Path | None, as_json: bool) -> None:
    """The document itself on standard output, or a note of the file it went to."""
    from ledger.static import write_file

    if output is None:
        typer.echo(document, nl=False)
        return
    write_file(output, document)
    media_type = json.loads(document)["media_type"]
    Output(as_json).show(
        {"file": str(output), "media_type": media_type, "bytes": len(document)},
        f"wrote {output} ({len(document)} bytes)",
    )
