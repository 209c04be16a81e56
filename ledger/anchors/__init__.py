"""Which checkpoint goes on chain when, and how it gets there whatever happens on the way.

The outbox is a table (:mod:`ledger.store.anchors`); :class:`Anchorer` moves its rows on. See
``docs/decisions/`` for why it is built so.
"""

from ledger.anchors.outbox import Anchorer
from ledger.anchors.policy import AnchorPolicy

__all__ = ["AnchorPolicy", "Anchorer"]
