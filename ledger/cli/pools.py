"""``poolproof pool``: make a pool, look at it, seal it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ledger.cli.frame import (
    Json,
    Output,
    command_group,
    example,
    only_party,
    open_home,
    own_events,
    past_day,
    read_file,
    today,
)
from ledger.cli.names import Pool
from ledger.counts import counted
from ledger.errors import MalformedError, TakenError

if TYPE_CHECKING:
    from ledger.pools import PoolSummary
    from ledger.seals import Recorded

commands = command_group("Pools: named sets of claims, their rules and seals.")

Party = Annotated[
    str | None, typer.Option(help="Who states it. [default: the log's only servicer or originator]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything but store.")]


@commands.command(
    epilog=example(
        "poolproof pool create W1 --rules docs/rules/warehouse.json --structure warehouse --currency CNY"
    )
)
def create(
    name: Pool,
    *,
    rules: Annotated[
        Path, typer.Option(help="What the pool promises, in JSON; docs/rules/warehouse.json is an example.")
    ],
    title: Annotated[str | None, typer.Option(help="The pool in words.")] = None,
    structure: Annotated[
        Literal["warehouse", "abs", "trust", "sale", "other"] | None, typer.Option(help="What it is for.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Its currency (ISO 4217), where it has one.")] = None,
    party: Party = None,
    effective: Annotated[
        str | None, typer.Option(metavar="DAY", help="Since when. [default: today in the log's zone]")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Create a pool, or give it the next version of its rules.

    Records a pool.created event; docs/events.md has every member of the rules. A change of rules is the same
    command with a file of the next version.
    """
    promised = _read_rules(rules)
    data = {"rules": promised, "title": title, "structure": structure, "currency": currency}
    with open_home() as home:
        event = {
            "id": f"{name}.rules.{promised.get('version')}",
            "type": "pool.created",
            "subject": f"pool:{name}",
            "effective": effective or today(home).isoformat(),
            "party": party or only_party(home),
            "data": {member: value for member, value in data.items() if value is not None},
        }
        with own_events(), _next_version(name, promised):
            [accepted] = home.ledger.append([event], dry_run=dry_run).accepted
    document = {"pool": name, "index": accepted.index, "digest": accepted.digest, "dry_run": dry_run}
    done = "would be" if dry_run else "was before" if accepted.repeated else "is now"
    Output(as_json).show(
        document, f"pool {name}: rules version {promised.get('version')}, {done} entry {accepted.index}"
    )


@commands.command("list", epilog=example("poolproof pool list"))
def list_pools(as_json: Json = False) -> None:
    """List the pools with their rules, claims and seals."""
    with open_home() as home:
        pools = home.ledger.pools()
    document = {
        "pools": [
            {
                "pool": one.pool,
                "title": one.title,
                "rules_version": one.rules_version,
                "claims": one.claims,
                "closed": one.closed,
                "sealed": one.sealed,
            }
            for one in pools
        ]
    }
    lines = []
    for one in pools:
        sealed = ", ".join(f"{currency} at size {size}" for currency, size in one.sealed.items())
        lines.append(
            f"{one.pool}: rules version {one.rules_version}, {counted(one.claims, 'claim')}, "
            f"{'sealed in ' + sealed if sealed else 'not sealed'}{', closed' if one.closed else ''}"
        )
    Output(as_json).show(document, *(lines or ["no pool yet; `poolproof pool create` makes one"]))


@commands.command(epilog=example("poolproof pool show W1"))
def show(name: Pool, as_json: Json = False) -> None:
    """Show a pool as it stands now, with its last seals.

    Claims, holders, principal by currency, statuses: of all records, published or not. The principal is that of
    the claims, also where the pool holds a part of one. A seal says what is owed on the shares held, of a published
    size and a day, for everybody.
    """
    with open_home() as home:
        summary = home.ledger.pool(name)
        sealed = home.ledger.pool_seals(name)
    document = {
        "pool": summary.pool,
        "title": summary.title,
        "claims": summary.claims,
        "holders": summary.holders,
        "principal": summary.principal,
        "statuses": summary.statuses,
        "weak_keys": summary.weak_keys,
        "erased": summary.erased,
        "records": summary.records,
        "head": summary.head,
        "rules": summary.rules,
        "seals": [one.to_json() for one in sealed],
    }
    Output(as_json).show(document, *_summary(summary), *(line for one in sealed for line in _seal(one)))


