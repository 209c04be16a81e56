"""``poolproof party grant|withdraw|grants|person|people|reads``: who may see more, who signs in, who read what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.cli.names import loan_name
from ledger.errors import NotFoundError

commands = command_group("What parties may see.")

_TARGET = (
    "`pool:NAME` a pool, `log` every pool and loan, `private:NAME` the private fields of a pool's loans, "
    "`private` those of all, `operator` the care for the log's parties, grants and keys, `signer:0x…` that this chain "
    "address is the party's: its attestations may be handed in to be relayed."
)


def _now() -> str:
    from ledger.domain.calendar import format_instant

    return format_instant(datetime.now(UTC))


@commands.command(
    epilog=example("poolproof party grant fund pool:2026-1", "poolproof party grant fenqile operator")
)
def grant(
    party: Annotated[str, typer.Argument(help="The party's name.")],
    target: Annotated[str, typer.Argument(help=_TARGET)],
    as_json: Json = False,
) -> None:
    """Let a party see more than its role and its claims give."""
    from ledger.access import check_target
    from ledger.store import access, subjects

    check_target(target)
    with open_home() as home, home.store.write() as connection:
        log_id = home.log_id(connection)
        if target.startswith("pool:") and target not in subjects.by_name(connection, log_id, [target]):
            raise NotFoundError(f"no pool {target.removeprefix('pool:')!r} in this log")
        new = access.grant(connection, log_id, party, target, given=_now())
    Output(as_json).show(
        {"party": party, "target": target, "new": new}, f"{party}: {target}" + ("" if new else " (as before)")
    )


@commands.command(epilog=example("poolproof party withdraw fund pool:2026-1"))
def withdraw(
    party: Annotated[str, typer.Argument(help="The party's name.")],
    target: Annotated[str, typer.Argument(help="What was granted, as `party grants` shows it.")],
    as_json: Json = False,
) -> None:
    """Take a grant back. What the party has read until then stays with it."""
    from ledger.store import access

    with open_home() as home, home.store.write() as connection:
        if not access.withdraw(connection, home.log_id(connection), party, target):
            raise NotFoundError(f"{party} was not granted {target}")
    Output(as_json).show({"party": party, "target": target}, f"{party}: {target} withdrawn")


@commands.command("grants", epilog=example("poolproof party grants"))
def list_grants(as_json: Json = False) -> None:
    """List what parties were granted."""
    from ledger.store import access

    with open_home() as home, home.store.read() as connection:
        found = access.all_grants(connection, home.log_id(connection))
    Output(as_json).show(
        {"grants": [{"party": party, "target": target, "given": given} for party, target, given in found]},
        *(
            [f"{party}  {target}  since {given}" for party, target, given in found]
            or ["nothing is granted yet"]
        ),
    )


@commands.command(epilog=example("poolproof party person bank 248289761001 --name 'Wang Fang'"))
def person(
    party: Annotated[str, typer.Argument(help="The party for which they sign in.")],
    subject: Annotated[str, typer.Argument(help="Their `sub` at the identity provider.")],
    name: Annotated[str, typer.Option(help="How pages greet them.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="As of `party key`. [default: read and audit]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a person sign in to the portal, or change for which party they do.

    The identity provider of the settings tells who they are.
    """
    from ledger.access import parse_scopes
    from ledger.store import access

    scopes = frozenset(one.value for one in parse_scopes(scope or ["read", "audit"]))
    added = access.Person(subject=subject, name=name, party=party, scopes=scopes, added=_now())
    with open_home() as home, home.store.write() as connection:
        access.put_person(connection, home.log_id(connection), added)
    document = {"party": party, "subject": subject, "name": name, "scopes": sorted(scopes)}
    Output(as_json).show(document, f"{name} ({subject}) signs in for {party}: {', '.join(sorted(scopes))}")


@commands.command(epilog=example("poolproof party people"))
def people(as_json: Json = False) -> None:
    """List who signs in to the portal."""
    from ledger.store import access

    with open_home() as home, home.store.read() as connection:
        found = access.all_people(connection, home.log_id(connection))
    documents = [
        {
            "subject": one.subject,
            "name": one.name,
            "party": one.party,
            "scopes": sorted(one.scopes),
            "added": one.added,
        }
        for one in found
    ]
    lines = [f"{one.party}  {one.name}  {one.subject}  {','.join(sorted(one.scopes))}" for one in found]
    Output(as_json).show(
        {"people": documents}, *(lines or ["nobody yet; `poolproof party person` lets one in"])
    )


@commands.command(epilog=example("poolproof party dismiss 248289761001"))
def dismiss(
    subject: Annotated[str, typer.Argument(help="Their `sub` at the identity provider.")],
    as_json: Json = False,
) -> None:
    """No longer let a person sign in, and end their sessions."""
    from ledger.store import access

    with open_home() as home, home.store.write() as connection:
        if not access.remove_person(connection, home.log_id(connection), subject):
            raise NotFoundError(f"nobody signs in as {subject}")
    Output(as_json).show({"subject": subject}, f"{subject} no longer signs in")


@commands.command(
    epilog=example("poolproof party reads --loan 21884987", "poolproof party reads --party bank")
)
def reads(
    loan: Annotated[str | None, typer.Option(help="Reads of this loan only.", callback=loan_name)] = None,
    party: Annotated[str | None, typer.Option(help="Reads by this party only.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=100_000)] = 100,
    as_json: Json = False,
) -> None:
    """Show who read what of which loan."""
    from ledger.store import access

    subject = None if loan is None else f"loan:{loan}"
    with open_home() as home, home.store.read() as connection:
        found = access.reads(connection, home.log_id(connection), subject=subject, party=party, limit=limit)
    documents = [
        {"at": one.at, "party": one.party, "who": one.who, "subject": one.subject, "what": one.what}
        for one in found
    ]
    lines = [f"{one.at}  {one.party}  {one.who}  {one.what}  {one.subject}" for one in found]
    Output(as_json).show({"reads": documents}, *(lines or ["nothing was read yet"]))
