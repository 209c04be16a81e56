"""``poolproof reconcile``: a file about a pool against its records."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from ledger.cli.frame import Json, Output, command_group, example, only_party, open_home, own_events
from ledger.cli.names import pool_name
from ledger.counts import counted, noun
from ledger.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from ledger.audit.reconcile.reconciliation import Reconciliation
    from ledger.home import Home
    from ledger.store.logs import LogRow

commands = command_group("Reconcile files with the records.")

#: Breaks printed one by one; --json has them all.
_MAX_SHOWN = 50

Form = Literal["ex102", "esma", "csv", "totals"]
#: Endings of files that are no EX-102, which is XML.
_TABLES: Final = {".csv", ".txt", ".tsv", ".json"}


@commands.command(
    epilog=example(
        "poolproof reconcile 2026-07.xml --pool SDART-2026-1 --partial",
        "poolproof reconcile balances.csv --form csv --mapping balances.toml --pool W1 --post",
        "poolproof reconcile ledger.csv --form totals --pool W1 --cut-off 2026-10-31",
        "poolproof reconcile --private core.csv --form csv --mapping core.toml --balances held",
    )
)
def reconcile(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to compare with the records.")],
    *,
    pool: Annotated[
        str | None,
        typer.Option(help="The pool it is about. [default: the log's only one]", callback=pool_name),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            help="How the file is read: an SEC EX-102, ESMA's consumer template as CSV, any CSV by a mapping, "
            "totals of a general ledger. [default: csv with a mapping, else ex102]"
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="What the columns mean, in TOML, with balance.reported among its events."),
    ] = None,
    cut_off: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="At whose close the figures stand. [default: as the file says]"),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="The file may leave claims of the pool out.")
    ] = False,
    balances: Annotated[
        Literal["loan", "held"],
        typer.Option(help="Whether its balances are of whole loans, or of the shares that the pool holds."),
    ] = "loan",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DAY", help="When the period of its flows begins, where the file does not say it."
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Compare only: nothing is stored, sent, or asked for.")
    ] = False,
    post: Annotated[
        bool, typer.Option("--post", help="Record the file's digest and the breaks that are new.")
    ] = False,
    party: Annotated[
        str | None, typer.Option(help="Who posts. [default: the log's only servicer, or its only originator]")
    ] = None,
    sender: Annotated[
        str | None, typer.Option(metavar="PARTY", help="Who made the file. [default: who posts]")
    ] = None,
    trust: Annotated[str | None, typer.Option(help="EX-102: the trust, as for the import.")] = None,
    prefix: Annotated[
        str | None, typer.Option(help="In front of identifiers in loan names, as for the import.")
    ] = None,
    percent: Annotated[
        bool, typer.Option("--percent", help="EX-102: rates stand as percentages, not fractions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare a file with a pool's records at the file's cut-off.

    By claim (balance, status, days past due, rate, instalments left, absent, extra) and by total, within the
    tolerances of the pool's rules. Each disagreement is a break with a name that stays the same in the next
    file. Without --post nothing is written. Exit code 0: agrees. 1: breaks that are not closed. 3: none, but
    something could not be compared. 2: the file cannot be read whole; nothing was compared.
    """
    from ledger import reconciling
    from ledger.store import logs

    if private and post:
        raise typer.BadParameter("--private stores nothing: it excludes --post")
    kind = form or told_form(file, mapping)
    _check_options(kind, mapping, trust=trust, prefix=prefix, percent=percent)
    if kind == "totals" and cut_off is None:
        raise typer.BadParameter("totals name no day: give --cut-off")
    out = Output(as_json)
    posted = None
    with open_home() as home, out.progress(f"reconcile {file.name}") as progress:
        with home.store.read() as connection:
            named = pool or _only_pool(connection, logs.get(connection, home.origin))
        order = reconciling.Order(
            pool=named, form=kind, cut_off=cut_off, partial=partial, balances=balances, since=since, sender=sender,
            private=private, trust=trust, prefix=prefix, percent=percent,
        ).settled(mapped=mapping is not None)  # fmt: skip
        source = reconciling.open_file(file, order, mapping, progress=progress)
        poster = None if private else _poster(home, party)
        result = reconciling.compare(
            home.store, home.origin, source, order, poster=poster, now=datetime.now(UTC)
        )
        if post and poster is not None:
            with own_events():
                posted = reconciling.record(home.ledger, result, poster=poster).counts
    document = result.to_json() | {"private": private, "posted": posted}
    out.show(document, *_lines(file, result, posted))
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def told_form(file: Path, mapping: Path | None) -> Literal["csv", "ex102"]:
    """How a file is read where nobody says it: by its mapping, else as an EX-102. A table needs to be told."""
    if not file.is_file():
        raise NotFoundError(f"no file {file}")
    if mapping is None and file.suffix.lower() in _TABLES:
        raise typer.BadParameter(f"{file.name} is no EX-102, which is XML: give the --mapping that reads it")
    return "ex102" if mapping is None else "csv"


