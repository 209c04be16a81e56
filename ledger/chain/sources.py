"""Where a verifier learns which root the contract holds: from an evidence file, or from a node."""

from __future__ import annotations

from ledger.chain.stateproof import EvidenceAnchors

__all__ = ["EvidenceAnchors"]
