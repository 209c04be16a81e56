"""The claims of a mirror: their keys by the loans' records, their holders by their history, and what opens them.

A claim's history is told as the changes of its holders; versions, holders and history digests are worked out again with
the digests of the tree, so that a register that commits to another history contradicts it. What a register counts of a
claim is opened with the preimage of its state, which is believed because it has the digest that is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ledger.audit.findings import Evidence, Notes
from ledger.audit.sight import ToldNonces
from ledger.errors import MalformedError
from ledger.mirror.entries import Entries
from ledger.mirror.form import ClaimForm
from ledger.mirror.records import Shown, Subject
from ledger.proofs.canonical import sha256
from ledger.proofs.encumbrance import (
    ZERO,
    ClaimState,
    Holders,
    advance,
    claim_key,
    encode_holders,
    holder_id,
    sorted_holders,
)
from ledger.store.subjects import ClaimRow, EncumbranceRow

#: Nothing was told of it.
_NOTHING = ToldNonces()


@dataclass(slots=True)
class Claims:
    """Rows of claims and of their histories, and the nonces of each loan. ``values`` are those of the register."""

    shown: Shown
    entries: Entries
    size: int
    values: Mapping[bytes, bytes]
    notes: Notes
    rows: list[ClaimRow] = field(default_factory=list)
    steps: list[EncumbranceRow] = field(default_factory=list)
    nonces: dict[str, ToldNonces] = field(default_factory=dict)

    def fill(self, told: Iterable[ClaimForm]) -> None:
        """Every claim of every loan that is shown or erased."""
        forms = {(one.loan, one.claim): one for one in told}
        for (loan, claim), (asset_key, index) in sorted(self.shown.keys.items()):
            if index >= self.size:
                continue
            subject = self.shown.subject(f"loan:{loan}")
            form = forms.get((loan, claim))
            if form is not None and form.asset_key != asset_key.hex():
                form = None
            self._claim(subject, claim, asset_key, index, form)
        self._look_for_missing()

    def _claim(
        self, subject: Subject, claim: str, asset_key: bytes, index: int, form: ClaimForm | None
    ) -> None:
        place = (0, ZERO, encode_holders(()))
        steps: list[EncumbranceRow] = []
        try:
            steps = [] if form is None else list(self._history(asset_key, form))
        except MalformedError as error:
            self.notes.find("pledge.history_broken", subject.name, claim=claim, reason=str(error))
            form = None
        if steps:
            place = steps[-1].version, steps[-1].history, steps[-1].holders
        self.rows.append(ClaimRow(asset_key, subject.id, claim, index, *place))
        self.steps += steps
        if subject.erased:
            return
        state = None if form is None else self._state(asset_key, form)
        if form is None or state is None or len(form.nonces) != len(steps) + 1:
            self.notes.find("register.unopened", subject.name, claim=claim, size=self.size)
            return
        known = self.nonces.get(subject.name, _NOTHING)
        self.nonces[subject.name] = ToldNonces(
            known.versions | {asset_key.hex(): form.nonces}, known.states | {asset_key.hex(): state.nonce}
        )
        if (state.count, state.head, state.last_index) != (subject.count, subject.head, subject.last_index):
            evidence = [Evidence(state.last_index, state.head.hex())]
            self.notes.find(
                "record.not_shown", subject.name, claim=claim, evidence=evidence, counted=state.count,
                shown=subject.count,
            )  # fmt: skip

    def _history(self, asset_key: bytes, form: ClaimForm) -> Iterable[EncumbranceRow]:
        """Each version, worked out from the one before. Raises :class:`MalformedError`."""
        history, held = ZERO, Counter[bytes]()
        for version, step in enumerate(form.steps, start=1):
            digest = self.entries.digest(step.index) if step.index < self.size else None
            if digest is None:
                raise MalformedError(
                    "history", f"version {version} names entry {step.index}, which is no record"
                )
            held[holder_id(step.holder)] += step.change
            holders: Holders = sorted_holders(held.items())
            history = advance(history, digest, holders)
            pool = self.shown.subject(f"pool:{step.pool}")
            yield EncumbranceRow(
                asset_key, version, step.index, pool.id, step.holder, step.change, encode_holders(holders), history
            )  # fmt: skip

    def _state(self, asset_key: bytes, form: ClaimForm) -> ClaimState | None:
        """The preimage that the register commits to; None where it is not that."""
        value = self.values.get(claim_key(asset_key))
        if form.state is None or value is None or sha256(form.state.encode()) != value[32:]:
            return None
        try:
            state = ClaimState.parse(form.state)
        except MalformedError:
            return None
        return state if (state.loan, state.claim) == (form.loan, form.claim) else None

    def _look_for_missing(self) -> None:
        """A claim that the pool's records name must have a loan that is shown."""
        for (loan, claim), evidence in sorted(self.shown.pledged.items()):
            if (loan, claim) not in self.shown.keys and evidence.index < self.size:
                self.notes.find(
                    "loan.not_shown", f"loan:{loan}", claim=claim, evidence=[evidence],
                    pool=self.shown.pool, entry=evidence.index,
                )  # fmt: skip