def _check_options(kind: Form, mapping: Path | None, **given: str | bool | None) -> None:
    if kind == "csv" and mapping is None:
        raise typer.BadParameter("a CSV is read by a mapping: give --mapping")
    if kind in {"ex102", "totals"} and mapping is not None:
        raise typer.BadParameter(f"--form {kind} takes no mapping")
    allowed = {"ex102": {"trust", "prefix", "percent"}, "esma": {"prefix"}}.get(kind, set())
    for name, value in given.items():
        if value and name not in allowed:
            raise typer.BadParameter(f"--{name} does not go with --form {kind}")


def _only_pool(connection: Any, log: LogRow) -> str:
    from ledger.store import subjects

    pools = list(subjects.pool_states(connection, log.id))
    if len(pools) != 1:
        raise ConfigurationError(f"which pool? give --pool; the log has {', '.join(pools) or 'none'}")
    return pools[0]


def _poster(home: Home, party: str | None) -> str:
    """Who posts, or would; raises :class:`NotFoundError` for a party that the log does not have."""
    poster = party or only_party(home)
    if poster not in {one.name for one in home.ledger.parties()}:
        raise NotFoundError(f"no party {poster!r}; `poolproof party list` shows the log's parties")
    return poster


def _lines(file: Path, result: Reconciliation, posted: dict[str, int] | None) -> list[str]:
    """The result for the eye."""
    records = counted(result.records, "record")
    lines = [
        f"{file}: {records} at {result.cut_off.text}, against {result.pool} at size {result.size}",
        f"  sha256 {result.tape}",
    ]
    for total in result.totals.to_json():
        figures = f"reported {total['reported']}, derived {total['derived']}"
        left = f", unexplained {total['unexplained']}" if total["unexplained"] != total["difference"] else ""
        lines.append(
            f"  {total['name']} {total['currency']}: {figures}, difference {total['difference']}{left}"
        )
    lines += [f"  {reason}: {count}" for reason, count in sorted(result.explained.items())]
    lines += [
        f"  undetermined: {item}: {reason}: {count}"
        for (item, reason), count in sorted(result.undetermined.items())
    ]
    for one in result.found[:_MAX_SHOWN]:
        what = one.what
        place = f"loan:{what.loan}" if what.loan is not None else "total"
        lines.append(
            f"  {one.status} {what.name}: {place}: {what.item}: reported {what.reported or 'nothing'}, "
            f"derived {what.derived or 'nothing'}{_with(what.owner)}"
        )
    if len(result.found) > _MAX_SHOWN:
        more = len(result.found) - _MAX_SHOWN
        lines.append(f"  … and {more} more {noun(more, 'break')}; --json lists them")
    lines += [
        f"  open before, not shown by this file: {one.name}: {one.what.item}{_with(one.what.owner)}"
        for one in result.gone[:_MAX_SHOWN]
    ]
    if posted is not None:
        opened = _breaks(posted["breaks_opened"])
        lines.append(f"posted: {posted['tape_received']} file, {opened} opened")
    open_ = _breaks(len(result.open) + len(result.gone), "open ")
    verdict = {0: "agrees", 1: open_, 3: "undetermined"}
    return [*lines, verdict[result.exit_code]]


def _with(owner: str) -> str:
    return f", with {owner}" if owner else ""


def _breaks(count: int, which: str = "") -> str:
    return f"{count} {which}{noun(count, 'break')}"
