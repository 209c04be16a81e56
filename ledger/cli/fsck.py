"""``poolproof fsck``: everything re-derived from the records and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted
from ledger.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.audit.fsck import Contract, Problem, Report
    from ledger.home import Home

commands = command_group("Fsck.")

#: Problems printed one by one; a damaged page may spoil every entry after it.
_MAX_SHOWN = 50
_EXIT_FINDINGS = 1
_EXIT_UNDECIDED = 3


@commands.command(epilog=example("poolproof fsck", "poolproof fsck --offline --json"))
def fsck(
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the chain.")] = False,
    as_json: Json = False,
) -> None:
    """Derive everything once more from the records, and compare.

    Digests, chains of prev, tiles, roots, registers, checkpoints, claims' histories, batches, receipts, seals, the
    outbox of anchors, and what the contract holds: every anchor, and the fingerprint of the trust root. Tells
    erased from missing; changes nothing. Exit code 1 if anything differs, 3 if nothing does but the chain could
    not be asked or no trust root is there.
    """
    from ledger.audit.fsck import fsck as check

    out = Output(as_json)
    with open_home() as home, out.progress("fsck", unit="entries") as progress:
        contract, missing = (None, None) if offline else _contract(home)
        try:
            report = check(home.ledger, contract=contract, progress=progress)
        except UnavailableError as error:
            if contract is None:
                raise
            missing = str(error)
            report = check(home.ledger, progress=progress)
    if missing:
        out.say(f"the chain was not asked: {missing}")
    if not report.trust_roots:
        out.say("no trust root was issued or is left, so nothing commits to the log's zone and day cut")
    document = _document(report) | {"chain_problem": missing}
    out.show(document, *_lines(report))
    if report.problems:
        raise typer.Exit(_EXIT_FINDINGS)
    if missing or not report.trust_roots:
        raise typer.Exit(_EXIT_UNDECIDED)


def _contract(home: Home) -> tuple[Contract | None, str | None]:
    """The log's contract, or why it cannot be asked; neither for a log on no chain."""
    if home.ledger.row().chain is None:
        return None, None
    try:
        return home.client(), None
    except UnavailableError as error:
        return None, str(error)


def _document(report: Report) -> dict[str, Any]:
    return {
        "clean": not report.problems,
        "origin": report.origin,
        "size": report.size,
        "records": report.records,
        "erased": report.erased,
        "registers": report.registers,
        "checkpoints": report.checkpoints,
        "receipts": report.receipts,
        "trust_roots": report.trust_roots,
        "anchors": report.chain,
        "problems": _members(report.problems),
        "notes": _members(report.notes),
    }


def _members(found: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"code": one.code, "place": one.place, "message": one.message} for one in found]


def _lines(report: Report) -> list[str]:
    asked = (
        "the chain was not asked" if report.chain is None else f"{counted(report.chain, 'anchor')} on chain"
    )
    counts = [
        counted(report.size, "entry", "entries"), counted(report.records, "record"), f"{report.erased:,} erased",
        counted(report.registers, "register"), counted(report.checkpoints, "checkpoint"),
        counted(report.receipts, "receipt"),
    ]  # fmt: skip
    lines = [f"{report.origin}: {', '.join(counts)}, {asked}"]
    lines += [f"{one.code}: {one.place}: {one.message}" for one in report.problems[:_MAX_SHOWN]]
    if len(report.problems) > _MAX_SHOWN:
        lines.append(f"… and {len(report.problems) - _MAX_SHOWN} more; --json lists them")
    lines += [f"note: {one.code}: {one.place}: {one.message}" for one in report.notes[:_MAX_SHOWN]]
    found = len(report.problems)
    return [*lines, counted(found, "problem") if found else "clean"]
