"""``poolproof sign``: a party's signature on its statements, made on the party's own machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.append import events_in
from ledger.cli.frame import Json, Output, command_group, example, read_file
from ledger.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from ledger.proofs.note import Signer

commands = command_group("Signatures of parties.")


@commands.command(
    epilog=example(
        "poolproof sign release.json --key fund.key --trust trust.json -o release.signed.json",
        "poolproof sign pledges.ndjson --accept --key fund.key --origin ORIGIN -o accepted.ndjson",
    )
)
def sign(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Events, one JSON object a line; - reads standard input.")
    ],
    *,
    key: Annotated[Path, typer.Option(help="Your party's statement key, as `party keygen` makes it.")],
    trust: Annotated[
        Path | None, typer.Option(help="Sign for the log of this trust root, with a key that stands in it.")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Sign for the log of this origin, where there is no trust root yet.")
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Sign that your party accepts to hold what is pledged or sold to it, for others to post.",
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the events here instead of printing them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign events that your party states, or accept claims that it shall hold.

    It needs no home and asks nobody. What comes out is what went in, line by line, each with its signature, to be
    appended or posted. An event of another party, one that is signed, or one that the log would refuse for its form
    is refused, with its line, and nothing is written. Private fields are not part of what is signed.
    """
    from ledger.vault import load_signer

    if (trust is None) == (origin is None):
        raise typer.BadParameter("for which log? give --trust, or --origin where there is no trust root yet")
    signer = load_signer(key)
    log = origin or origin_of(trust, signer) or ""
    signed = []
    with events_in(file) as (lines, _):
        for number, line in lines:
            try:
                signed.append(_accepted(line, log, signer) if accept else _stated(line, log, signer))
            except RefusedError as error:
                error.line = number
                raise
    printed = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in signed)
    what = "accepted" if accept else "signed"
    document: dict[str, Any] = {"origin": log, "party": signer.verifier.name, what: len(signed)}
    out = Output(as_json)
    if output is None:
        out.show(document | {"events": signed}, *printed.splitlines())
        return
    from ledger.static import write_file

    write_file(output, printed.encode())
    out.show(document | {"file": str(output)}, f"{len(signed)} {what} by {signer.verifier.name}: {output}")


def origin_of(file: Path | None, signer: Signer) -> str | None:
    """The log of a trust root, in which the key must stand under its party's name; None without one."""
    if file is None:
        return None
    from ledger.proofs.trust import TrustRoot

    root, own = TrustRoot.parse(read_file(file, "trust root")), signer.verifier
    known = next((one.verifiers for one in root.parties if one.name == own.name), ())
    if own.vkey not in {one.vkey for one in known}:
        raise ConfigurationError(
            f"{own.reference} is no key of {own.name} in {file}: the log would refuse its signature"
        )
    return root.origin


def _stated(line: bytes, origin: str, signer: Signer) -> dict[str, Any]:
    """The event with the signature of its party."""
    from ledger.domain import statements
    from ledger.domain.events import read_submission

    submission = read_submission(line, party=signer.verifier.name, origin=origin)
    if submission.sig is not None:
        raise RefusedError("sig", "the event is signed already", rule="signature")
    signature = statements.sign_submission(signer, origin, submission).sig
    assert signature is not None
    event: dict[str, Any] = json.loads(line)
    sig = {"key": signature.key, "value": signature.value}
    return event | {"party": submission.party, "sig": sig}


def _accepted(line: bytes, origin: str, signer: Signer) -> dict[str, Any]:
    """The pledge or sale with the signature of who is to hold the claims."""
    from ledger.domain import statements
    from ledger.domain.events import read_submission
    from ledger.domain.events.transfers import Transfer

    submission = read_submission(line, origin=origin)
    event: dict[str, Any] = json.loads(line)
    transfer = submission.event
    if not isinstance(transfer, Transfer):
        raise RefusedError("type", f"{submission.type} gives claims to nobody", rule="signature")
    if transfer.holder != signer.verifier.name:
        raise RefusedError("data.holder", f"{transfer.holder} is to hold them", rule="wrong_party")
    if submission.sig is not None or isinstance(event["data"].get("acceptance"), dict):
        raise RefusedError(
            "sig", "the event is signed already, and what it says would change", rule="signature"
        )
    message = statements.acceptance_bytes(origin, submission.name, transfer.holder, transfer.claims)
    acceptance = statements.sign(signer, message)
    return event | {"data": event["data"] | {"acceptance": acceptance}}
