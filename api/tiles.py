"""Tiles and entry bundles of the published log, the full ones kept in memory: once published they never change."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from ledger.proofs import tiles

if TYPE_CHECKING:
    from ledger.log import Ledger
    from ledger.proofs.tiles import TilePath

#: Full tiles kept, each 8 to 14 KiB: some 10 MiB, the newest quarter of a million entries.
KEPT: Final = 1_024


class Tiles:
    """Reads from the store what is not kept."""

    def __init__(self, ledger: Ledger, *, keep: int = KEPT) -> None:
        self._ledger = ledger
        self._keep = keep
        self._kept: OrderedDict[TilePath, bytes] = OrderedDict()

    async def read(self, tile: TilePath) -> bytes:
        """A tile or bundle; raises :class:`ledger.errors.NotFoundError` beyond the published tree."""
        data = self._kept.get(tile)
        if data is not None:
            # At once: handing a request to a thread costs as much as all the rest of it.
            self._kept.move_to_end(tile)
            return data
        data = await run_in_threadpool(self._read, tile)
        if tile.width == tiles.WIDTH:
            self._kept[tile] = data
            if len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        return data

    def _read(self, tile: TilePath) -> bytes:
        if tile.level is None:
            return self._ledger.read_entries(tile.n, tile.width)
        return self._ledger.read_tile(tile.level, tile.n, tile.width)
