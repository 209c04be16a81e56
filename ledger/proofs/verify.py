"""The verifier: a trust root and a file go in, a verdict or the step that failed comes out.

Every parameter comes from the trust root, none from the file: which log, which keys at which sizes, which
witnesses, which contract on which chain. The steps, in their order, with stable names:

=================== ==================================================================================
form                the file is of its form, byte for byte as its printer prints it
trust_root          the file is of the log, chain and contract that the trust root names
checkpoint          a log key valid at this size signed (origin, size, root)
service_signature   the log's service key, valid at this size, signed every character of the file
record              the record is canonical and of this log
disclosures         each private field shown is one that the record commits to
statement_signature the party signed its statement, or: claimed by the platform
pledge_acceptance   the pledgee signed that it takes these claims (pledges and sales)
inclusion           the record is at its index in the tree of that root (or: the event is in its batch)
register            the last leaf of the tree is its register entry, at its own index
presence, absence   the claim has this place and state in the register (or none)
seal                the register holds this seal of the pool, and its header hashes to it
place               the claim is a leaf of the sealed tree, and its amounts are in the seal's sums
claim               the preimages are of this claim and older than the register (or than what is sealed)
history             the changes of the claim's place fold to what the register commits to
cosignatures        as many witnesses as the policy asks for saw the same checkpoint
anchor              the contract holds this root, or one that extends it
finality            the anchor is final by the trust root's policy
=================== ==================================================================================

A step that fails raises :class:`VerificationError` with its name and evidence; a file that is not of its form
:class:`MalformedError`; a required level that the inputs cannot show :class:`UndeterminedError`. There is no
clock, network or file in here: anchors come from an :class:`AnchorSource`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger.errors import InconsistencyError, MalformedError, UndeterminedError, VerificationError
from ledger.proofs import canonical, caveats, merkle, mpt
from ledger.proofs.acceptance import MEDIA_TYPE as ACCEPTANCE_TYPE
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.claimproof import MEDIA_TYPE as CLAIM_PROOF_TYPE
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.documents import DetachedSignature, check_signature
from ledger.proofs.encumbrance import (
    WHOLE,
    claim_key,
    claim_value,
    verify_history,
    weak_asset_key,
)
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.ladder import Ladder, at_step, published_tree_end
from ledger.proofs.receipt import MEDIA_TYPE as RECEIPT_TYPE
from ledger.proofs.receipt import Receipt
from ledger.proofs.recordform import (
    PLEDGE_TYPES,
    RecordView,
    disclosure_digest,
    parse_record,
    pledge_acceptance_bytes,
)
from ledger.proofs.sealproof import MEDIA_TYPE as SEAL_PROOF_TYPE
from ledger.proofs.verdict import AnchorSource, AnchorView, Level, NotChecked, Step, Verdict
from ledger.proofs.verify_seal import verify_seal_proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.proofs.checkpoint import Checkpoint
    from ledger.proofs.trust import TrustRoot

__all__ = [
    "AnchorSource",
    "AnchorView",
    "Level",
    "NotChecked",
    "Step",
    "Verdict",
    "verify_acceptance",
    "verify_claim_proof",
    "verify_file",
    "verify_history",
    "verify_published_tree_end",
    "verify_receipt",
    "verify_seal_proof",
]


def verify_file(
    trust: TrustRoot, data: bytes, *, anchors: AnchorSource | None = None, require: Level | None = None
) -> Verdict:
    """Verify a receipt, a claim proof, a seal proof or an acceptance, told apart by its media type."""
    document = canonical.decode_file(data, what="file")
    media_type = document.get("media_type") if isinstance(document, dict) else None
    if media_type == RECEIPT_TYPE:
        return verify_receipt(trust, data, anchors=anchors, require=require)
    if media_type == CLAIM_PROOF_TYPE:
        return verify_claim_proof(trust, data, anchors=anchors, require=require)
    if media_type == SEAL_PROOF_TYPE:
        return verify_seal_proof(trust, data, anchors=anchors, require=require)
    if media_type == ACCEPTANCE_TYPE:
        verdict = verify_acceptance(trust, data)
        if require is not None:
            raise UndeterminedError(f"level {require} needs the receipt: an acceptance is a promise")
        return verdict
    raise MalformedError("file", "its media_type is none that this verifier knows")


def verify_receipt(
    trust: TrustRoot, data: bytes, *, anchors: AnchorSource | None = None, require: Level | None = None
) -> Verdict:
    """Verify one record's receipt; the level is the highest that ``trust`` and ``anchors`` can show.

    Raises :class:`MalformedError`, :class:`VerificationError` and, when ``require`` is a level that was not
    shown, :class:`UndeterminedError`.
    """
    receipt = Receipt.parse(data)
    ladder = Ladder(trust)
    ladder.held("form", "the receipt is canonical: nothing in it can be spelled otherwise")
    ladder.same_log(receipt.origin, receipt.chain)
    opened = ladder.checkpoint(receipt.checkpoint)
    checkpoint = opened.checkpoint
    ladder.file_signature(receipt.signature, data, RECEIPT_TYPE, checkpoint.size)
    record = _record(ladder, receipt)
    disclosures = _disclosures(ladder, receipt, record)
    _statement_signature(ladder, trust, record)
    _pledge_acceptance(ladder, trust, record)
    with at_step("inclusion"):
        if receipt.index >= checkpoint.size - 1:
            raise VerificationError(f"index {receipt.index} is not below that of the register entry")
        leaf = merkle.leaf_hash(record_entry(record.digest))
        merkle.verify_inclusion(receipt.index, checkpoint.size, leaf, receipt.proof, checkpoint.root)
    ladder.held(
        "inclusion",
        "the record is in the published tree, unchanged",
        f"leaf {receipt.index} of {checkpoint.size}",
    )
    ladder.register(checkpoint, receipt.register)
    ladder.leaves(*caveats.of_record(record))
    ladder.climb(opened, anchors, require)
    return ladder.verdict(
        "receipt",
        size=checkpoint.size,
        root=checkpoint.root,
        index=receipt.index,
        record=record,
        disclosures=disclosures,
    )


def verify_claim_proof(
    trust: TrustRoot,
    data: bytes,
    *,
    anchors: AnchorSource | None = None,
    require: Level | None = None,
    earlier: bytes | None = None,
) -> Verdict:
    """Verify a claim's place in a register, or that the register holds none.

    With ``earlier``, an older proof of the same claim, also that its history only grew since then; a register
    in which it went back, branched or vanished raises :class:`InconsistencyError` at step ``history``.
    """
    proof = ClaimProof.parse(data)
    ladder = Ladder(trust)
    ladder.held("form", "the claim proof is canonical: nothing in it can be spelled otherwise")
    ladder.same_log(proof.origin, proof.chain)
    opened = ladder.checkpoint(proof.checkpoint)
    checkpoint = opened.checkpoint
    ladder.file_signature(proof.signature, data, CLAIM_PROOF_TYPE, checkpoint.size)
    register = ladder.register(checkpoint, proof.register)
    _place(ladder, proof, register)
    if earlier is None:
        ladder.leaves(caveats.NO_EARLIER)
    else:
        older = verify_claim_proof(trust, earlier)
        _grew(ladder, older, proof, checkpoint)
    ladder.climb(opened, anchors, require)
    return ladder.verdict("claim_proof", size=checkpoint.size, root=checkpoint.root, claim=proof)


def verify_acceptance(trust: TrustRoot, data: bytes) -> Verdict:
    """Verify the log's promise for one event; it shows no tree, so the verdict has no level."""
    acceptance = Acceptance.parse(data)
    batch = acceptance.batch
    ladder = Ladder(trust)
    ladder.held("form", "the acceptance is canonical: nothing in it can be spelled otherwise")
    ladder.same_log(batch.origin, None)
    ladder.service_signature(acceptance.signature, batch.message(), batch.first + batch.count)
    with at_step("inclusion"):
        acceptance.verify_inclusion()
    ladder.held(
        "inclusion",
        "the log accepted this event at this index and answers for it",
        f"event {acceptance.id} of {acceptance.party} at index {acceptance.index}, "
        f"to be anchored by {batch.anchor_by}",
    )
    ladder.leaves(caveats.PROMISE)
    return ladder.verdict("acceptance", index=acceptance.index)


