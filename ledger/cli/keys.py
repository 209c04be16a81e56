"""``poolproof party key``: API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, Short, command_group, example, open_home
from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.store.keys import Bounds


class _Keys(Short):
    short_for = "add"


commands = command_group("API keys: with which parties work over HTTP.", cls=_Keys)


@commands.command(
    epilog=example(
        "poolproof party key add originator",
        "poolproof party key add bank --scope read --scope audit --days 90 --network 10.2.0.0/16",
        "poolproof party key add originator --signed-by request+4c9ec03e+AY…",
    )
)
def add(
    party: Annotated[str, typer.Argument(help="The party that the key speaks for.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="read, write, audit, attest or admin; once for each. [default: all of them but admin]"
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days until it runs out.", min=1, max=3_650)] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(help="A network that requests may come from, like 10.2.0.0/16; once for each."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(help="The client certificate (PEM) that requests must be made with."),
    ] = None,
    signed_by: Annotated[
        str | None,
        typer.Option(help="The verifier key that must sign each request; `party keygen` makes one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an API key of a party. It is shown this once and stored only as a hash.

    A limit that is not given is not there. Make a key for each use, with the scopes that it needs, and let it
    run out.
    """
    from ledger.store import keys

    out = Output(as_json)
    now = datetime.now(UTC)
    bounds = _bounds(
        scope=scope, days=days, network=network, certificate=certificate, signed_by=signed_by, now=now
    )
    with open_home() as home, home.store.write() as connection:
        token = keys.create(connection, home.log_id(connection), party, created=_text(now), bounds=bounds)
    document = {"party": party, "token": token, "scopes": sorted(bounds.scopes), "expires": bounds.expires}
    out.show(document, token)
    out.say("Keep it now: it cannot be shown again. Send it as `Authorization: Bearer …`.")


@commands.command(epilog=example("poolproof party key revoke 6f1d2c3b4a596877"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The id, as `party key list` shows it.")],
    as_json: Json = False,
) -> None:
    """End an API key and the portal sessions that it began. Ending it again changes nothing."""
    from ledger.store import keys

    with open_home() as home, home.store.write() as connection:
        key = keys.revoke(connection, home.log_id(connection), key_id, revoked=_text(datetime.now(UTC)))
    Output(as_json).show(_document(key), f"{key.id} of {key.party} ended at {key.revoked}")


@commands.command("list", epilog=example("poolproof party key list"))
def list_keys(as_json: Json = False) -> None:
    """List the API keys, ended ones too; secrets cannot be read back."""
    from ledger.store import keys

    with open_home() as home, home.store.read() as connection:
        found = keys.list_keys(connection, home.log_id(connection))
    Output(as_json).show(
        {"keys": [_document(key) for key in found]},
        *([_line(key) for key in found] or ["no API key yet; `poolproof party key PARTY` makes one"]),
    )


def _bounds(
    *,
    scope: list[str] | None,
    days: int | None,
    network: list[str] | None,
    certificate: Path | None,
    signed_by: str | None,
    now: datetime,
) -> Bounds:
    """The limits of a new key. Raises :class:`ConfigurationError` naming the option."""
    from ledger import access
    from ledger.proofs.note import Verifier
    from ledger.settings import networks
    from ledger.store.keys import Bounds

    scopes = access.parse_scopes(scope) if scope else access.DAILY_SCOPES
    return Bounds(
        scopes=frozenset(one.value for one in scopes),
        expires=None if days is None else _text(now + timedelta(days=days)),
        networks=tuple(str(one) for one in networks(",".join(network or ()), "--network")),
        certificate=None if certificate is None else _fingerprint(certificate),
        signing_key=None if signed_by is None else Verifier.parse(signed_by).public_key,
    )


def _fingerprint(path: Path) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--certificate {path}: {error}") from error


def _line(key: Any) -> str:
    state = f"ended {key.revoked}" if key.revoked else f"since {key.created}"
    until = f", until {key.bounds.expires}" if key.bounds.expires else ""
    used = f", last used {key.last_used}" if key.last_used else ", never used"
    return f"{key.id}  {key.party}  {','.join(sorted(key.bounds.scopes))}  {state}{until}{used}"


def _document(key: Any) -> dict[str, Any]:
    bounds = key.bounds
    return {
        "id": key.id, "party": key.party, "scopes": sorted(bounds.scopes), "created": key.created,
        "expires": bounds.expires, "revoked": key.revoked, "last_used": key.last_used,
        "networks": list(bounds.networks), "certificate": bounds.certificate, "signing_key": bounds.signing_key,
    }  # fmt: skip


def _text(moment: datetime) -> str:
    from ledger.domain.calendar import format_instant

    return format_instant(moment)
