"""The map of an audit: a range of a pool's loans is read, examined and added up, in whatever process.

A worker opens the database itself and trusts nothing in it but bytes whose digests it checks against the entries; what
it returns is small: findings, procedures and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ledger import register
from ledger.audit.chains import read_records
from ledger.audit.checks.case import Case
from ledger.audit.collectors import Collector, TakesLater
from ledger.audit.damage import UNREAD, UNREADABLE
from ledger.audit.erased import LATER, Erasures
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool, claims_of_loan
from ledger.audit.scan.logscan import Known
from ledger.audit.sight import UNOPENED, Nonces, Opener
from ledger.audit.statements import Signers
from ledger.audit.trail import Trail
from ledger.collector import collector_paused
from ledger.domain.admission import brought_keys
from ledger.domain.events.cash import RepaymentConfirmed
from ledger.domain.events.loans import LoanDisbursed, LoanOpened
from ledger.domain.fold import Indexed, Standing, state_of, unsuperseded
from ledger.domain.loans import LoanState
from ledger.errors import MalformedError
from ledger.proofs.encumbrance import WHOLE, ZERO, claim_key, claim_value
from ledger.publish import opened_preimages
from ledger.store import ReadConnection, Store, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow

#: Loans that are read at a time: some tens of records each, of a kilobyte.
CHUNK_LOANS = 500
#: Something that is asked of one loan, and writes what it finds into the case's notes.
Check = Callable[[Case], None]
#: Makes fresh collectors for one range of a pool's loans.
Collect = Callable[["Job"], dict[str, Collector]]


#: A claim, and the steps of its history.
_Place = tuple[ClaimRow, Sequence[EncumbranceRow]]
#: The place of a claim that nobody ever took a share of.
_UNTOUCHED = (0, ZERO, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every range is examined under, in whatever process: so functions are such that are found by name.

    ``opener`` has the nonces of the register's values, where they are to be had; ``signers`` the parties' keys.
    """

    url: str
    log: LogRow
    pool: Pool
    size: int
    #: of the register's root; None where it cannot be read
    register_page: int | None
    as_of: date
    opener: Opener | None
    signers: Signers
    collect: Collect
    checks: tuple[Check, ...]
    #: the size of the last audit: holders are followed through every register from there on
    since: int = 0
    #: what stands in for damaged tables
    views: Mapping[str, str] = field(default_factory=dict)
    #: settlements and day closes, where the log's records are scanned
    known: Known | None = None
    #: what that scan found, once it is done
    trail: Trail | None = None


@dataclass(slots=True)
class Part:
    """What a range of loans gave."""

    notes: Notes = field(default_factory=Notes)
    collectors: dict[str, Collector] = field(default_factory=dict)
    loans: int = 0
    erased: int = 0
    unreadable: int = 0

    def add(self, other: Part) -> None:
        """Take the next range in."""
        self.notes.add(other.notes)
        self.loans += other.loans
        self.erased += other.erased
        self.unreadable += other.unreadable
        for name, collector in other.collectors.items():
            if name in self.collectors:
                self.collectors[name].add(collector)
            else:
                self.collectors[name] = collector


def _is_no_word(one: Standing, unproven: Container[int]) -> bool:
    """Whether a confirmation is not shown to be the bank's: it changes nothing but what is held for confirmed."""
    indexes = {one.index, one.index if one.correction is None else one.correction[0]}
    return isinstance(one.event, RepaymentConfirmed) and any(index in unproven for index in indexes)


def _under_their_keys(
    subject: str, parsed: Sequence[Indexed], places: Sequence[_Place], notes: Notes
) -> list[_Place]:
    """The places under the asset keys that the loan's records bring: another key could be pledged beside it."""
    brings = next((one for _, one in parsed if isinstance(one.event, LoanOpened | LoanDisbursed)), None)
    names = [claim.name for claim, _ in places]
    loan = subject.removeprefix("loan:")
    keys = {} if brings is None else dict(brought_keys(brings.origin, loan, brings.event, names))
    sound = []
    for claim, steps in places:
        if keys.get(claim.name) == bytes(claim.asset_key):
            sound.append((claim, steps))
        else:
            reason = (
                f"its asset key is {bytes(claim.asset_key).hex()} there, and another by the loan's records"
            )
            notes.find("claim.unreadable", subject, claim=claim.name, reason=reason)
    return sound


