"""The published log as static files, for any web server and any tlog-tiles client.

Follows `tlog-tiles <https://c2sp.org/tlog-tiles>`_: ``checkpoint``, ``tile/<L>/<N>[.p/<W>]``,
``tile/entries/<N>[.p/<W>]``. Beside them stand ``anchor-<size>.evidence.json`` and ``trust.json``. Records and
private fields are not in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import ConfigurationError, NotFoundError, UnavailableError
from ledger.proofs.tiles import bundles_for, tiles_for
from ledger.store import anchors, logs

if TYPE_CHECKING:
    from ledger.log import Ledger


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export left behind: the tree's size, files written now, evidence files in all."""

    size: int
    written: int
    evidence: int


def export(ledger: Ledger, directory: Path, progress: Callable[[int, int], None]) -> Exported:
    """Bring ``directory`` up to the newest checkpoint; a file that stands there already is kept.

    Raises :class:`NotFoundError` before the first checkpoint.
    """
    newest = ledger.latest_checkpoint()
    if newest is None:
        raise NotFoundError(f"{ledger.origin}: no checkpoint is published yet")
    size = newest[0]
    wanted = list(chain(tiles_for(size), bundles_for(size)))
    written = 0
    for done, tile in enumerate(wanted, start=1):
        path = directory / str(tile)
        if not path.exists():
            read = ledger.read_entries if tile.level is None else _of_level(ledger, tile.level)
            write_file(path, read(tile.n, tile.width))
            written += 1
        progress(done, len(wanted))
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        evidence = [
            (row.size, document)
            for row in anchors.listed(connection, log.id)
            if (document := anchors.evidence(connection, log.id, row.size)) is not None
        ]
        trust = logs.latest_trust_root(connection, log.id)
    for anchored, document in evidence:
        write_file(directory / f"anchor-{anchored}.evidence.json", document)
    if trust is not None:
        write_file(directory / "trust.json", trust)
    # Last: whoever reads the checkpoint must find the tiles that it signs.
    write_file(directory / "checkpoint", ledger.checkpoint(size))
    return Exported(size, written, len(evidence))


def check_place(path: Path) -> None:
    """Whether a file can be made here: long work asks before it begins.

    Raises :class:`ConfigurationError` for a folder, and :class:`UnavailableError` below what is none.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: name a file in it")
    above = next(one for one in path.absolute().parents if one.exists())
    if not above.is_dir():
        raise UnavailableError(f"{path}: {above} is a file, not a folder")


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, through a neighbour that is moved into place."""
    check_place(path)
    fresh = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        raise UnavailableError(f"{path}: {error.strerror or error}") from error


def _of_level(ledger: Ledger, level: int) -> Callable[[int, int], bytes]:
    return lambda n, width: ledger.read_tile(level, n, width)
