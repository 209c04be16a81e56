"""``poolproof erase``: a loan's contents go, its digests stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ledger.cli.frame import Json, Output, command_group, example, only_party, open_home
from ledger.cli.names import loan_names
from ledger.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from ledger.home import Home

commands = command_group("Erase.")

_EXIT_FINDINGS, _EXIT_REFUSED = 1, 2


@commands.command(
    epilog=example(
        "poolproof erase L-2019-0017 --basis retention_ended",
        'poolproof erase L-17 L-18 --basis request --note "letter of 3 March"',
        "poolproof erase --replay",
    )
)
def erase(
    *,
    loans: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOAN",
            help="Loans to erase, with or without `loan:` before the name.",
            callback=loan_names,
        ),
    ] = None,
    basis: Annotated[
        Literal["retention_ended", "request", "court", "other"] | None,
        typer.Option(help="On what ground. None of them shortens the retention."),
    ] = None,
    note: Annotated[
        str | None, typer.Option(help="Reference of the request or rule; stays in the log.")
    ] = None,
    party: Annotated[
        str | None, typer.Option(help="Who erases; default: the only servicer, else the only originator.")
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="After a backup was put back: erase again what was erased before."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Erase loans: contents go, digests stay.

    Record bytes, private fields, secrets, stored receipts and states are taken out; a record of the log says so
    for each loan. Refused while a loan is live, for POOLPROOF_RETENTION_YEARS after its end, and before all
    about it is published. Afterwards the database's files are written anew, which takes its time and its
    locks: erase many loans at once. Of several loans each is tried: those that are refused are named, with exit
    code 2, and the others are erased. Backups, and what partners hold, keep what they have.
    """
    out = Output(as_json)
    if replay == bool(loans):
        raise ConfigurationError("name the loans to erase, or give --replay")
    with open_home() as home:
        if replay:
            document = _replay(home)
        else:
            if basis is None:
                raise ConfigurationError("on what ground? give --basis")
            document = _erase(home, loans or [], party or only_party(home), basis, note)
        if replay or document["erased"]:
            out.say("writing the database's files anew")
            home.ledger.eraser.rewrite()
    lines = [f"loan:{one['loan']} is erased: record {one['index']}" for one in document["erased"]]
    lines += [f"{one['subject']} is erased again" for one in document.get("again", ())]
    failed = document.get("failed", [])
    state = "is here again and not erased" if replay else "is not erased"
    lines += [f"loan:{one['loan']} {state}: {one['reason']}" for one in failed]
    out.show(document, *(lines or ["nothing to erase"]))
    if failed:
        raise typer.Exit(_EXIT_FINDINGS if replay else _EXIT_REFUSED)


def _erase(
    home: Home, loans: list[str], party: str, basis: str, note: str | None
) -> dict[str, list[dict[str, str | int]]]:
    """Erase one after the other, and go on after a refusal: each erasure stands by itself."""
    from ledger.erasure import Noted

    ledger = home.ledger
    done: list[dict[str, str | int]] = []
    failed: list[dict[str, str | int]] = []
    for loan in loans:
        try:
            accepted = ledger.eraser.erase(loan, party=party, basis=basis, note=note, now=ledger.clock())
        except RefusedError as error:
            if len(loans) == 1:
                raise
            failed.append({"loan": loan, "rule": error.rule, "reason": error.reason})
            continue
        home.files.erasures.add(Noted(origin=home.origin, loan=loan, party=party, basis=basis, note=note))
        done.append({"loan": loan, "index": accepted.index, "digest": accepted.digest.hex()})
    return {"erased": done, "failed": failed}


def _replay(home: Home) -> dict[str, list[dict[str, str | int]]]:
    """What the log says is erased, then what only the journal remembers."""
    ledger = home.ledger
    again = ledger.eraser.again()
    erased: list[dict[str, str | int]] = []
    failed: list[dict[str, str | int]] = []
    for one in ledger.eraser.returned(home.files.erasures.entries(home.origin)):
        try:
            accepted = ledger.eraser.erase(
                one.loan, party=one.party, basis=one.basis, note=one.note, now=ledger.clock()
            )
        except RefusedError as error:
            failed.append({"loan": one.loan, "rule": error.rule, "reason": error.reason})
        else:
            erased.append({"loan": one.loan, "index": accepted.index, "digest": accepted.digest.hex()})
    return {"again": [{"subject": name} for name in again], "erased": erased, "failed": failed}