class Worker:
    """Examines ranges of loans, on one snapshot of the database for each range."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.store = Store(job.url, job.views)
        self._erasures: Erasures | None = None

    def examine(self, loan_ids: Sequence[int]) -> Part:
        """Examine these loans (subject ids), with fresh collectors."""
        collectors = self.job.collect(self.job)
        part = Part(collectors=collectors)
        with collector_paused(), self.store.read() as connection:
            for start in range(0, len(loan_ids), CHUNK_LOANS):
                for case in self._cases(connection, loan_ids[start : start + CHUNK_LOANS], part):
                    for check in self.job.checks:
                        check(case)
                    for collector in collectors.values():
                        collector.take(case)
        return part

    def _cases(self, connection: ReadConnection, loan_ids: Sequence[int], part: Part) -> Iterator[Case]:
        job = self.job
        rows = subjects.by_id(connection, loan_ids)
        of_loan: dict[int, list[RecordRow]] = {loan: [] for loan in loan_ids}
        for one in records.of_subjects(connection, loan_ids, before=job.size):
            of_loan[one.subject_id].append(one)
        claims = self._claims(connection, loan_ids)
        values = self._register(connection, claims)
        names = self._pools(connection, claims)
        for loan_id in loan_ids:
            part.loans += 1
            row, own = rows.get(loan_id), of_loan[loan_id]
            if row is None:
                part.unreadable += 1
                reason = f"the row of the loan with the id {loan_id} is missing in the table subjects"
                part.notes.find("subject.unreadable", "log", reason=reason)
                continue
            if row.secret is None and self._is_erased(connection, row.name, own, part.notes):
                part.erased += 1
                continue
            name = row.name.removeprefix("loan:")
            parsed = read_records(row.name, job.log.origin, own, part.notes)
            if len(parsed) != len(own) or not parsed or not parsed[0][1].kind.begins:
                part.unreadable += (
                    1  # what is wrong with them is among the findings; the rest says nothing sound
                )
                continue
            unproven = job.signers.unproven(job.log.origin, parsed, part.notes)
            known = unsuperseded(parsed)
            state = state_of(known, count=len(parsed))
            sound = self._check_register(row, own, state, claims[loan_id], values=values, notes=part.notes)
            sound = _under_their_keys(row.name, parsed, sound, part.notes)
            held, state_then = known, state
            if any(one.record.when.last_day > job.as_of for one in known):
                held = unsuperseded(parsed, until=job.as_of)
                if not held or not held[0].record.kind.begins:
                    own_claims = claims_of_loan(job.pool, known, sound, names, as_of=job.as_of)
                    for collector in part.collectors.values():
                        if isinstance(collector, TakesLater):
                            collector.take_later(state.currency, parsed, own_claims)
                    continue
                state_then = state_of(held, count=len(parsed))
            if unproven:
                held = [one for one in held if not _is_no_word(one, unproven)]
            yield Case(
                name, parsed, held, claims_of_loan(job.pool, known, sound, names, as_of=job.as_of),
                as_of=job.as_of, rules=job.pool.rules, versions=job.pool.versions, notes=part.notes, state=state_then,
            )  # fmt: skip

    def _is_erased(
        self, connection: ReadConnection, name: str, own: Sequence[RecordRow], notes: Notes
    ) -> bool:
        """Whether nothing is left of a loan and the log says why; without its word the records are withheld."""
        if any(one.record is not None for one in own):
            return False
        if self._erasures is None:
            self._erasures = Erasures.read(connection, self.job.log)
        index = self._erasures.of(name, own, before=self.job.size)
        if index is not None and index >= self.job.size:
            notes.procedure("records").undecided(LATER)
        return index is not None

    def _claims(
        self, connection: ReadConnection, loan_ids: Sequence[int]
    ) -> dict[int, list[tuple[ClaimRow, list[EncumbranceRow]]]]:
        found = [row for row in subjects.claims_of(connection, loan_ids) if row.index < self.job.size]
        steps: dict[bytes, list[EncumbranceRow]] = {bytes(row.asset_key): [] for row in found}
        for step in subjects.encumbrances_of(connection, self.job.log.id, steps, before=self.job.size):
            steps[bytes(step.asset_key)].append(step)
        grouped: dict[int, list[tuple[ClaimRow, list[EncumbranceRow]]]] = {loan: [] for loan in loan_ids}
        for row in found:
            grouped[row.subject_id].append((row, steps[bytes(row.asset_key)]))
        return grouped

    def _pools(
        self, connection: ReadConnection, claims: dict[int, list[tuple[ClaimRow, list[EncumbranceRow]]]]
    ) -> dict[int, str]:
        """Names of the pools that these claims are or were in."""
        ids = {step.pool_id for rows in claims.values() for _, steps in rows for step in steps}
        return {row.id: row.name.removeprefix("pool:") for row in subjects.by_id(connection, ids).values()}

    def _register(
        self, connection: ReadConnection, claims: dict[int, list[tuple[ClaimRow, list[EncumbranceRow]]]]
    ) -> dict[bytes, bytes]:
        keys = [claim_key(bytes(row.asset_key)) for rows in claims.values() for row, _ in rows]
        log_id, page = self.job.log.id, self.job.register_page
        if page is None:
            return {}
        return register.values(lambda ids: trees.pages(connection, log_id, ids), page, sorted(keys))

    def _check_register(
        self,
        row: SubjectRow,
        own: Sequence[RecordRow],
        state: LoanState,
        claims: Sequence[_Place],
        *,
        values: dict[bytes, bytes],
        notes: Notes,
    ) -> list[_Place]:
        """The register's value of each claim is the one that the records give: count, head, state and holders.

        Returns the claims whose places can be read; of the others it is a finding that they cannot.
        """
        nonces = self._open(row, notes)
        readable = []
        for claim, steps in claims:
            try:
                if any(abs(step.change) > WHOLE for step in steps):
                    raise MalformedError("share", "a step takes or gives more than the whole")
                self._check_value(row, own, state, (claim, steps), nonces=nonces, values=values, notes=notes)
            except UNREADABLE as error:
                notes.find("claim.unreadable", row.name, claim=claim.name, reason=str(error))
                continue
            readable.append((claim, steps))
        return readable

    def _open(self, row: SubjectRow, notes: Notes) -> Nonces | None:
        """The nonces of a loan's values in the register, where they are to be had."""
        if self.job.opener is None or row.secret is None:
            return None
        try:
            return self.job.opener.open(row)
        except UNREADABLE as error:
            notes.find("subject.unreadable", row.name, reason=str(error))
            return None

    def _check_value(
        self,
        row: SubjectRow,
        own: Sequence[RecordRow],
        state: LoanState,
        place: _Place,
        *,
        nonces: Nonces | None,
        values: dict[bytes, bytes],
        notes: Notes,
    ) -> None:
        procedure = notes.procedure("register")
        claim, steps = place
        last = own[-1]
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
        standing = values.get(claim_key(key))
        if standing is not None:
            stood = (version, bytes(steps[-1].history), bytes(steps[-1].holders)) if steps else _UNTOUCHED
            at_size = ClaimRow(key, claim.subject_id, claim.name, claim.index, *stood)
            then = SubjectRow(row.id, row.name, len(own), bytes(last.digest), last.index, row.secret, b"")
            encumbrance, claim_state = opened_preimages(then, at_size, (nonce, state_nonce), state)
            if claim_value(encumbrance.encode(), claim_state.encode()) == standing:
                return
        notes.find(
            "register.absent" if standing is None else "register.contradicts", row.name, claim=claim.name,
            evidence=[Evidence(last.index, bytes(last.digest).hex())], size=self.job.size,
        )  # fmt: skip
