"""The command line: thin commands over the library, a file per group.

Nothing heavy is imported before a command needs it: ``poolproof verify --offline`` starts without database,
web and chain libraries.
"""

from __future__ import annotations

from ledger.cli.app import app


def main() -> None:
    """The console script ``poolproof``."""
    app(prog_name="poolproof")


__all__ = ["app", "main"]
