"""Attestations that parties sign and the ledger's own account puts on chain, so that a signer needs no money there.

:func:`take` checks a signed attestation without asking a chain and puts it into the outbox, a table
(:mod:`ledger.store.relays`); :class:`Relayer` moves its rows on, whatever fails on the way.
"""

from ledger.relay.intake import take
from ledger.relay.outbox import Relayer

__all__ = ["Relayer", "take"]
