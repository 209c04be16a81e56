"""The evidence file of a final anchor: taken from the node while it still has it, checked, then stored.

Nodes keep state proofs for a short time (geth for 128 blocks), so this cannot be made up later; what does not
lead from the block hash to the root is not stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.chain.client import ChainClient
from ledger.chain.layout import root_slot
from ledger.chain.model import Block
from ledger.chain.stateproof import verify_state
from ledger.errors import UnavailableError
from ledger.proofs.evidence import Evidence
from ledger.proofs.receipt import ChainBinding
from ledger.store.logs import ChainRow
from ledger.store.trees import CheckpointRow


def collect(
    client: ChainClient, origin: str, chain: ChainRow, checkpoint: CheckpointRow, blocks: Sequence[Block]
) -> bytes | None:
    """The evidence at the first of ``blocks`` whose state the node has; None where the chain has no proofs.

    ``blocks`` begin with the one that an auditor finds in a block explorer: that of the anchor itself.
    Raises :class:`UnavailableError` when the node has none of them now.
    """
    slot = root_slot(chain.log_key, checkpoint.size)
    lost = UnavailableError("no block to take a state proof at")
    for block in blocks:
        try:
            proof = client.state_proof(block.number, slot)
        except UnavailableError as error:
            lost = error
            continue
        if proof is None:
            return None
        if proof.block.hash != block.hash:
            lost = UnavailableError(f"block {block.number} was replaced while its state proof was taken")
            continue
        evidence = Evidence(
            origin=origin,
            chain=ChainBinding(chain_id=chain.chain_id, contract=chain.contract, log_id=chain.log_key),
            size=checkpoint.size,
            root=checkpoint.root,
            block_number=block.number,
            block_hash=block.hash,
            header=proof.header,
            account_proof=proof.account_proof,
            storage_key=slot,
            storage_proof=proof.storage_proof,
            checkpoint=checkpoint.note.decode(),
        )
        verify_state(evidence, contract=chain.contract, code_hash=chain.code_hash, log_id=chain.log_key)
        return evidence.encode()
    raise lost
