"""``poolproof status``: how far the log has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home

if TYPE_CHECKING:
    from ledger.home import Home
    from ledger.log import Status

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
        standing = home.ledger.status()
        anchors = _anchors(home)
        trust_root = _trust_root(home)
    document = _document(standing, anchors, trust_root)
    lines = [f"{standing.origin}", ""]
    for rung in document["ladder"]:
        age = f", {_age(rung['age'])} ago" if rung["age"] is not None else ""
        lines.append(f"  {rung['state']:<10} {rung['size']:>12,}{age}")
    lines += ["", f"register: {standing.register_count:,} claims and pools"]
    chain = document["chain"]
    lines.append(
        f"chain:    {chain['chain_id']} ({chain['grade']}), {chain['contract']}"
        if chain
        else "chain:    none"
    )
    lines.append(f"trust:    {document['trust_root']}")
    out.show(document, *lines)


def _document(standing: Status, anchors: dict[str, Any], trust_root: str | None) -> dict[str, Any]:
    now = datetime.now(UTC)

    def rung(state: str, size: int, at: str | None) -> dict[str, Any]:
        return {"state": state, "size": size, "at": at, "age": _seconds(now, at)}

    chain = standing.chain
    return {
        "origin": standing.origin,
        "ladder": [
            rung("recorded", standing.size, standing.last_posted),
            rung("included", standing.size, standing.last_posted),
            rung("published", standing.published, standing.published_at),
            rung("anchored", standing.anchored, anchors.get("anchored")),
            rung("final", standing.final, anchors.get("final")),
        ],
        "pending": standing.pending,
        "register_count": standing.register_count,
        "chain": None
        if chain is None
        else {
            "chain_id": chain.chain_id,
            "contract": f"0x{chain.contract.hex()}",
            "log_id": f"0x{chain.log_key.hex()}",
            "finality": chain.finality,
            "grade": chain.grade,
        },
        "trust_root": trust_root,
    }


def _anchors(home: Home) -> dict[str, Any]:
    """Block times of the newest anchor and the newest final one."""
    from ledger.store import anchors

    with home.store.read() as connection:
        log_id = home.log_id(connection)
        found = {}
        for name, states in (("anchored", ("mined", "final")), ("final", ("final",))):
            size = anchors.newest_size(connection, log_id, *states)
            row = anchors.get(connection, log_id, size) if size else None
            if row is not None and row.block_time is not None:
                found[name] = datetime.fromtimestamp(row.block_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return found


def _trust_root(home: Home) -> str | None:
    """The fingerprint of the trust root issued last."""
    import hashlib

    from ledger.store import logs

    with home.store.read() as connection:
        document = logs.latest_trust_root(connection, home.log_id(connection))
    return hashlib.sha256(document).hexdigest() if document else None


def _seconds(now: datetime, at: str | None) -> int | None:
    return None if at is None else max(0, int((now - datetime.fromisoformat(at)).total_seconds()))


def _age(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
