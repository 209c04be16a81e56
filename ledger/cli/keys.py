"""``poolproof key``: API keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home

commands = command_group("API keys, with which parties submit over HTTP.")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@commands.command(epilog=example("poolproof key add originator"))
def add(
    party: Annotated[str, typer.Argument(help="The party that the key speaks for.")], as_json: Json = False
) -> None:
    """Make an API key of a party. It is shown this once and stored only as a hash."""
    from ledger.store import keys

    out = Output(as_json)
    with open_home() as home, home.store.write() as connection:
        token = keys.create(connection, home.log_id(connection), party, created=_now())
    out.show({"party": party, "token": token}, token)
    out.say("Keep it now: it cannot be shown again. Send it as `Authorization: Bearer …`.")


@commands.command(epilog=example("poolproof key revoke 6f1d2c3b4a596877"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The id, as `key list` shows it.")],
    as_json: Json = False,
) -> None:
    """End an API key now. Ending it again changes nothing."""
    from ledger.store import keys

    with open_home() as home, home.store.write() as connection:
        key = keys.revoke(connection, home.log_id(connection), key_id, revoked=_now())
    Output(as_json).show(_document(key), f"{key.id} of {key.party} ended at {key.revoked}")


@commands.command("list", epilog=example("poolproof key list"))
def list_keys(as_json: Json = False) -> None:
    """List the API keys, ended ones too; secrets cannot be read back."""
    from ledger.store import keys

    with open_home() as home, home.store.read() as connection:
        found = keys.list_keys(connection, home.log_id(connection))
    lines = [
        f"{key.id}  {key.party}  {'ended ' + key.revoked if key.revoked else 'in use since ' + key.created}"
        for key in found
    ]
    Output(as_json).show(
        {"keys": [_document(key) for key in found]},
        *(lines or ["no API key yet; `poolproof key add PARTY` makes one"]),
    )


def _document(key: Any) -> dict[str, Any]:
    return {"id": key.id, "party": key.party, "created": key.created, "revoked": key.revoked}
