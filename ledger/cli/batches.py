"""How the account of a batch (:mod:`ledger.batches`) is shown: what ``append``, ``import`` and ``exchange`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ledger.batches import Account
    from ledger.cli.frame import Output

#: Refusals printed one by one; a file of the wrong kind is refused line by line, and a terminal has an end.
MAX_SHOWN = 20
_EXIT_REFUSED = 2


def lines(account: Account, *, dry_run: bool) -> list[str]:
    """The account for the eye."""
    verb = "would be accepted" if dry_run else "accepted"
    where = (
        f", entries {account.first_index} to {account.last_index}"
        if account.first_index is not None and not dry_run
        else ""
    )
    went_in = f"{account.accepted} events {verb}{where}"
    return [f"{went_in}; {account.repeated} were there before; {account.refused} refused"]


def show(account: Account, out: Output, *, source: str, dry_run: bool) -> None:
    """Print the account; exit code 2 if anything was refused."""
    say_refusals(account, out)
    out.show({"source": source, "dry_run": dry_run, **account.to_json()}, *lines(account, dry_run=dry_run))
    if account.refused:
        raise typer.Exit(_EXIT_REFUSED)


def say_refusals(account: Account, out: Output) -> None:
    """The first refusals, by line and field, on standard error."""
    for one in account.refusals[:MAX_SHOWN]:
        place = f"line {one['line']}" if one["line"] is not None else f"event {one['id']}"
        out.say(": ".join(filter(None, (place, one["field"], one["reason"]))))
    if account.refused > MAX_SHOWN:
        out.say(f"… and {account.refused - MAX_SHOWN} more" + ("" if out.as_json else "; --json lists them"))
