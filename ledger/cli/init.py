"""``poolproof init``: a log with its keys, on a chain where one is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example
from ledger.cli.status import chain_document
from ledger.errors import ConfigurationError, MalformedError

if TYPE_CHECKING:
    from ledger.home import Home

commands = command_group("A new log.")


@commands.command(
    epilog=example(
        "poolproof init --origin fenqile.example/consumer-2026 --party originator:originator,servicer",
        "poolproof init --kek-backup /media/safe/kek",
    )
)
def init(
    *,
    origin: Annotated[
        str | None, typer.Option(help="The log's name, for ever: ASCII without space or +.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Its IANA time zone, for ever. [default: Asia/Shanghai]")
    ] = None,
    day_cut: Annotated[
        str | None, typer.Option(help="When its business day begins, HH:MM. [default: 00:00]")
    ] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:ROLE[,ROLE]", help="A party and its roles; once for each."),
    ] = None,
    kek_backup: Annotated[
        Path | None,
        typer.Option(
            help="Copy the key-encryption key here (or take the copy that is there) and read it back."
        ),
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(help="The chain's JSON-RPC endpoint; kept in config.toml.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option(help="An AnchorRegistry that stands on the chain. [default: deploy one]")
    ] = None,
    finality: Annotated[
        str | None, typer.Option(help="tag:finalized, tag:safe, depth:N or instant. [default: tag:finalized]")
    ] = None,
    grade: Annotated[
        str | None, typer.Option(help="Who could rewrite the chain: devnet, operator, consortium or public.")
    ] = None,
    max_anchor_age: Annotated[
        int | None,
        typer.Option(help="Seconds after which verifiers call the newest anchor stale. [default: 604800]"),
    ] = None,
    max_growth: Annotated[
        int | None, typer.Option(help="Most leaves that one anchor may add. [default: 10000000]")
    ] = None,
    attestations: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|new",
            help="An AttestationRegistry that stands on the chain, or `new` to deploy one. [default: new on a devnet]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a log: keys, database, contract.

    Does what is still missing, so it can be run again: after a failure, or once a chain is there. Without
    an endpoint (--rpc, POOLPROOF_RPC_URL or a running devnet) the log works unanchored until then. Keys of
    owner and anchorer are encrypted under the passphrase in POOLPROOF_PASSPHRASE_FILE; the devnet alone
    goes without, on keys that everybody knows.
    """
    from ledger import setup
    from ledger.home import Home
    from ledger.settings import Settings

    out = Output(as_json)
    settings = Settings.load()
    if rpc is not None:
        settings = Settings.of(settings.model_dump(exclude_unset=True) | {"rpc_url": rpc})
    policy = setup.ChainPolicy(
        contract=read_address(contract),
        finality=finality,
        grade=grade,
        max_anchor_age=max_anchor_age,
        max_growth=max_growth,
        attestations="new" if attestations == "new" else read_address(attestations),
    )
    home, made = setup.make_log(Home(settings), origin=origin, zone=zone, day_cut=day_cut)
    with home:
        if rpc is not None:
            home.files.write_config(rpc_url=rpc)
        for text in party or []:
            name, roles = _party(text)
            home.ledger.add_party(
                name, roles, [key for one in home.ledger.parties() if one.name == name for key in one.keys]
            )
        if kek_backup is not None:
            home.files.confirm_backup(kek_backup)
        document: dict[str, Any] = {
            "origin": home.origin,
            "home": str(home.path),
            "kek": home.vault.fingerprint,
        }
        if _has_chain(home):
            binding, on_chain = setup.open_on_chain(home, policy)
            made += on_chain
            document["chain"] = chain_document(binding, home.ledger.row().attestations)
        else:
            document["chain"] = None
        issued = setup.issue_trust_root(home)
        document |= {
            "trust_root": issued.fingerprint,
            "made": made,
            "kek_backup": home.files.confirmed_backup(),
        }
        _tell(out, home, document)


def _tell(out: Output, home: Home, document: dict[str, Any]) -> None:
    chain = document["chain"]
    place = (
        f"chain {chain['chain_id']}, contract {chain['contract']}"
        if chain
        else "none yet: run `poolproof init` again"
    )
    out.show(
        document,
        f"log:        {document['origin']} in {document['home']}",
        f"chain:      {place}",
        f"trust root: {document['trust_root']}",
        f"made:       {', '.join(document['made']) or 'nothing, all was there'}",
    )
    if chain and chain["grade"] == "devnet":
        out.warn(
            "This is a devnet: its keys are public, and whoever runs it can rewrite it. For trying out only."
        )
    if document["kek_backup"] is None:
        out.warn(
            f"Back up the key-encryption key now: without {home.files.kek} no private field opens again."
        )
        out.say(
            f"    poolproof init --kek-backup /path/on/another/machine/kek   (fingerprint {document['kek']})"
        )


def _party(text: str) -> tuple[str, list[str]]:
    name, separator, roles = text.partition(":")
    if not separator or not roles:
        raise ConfigurationError(f"--party {text}: give NAME:ROLE[,ROLE]")
    return name, roles.split(",")


def read_address(text: str | None) -> bytes | None:
    """An address that the user named; raises :class:`MalformedError`."""
    if text is None:
        return None
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise MalformedError("contract address", "it has 40 hex digits after 0x")
    return address


def _has_chain(home: Home) -> bool:
    """Whether an endpoint is named; a named one that does not answer is an error, not an absence."""
    try:
        return bool(home.rpc_url)
    except ConfigurationError:
        return False