def verify_published_tree_end(checkpoint: Checkpoint, entry: bytes, proof: Sequence[bytes]) -> RegisterEntry:
    """Show that the published tree ``checkpoint`` ends in the register entry ``entry``, and return it.

    Raises :class:`VerificationError` at step ``register`` for a last leaf that is no register entry, one of
    another index, or one that the proof does not lead from to the checkpoint's root.
    """
    return published_tree_end(checkpoint, entry, tuple(proof))


def _record(ladder: Ladder, receipt: Receipt) -> RecordView:
    with at_step("record"):
        record = parse_record(receipt.record)
        if record.origin != receipt.origin:
            raise VerificationError(f"the record is of the log {record.origin}")
    ladder.held(
        "record",
        "the record is canonical and of this log",
        f"{record.type} {record.id} of {record.party}, {record.subject} number {record.seq}, "
        f"effective {record.effective}",
    )
    return record


def _disclosures(ladder: Ladder, receipt: Receipt, record: RecordView) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    with at_step("disclosures"):
        for disclosure in receipt.disclosures:
            _, name, value = disclosure
            if disclosure_digest(disclosure) not in record.private:
                raise VerificationError(f"the record commits to no such value of {name!r}")
            if name in shown or name in record.data:
                raise VerificationError(f"{name!r} repeats or shadows another member")
            shown[name] = value
    ladder.held(
        "disclosures",
        "every private field shown is as it was recorded",
        f"{len(shown)} of {len(record.private)} shown",
    )
    return shown


def _statement_signature(ladder: Ladder, trust: TrustRoot, record: RecordView) -> None:
    name = "statement_signature"
    if record.sig is None:
        if record.must_be_signed:
            raise VerificationError(f"{record.type} is nothing without its party's signature", step=name)
        ladder.held(name, "nothing: claimed by the platform", f"{record.party} did not sign")
        return
    _party_signature(trust, record.party, record.sig, record.statement(), name)
    ladder.held(name, f"{record.party} made this statement", record.sig.key)


