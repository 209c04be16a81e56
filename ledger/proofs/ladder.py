"""The steps that all verifications share, from the trust root up to the chain; see :mod:`.verify`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import (
    InconsistencyError,
    MalformedError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs import caveats, merkle
from ledger.proofs.documents import DetachedSignature, check_signature, signed_part
from ledger.proofs.entries import RegisterEntry, parse_entry
from ledger.proofs.verdict import VERIFIER, AnchorSource, AnchorView, Level, NotChecked, Step, Verdict

if TYPE_CHECKING:
    from ledger.proofs.checkpoint import Checkpoint, SignedCheckpoint
    from ledger.proofs.receipt import ChainBinding, RegisterLeaf
    from ledger.proofs.trust import TrustRoot

#: A contract's log that no fingerprint was ever set for carries zeros.
_NO_FINGERPRINT: Final = "0" * 64


@lru_cache(maxsize=64)
def published_tree_end(checkpoint: Checkpoint, entry: bytes, proof: tuple[bytes, ...]) -> RegisterEntry:
    """Show that the tree of ``checkpoint`` ends in the register entry ``entry``.

    Remembered, because receipts come in runs of one checkpoint and all of them carry the same end.
    """
    with at_step("register"):
        if checkpoint.size == 0:
            raise VerificationError("an empty tree has no register entry")
        register = parse_entry(entry)
        if not isinstance(register, RegisterEntry):
            raise VerificationError("the last leaf is a record, no register entry")
        last = checkpoint.size - 1
        if register.index != last:
            raise VerificationError(f"the register entry is that of index {register.index}, not of {last}")
        merkle.verify_inclusion(last, checkpoint.size, merkle.leaf_hash(entry), proof, checkpoint.root)
    return register


class at_step:  # noqa: N801 - used as a statement: ``with at_step("record"):``
    """Give a failure inside the name of its step; a part that is not of its form fails the step as well."""

    __slots__ = ("_evidence", "_name")

    def __init__(self, name: str, **evidence: Any) -> None:
        self._name = name
        self._evidence = evidence

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, VerificationError):
            evidence = error.evidence | self._evidence
            raise type(error)(error.reason, step=self._name, evidence=evidence) from error
        if isinstance(error, MalformedError):
            raise VerificationError(str(error), step=self._name, evidence=self._evidence) from error


class Ladder:
    """One verification: the steps that held so far, and what they showed. Each method takes one step."""

    __slots__ = ("_levels", "_missing", "_not_checked", "_steps", "_trust", "_warnings")

    def __init__(self, trust: TrustRoot) -> None:
        self._trust = trust
        self._steps: list[Step] = []
        self._levels: set[Level] = set()
        self._not_checked: list[NotChecked] = []
        self._warnings: list[str] = []
        self._missing: dict[Level, str] = {}

    def held(self, name: str, proves: str, detail: str = "") -> None:
        """Note a step that held."""
        self._steps.append(Step(name, proves, detail))

    def leaves(self, *items: NotChecked) -> None:
        """Note what stays trust."""
        self._not_checked.extend(items)

    def same_log(self, origin: str, chain: ChainBinding | None) -> None:
        """The file names the log of the trust root, and the chain and contract if it names any."""
        trust, name = self._trust, "trust_root"
        if origin != trust.origin:
            raise VerificationError(
                f"the file is of the log {origin}, the trust root of {trust.origin}",
                step=name,
                evidence={"origin": origin, "expected": trust.origin},
            )
        if chain is not None:
            if trust.chain is None:
                reason = "the file names a chain, the trust root none: it is older than the log's contract"
                raise VerificationError(reason, step=name, evidence={"found": str(chain)})
            expected = trust.chain.binding
            for member, found, wanted in (
                ("chain id", chain.chain_id, expected.chain_id),
                ("contract", chain.contract, expected.contract),
                ("log id", chain.log_id, expected.log_id),
            ):
                if found != wanted:
                    raise VerificationError(
                        f"the {member} is another than the trust root's: {chain}, expected {expected}",
                        step=name,
                        evidence={"found": str(chain), "expected": str(expected)},
                    )
        self.held(
            name, "the file is of the log that the trust root names", f"fingerprint {trust.fingerprint}"
        )

    def checkpoint(self, note: str) -> SignedCheckpoint:
        """A key of the log that is valid at this size signed the checkpoint."""
        with at_step("checkpoint", checkpoint=note):
            opened = self._trust.open_checkpoint(note)
            size = opened.checkpoint.size
            spans = [span for span in self._trust.log_keys if span.verifier in opened.verified]
            valid = [span for span in spans if span.covers(size)]
            if not valid:
                raise VerificationError(
                    f"no log key signed that is valid at size {size}: {'; '.join(map(str, spans))}"
                )
        self.held(
            "checkpoint",
            "the log published this root and answers for it",
            f"size {size}, signed by {valid[0].verifier.reference}",
        )
        return opened

    def file_signature(
        self, signature: DetachedSignature | None, data: bytes, media_type: str, size: int
    ) -> None:
        """A service key of the log that is valid at this size signed all of the file ``data``."""
        if signature is None:
            raise VerificationError("the file is not signed", step="service_signature")
        self.service_signature(signature, signed_part(data, media_type), size)

    def service_signature(self, signature: DetachedSignature, message: bytes, size: int) -> None:
        """A service key of the log that is valid at this size signed ``message``."""
        with at_step("service_signature"):
            keys = self._trust.service_verifiers(size)
            for span in self._trust.service_keys:
                if span.verifier.reference == signature.key and not span.covers(size):
                    raise VerificationError(f"not valid at size {size}: {span}")
            check_signature(signature, message, keys, step="service_signature")
        self.held(
            "service_signature", "the log's service issued this file, every character of it", signature.key
        )

    def register(self, checkpoint: Checkpoint, leaf: RegisterLeaf) -> RegisterEntry:
        """The tree ends in its register entry."""
        register = published_tree_end(checkpoint, leaf.entry, leaf.proof)
        self.held(
            "register",
            "the tree ends in its one register, which is the same for everyone",
            f"leaf {register.index}, {register.count} keys, root {register.root.hex()}",
        )
        return register

    def climb(self, opened: SignedCheckpoint, anchors: AnchorSource | None, require: Level | None) -> None:
        """As high as the inputs allow; refuse when ``require`` is not among the levels shown."""
        self._levels.add(Level.PUBLISHED)
        view = self._ask(opened.checkpoint.size, anchors)
        self._cosignatures(opened, view)
        if view is not None:
            self._anchor(opened.checkpoint, view)
        if require is not None and require not in self._levels:
            raise UndeterminedError(f"level {require} was not shown: {self._missing[require]}")

    def verdict(self, kind: str, **facts: Any) -> Verdict:
        """The verdict over all steps that held."""
        trust = self._trust
        return Verdict(
            kind=kind,
            origin=trust.origin,
            fingerprint=trust.fingerprint,
            grade=None if trust.chain is None else trust.chain.grade,
            level=max(self._levels, default=None),
            levels=frozenset(self._levels),
            steps=tuple(self._steps),
            not_checked=(*self._not_checked, *caveats.ALWAYS, *caveats.of_trust(trust)),
            warnings=tuple(self._warnings),
            made_by=VERIFIER,
            **facts,
        )

    def _ask(self, size: int, anchors: AnchorSource | None) -> AnchorView | None:
        if self._trust.chain is None:
            reason = "the trust root names no chain"
        elif anchors is None:
            reason = "neither a node nor an evidence file was given"
        else:
            try:
                return anchors.root_at(size)
            except (UndeterminedError, UnavailableError) as error:
                reason = str(error)
        self._missing[Level.ANCHORED] = self._missing[Level.FINAL] = reason
        self.leaves(caveats.no_anchor(reason))
        return None

    def _cosignatures(self, opened: SignedCheckpoint, view: AnchorView | None) -> None:
        policy = self._trust.witnesses
        if view is not None and view.cosignatures and view.size == opened.checkpoint.size:
            with at_step("cosignatures"):
                opened = self._trust.open_checkpoint(opened.data.decode() + "".join(view.cosignatures))
        seen = [verifier.reference for verifier, _ in opened.cosigned]
        if policy.threshold == 0:
            self._missing[Level.COSIGNED] = "the trust root's policy asks for no witness"
            self.leaves(caveats.NO_WITNESS)
        elif len(seen) < policy.threshold:
            reason = f"{len(seen)} of the {policy.threshold} witnesses that the policy asks for cosigned"
            self._missing[Level.COSIGNED] = reason
            self.leaves(NotChecked("witnesses", f"that others were shown the same tree: {reason}"))
        else:
            self._levels.add(Level.COSIGNED)
            self.held(
                "cosignatures",
                "witnesses saw the same tree grow out of the ones they saw before",
                f"{len(seen)} of {policy.threshold} asked for: {', '.join(seen)}",
            )

    def _anchor(self, checkpoint: Checkpoint, view: AnchorView) -> None:
        self._current_trust(view)
        both = {
            "checkpoint": {"size": checkpoint.size, "root": checkpoint.root.hex()},
            "contract": {"size": view.size, "root": view.root.hex(), "seen": view.describes},
        }
        with at_step("anchor", **both):
            if view.size == checkpoint.size:
                if view.root != checkpoint.root:
                    raise InconsistencyError(
                        f"the contract holds another root at size {view.size} than the log published"
                    )
            else:
                merkle.verify_consistency(
                    checkpoint.size, view.size, checkpoint.root, view.root, view.consistency
                )
        holds = "this root" if view.size == checkpoint.size else f"a root of size {view.size} on top of it"
        self.held("anchor", f"the contract holds {holds}: it cannot be rewritten unseen", view.describes)
        self._levels.add(Level.ANCHORED)
        self.leaves(*view.not_checked)
        if view.level >= Level.FINAL:
            self._levels.add(Level.FINAL)
            self.held("finality", "the anchor is final by the trust root's policy", view.describes)
        else:
            self._missing[Level.FINAL] = f"the anchor is not final yet: {view.describes}"

    def _current_trust(self, view: AnchorView) -> None:
        """The contract carries the fingerprint of this very trust root, where the source can see it."""
        chain, found = self._trust.chain, view.trust_fingerprint
        if found == _NO_FINGERPRINT:
            self._warnings.append("the contract carries no fingerprint of a trust root for this log")
        elif found is not None and found != self._trust.fingerprint:
            raise VerificationError(
                "the trust root is stale or not the log's: the contract carries another fingerprint",
                step="trust_root",
                evidence={"contract": found, "given": self._trust.fingerprint},
            )
        if (
            chain is not None
            and chain.max_anchor_age is not None
            and view.anchor_age is not None
            and view.anchor_age > chain.max_anchor_age
        ):
            self._warnings.append(
                f"the newest anchor of the log is {view.anchor_age} s old, more than the "
                f"{chain.max_anchor_age} s that the trust root allows: the log may have stopped or be hidden"
            )
