"""``poolproof status``: how far the log has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted

if TYPE_CHECKING:
    from ledger.home import Home
    from ledger.store.logs import ChainRow

commands = command_group("Status.")


@commands.command(epilog=example("poolproof status", "poolproof status --event EVENT_ID --json"))
def status(
    event: Annotated[
        str | None, typer.Option(metavar="EVENT_ID", help="Where this event is on the ladder.")
    ] = None,
    party: Annotated[str | None, typer.Option(help="Whose event, where several parties used the id.")] = None,
    as_json: Json = False,
) -> None:
    """Show how far the log has come.

    The ladder is recorded, included, published, anchored, final. Sizes count the tree's entries, registers
    included. Asks the database only, not the chain.
    """
    out = Output(as_json)
    with open_home() as home:
        if event is not None:
            found = home.ledger.state_of(event, party=party)
            place = f"entry {found['index']}, digest {found['digest']}"
            out.show(found, f"{found['id']} of {found['party']}: {found['state']}, {place}")
            return
        document = _document(home)
    lines = [document["origin"], ""]
    for rung in document["ladder"]:
        age = f", {age_text(rung['age'])} ago" if rung["age"] is not None else ""
        lines.append(f"  {rung['state']:<10} {rung['size']:>12,}{age}")
    for job in document["under_way"]:
        problem = f": {job['problem']}" if job["problem"] else ""
        lines.append(
            f"  size {job['size']:,} is {job['state']}, {counted(job['attempts'], 'attempt')}{problem}"
        )
    lines += [
        "",
        f"register: {counted(document['register_count'], 'claim or pool', 'claims and pools')}",
    ]
    chain = document["chain"]
    where = f"{chain['chain_id']} ({chain['grade']}), {chain['contract']}" if chain else "none"
    out.show(document, *lines, f"chain:    {where}", f"trust:    {document['trust_root']}")


def chain_document(chain: ChainRow | None, attestations: bytes | None) -> dict[str, Any] | None:
    """Where a log is anchored, for ``--json``."""
    if chain is None:
        return None
    return {
        "chain_id": chain.chain_id,
        "contract": f"0x{chain.contract.hex()}",
        "log_id": f"0x{chain.log_key.hex()}",
        "finality": chain.finality,
        "grade": chain.grade,
        "attestations": f"0x{attestations.hex()}" if attestations else None,
    }


def _document(home: Home) -> dict[str, Any]:
    import hashlib

    from ledger.store import anchors, logs

    standing = home.ledger.status()
    now = datetime.now(UTC)
    with home.store.read() as connection:
        log = logs.get(connection, home.origin)
        log_id = log.id
        rows = {row.size: row for row in anchors.listed(connection, log_id, after=standing.final - 1)}
        trust_root = logs.latest_trust_root(connection, log_id)

    def rung(state: str, size: int, at: str | None) -> dict[str, Any]:
        return {"state": state, "size": size, "at": at, "age": _seconds(now, at)}

    def mined(size: int) -> str | None:
        time = rows[size].block_time if size in rows else None
        return None if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return {
        "origin": standing.origin,
        "ladder": [
            rung("recorded", standing.size, standing.last_posted),
            rung("included", standing.size, standing.last_posted),
            rung("published", standing.published, standing.published_at),
            rung("anchored", standing.anchored, mined(standing.anchored)),
            rung("final", standing.final, mined(standing.final)),
        ],
        "pending": standing.pending,
        "under_way": [
            {"size": row.size, "state": row.state, "attempts": row.attempts, "problem": row.problem}
            for row in rows.values()
            if row.state in {"planned", "sent"}
        ],
        "register_count": standing.register_count,
        "chain": chain_document(standing.chain, log.attestations),
        "trust_root": hashlib.sha256(trust_root).hexdigest() if trust_root else None,
    }


def _seconds(now: datetime, at: str | None) -> int | None:
    return None if at is None else max(0, int((now - datetime.fromisoformat(at)).total_seconds()))


def age_text(seconds: int) -> str:
    """An age in one unit, for the eye."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
