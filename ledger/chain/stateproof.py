"""Evidence of an anchor, checked against one block hash and nothing else: no node, no web3.

::

    block hash   = keccak256(header)                       the verifier's, from pinned_blocks or by --block
    header       → number, state root
    state root   → account of the contract → code hash, storage root      by account_proof
    storage root → rootAt[log][size]                                       by storage_proof
    code hash    = the trust root's, rootAt = the root in the evidence and in the log's own checkpoint

So whoever trusts the block hash knows that the contract of the trust root held this root in that block. The
stored word is RLP of an integer, without its leading zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eth_hash.auto import keccak

from ledger.chain.layout import root_slot
from ledger.chain.statetrie import decode_rlp, decode_rlp_strings, read_integer, trie_value
from ledger.errors import InconsistencyError, MalformedError, UndeterminedError, VerificationError
from ledger.proofs.verdict import AnchorView, Level, NotChecked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.proofs.evidence import Evidence
    from ledger.proofs.trust import ChainTrust, TrustRoot

STEP: Final = "anchor"
#: Fields of a header before those that forks append: up to the nonce.
_HEADER_FIELDS: Final = 15
_STATE_ROOT, _NUMBER, _TIMESTAMP = 3, 8, 11

CAVEATS: Final = (
    NotChecked(
        "block", "that this block is on the chain for good: its hash was given by you or your trust root"
    ),
    NotChecked("chain_identity", "chain id and genesis: a state proof speaks of one block only"),
    NotChecked(
        "after_the_block",
        "what happened after this block: a pause, a close, a newer fingerprint of the trust root",
    ),
)


def verify_evidence(evidence: Evidence, trust: TrustRoot, blocks: Iterable[bytes] = ()) -> AnchorView:
    """Show that the contract of ``trust`` holds the evidence's root, in a block that the verifier knows.

    ``blocks`` are hashes (32 bytes) known to the caller, besides the trust root's pinned blocks. Raises
    :class:`VerificationError` for evidence that is wrong or of another log, and
    :class:`UndeterminedError` when its block is none that the verifier knows.
    """
    chain = _same_log(evidence, trust)
    _same_root(evidence, trust)
    time = verify_state(evidence, contract=chain.contract, code_hash=chain.code_hash, log_id=chain.log_id)
    _known_block(evidence, trust, blocks)
    return AnchorView(
        size=evidence.size,
        root=evidence.root,
        level=Level.FINAL,
        describes=f"block {evidence.block_number}, hash 0x{evidence.block_hash.hex()}, which you named as final",
        block_number=evidence.block_number,
        block_hash=evidence.block_hash,
        block_time=time,
        cosignatures=evidence.cosignatures,
        not_checked=CAVEATS,
    )


def verify_state(evidence: Evidence, *, contract: bytes, code_hash: bytes, log_id: bytes) -> int:
    """Show that the contract holds the evidence's root in the evidence's block, whoever vouches for that.

    Returns the block's time in Unix seconds. Raises :class:`VerificationError`.
    """
    try:
        state_root, time = _header(evidence)
        word = _word(evidence, contract, code_hash, log_id, state_root)
    except MalformedError as error:
        raise VerificationError(str(error), step=STEP) from error
    if word != evidence.root:
        raise VerificationError(
            f"the contract holds another root at size {evidence.size} than the evidence says",
            step=STEP,
            evidence={"contract": word.hex(), "evidence": evidence.root.hex()},
        )
    return time


class EvidenceAnchors:
    """An :class:`~ledger.proofs.verdict.AnchorSource` over one evidence file."""

    def __init__(self, evidence: Evidence, trust: TrustRoot, blocks: Iterable[bytes] = ()) -> None:
        self._evidence = evidence
        self._trust = trust
        self._blocks = tuple(blocks)

    def root_at(self, size: int) -> AnchorView:
        """The anchor of ``size``, if the evidence is of this size; it is verified first in any case."""
        view = verify_evidence(self._evidence, self._trust, self._blocks)
        if view.size != size:
            raise UndeterminedError(
                f"the evidence is of the anchor of size {view.size}; size {size} needs its own"
            )
        return view


def _same_log(evidence: Evidence, trust: TrustRoot) -> ChainTrust:
    if trust.chain is None:
        raise UndeterminedError("the trust root names no chain to check an anchor on")
    expected = trust.chain.binding
    if evidence.origin != trust.origin or evidence.chain != expected:
        raise VerificationError(
            f"the evidence is of {evidence.origin}, {evidence.chain}; "
            f"the trust root names {trust.origin}, {expected}",
            step=STEP,
        )
    return trust.chain


def _same_root(evidence: Evidence, trust: TrustRoot) -> None:
    """The checkpoint in the evidence is the log's own and has the same size and root."""
    try:
        checkpoint = trust.open_checkpoint(evidence.checkpoint).checkpoint
    except (MalformedError, VerificationError) as error:
        raise VerificationError(f"the checkpoint in the evidence: {error}", step=STEP) from error
    if (checkpoint.size, checkpoint.root) != (evidence.size, evidence.root):
        raise InconsistencyError(
            "the evidence holds a checkpoint of another size or root than its anchor",
            step=STEP,
            evidence={
                "checkpoint": evidence.checkpoint,
                "anchor": {"size": evidence.size, "root": evidence.root.hex()},
            },
        )


