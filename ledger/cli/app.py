"""All commands in one tree."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli import (
    analytics,
    anchor,
    append,
    attest,
    audit,
    breaks,
    config,
    copy,
    devnet,
    doctor,
    documents,
    erase,
    exchange,
    export,
    fsck,
    grants,
    imports,
    init,
    keys,
    loans,
    party,
    pools,
    prove,
    reconcile,
    report,
    services,
    simulate,
    status,
    trust,
    verify,
    webhooks,
)
from ledger.cli.frame import Json, Root

_EXIT_CODES = (
    "\b\nExit codes: 0 fine or verified, 1 proved invalid or findings, 2 wrong use or input,\n"
    "3 could not decide, 4 not authorised."
)

app = typer.Typer(
    cls=Root,
    help="A provenance ledger for consumer-loan asset pools: events in, anchored, proven.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"poolproof {version('poolproof')}")
        raise typer.Exit


@app.callback()
def _root(
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """A provenance ledger for consumer-loan asset pools: events in, anchored, proven."""


party.commands.add_typer(grants.commands)
party.commands.add_typer(keys.commands, name="key")
# In the order in which a newcomer meets them; a group without a name adds its commands to the top.
for _commands, _name in (
    (devnet.commands, "devnet"),
    (init.commands, None),
    (party.commands, "party"),
    (append.commands, None),
    (imports.commands, "import"),
    (exchange.commands, None),
    (simulate.commands, None),
    (anchor.commands, None),
    (status.commands, None),
    (pools.commands, "pool"),
    (analytics.commands, None),
    (documents.commands, None),
    (prove.commands, "prove"),
    (trust.commands, None),
    (verify.commands, None),
    (reconcile.commands, None),
    (breaks.commands, "breaks"),
    (export.commands, None),
    (audit.commands, None),
    (attest.commands, None),
    (loans.commands, "loan"),
    (fsck.commands, None),
    (erase.commands, None),
    (report.commands, None),
    (services.commands, None),
    (copy.commands, None),
    (webhooks.commands, "webhook"),
    (config.commands, None),
    (doctor.commands, None),
):
    app.add_typer(_commands, name=_name)
