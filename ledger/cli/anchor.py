"""``poolproof publish`` and ``poolproof anchor``: a checkpoint now, and onto the chain."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted
from ledger.errors import ConfigurationError

commands = command_group("Anchoring.")


@commands.command(epilog=example("poolproof publish"))
def publish(as_json: Json = False) -> None:
    """Sign a checkpoint of what is new, without a chain.

    The tree then ends in its register entry. `worker` and `anchor` do this by themselves.
    """
    with open_home() as home:
        checkpoint = home.ledger.publish()
        size = home.ledger.status().published
    text = (
        f"published a tree of {counted(size, 'entry', 'entries')}"
        if checkpoint
        else f"nothing new since size {size}"
    )
    Output(as_json).show({"published": checkpoint is not None, "size": size}, text)


@commands.command(epilog=example("poolproof anchor --wait", "poolproof anchor --size 361"))
def anchor(
    size: Annotated[
        int | None,
        typer.Option(
            help="Publish nothing and take up this published size, which the outbox has lost (`fsck` names it).",
            min=1,
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Return when the anchor is final by the log's policy, not when it is sent."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Give up waiting after so many seconds (exit code 3).", min=1)
    ] = 600,
    as_json: Json = False,
) -> None:
    """Publish what is new and anchor it now.

    On the devnet, where no blocks come by themselves, --wait lets the blocks pass that finality needs.
    """
    out = Output(as_json)
    with open_home() as home:
        if size is None:
            home.ledger.publish()
            size = home.ledger.status().published
            if not size:
                raise ConfigurationError("nothing to anchor: the log is empty")
        else:
            home.anchorer.take_up(size)
        row = home.anchor(size, final=wait, timeout=timeout)
    document = {
        "size": row.size,
        "root": row.root.hex(),
        "state": "anchored" if row.state == "mined" else row.state,
        "block_number": row.block_number,
        "block_hash": f"0x{row.block_hash.hex()}" if row.block_hash else None,
        "block_time": row.block_time,
    }
    out.show(
        document, f"size {row.size}: {document['state']} in block {row.block_number} {document['block_hash']}"
    )
