"""``poolproof analytics``: a pool's figures by month, from its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home, past_day
from ledger.cli.names import Pool
from ledger.counts import counted, noun

if TYPE_CHECKING:
    from ledger.audit.analytics.report import Figures

commands = command_group("Analytics.")

_EXIT_FINDINGS = 1
#: Columns of a file or a pipe: as wide as the widest table, since nobody wants it wrapped.
_PIPE_WIDTH = 240
#: Columns of a terminal between two of a table.
_GAP = 2
_TITLES = {
    "balance": "Principal at the end of each month, and what moved it",
    "cash": "Cash in, and what came in beside borrowers' payments",
    "buckets": "Delinquency at the end of each month, share of principal (claims)",
    "rolls": "Roll rates of {month}, share of principal, from the bucket a month before",
    "rates": "Prepayment, default and compensation",
    "vintages": "Vintages to date, share of the original principal",
    "averages": "Weighted averages at the end of each month (share over which they are determined)",
}

Row = Sequence[str]


@commands.command(
    epilog=example(
        "poolproof analytics W1",
        "poolproof analytics W1 --as-of 2026-10-31 --from 2026-01 --to 2026-10 --json",
    )
)
def analytics(
    pool: Pool,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DAY", help="What is effective later is left out. [default: the last record's day]"
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(help="The published size. [default: the newest]")] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="YYYY-MM", help="First month. [default: that of the pool's first event]"
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month. [default: that of --as-of]")
    ] = None,
    as_json: Json = False,
) -> None:
    """A pool's figures by month, worked out from its records: nothing reported goes in.

    Principal and what moved it, cash by component and payer, delinquency and roll rates, CPR, CDR and the
    compensation rate, vintages, weighted averages; docs/analytics.md has every formula. Undetermined is a bucket
    of its own. Exit code 1 where records are not what the log committed to: they are in no figure.
    """
    from ledger.audit.analytics.report import analyse
    from ledger.audit.run import Request

    out = Output(as_json)
    with open_home() as home, out.progress(f"analytics {pool}", unit="loans") as bar:
        request = Request(pool=pool, size=size, as_of=past_day(home, as_of))
        figures = analyse(
            home.ledger.store,
            home.origin,
            request,
            trust=home.ledger.trust_root(),
            first=first,
            last=last,
            progress=lambda what, done, of: bar(done, of) if what == "loans" else None,
        )
    document = figures.to_json()
    out.show(document, *(() if as_json else _lines(document)))
    _warn(out, figures)
    if figures.findings:
        raise typer.Exit(_EXIT_FINDINGS)


def _warn(out: Output, figures: Figures) -> None:
    if figures.erased:
        are = noun(figures.erased, "loan is", "loans are")
        out.warn(f"{figures.erased} {are} erased and in no figure")
    if figures.unreadable:
        have = noun(figures.unreadable, "loan has records", "loans have records")
        out.warn(f"{figures.unreadable} {have} that are not as committed: in no figure")
    for finding in figures.findings:
        out.warn(f"{finding.code}: {finding.subject}: {finding.text()}")


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    basis = document["basis"]
    stands_on = f"as of {basis['as_of']}, size {basis['size']} ({basis['level']})"
    loans = document["loans"]
    yield f"pool {document['pool']}: {stands_on}, {counted(loans, 'loan')}"
    if not document["currencies"]:
        yield "nothing was in the pool"
    for currency, sums in document["currencies"].items():
        left_out = sums["left_out"]
        if left_out["seasoned_claims"]:
            claims = noun(left_out["seasoned_claims"], "seasoned claim is", "seasoned claims are")
            yield (
                f"{left_out['seasoned_claims']} {claims} in no vintage; records before the opening, part of its "
                f"position: {left_out['records_before_opening']}"
            )
        yield from _currency(currency, sums)


def _currency(currency: str, sums: Mapping[str, Any]) -> Iterator[str]:
    every, last = sums["months"], sums["months"][-1]
    yield from _table(currency, "balance", [_balance(one) for one in every])
    yield from _table(currency, "cash", [_cash(one) for one in every])
    yield from _table("", "buckets", [_buckets(one) for one in every])
    rolls = [_roll(source, row, last["buckets"]) for source, row in last["rolls"].items()]
    yield from _table("", "rolls", rolls, month=last["month"])
    yield from _table("", "rates", [_rates(one) for one in every])
    yield from _table(currency, "vintages", [_vintage(one) for one in sums["vintages"]])
    yield from _table("", "averages", [_averages(one) for one in every])


def _balance(one: Mapping[str, Any]) -> dict[str, str]:
    change = {name: Decimal(text) for name, text in one["change"].items()}
    return {
        "month": one["month"] if one["complete"] else f"{one['month']} until {one['end']}",
        "outstanding": one["outstanding"],
        "claims": str(one["claims"]),
        "came in": str(change["entered"] + change["opened"] + change["disbursed"]),
        "repaid": str(change["repaid"] + change["reversed"]),
        "prepaid": str(change["prepaid"]),
        "charged off": str(change["charged_off"] + change["reinstated"]),
        "compensated": str(change["compensated"]),
        "refunded, waived": str(change["refunded"] + change["waived"]),
        "left": str(change["left"]),
        "credits": str(change["credits"]),
    }


def _cash(one: Mapping[str, Any]) -> dict[str, str]:
    cash, amounts = one["cash"], one["amounts"]
    payers = {name: Decimal(text) for name, text in cash["by_payer"].items()}
    return {
        "month": one["month"],
        "paid in": cash["total"],
        **{name: cash["by_component"][name] for name in cash["by_component"]},
        "by others": str(sum(units for name, units in payers.items() if name not in {"obligor", "untold"})),
        "payer untold": str(payers["untold"]),
        **{name: amounts[name] for name in ("recovered", "refunded", "compensated")},
    }


def _buckets(one: Mapping[str, Any]) -> dict[str, str]:
    return {"month": one["month"]} | {
        name: f"{_percent(tally['share'])} ({tally['claims']})" for name, tally in one["buckets"].items()
    }


def _roll(source: str, row: Mapping[str, Any], buckets: Mapping[str, Any]) -> dict[str, str]:
    from ledger.audit.analytics.sums import EXITS

    shown = {"from": source, "principal": row["principal"], "claims": str(row["claims"])}
    for target in (*buckets, *EXITS):
        cell = row["to"].get(target)
        shown[target.replace("_", " ")] = "" if cell is None else _percent(cell["principal_share"])
    return shown


def _rates(one: Mapping[str, Any]) -> dict[str, str]:
    prepayment, default, compensation = one["prepayment"], one["default"], one["compensation"]
    return {
        "month": one["month"],
        "SMM": _percent(prepayment["smm"]),
        "CPR": _percent(prepayment["cpr"]),
        "plan determined": _percent(prepayment["determined"]),
        "MDR": _percent(default["mdr"]),
        "CDR": _percent(default["cdr"]),
        "compensation": _percent(compensation["rate"]),
        "compensation to date": _percent(compensation["cumulative_rate"]),
    }


def _vintage(one: Mapping[str, Any]) -> dict[str, str]:
    newest = one["curve"][-1]
    return {
        "vintage": one["month"],
        "claims": str(one["claims"]),
        "original": one["original"],
        "months on book": str(newest["months_on_book"]),
        "gross loss": _percent(newest["gross_loss_rate"]),
        "net loss": _percent(newest["net_loss_rate"]),
        "prepaid": _percent(newest["prepaid_rate"]),
        "compensated": _percent(newest["compensated_rate"]),
        "left": newest["left"],
    }


def _averages(one: Mapping[str, Any]) -> dict[str, str]:
    shown = {"month": one["month"]}
    for name, average in one["averages"].items():
        value = average["value"]
        if value is not None:
            value = _percent(value) if name in {"annual_rate", "annual_cost"} else f"{Decimal(value):.1f}"
        shown[name.replace("_", " ")] = f"{value or '–'} ({_percent(average['share'])})"
    return shown


def _percent(share: str | None) -> str:
    return "–" if share is None else f"{Decimal(share) * 100:.2f} %"


def _table(currency: str, title: str, rows: Sequence[Mapping[str, str]], **words: str) -> Iterator[str]:
    """A titled table as lines: bold heads on a terminal, plain text anywhere else.

    What is wider than the terminal goes on below, with its first column again: an amount is never cut.
    """
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    terminal = Console()
    room = terminal.width if terminal.is_terminal else _PIPE_WIDTH
    console = Console(width=max(room, _PIPE_WIDTH))
    yield ""
    yield _TITLES[title].format(**words) + (f", {currency}" if currency else "")
    for number, heads in enumerate(_blocks(rows, room)):
        table = Table(box=None, pad_edge=False, show_edge=False)
        for head in heads:
            table.add_column(head, justify="left" if head == heads[0] else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(row[head] for head in heads))
        with console.capture() as captured:
            console.print(table)
        yield from [""] if number else []
        yield from (line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _blocks(rows: Sequence[Mapping[str, str]], room: int) -> Iterator[list[str]]:
    """The heads of the columns that stand side by side in ``room``: each time the first, and at least one more."""
    from rich.cells import cell_len

    widths = {head: max(cell_len(one) for one in (head, *(row[head] for row in rows))) for head in rows[0]}
    first, *others = widths
    block, used = [first], widths[first]
    for head in others:
        if len(block) > 1 and used + _GAP + widths[head] > room:
            yield block
            block, used = [first], widths[first]
        block.append(head)
        used += _GAP + widths[head]
    yield block
