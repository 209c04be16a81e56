"""How the contract is called to take a size: with the proof that it extends the head, and no further than it may."""

from __future__ import annotations

from typing import Final

from ledger.chain.client import ChainClient
from ledger.chain.model import LogInfo
from ledger.errors import ConfigurationError
from ledger.sending import Call
from ledger.store import Store, anchors
from ledger.store.anchors import AnchorRow
from ledger.tree import tree_at

#: The contract's errors for a head that moved between our look at it and the transaction.
_HEAD_MOVED: Final = frozenset({"WrongPrevSize", "NotGrowing"})


def call_for(store: Store, log_id: int, client: ChainClient, row: AnchorRow, info: LogInfo) -> Call:
    """The call that anchors a size on top of the head at ``info``."""

    def data() -> bytes | None:
        if _too_far(store, log_id, row, info):
            return None
        with store.read() as connection:
            proof = tree_at(connection, log_id, row.size).consistency_proof(info.size) if info.size else []
        return client.anchor_data(info.size, row.size, row.root, proof)

    job = anchors.job(log_id, row.size)
    return Call(job=job, data=data, expected={"prev_size": info.size}, races=_HEAD_MOVED)


def _too_far(store: Store, log_id: int, row: AnchorRow, info: LogInfo) -> bool:
    """True when the contract wants a smaller step, which is in the outbox then, before this one.

    Raises :class:`ConfigurationError` where no size was published that is small enough.
    """
    if row.size - info.size <= info.max_growth:
        return False
    with store.write() as connection:
        limit = info.size + info.max_growth
        between = anchors.greatest_checkpoint(connection, log_id, above=info.size, at_most=limit)
        if between is None:
            raise ConfigurationError(
                f"the contract takes at most {info.max_growth} entries an anchor; none was published"
                f" between sizes {info.size} and {limit}: open a successor log with a higher limit"
            )
        anchors.want(connection, log_id, *between)
    return True
