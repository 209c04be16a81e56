"""Which nonces of a chain account are promised to a transaction that is stored and in no block yet.

Anchors and relays are paid by one account, so each must know what the other has pinned.
"""

from __future__ import annotations

from sqlalchemy import select, union_all

from ledger.store.engine import ReadConnection
from ledger.store.tables import anchors, logs, relays


def pinned(connection: ReadConnection, chain_id: int, account: bytes) -> set[int]:
    """The nonces of this account that jobs of any log on this chain hold and no block has yet."""
    held = [
        select(table.c.nonce)
        .join(logs, logs.c.id == table.c.log_id)
        .where(logs.c.chain_id == chain_id, table.c.account == account, table.c.state == "sent")
        for table in (anchors, relays)
    ]
    return set(connection.execute(union_all(*held)).scalars())
