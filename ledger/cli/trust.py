"""``poolproof trust``: the file that decides what verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home

commands = command_group("The trust root.")


@commands.command(epilog=example("poolproof trust -o trust.json", "poolproof trust --pin -o trust.json"))
def trust(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here instead of printing it.")
    ] = None,
    pin: Annotated[
        bool,
        typer.Option(
            "--pin", help="Pin the block of the newest final anchor: its evidence then verifies offline."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Issue the trust root: what verifiers apply.

    Keys, parties, contract and policy. Where it changed, the log's owner sets its fingerprint on the
    contract. Hand the file over by a way that you trust, and put the fingerprint into the funding agreement:
    whoever changes it decides what verifies.
    """
    from ledger import setup
    from ledger.static import write_file

    out = Output(as_json)
    with open_home() as home:
        issued = setup.issue_trust_root(home, pin=pin)
    if output is None:
        typer.echo(issued.document, nl=False)
        out.say(f"fingerprint {issued.fingerprint}")
        return
    write_file(output, issued.document)
    changed = "changed" if issued.changed else "unchanged"
    where = "on chain" if issued.on_chain else "not on a chain"
    out.show(
        {
            "file": str(output),
            "fingerprint": issued.fingerprint,
            "changed": issued.changed,
            "on_chain": issued.on_chain,
        },
        f"wrote {output}, {changed}, {where}",
        f"fingerprint {issued.fingerprint}",
    )
