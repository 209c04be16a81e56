"""``poolproof breaks``: what files and records disagree on, and how it is closed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger.cli.frame import (
    Json,
    Output,
    Short,
    command_group,
    example,
    only_party,
    open_home,
    own_events,
    past_day,
    today,
)
from ledger.cli.names import Pool
from ledger.counts import counted
from ledger.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from ledger.audit.reconcile.breaks import StandingBreak
    from ledger.home import Home


#: What `poolproof breaks POOL` is short for.
_LIST = "list"


class _Group(Short):
    """A group whose name alone, with a pool, is one of its commands."""

    short_for = _LIST


commands = command_group(
    """List what files and records disagree on, and close it.

    `poolproof breaks POOL` is short for `poolproof breaks list POOL`.
    """,
    cls=_Group,
)

_EXIT_OPEN = 1


@commands.command(
    _LIST, epilog=example("poolproof breaks list W1", "poolproof breaks list W1 --as-of 2026-10-31 --json")
)
def list_breaks(
    pool: Pool,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Aged as of this day. [default: today in the log's zone]"),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List a pool's breaks with owner, age in days and status.

    Open: nobody has agreed. Agreed: somebody has, but not both sides. Closed: both sides have: the owner, who made
    the file, and where neither holds claims of the pool, a holder. Exit code 1 if any is not closed.
    """
    with open_home() as home:
        day = past_day(home, as_of) or today(home)
        standing = list(_standing(home, pool, day).values())
    left = [one for one in standing if one.status != "closed"]
    shown = standing if every else left
    lines = [
        f"{one.name}  {one.status}, {counted(one.age(day), 'day')}, with {one.what.owner}: "
        f"{_place(one)}: {one.what.item}: "
        f"reported {one.what.reported or 'nothing'}, derived {one.what.derived or 'nothing'}{_agreed(one)}"
        for one in shown
    ]
    document = {
        "pool": pool, "as_of": day.isoformat(), "open": len(left), "closed": len(standing) - len(left),
        "breaks": [one.to_json(day) for one in shown],
    }  # fmt: skip
    Output(as_json).show(document, *lines, f"{len(left)} open, {len(standing) - len(left)} closed")
    if left:
        raise typer.Exit(_EXIT_OPEN)


@commands.command(
    epilog=example(
        'poolproof breaks close W1 b-1f2e --resolution record_corrected --explanation "posted late" --party fund'
    )
)
def close(
    pool: Pool,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The break's name, or enough of it to tell.")],
    *,
    resolution: Annotated[
        Literal["file_wrong", "record_corrected", "timing", "immaterial", "other"],
        typer.Option(help="How it ends."),
    ],
    explanation: Annotated[str, typer.Option(help="In words.")],
    party: Annotated[
        str | None, typer.Option(help="Which side says so. [default: the log's only servicer or originator]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Post one side's word that a break is settled.

    It is closed once its owner and who made the file have both posted theirs, and where neither of them holds
    claims of the pool, a holder. Nobody's word closes it alone.
    """
    from ledger.audit.reconcile.breaks import closing

    with open_home() as home:
        day, side = today(home), party or only_party(home)
        what = _find(_standing(home, pool, None), name)
        if what.status == "closed":
            raise RefusedError("name", f"{what.name} is closed already", rule="closed")
        said = next((one for one in what.closings if one.party == side), None)
        if said is None or (said.resolution, said.explanation) != (resolution, explanation):
            event = closing(what, party=side, resolution=resolution, explanation=explanation, today=day)
            with own_events():
                home.ledger.append([event], party=side)
            what = _standing(home, pool, None)[what.name]
    waiting = "" if what.status == "closed" else f"; waits for {_waiting(what)}"
    Output(as_json).show(what.to_json(day), f"{what.name}: {what.status}{waiting}")


def _standing(home: Home, pool: str, day: date | None) -> dict[str, StandingBreak]:
    from ledger.audit import pool as pools
    from ledger.audit.reconcile import breaks
    from ledger.store import logs

    with home.store.read() as connection:
        log = logs.get(connection, home.origin)
        own = pools.load(connection, log, pool, before=log.size, as_of=day or date.max).records
    return breaks.standing(own, pool=pool, day=day)


def _find(standing: dict[str, StandingBreak], name: str) -> StandingBreak:
    if name in standing:
        return standing[name]
    found = [one for one in standing.values() if one.name.startswith(name)]
    if not found:
        raise NotFoundError(f"no break {name!r} in this pool")
    if len(found) > 1:
        raise RefusedError(
            "name", f"{counted(len(found), 'break')} of this pool begin with {name!r}: give more of it"
        )
    return found[0]


def _waiting(what: StandingBreak) -> str:
    return " and ".join(" or ".join(some) if some else "any other party" for some in what.missing)


def _place(one: StandingBreak) -> str:
    return "total" if one.what.loan is None else f"loan:{one.what.loan}"


def _agreed(one: StandingBreak) -> str:
    words = ", ".join(f"{word.party} ({word.resolution})" for word in one.closings)
    waits = f", waits for {_waiting(one)}" if one.missing else ""
    return f"; agreed by {words}{waits}" if words else ""
