"""The places of a loan's claims: what the database says of them, against the register and the loan's own records.

A claim whose place does not hold is a finding and counts as held by nobody; the others are examined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger import register
from ledger.audit.damage import UNREAD, UNREADABLE
from ledger.audit.findings import Evidence, Notes
from ledger.audit.job import Job
from ledger.audit.sight import UNOPENED, Nonces
from ledger.domain.admission import brought_keys
from ledger.domain.events.loans import LoanDisbursed, LoanOpened
from ledger.domain.fold import Indexed
from ledger.domain.loans import LoanState
from ledger.errors import MalformedError
from ledger.proofs.encumbrance import WHOLE, ZERO, claim_key, claim_value
from ledger.publish import opened_preimages
from ledger.store import ReadConnection, subjects, trees
from ledger.store.records import RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow

#: A claim, and the steps of its history.
Place = tuple[ClaimRow, Sequence[EncumbranceRow]]
#: The place of a claim that nobody ever took a share of.
_UNTOUCHED = (0, ZERO, b"\0")


class Told(NamedTuple):
    """A loan as its records tell it: its row, its records as stored and as read, and the state that they fold to."""

    row: SubjectRow
    own: Sequence[RecordRow]
    parsed: Sequence[Indexed]
    state: LoanState


@dataclass(frozen=True, slots=True)
class Places:
    """The places of some loans' claims, read together.

    ``pools`` are the names of the pools that these claims are or were in, by id; ``values`` what the register has.
    """

    job: Job
    pools: Mapping[int, str]
    _claims: Mapping[int, Sequence[Place]]
    _values: Mapping[bytes, bytes]

    @classmethod
    def read(cls, connection: ReadConnection, job: Job, loan_ids: Sequence[int]) -> Places:
        """Those of the loans with these subject ids, below the size of the job."""
        found = [row for row in subjects.claims_of(connection, loan_ids) if row.index < job.size]
        steps: dict[bytes, list[EncumbranceRow]] = {bytes(row.asset_key): [] for row in found}
        for step in subjects.encumbrances_of(connection, job.log.id, steps, before=job.size):
            steps[bytes(step.asset_key)].append(step)
        claims: dict[int, list[Place]] = {loan: [] for loan in loan_ids}
        for row in found:
            claims[row.subject_id].append((row, steps[bytes(row.asset_key)]))
        ids = {step.pool_id for own in steps.values() for step in own}
        pools = subjects.by_id(connection, ids).values()
        values: Mapping[bytes, bytes] = {}
        if job.register_page is not None:
            values = register.values(
                lambda ids: trees.pages(connection, job.log.id, ids),
                job.register_page,
                sorted(claim_key(key) for key in steps),
            )
        return cls(job, {row.id: row.name.removeprefix("pool:") for row in pools}, claims, values)

    def sound(self, loan: Told, notes: Notes) -> list[Place]:
        """The places of a loan's claims that hold; of the others it is a finding that they do not.

        The register's value of each is the one that the records give: count, head, state and holders; and it stands
        under the asset key that the records bring: under another one the claim could be pledged a second time.
        """
        nonces, keys = self._open(loan.row, notes), self._keys(loan)
        sound = []
        for place in self._claims[loan.row.id]:
            claim, steps = place
            try:
                if any(abs(step.change) > WHOLE for step in steps):
                    raise MalformedError("share", "a step takes or gives more than the whole")
                self._check_value(loan, place, nonces, notes)
                if keys.get(claim.name) != bytes(claim.asset_key):
                    key = bytes(claim.asset_key).hex()
                    raise MalformedError("asset key", f"it is {key} there, and another by the loan's records")
            except UNREADABLE as error:
                notes.find("claim.unreadable", loan.row.name, claim=claim.name, reason=str(error))
                continue
            sound.append(place)
        return sound

    def _keys(self, loan: Told) -> dict[str, bytes]:
        """The asset key of each claim, as the loan's records bring it."""
        brings = next(
            (one for _, one in loan.parsed if isinstance(one.event, LoanOpened | LoanDisbursed)), None
        )
        if brings is None:
            return {}
        names = [claim.name for claim, _ in self._claims[loan.row.id]]
        return dict(brought_keys(brings.origin, loan.row.name.removeprefix("loan:"), brings.event, names))

    def _open(self, row: SubjectRow, notes: Notes) -> Nonces | None:
        """The nonces of a loan's values in the register, where they are to be had."""
        if self.job.opener is None or row.secret is None:
            return None
        try:
            return self.job.opener.open(row)
        except UNREADABLE as error:
            notes.find("subject.unreadable", row.name, reason=str(error))
            return None

    def _check_value(self, loan: Told, place: Place, nonces: Nonces | None, notes: Notes) -> None:
        procedure = notes.procedure("register")
        row, last, (claim, steps) = loan.row, loan.own[-1], place
        key, version = bytes(claim.asset_key), steps[-1].version if steps else 0
        nonce = nonces.encumbrance(key, version) if nonces is not None else None
        state_nonce = nonces.state(key, last.index) if nonces is not None else None
        if nonce is None or state_nonce is None:
            procedure.undecided(UNOPENED)
            return
        if self.job.register_page is None:
            procedure.undecided(UNREAD)
            return
        procedure.answered()
        standing = self._values.get(claim_key(key))
        if standing is not None:
            stood = (version, bytes(steps[-1].history), bytes(steps[-1].holders)) if steps else _UNTOUCHED
            at_size = ClaimRow(key, claim.subject_id, claim.name, claim.index, *stood)
            then = SubjectRow(
                row.id, row.name, len(loan.own), bytes(last.digest), last.index, row.secret, b""
            )
            encumbrance, state = opened_preimages(then, at_size, (nonce, state_nonce), loan.state)
            if claim_value(encumbrance.encode(), state.encode()) == standing:
                return
        notes.find(
            "register.absent" if standing is None else "register.contradicts", row.name, claim=claim.name,
            evidence=[Evidence(last.index, bytes(last.digest).hex())], size=self.job.size,
        )  # fmt: skip