@commands.command(
    epilog=example(
        "poolproof pool seal W1 --as-of 2026-10-31", "poolproof pool seal W1 --as-of 2026-10-31 --size 90000"
    )
)
def seal(
    name: Pool,
    *,
    as_of: Annotated[
        str, typer.Option(metavar="DAY", help="The cut-off: what is effective later is left out.")
    ],
    currency: Annotated[
        str | None, typer.Option(help="Of the claims to seal. [default: the one that all of them are in]")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="The published size whose claims and states are sealed. [default: the newest]"),
    ] = None,
    restates: Annotated[
        str | None,
        typer.Option(metavar="SEAL", help="The pool's last seal, which this one takes the place of."),
    ] = None,
    party: Party = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Seal all claims of a pool at a published size, as of a day.

    Works out count, sums and root and records them as a pool.sealed event. From the next checkpoint on the
    register holds the seal, and `poolproof prove seal` proves each claim's place in it. One size is sealed
    once; `--restates` replaces the last seal, and both stay in the log.
    """
    out = Output(as_json)
    with open_home() as home, own_events(), out.progress(f"seal {name}", unit="claims") as progress:
        past_day(home, as_of)
        recorded = home.ledger.seal_pool(
            name,
            party=party or only_party(home),
            as_of=as_of,
            currency=currency,
            size=size,
            restates=None if restates is None else _seal_bytes(restates),
            dry_run=dry_run,
            progress=progress,
        )
    out.show(recorded.to_json() | {"dry_run": dry_run}, *_seal(recorded))
    header = recorded.header
    if not header.total.count:
        out.warn(
            f"{name} holds no claim in {header.currency} at size {header.size}: this is a seal of nothing"
        )
    if recorded.lag_days <= 0:
        out.warn(f"{as_of} was not over when size {header.size} was published: more may be to come")
    if not dry_run:
        out.say("`poolproof publish` puts it into the register; `poolproof prove seal` proves claims in it.")


def _read_rules(path: Path) -> dict[str, Any]:
    from ledger.proofs import canonical

    rules = canonical.decode(read_file(path, "rules"), what="rules")
    if not isinstance(rules, dict):
        raise MalformedError("rules", "not an object")
    return rules


@contextmanager
def _next_version(name: str, rules: Mapping[str, Any]) -> Iterator[None]:
    """Say of other rules under a version that is recorded what the ledger says of the event's id."""
    try:
        yield
    except TakenError as error:
        if error.field != "id":
            raise
        reason = (
            f"version {rules.get('version')} of {name} is recorded otherwise, as entry {error.details['index']}: "
            "what changes takes the next version"
        )
        raise TakenError("rules.version", reason, rule=error.rule, details=error.details) from error


def _seal_bytes(text: str) -> bytes:
    from ledger.proofs.canonical import hex_decode

    return hex_decode(text, 32, what="seal")


def _summary(summary: PoolSummary) -> list[str]:
    lines = [
        f"{summary.pool}: {summary.title}" if summary.title else summary.pool,
        f"  rules:     version {summary.rules.get('version')}",
        f"  claims:    {summary.claims}, {summary.weak_keys} of them under a weak key",
    ]
    lines += [
        f"  holder:    {holder}, {counted(count, 'claim')}" for holder, count in summary.holders.items()
    ]
    lines += [
        f"  principal: {amount} {currency}, of whole claims" for currency, amount in summary.principal.items()
    ]
    lines += [
        f"  status:    {status}, {counted(count, 'claim')}" for status, count in summary.statuses.items()
    ]
    lines += [f"  erased:    {summary.erased} of these claims"] if summary.erased else []
    return [*lines, f"  records:   {summary.records}, the last one {summary.head}"]


def _seal(recorded: Recorded) -> list[str]:
    from ledger.proofs.amounts import print_total

    header, total = recorded.header, recorded.header.total
    sums = [print_total(units, header.currency) for units in (total.receivable, total.credit)]
    return [
        f"  seal:      {header.seal.hex()}, entry {recorded.index}",
        f"             size {header.size} as of {header.as_of}, published {counted(recorded.lag_days, 'day')} later",
        f"             {counted(total.count, 'claim')}, {sums[0]} {header.currency} receivable, {sums[1]} credit",
    ]
