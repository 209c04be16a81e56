"""All commands in one tree, of which only what was named is made.

To import every command's module and to build its parser takes longer than most commands run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.main import get_group

from ledger.cli.frame import Json, Root

#: Every command, in the order in which a newcomer meets them, with the module of this package that has it: as one of
#: its commands, or as the group of all of them.
_MODULES: Final = {
    "devnet": "devnet",
    "init": "init",
    "party": "party",
    "append": "append",
    "sign": "sign",
    "import": "imports",
    "exchange": "exchange",
    "dayclose": "exchange",
    "simulate": "simulate",
    "publish": "anchor",
    "anchor": "anchor",
    "status": "status",
    "pool": "pools",
    "analytics": "analytics",
    "acceptance": "documents",
    "receipt": "documents",
    "evidence": "documents",
    "prove": "prove",
    "trust": "trust",
    "verify": "verify",
    "reconcile": "reconcile",
    "breaks": "breaks",
    "export": "export",
    "audit": "audit",
    "watch": "watch",
    "attest": "attest",
    "attestations": "attest",
    "loan": "loans",
    "fsck": "fsck",
    "erase": "erase",
    "report": "report",
    "serve": "services",
    "api": "services",
    "worker": "services",
    "copy": "copy",
    "webhook": "webhooks",
    "config": "config",
    "doctor": "doctor",
}
_EXIT_CODES = (
    "\b\nExit codes: 0 fine or verified, 1 proved invalid or findings, 2 wrong use or input,\n"
    "3 could not decide, 4 not authorised."
)


class _Commands(Mapping[str, Any]):
    """The commands by name; each is made when somebody asks for it."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            group = get_group(import_module(f"ledger.cli.{_MODULES[name]}").commands)
            group.name = name
            self._made[name] = group.commands.get(name, group)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Tree(Root):
    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.commands = _Commands()  # type: ignore[assignment]  # nobody adds a command later


app = typer.Typer(
    cls=_Tree,
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
