"""The command line: thin commands over the library, a file per group.

Nothing heavy is imported before a command needs it: ``poolproof verify --offline`` starts without database,
web and chain libraries.
"""

from __future__ import annotations

from ledger.cli.app import app
from ledger.collector import collector_of_a_command


def main() -> None:
    """The console script ``poolproof``."""
    with collector_of_a_command():
        app(prog_name="poolproof")


__all__ = ["app", "main"]
