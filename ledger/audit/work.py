"""The map of an audit: a range of a pool's loans is read, examined and added up, in whatever process.

A worker opens the database itself and trusts nothing in it but bytes whose digests it checks against the entries; what
it returns is small: findings, procedures and sums.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from ledger.audit.chains import read_records
from ledger.audit.checks.case import Case, PoolClaim
from ledger.audit.collectors import Collector, TakesLater
from ledger.audit.erased import LATER, Erasures
from ledger.audit.findings import Notes
from ledger.audit.job import Job
from ledger.audit.places import Places, Told
from ledger.audit.pool import claims_of_loan
from ledger.collector import collector_paused
from ledger.domain.events.cash import RepaymentConfirmed
from ledger.domain.fold import Indexed, Standing, state_of, unsuperseded
from ledger.store import ReadConnection, Store, records, subjects
from ledger.store.records import RecordRow
from ledger.store.subjects import SubjectRow

#: Loans that are read at a time: some tens of records each, of a kilobyte.
CHUNK_LOANS = 500


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
        rows = subjects.by_id(connection, loan_ids)
        of_loan: dict[int, list[RecordRow]] = {loan: [] for loan in loan_ids}
        for one in records.of_subjects(connection, loan_ids, before=self.job.size):
            of_loan[one.subject_id].append(one)
        places = Places.read(connection, self.job, loan_ids)
        for loan_id in loan_ids:
            part.loans += 1
            row = rows.get(loan_id)
            if row is None:
                part.unreadable += 1
                reason = f"the row of the loan with the id {loan_id} is missing in the table subjects"
                part.notes.find("subject.unreadable", "log", reason=reason)
                continue
            parsed = self._read(connection, row, of_loan[loan_id], part)
            case = self._case(row, of_loan[loan_id], parsed, places, part) if parsed else None
            if case is not None:
                yield case

    def _read(
        self, connection: ReadConnection, row: SubjectRow, own: Sequence[RecordRow], part: Part
    ) -> list[Indexed]:
        """A loan's records, all of them; none where it is erased, and where what can be read says nothing sound."""
        if row.secret is None and self._is_erased(connection, row.name, own, part.notes):
            part.erased += 1
            return []
        parsed = read_records(row.name, self.job.log.origin, own, part.notes)
        if len(parsed) == len(own) and parsed and parsed[0][1].kind.begins:
            return parsed
        part.unreadable += 1  # what is wrong with them is among the findings
        return []

    def _case(
        self, row: SubjectRow, own: Sequence[RecordRow], parsed: Sequence[Indexed], places: Places, part: Part
    ) -> Case | None:
        """A loan as of the audit's day; None where it begins later."""
        job, notes = self.job, part.notes
        unproven = job.signers.unproven(job.log.origin, parsed, notes)
        known = unsuperseded(parsed)
        state = state_of(known, count=len(parsed))
        sound = places.sound(Told(row, own, parsed, state), notes)
        claims = claims_of_loan(job.pool, known, sound, places.pools, as_of=job.as_of)
        held, state_then = known, state
        if any(one.record.when.last_day > job.as_of for one in known):
            held = unsuperseded(parsed, until=job.as_of)
            if not held or not held[0].record.kind.begins:
                _take_later(part, state.currency, parsed, claims)
                return None
            state_then = state_of(held, count=len(parsed))
        if unproven:
            held = [one for one in held if not _is_no_word(one, unproven)]
        return Case(
            row.name.removeprefix("loan:"), parsed, held, claims, as_of=job.as_of, rules=job.pool.rules,
            versions=job.pool.versions, notes=notes, state=state_then,
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


def _take_later(part: Part, currency: str, parsed: Sequence[Indexed], claims: Sequence[PoolClaim]) -> None:
    """A loan that begins after the audit's day, for the collectors that want it."""
    for collector in part.collectors.values():
        if isinstance(collector, TakesLater):
            collector.take_later(currency, parsed, claims)


def _is_no_word(one: Standing, unproven: Container[int]) -> bool:
    """Whether a confirmation is not shown to be the bank's: it changes nothing but what is held for confirmed."""
    indexes = {one.index, one.index if one.correction is None else one.correction[0]}
    return isinstance(one.event, RepaymentConfirmed) and any(index in unproven for index in indexes)
