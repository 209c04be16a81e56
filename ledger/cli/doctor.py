"""``poolproof doctor``: is this installation sound?"""

from __future__ import annotations

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home

commands = command_group("Doctor.")


@commands.command(epilog=example("poolproof doctor"))
def doctor(as_json: Json = False) -> None:
    """Check that this installation is sound.

    Database, keys and their backup, trust root, chain and contract, the anchorer's balance, disk, clock.
    Changes nothing. Exit code 1 if something failed; warnings alone are 0.
    """
    from ledger.doctor import examine

    with open_home() as home:
        findings = list(examine(home))
    failed = any(one.state == "failed" for one in findings)
    width = max(len(one.name) for one in findings)
    lines = [f"{one.state:<8} {one.name:<{width}}  {one.detail}" for one in findings]
    Output(as_json).show({"sound": not failed, "findings": [one.to_json() for one in findings]}, *lines)
    if failed:
        raise typer.Exit(1)
