"""``poolproof watch``: what the contract and every register say of a pool's claims from one look to the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.cli.mirrored import From, Into, Rpc, Source
from ledger.cli.names import Pool
from ledger.cli.ours import Offline, Trust, own_anchors, own_trust
from ledger.cli.service import KeyFile, ServiceKey, SigningKey
from ledger.counts import counted
from ledger.errors import UnavailableError

if TYPE_CHECKING:
    from ledger.audit.watch import Look

commands = command_group("The watch.")


@commands.command(
    epilog=example(
        "poolproof watch POOL --once",
        "poolproof watch POOL --from https://ledger.example --trust trust.json --rpc http://127.0.0.1:8545",
    )
)
def watch(
    pool: Pool,
    *,
    since: Annotated[
        int, typer.Option(min=0, metavar="SIZE", help="The size from which on to look: 0 is the first.")
    ] = 0,
    every: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How often to look.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once: for a timer of your own.")] = False,
    trust: Trust = None,
    offline: Offline = False,
    url: From = None,
    into: Into = None,
    key_file: KeyFile = None,
    signing_key: SigningKey = None,
    rpc: Rpc = None,
    as_json: Json = False,
) -> None:
    """Follow a pool's claims through the contract and every register.

    Says which claims came and left, and raises an alarm where a claim's history was rewritten, where a claim went to
    another lender and back, where the contract holds another root, or where a tree that was shown is taken back. Each
    look goes on where the last one ended. With --once the exit code is 1 for an alarm, 3 where something could not be
    looked at.

    With --from a partner watches for itself: each look fetches what is new into its mirror, under its own trust root.
    What cannot be reached is said, and asked again at the next look.
    """
    out = Output(as_json)
    source = None
    if url is not None:
        source = Source(url, trust, ServiceKey(key_file, signing_key), None if offline else rpc, into)
    watcher = _Watch(pool, source, trust, out, offline=offline)
    while True:
        try:
            seen = watcher.look(since)
        except UnavailableError as error:
            if once:
                raise
            out.say(f"nothing could be looked at: {error}")
            time.sleep(every)
            continue
        if seen is not None and (once or seen.size != since or seen.findings):
            out.show(_document(seen), *_lines(seen))
        if once:
            if seen is not None and seen.exit_code:
                raise typer.Exit(seen.exit_code)
            return
        since = since if seen is None else seen.size
        time.sleep(every)


class _Watch:
    """Looks at one pool, in a home or from outside."""

    def __init__(
        self, pool: str, source: Source | None, trust: Path | None, out: Output, *, offline: bool
    ) -> None:
        self._pool, self._source, self._trust, self._out, self._offline = pool, source, trust, out, offline
        self._desk = None if source is None else source.open(out)
        self._last = 0

    def look(self, since: int) -> Look | None:
        """Look from the tree of size ``since`` on; None where a mirror has nothing new since the last look."""
        if self._source is None or self._desk is None:
            return self._at_home(since)
        from ledger.mirror.check import watch

        root, folder, chain = self._desk
        with self._source.key.remote(self._source.url) as remote, self._out.stages() as progress:
            seen = watch(
                remote, folder, root, self._pool, since=since, last=self._last, chain=chain, progress=progress
            )
        self._last = self._last if seen is None else seen.size
        return seen

    def _at_home(self, since: int) -> Look:
        from ledger.audit.sight import Sight
        from ledger.audit.watch import look

        with open_home() as home:
            root = own_trust(home, self._trust, self._out)
            anchors = None if self._offline else own_anchors(home, root, self._out)
            sight = Sight.of_owner(home.files.kek)
            return look(
                home.store, home.origin, self._pool, trust=root, sight=sight, since=since, anchors=anchors
            )


def _document(seen: Look) -> dict[str, Any]:
    def move(one: tuple[str, str, str, int]) -> dict[str, Any]:
        return {"loan": one[0], "claim": one[1], "holder": one[2], "change": one[3]}

    return {
        "size": seen.size, "root": seen.root, "level": seen.level, "registers": seen.registers,
        "came": [move(one) for one in seen.came], "left": [move(one) for one in seen.left],
        "findings": [one.to_json() for one in seen.findings], "undetermined": list(seen.undetermined),
    }  # fmt: skip


def _lines(seen: Look) -> Sequence[str]:
    lines = [
        f"size {seen.size}, {seen.level}, root {seen.root}: {counted(seen.registers, 'register')} followed"
    ]
    lines += [
        f"  came  {loan}/{claim}: {change:+,} ppm to {holder}" for loan, claim, holder, change in seen.came
    ]
    lines += [
        f"  left  {loan}/{claim}: {change:+,} ppm of {holder}" for loan, claim, holder, change in seen.left
    ]
    lines += [f"  {one.severity}: {one.code}: {one.subject}: {one.text()}" for one in seen.findings]
    lines += [f"  undetermined: {reason}" for reason in seen.undetermined]
    return lines
