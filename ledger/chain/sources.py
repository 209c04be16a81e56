"""Where a verifier learns what the contract holds: a node now, or an evidence file kept from then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger.chain.finality import Finality
from ledger.chain.refusals import CONTRACT_STEP
from ledger.chain.rpc import to_hex
from ledger.chain.stateproof import EvidenceAnchors
from ledger.errors import ConfigurationError, NotFoundError, UndeterminedError, VerificationError
from ledger.proofs.verdict import AnchorView, Level, NotChecked

if TYPE_CHECKING:
    from ledger.chain.model import Block, LogInfo
    from ledger.chain.reader import ChainReader
    from ledger.proofs.trust import ChainTrust, TrustRoot

__all__ = ["EvidenceAnchors", "OnlineAnchors"]


class OnlineAnchors:
    """An :class:`~ledger.proofs.verdict.AnchorSource` over a node, with every parameter from the trust root.

    The node is checked to be of that chain (chain id, genesis, pinned blocks) and to have that contract there
    (code hash). Raises :class:`ConfigurationError` for a node of another chain and
    :class:`VerificationError` (step ``contract``) for another contract or log. What the fingerprint on chain
    and the age of the newest anchor mean is the verifier's to say; the view carries both.
    """

    def __init__(
        self, reader: ChainReader, trust: TrustRoot, *, clock: Callable[[], float] = time.time
    ) -> None:
        if trust.chain is None:
            raise UndeterminedError("the trust root names no chain to look for an anchor on")
        self._chain: ChainTrust = trust.chain
        self._trust = trust
        self._finality = Finality.parse(trust.chain.finality)
        self._reader = reader.at(trust.chain.contract, trust.chain.log_id)
        self._clock = clock

    def root_at(self, size: int) -> AnchorView:
        """The anchor of ``size`` as this node shows it; :class:`UndeterminedError` if there is none."""
        self._check_chain()
        latest = self._reader.latest()
        info = self._log(latest)
        if info.closed and size > info.last_good_size:
            raise VerificationError(
                f"the log's owner has closed it and disowns every size above {info.last_good_size}",
                step=CONTRACT_STEP,
                evidence={
                    "size": size,
                    "last_good_size": info.last_good_size,
                    "successor": to_hex(info.successor) if info.successor else None,
                },
            )
        root = self._reader.root_at(size, latest.number)
        if root is None:
            reached = f"its newest anchor is of size {info.size}" if info.size else "it has no anchor yet"
            raise UndeterminedError(f"size {size} of this log is not anchored: {reached}")
        final = self._reader.final_block(self._finality, latest)
        is_final = (
            final is not None
            and self._reader.root_at(size, final.number) == root
            and self._reader.is_canonical(final)
        )
        block = self._block_of(size, info, latest)
        return AnchorView(
            size=size,
            root=root,
            level=Level.FINAL if is_final else Level.ANCHORED,
            describes=self._described(block, latest, final),
            block_number=block.number if block else None,
            block_hash=block.hash if block else None,
            block_time=block.time if block else None,
            trust_fingerprint=info.trust_root.hex(),
            anchor_age=max(0, int(self._clock()) - info.time),
            not_checked=(
                NotChecked("node", f"that the node {self._reader.name} tells the truth about its chain"),
            ),
        )

    def newest(self) -> int:
        """The size of the log's newest anchor as this node shows it, 0 before the first."""
        self._check_chain()
        return self._log(self._reader.latest()).size

    def anchor_times(self, *, first_block: int = 0) -> tuple[tuple[int, int], ...]:
        """(size, block time in seconds) of every anchor since ``first_block``, as this node shows them."""
        self._check_chain()
        return tuple(self._reader.anchor_times(self._reader.latest(), first_block=first_block))

    def _check_chain(self) -> None:
        chain = self._chain
        self._reader.check(chain_id=chain.chain_id, genesis=chain.genesis, code_hash=chain.code_hash)
        for pinned in self._trust.pinned_blocks:
            block = self._reader.block(pinned.number)
            if block is None or block.hash != pinned.hash:
                found = to_hex(block.hash) if block else "no block"
                raise ConfigurationError(
                    f"wrong chain: {self._reader.name} has {found} at number {pinned.number},"
                    f" the trust root pins {to_hex(pinned.hash)}"
                )

    def _log(self, latest: Block) -> LogInfo:
        try:
            return self._reader.log_info(latest.number)
        except NotFoundError as error:
            raise VerificationError(str(error), step=CONTRACT_STEP) from error

    def _block_of(self, size: int, info: LogInfo, latest: Block) -> Block | None:
        if size == info.size:
            return self._reader.block(info.block_number)
        return self._reader.anchored_in(size, latest)

    def _described(self, block: Block | None, latest: Block, final: Block | None) -> str:
        where = f"block {block.number}, hash {to_hex(block.hash)}" if block else "a block of long ago"
        until = f"final up to block {final.number}" if final else "nothing is final yet"
        return f"{where}; {self._reader.name} is at block {latest.number}, {until} by {self._finality}"
