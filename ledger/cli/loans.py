"""``poolproof loan``: one loan, told from its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home, past_day
from ledger.cli.names import Loan
from ledger.counts import counted

if TYPE_CHECKING:
    from ledger.audit.timeline import Timeline

commands = command_group("Loans: their records, and where they stand.")


@commands.callback()
def _group() -> None:
    """Loans: their records, and where they stand."""


@commands.command(
    epilog=example("poolproof loan show LOAN", "poolproof loan show LOAN --as-of 2026-07-31 --json")
)
def show(
    loan: Loan,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="The day asked about. [default: that of the newest record]"),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Leave out records from this index on.")] = None,
    as_json: Json = False,
) -> None:
    """Show a loan's timeline, its instalments and where it stands.

    Each record with both clocks, who states it, and the principal after it; then status, days past due and what an
    audit of this one loan finds. All of it is derived from the records, nothing from what was reported.
    """
    from ledger.audit.timeline import tell
    from ledger.store import logs

    with open_home() as home, home.store.read() as connection:
        told = tell(
            connection, logs.get(connection, home.origin), loan, size=size, as_of=past_day(home, as_of)
        )
    Output(as_json).show(told.to_json(), *_lines(told))


def _lines(told: Timeline) -> list[str]:
    document = told.to_json()
    currency = document["currency"]
    lines = [f"loan:{told.case.loan} as of {document['as_of']}, records below {told.size}", ""]
    lines += [_event(one, currency) for one in document["events"]]
    lines += ["", *_plan(document), "", *_standing(document)]
    lines += [f"  {one.severity}: {one.code}: {one.text()}" for one in told.findings]
    return lines


def _event(one: dict[str, Any], currency: str) -> str:
    amount = f"{one['amount']} {currency}" if one["amount"] else ""
    by = f"{one['party']}{', signed' if one['signed'] else ''}{', paid by ' + one['payer'] if one['payer'] else ''}"
    note = "" if one["in_force"] else "  (not in force)"
    if one["corrected_by"] is not None:
        note = f"  (as corrected by record {one['corrected_by']})"
    return (
        f"  {one['effective']:<10}  {one['posted'][:10]}  {one['index']:>8}  {one['type']:<22}  {amount:>16}"
        f"  owed {one['principal_after']:>12}  {by}{note}"
    )


def _plan(document: dict[str, Any]) -> list[str]:
    if document["no_plan"]:
        return [f"  instalments undetermined: {document['no_plan']}"]
    return [
        f"  {one['number']:>4}  {one['due']}  principal {one['principal']:>10}  interest {one['interest']:>8}"
        f"  fee {one['fee']:>8}"
        for one in document["plan"]
    ]


def _standing(document: dict[str, Any]) -> list[str]:
    currency = document["currency"]
    lines = [f"  {document['status']}, {document['principal']} {currency} of principal owed"]
    lines += [
        f"    claim {one['claim']}: {one['principal']} {currency} to {one['creditor']} ({one['share']:,} ppm)"
        for one in document["claims"]
    ]
    if document["undetermined"]:
        lines.append(f"  days past due undetermined: {document['undetermined']}")
    else:
        since = f" since {document['oldest_unpaid']}" if document["oldest_unpaid"] else ""
        days = document["days_past_due"]
        lines.append(
            f"  {counted(days, 'day')} past due{since} ({document['bucket']}), arrears "
            f"{document['arrears']} {currency}"
        )
    return lines