def _pledge_acceptance(ladder: Ladder, trust: TrustRoot, record: RecordView) -> None:
    if record.type not in PLEDGE_TYPES:
        return
    name, data = "pledge_acceptance", record.data
    if data.get("acceptance") is None:
        ladder.held(name, "nothing: claimed by the platform", "the pledgee did not sign")
        return
    holder = data.get("holder")
    with at_step(name):
        signature = DetachedSignature.from_json(data["acceptance"], "record", "data.acceptance")
        if not isinstance(holder, str):
            raise VerificationError("the record names no holder")
        message = pledge_acceptance_bytes(
            origin=record.origin,
            pool=record.subject.removeprefix("pool:"),
            holder=holder,
            claims=data.get("claims"),
        )
        _party_signature(trust, holder, signature, message, name)
    ladder.held(name, f"{holder} accepted these claims", signature.key)


def _party_signature(
    trust: TrustRoot, name: str, signature: DetachedSignature, message: bytes, step: str
) -> None:
    party = trust.party(name)
    if party is None:
        raise VerificationError(
            f"the trust root knows no party {name}, so no key of it",
            step=step,
            evidence={"key": signature.key},
        )
    check_signature(signature, message, party.verifiers, step=step)


def _place(ladder: Ladder, proof: ClaimProof, register: RegisterEntry) -> None:
    """The claim's place in the register, and the changes that led to it."""
    key = claim_key(proof.asset_key)
    encumbrance, state = proof.encumbrance, proof.state
    if encumbrance is None or state is None:
        with at_step("absence"):
            mpt.verify_absence(register.root, key, proof.proof)
        ladder.held("absence", "the register holds nothing under this asset key")
        ladder.leaves(caveats.NOT_IN_OTHER_LOGS)
        return
    with at_step("presence"):
        value = claim_value(encumbrance.encode(), state.encode())
        mpt.verify_presence(register.root, key, value, proof.proof)
    names = {holding.holder: holding.party for link in proof.history for holding in link.holdings}
    held = [f"{names.get(holder) or holder.hex()} {share} ppm" for holder, share in encumbrance.holders]
    ladder.held(
        "presence",
        "the register commits, to everyone, to this place and this state of the claim",
        f"held by {', '.join(held)}" if held else "held by nobody: not pledged, not sold",
    )
    with at_step("claim"):
        if state.last_index >= register.index:
            raise VerificationError("the state is of a record after the register")
        indexes = [link.index for link in proof.history]
        if indexes != sorted(indexes) or (indexes and indexes[-1] >= register.index):
            raise VerificationError("the changes are not in the order of the log, before the register")
    ladder.held(
        "claim",
        "loan, creditor, principal and count of events are those that the register commits to",
        f"claim {state.claim} of {state.loan}: {state.status}, {state.principal} {state.currency}, "
        f"{state.count} events, {encumbrance.taken} of {WHOLE} ppm taken",
    )
    if proof.asset_key == weak_asset_key(proof.origin, state.loan, state.claim):
        ladder.leaves(caveats.WEAK_KEY)
    verify_history(None, encumbrance, [(link.digest, link.holders) for link in proof.history])
    ladder.held(
        "history",
        "these are all changes of the claim's place, in their order",
        f"{encumbrance.version} changes",
    )
    if proof.history:
        ladder.leaves(caveats.HISTORY_INDEXES)


def _grew(ladder: Ladder, older: Verdict, proof: ClaimProof, checkpoint: Checkpoint) -> None:
    """Nothing of the claim's history went back between two registers."""
    before = older.claim
    if before is None or older.size is None:
        raise UndeterminedError("the earlier file is no claim proof")
    with at_step("history"):
        if before.asset_key != proof.asset_key:
            raise UndeterminedError("the earlier proof is of another claim")
        if older.size > checkpoint.size:
            raise UndeterminedError("the earlier proof is of a later register")
        evidence = {"older": before.checkpoint, "newer": proof.checkpoint}
        if older.size == checkpoint.size and older.root != checkpoint.root:
            raise InconsistencyError(f"the log published two roots of size {older.size}", evidence=evidence)
        if before.encumbrance is None or before.state is None:
            pass
        elif proof.encumbrance is None or proof.state is None:
            raise InconsistencyError("a claim that was in the register is no longer in it", evidence=evidence)
        else:
            links = proof.history[before.encumbrance.version :]
            try:
                verify_history(
                    before.encumbrance, proof.encumbrance, [(link.digest, link.holders) for link in links]
                )
            except VerificationError as error:
                raise InconsistencyError(error.reason, evidence=error.evidence | evidence) from error
            if proof.state.count < before.state.count:
                raise InconsistencyError("the loan has fewer events than before", evidence=evidence)
    ladder.held(
        "history", "since the earlier register the claim's history only grew", f"from size {older.size}"
    )
