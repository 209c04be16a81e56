"""``poolproof devnet``: a local chain for trying out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home

if TYPE_CHECKING:
    from ledger.chain.devnet import Devnet

commands = command_group("A local chain (anvil) for trying out. No promise holds against whoever runs it.")


@commands.command(epilog=example("poolproof devnet start", "poolproof devnet start --port 0 --json"))
def start(
    port: Annotated[
        int | None,
        typer.Option(
            help="Its port, 0 for a free one. [default: POOLPROOF_DEVNET_PORT, 8545]", min=0, max=65_535
        ),
    ] = None,
    block_time: Annotated[
        float | None,
        typer.Option(
            help="Make an empty block every so many seconds, so that anchors become final by themselves."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the devnet of this home and return when it answers. One that runs is left alone.

    Its state is kept in the home: after `devnet stop` and `devnet start` the contracts and anchors are there.
    """
    from ledger.chain import devnet

    with open_home() as home:
        wanted = home.settings.devnet_port if port is None else port
        home.files.make_directory()
        _show(Output(as_json), devnet.start(home.files.devnet, port=wanted, block_time=block_time))


@commands.command(epilog=example("poolproof devnet stop"))
def stop(as_json: Json = False) -> None:
    """Stop the devnet; its state is kept."""
    from ledger.chain import devnet

    with open_home() as home:
        stopped = devnet.stop(home.files.devnet)
    Output(as_json).show({"running": False, "stopped": stopped}, "stopped" if stopped else "none was running")


@commands.command(epilog=example("poolproof devnet status --json"))
def status(as_json: Json = False) -> None:
    """Show whether the devnet of this home runs, and where."""
    from ledger.chain import devnet

    with open_home() as home:
        _show(Output(as_json), devnet.status(home.files.devnet))


def _show(out: Output, running: Devnet | None) -> None:
    if running is None:
        out.show({"running": False}, "no devnet runs in this home; `poolproof devnet start` starts one")
        return
    document = {"running": True, "url": running.url, "chain_id": running.chain_id, "pid": running.pid}
    out.show(document, f"devnet at {running.url}, chain id {running.chain_id}, process {running.pid}")
