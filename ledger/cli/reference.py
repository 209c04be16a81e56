"""docs/cli.md, made from the commands' own help: ``python -m ledger.cli.reference > docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from ledger.cli.app import app

_HEAD = """\
# The command line

Made from the commands' help by `python -m ledger.cli.reference`; a test compares the two.

Data goes to standard output, everything for the eye (progress, log lines, warnings) to standard error. Every
command takes `--json`, before or after its name, and then prints one JSON document; an error is
`{"error": {"code", "message", "exit_code", …}}`. A command that prints a document (`receipt`, `prove`, `trust`,
`evidence`, `acceptance`) prints its exact bytes, with and without `--json`.

| exit code | meaning |
|---|---|
| 0 | fine, or verified |
| 1 | proved invalid, or findings |
| 2 | wrong use or input: unknown option, malformed file, refused event, nothing of that name |
| 3 | could not decide: the inputs do not suffice, or database or chain do not answer |
| 4 | not authorised |

`poolproof verify` needs a file and a trust root, no home and no settings, and starts without the database, web
and chain libraries; `poolproof report` needs a file alone. Every other command works on the home in
`POOLPROOF_HOME` (see [settings](settings.md)).
"""
_WIDTH = 100


def as_markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    parts += [f"## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in helps()]
    return "\n".join(parts)


def helps() -> Iterator[tuple[str, str]]:
    """Each command's full name and its help, in the order in which `--help` lists them."""
    yield from _below(typer.main.get_command(app), "poolproof", None)


def _below(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = typer.Context(
        command,
        info_name=name.rpartition(" ")[2],
        parent=parent,
        terminal_width=_WIDTH,
        **command.context_settings,
    )
    yield name, command.get_help(context)
    for child in getattr(command, "commands", {}).values():
        yield from _below(child, f"{name} {child.name}", context)


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
