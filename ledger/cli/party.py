"""``poolproof party``: the organisations that speak in the log, and the keys they speak with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli import grants, keys
from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.errors import ConfigurationError

commands = command_group("Parties: organisations with roles and keys.")


@commands.command(
    epilog=example(
        "poolproof party add originator --role originator --role servicer",
        "poolproof party add bank --role account_bank --key bank+4c9ec03e+AY…",
    )
)
def add(
    name: Annotated[str, typer.Argument(help="The party's name: 1 to 64 of A-Z a-z 0-9 . _ : -")],
    role: Annotated[
        list[str], typer.Option(help="A role; give it once for each. `poolproof party roles` lists them.")
    ],
    key: Annotated[
        list[str] | None, typer.Option(help="A verifier key of its statements, name+id+key; once for each.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a party, or give it new roles and keys.

    What stands here replaces what stood before: repeat the keys that stay valid. Parties are part of the trust
    root, so run `poolproof trust` afterwards and hand it to those who verify.
    """
    out = Output(as_json)
    with open_home() as home:
        home.ledger.add_party(name, role, key or [])
    out.show({"name": name, "roles": sorted(role), "keys": key or []}, f"{name}: {', '.join(sorted(role))}")
    out.say("The trust root changed: `poolproof trust -o trust.json` issues it.")


@commands.command("list", epilog=example("poolproof party list --json"))
def list_parties(as_json: Json = False) -> None:
    """List the parties with their roles and keys."""
    with open_home() as home:
        parties = home.ledger.parties()
    document = {
        "parties": [{"name": one.name, "roles": list(one.roles), "keys": list(one.keys)} for one in parties]
    }
    lines = [
        line
        for one in parties
        for line in (f"{one.name}: {', '.join(one.roles)}", *(f"    {key}" for key in one.keys))
    ]
    Output(as_json).show(document, *(lines or ["no party yet; `poolproof party add` makes one"]))


@commands.command(epilog=example("poolproof party roles"))
def roles(as_json: Json = False) -> None:
    """List the roles that a party can have."""
    from ledger.proofs.trust import ROLES

    Output(as_json).show({"roles": list(ROLES)}, *ROLES)


@commands.command(epilog=example("poolproof party keygen bank -o bank.key"))
def keygen(
    name: Annotated[str, typer.Argument(help="The party's name.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the private key goes; never replaced.")
    ],
    as_json: Json = False,
) -> None:
    """Make a party's statement key, on the party's own machine: it needs no home.

    Prints the verifier key, which `poolproof party add --key` takes. The private key stays in the file.
    """
    from ledger.vault import create_signer

    if not name or set(name) & set(" +"):
        raise ConfigurationError(f"party name {name!r}: 1 to 64 of A-Z a-z 0-9 . _ : -")
    signer = create_signer(output, name)
    Output(as_json).show(
        {"name": name, "key": signer.verifier.vkey, "file": str(output)}, signer.verifier.vkey
    )


commands.add_typer(grants.commands)
commands.add_typer(keys.commands, name="key")
