"""The steps of a seal proof: ``seal``, ``place``, ``claim``, between those that all files share; see :mod:`.verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import VerificationError
from ledger.proofs import caveats, mpt
from ledger.proofs.amounts import print_total
from ledger.proofs.canonical import sha256
from ledger.proofs.encumbrance import pool_key, weak_asset_key
from ledger.proofs.ladder import Ladder, at_step
from ledger.proofs.sealproof import MEDIA_TYPE, SealProof
from ledger.proofs.sumtree import verify_place

if TYPE_CHECKING:
    from ledger.proofs.entries import RegisterEntry
    from ledger.proofs.trust import TrustRoot
    from ledger.proofs.verdict import AnchorSource, Level, Verdict


def verify_seal_proof(
    trust: TrustRoot, data: bytes, *, anchors: AnchorSource | None = None, require: Level | None = None
) -> Verdict:
    """Verify one claim's place in the last seal of its pool, and that the register holds this seal.

    Raises :class:`MalformedError`, :class:`VerificationError` and, when ``require`` is a level that was not
    shown, :class:`UndeterminedError`.
    """
    proof = SealProof.parse(data)
    ladder = Ladder(trust)
    ladder.held("form", "the seal proof is canonical: nothing in it can be spelled otherwise")
    ladder.same_log(proof.origin, proof.chain)
    opened = ladder.checkpoint(proof.checkpoint)
    checkpoint = opened.checkpoint
    ladder.file_signature(proof.signature, data, MEDIA_TYPE, checkpoint.size)
    register = ladder.register(checkpoint, proof.register)
    _seal(ladder, proof, register)
    _place(ladder, proof)
    _claim(ladder, proof)
    ladder.climb(opened, anchors, require)
    return ladder.verdict("seal_proof", size=checkpoint.size, root=checkpoint.root, seal=proof)


def _seal(ladder: Ladder, proof: SealProof, register: RegisterEntry) -> None:
    """The register holds the seal that the header is hashed to."""
    header, total = proof.header, proof.header.total
    with at_step("seal", seal=header.seal.hex()):
        mpt.verify_presence(register.root, pool_key(header.pool), proof.pool.encode(), proof.pool.proof)
        if dict(proof.pool.seals).get(header.currency) != header.seal:
            raise VerificationError(f"the register's seal of this pool in {header.currency} is another one")
        # The record of the seal stands between the size that it seals and this register.
        if header.size >= register.index:
            raise VerificationError(f"it seals size {header.size}, which is not before the register")
    ladder.held(
        "seal",
        "the register commits, to everyone, to this seal of the pool: so many claims, these sums",
        f"{header.pool} at size {header.size} as of {header.as_of}: {total.count} claims, "
        f"{print_total(total.receivable, header.currency)} {header.currency} receivable, "
        f"{print_total(total.credit, header.currency)} credit, rules version {header.rules_version}"
        + (f", restates {header.restates.hex()}" if header.restates is not None else ""),
    )
    ladder.leaves(caveats.SEAL_COMPLETE)


def _place(ladder: Ladder, proof: SealProof) -> None:
    """The claim is a leaf of the sealed tree, and the sums on its way add up to the seal's."""
    header, leaf = proof.header, proof.leaf
    verify_place(header.total, leaf, proof.index, proof.path)
    ladder.held(
        "place",
        "the claim is in the seal once, with this share and these amounts, and they are in its sums",
        f"claim {proof.index + 1} of {header.total.count}: {leaf.share} ppm, "
        f"{print_total(leaf.receivable, header.currency)} receivable, "
        f"{print_total(leaf.credit, header.currency)} credit",
    )
    ladder.leaves(caveats.SEAL_AMOUNTS)


def _claim(ladder: Ladder, proof: SealProof) -> None:
    """The opened state is the one that the leaf names."""
    header, state = proof.header, proof.state
    if state is None:
        ladder.leaves(caveats.SEAL_WITHOUT_STATE)
        return
    with at_step("claim"):
        if sha256(state.encode()) != proof.leaf.state:
            raise VerificationError("the state shown is not the one in the seal")
        if state.last_index >= header.size - 1 or state.currency != header.currency:
            raise VerificationError("the state is of a record after the sealed size, or in another currency")
    ladder.held(
        "claim",
        "loan, creditor, principal and count of events are those of the sealed size",
        f"claim {state.claim} of {state.loan}: {state.status}, {state.principal} {state.currency}, "
        f"{state.count} events",
    )
    ladder.leaves(caveats.SEAL_STATE)
    if proof.asset_key == weak_asset_key(proof.origin, state.loan, state.claim):
        ladder.leaves(caveats.WEAK_KEY)
