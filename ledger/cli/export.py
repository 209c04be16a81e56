"""``poolproof export``: the log as static files that any tlog-tiles client reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.frame import Json, Output, command_group, example, open_home
from ledger.counts import counted, noun

commands = command_group("Export.")


@commands.command(epilog=example("poolproof export public/log"))
def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the files go; what stands there is kept.")
    ],
    as_json: Json = False,
) -> None:
    """Write the published log as static files.

    Checkpoint, tiles, entry bundles, evidence and trust root. The layout is C2SP tlog-tiles, ready for any
    web server; records and private fields are not in it. Run it again to bring the directory up to date.
    """
    from ledger import static

    out = Output(as_json)
    with open_home() as home, out.progress("export", unit="files") as progress:
        done = static.export(home.ledger, directory, progress)
    out.show(
        {"directory": str(directory), "size": done.size, "written": done.written, "evidence": done.evidence},
        f"{directory}: a tree of {counted(done.size, 'entry', 'entries')}; {done.written} "
        f"{noun(done.written, 'file')} written, {done.evidence} evidence {noun(done.evidence, 'file')}",
    )
