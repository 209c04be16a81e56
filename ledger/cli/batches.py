"""How the account of a batch (:mod:`ledger.batches`) is shown: what ``append``, ``import`` and ``exchange`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ledger.counts import counted

if TYPE_CHECKING:
    from ledger.batches import Account
    from ledger.cli.frame import Output

#: Refusals printed one by one; a file of the wrong kind is refused line by line, and a terminal has an end.
MAX_SHOWN = 20
_EXIT_REFUSED = 2


def lines(account: Account, *, dry_run: bool) -> list[str]:
    """The account for the eye."""
    verb = "would be accepted" if dry_run else "accepted"
    where = "" if dry_run else _entries(account.first_index, account.last_index)
    went_in = f"{counted(account.accepted, 'event')} {verb}{where}"
    before = f"{counted(account.repeated, 'was', 'were')} there before"
    return [f"{went_in}; {before}; {account.refused} refused"]


def _entries(first: int | None, last: int | None) -> str:
    if first is None:
        return ""
    return f", entry {first}" if first == last else f", entries {first} to {last}"


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