def _header(evidence: Evidence) -> tuple[bytes, int]:
    """State root and time of the block, from the header that has its hash."""
    if keccak(evidence.header) != evidence.block_hash:
        raise VerificationError("the header has another hash than the block", step=STEP)
    fields = decode_rlp_strings(evidence.header, "block header", _HEADER_FIELDS)
    number = read_integer(fields[_NUMBER], "block number")
    if number != evidence.block_number:
        raise VerificationError(f"the header is of block {number}, not of {evidence.block_number}", step=STEP)
    return fields[_STATE_ROOT], read_integer(fields[_TIMESTAMP], "block time")


def _word(evidence: Evidence, contract: bytes, code_hash: bytes, log_id: bytes, state_root: bytes) -> bytes:
    """The word in the slot of ``rootAt[log][size]`` of the contract, 32 bytes."""
    account = trie_value(state_root, contract, evidence.account_proof)
    if account is None:
        raise VerificationError("the chain has no account at the contract's address", step=STEP)
    fields = decode_rlp_strings(account, "account", 4)
    if len(fields) != 4 or fields[3] != code_hash:
        raise VerificationError(
            "the contract has other code than expected",
            step=STEP,
            evidence={"code_hash": fields[3].hex(), "expected": code_hash.hex()},
        )
    slot = root_slot(log_id, evidence.size)
    if evidence.storage_key != slot:
        raise VerificationError("the storage key is not that of the log's root at this size", step=STEP)
    stored = trie_value(fields[2], slot, evidence.storage_proof)
    if stored is None:
        raise VerificationError(f"the contract holds no root of size {evidence.size}", step=STEP)
    value = decode_rlp(stored)
    if not isinstance(value, bytes) or len(value) > 32:
        raise MalformedError("stored word", "not an integer of at most 32 bytes")
    return read_integer(value, "stored word").to_bytes(32, "big")


def _known_block(evidence: Evidence, trust: TrustRoot, blocks: Iterable[bytes]) -> None:
    for pinned in trust.pinned_blocks:
        if pinned.hash == evidence.block_hash:
            if pinned.number != evidence.block_number:
                raise VerificationError(
                    f"the trust root pins this block as number {pinned.number}", step=STEP
                )
            return
    if evidence.block_hash not in set(blocks):
        raise UndeterminedError(
            f"the evidence speaks of block {evidence.block_number} with hash 0x{evidence.block_hash.hex()}, which the "
            "trust root does not pin: look it up where you trust and give it (--block)"
        )
