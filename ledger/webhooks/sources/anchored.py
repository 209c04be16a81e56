"""``checkpoint.anchored``: the position is the greatest size that was told of or will never be anchored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ledger.domain.calendar import format_instant
from ledger.store import anchors
from ledger.store.anchors import AnchorRow
from ledger.store.engine import ReadConnection
from ledger.store.logs import ChainRow, LogRow
from ledger.store.outbox import UNFINISHED
from ledger.webhooks.messages import Occurrence


class Anchored:
    """Anchors in the order of their sizes, up to the first that is still on its way."""

    name = "anchored"

    def end(self, connection: ReadConnection, log: LogRow) -> int:
        """The greatest size before which nothing is on its way."""
        return self.look(connection, log, 0)[1]

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:
        """Those that became final since."""
        found: list[Occurrence] = []
        for row in anchors.listed(connection, log.id, after=position):
            if row.state in UNFINISHED:
                break  # a smaller size is final no later than a greater one
            if row.state == "final" and log.chain is not None:
                found.append(_occurrence(row, log.chain))
            position = row.size
        return found, position


def _occurrence(row: AnchorRow, chain: ChainRow) -> Occurrence:
    assert row.block_number is not None
    assert row.block_hash is not None
    assert row.block_time is not None
    at = format_instant(datetime.fromtimestamp(row.block_time, UTC))
    data: dict[str, Any] = {
        "size": row.size,
        "root": row.root.hex(),
        "chain_id": chain.chain_id,
        "contract": f"0x{chain.contract.hex()}",
        "block_number": row.block_number,
        "block_hash": f"0x{row.block_hash.hex()}",
        "block_time": at,
    }
    return Occurrence(type="checkpoint.anchored", at=at, key=str(row.size), data=data)
