"""The map of an audit: a range of a pool's loans is read, examined and added up, in whatever process.

A worker opens the database itself and trusts nothing in it but bytes whose digests it checks against the entries; what
it returns is small: findings, procedures and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from ledger import register
from ledger.audit import eligibility
from ledger.audit.checks import life, reports, schedule, terms
from ledger.audit.checks.case import Case
from ledger.audit.collect import Collector
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool, claims_of_loan
from ledger.domain import loans, record
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.errors import PoolproofError
from ledger.proofs.encumbrance import claim_key
from ledger.publish import claim_values
from ledger.store import ReadConnection, Store, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.vault import Vault

#: Loans that are read at a time: some tens of records each, of a kilobyte.
CHUNK_LOANS = 500
#: Something that is asked of one loan, and writes what it finds into the case's notes.
Check = Callable[[Case], None]
#: Makes fresh collectors for one range of a pool's loans, as of a day.
Collect = Callable[[Pool, date], dict[str, Collector]]
#: What an audit asks.
CHECKS: Final[tuple[Check, ...]] = (
    reports.check, terms.check, schedule.check, life.check, eligibility.check,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every range is examined under, in whatever process: so functions are such that are found by name.

    ``kek`` opens the nonces of the register's values, where it may be had.
    """

    url: str
    log: LogRow
    pool: Pool
    size: int
    register_page: int
    as_of: date
    kek: Path | None
    collect: Collect
    checks: tuple[Check, ...]


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
        self.store = Store(job.url)
        self.vault = Vault.load(job.kek) if job.kek is not None else None

    def examine(self, loan_ids: Sequence[int]) -> Part:
        """Examine these loans (subject ids), with fresh collectors."""
        collectors = self.job.collect(self.job.pool, self.job.as_of)
        part = Part(collectors=collectors)
        with self.store.read() as connection:
            for start in range(0, len(loan_ids), CHUNK_LOANS):
                for case in self._cases(connection, loan_ids[start : start + CHUNK_LOANS], part):
                    for check in self.job.checks:
                        check(case)
                    for collector in collectors.values():
                        collector.take(case)
                    part.notes.add(case.notes)
        return part

    def _cases(self, connection: ReadConnection, loan_ids: Sequence[int], part: Part) -> Iterator[Case]:
        job = self.job
        rows = subjects.by_id(connection, loan_ids)
        of_loan: dict[int, list[RecordRow]] = {loan: [] for loan in loan_ids}
        for one in records.of_subjects(connection, loan_ids, before=job.size):
            of_loan[one.subject_id].append(one)
        claims = self._claims(connection, loan_ids)
        values = self._register(connection, claims)
        for loan_id in loan_ids:
            part.loans += 1
            row, own = rows[loan_id], of_loan[loan_id]
            if row.secret is None:
                part.erased += 1
                continue
            name = row.name.removeprefix("loan:")
            parsed = _read_records(row.name, job.log.origin, own, part.notes)
            if len(parsed) != len(own) or not parsed or not parsed[0][1].kind.begins:
                part.unreadable += (
                    1  # what is wrong with them is among the findings; the rest says nothing sound
                )
                continue
            held = unsuperseded(parsed, until=job.as_of)
            self._check_register(row, own, parsed, claims[loan_id], values=values, notes=part.notes)
            if not held or not held[0].record.kind.begins:
                continue  # it began after the audit's day
            begun = loans.begin(held[0])
            creditors = {claim.name: (claim.creditor, claim.share) for claim in begun.claims}
            yield Case(
                name, parsed, held, claims_of_loan(job.log, job.pool, name, claims[loan_id], creditors),
                as_of=job.as_of, rules=job.pool.rules,
            )  # fmt: skip

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

    def _register(
        self, connection: ReadConnection, claims: dict[int, list[tuple[ClaimRow, list[EncumbranceRow]]]]
    ) -> dict[bytes, bytes]:
        keys = [claim_key(bytes(row.asset_key)) for rows in claims.values() for row, _ in rows]
        log_id = self.job.log.id
        return register.values(
            lambda ids: trees.pages(connection, log_id, ids), self.job.register_page, sorted(keys)
        )

    def _check_register(
        self,
        row: SubjectRow,
        own: Sequence[RecordRow],
        parsed: Sequence[Indexed],
        claims: Sequence[tuple[ClaimRow, Sequence[EncumbranceRow]]],
        *,
        values: dict[bytes, bytes],
        notes: Notes,
    ) -> None:
        """The register's value of each claim is the one that the records give: count, head, state and holders."""
        procedure = notes.procedure("register", "claims")
        if self.vault is None:
            procedure.undecided("the nonces that open the register's values were not given", len(claims))
            return
        state = state_of(unsuperseded(parsed), count=len(parsed))
        last = own[-1]
        then = SubjectRow(
            row.id, row.name, len(own), bytes(last.digest), last.index, row.secret, loans.encode(state)
        )
        evidence = [Evidence(last.index, bytes(last.digest).hex())]
        for claim, steps in claims:
            procedure.answered()
            key = claim_key(bytes(claim.asset_key))
            if key not in values:
                notes.find(
                    "register.absent", row.name, claim=claim.name, evidence=evidence, size=self.job.size
                )
                continue
            place = (
                (steps[-1].version, steps[-1].history, steps[-1].holders) if steps else (0, bytes(32), b"\0")
            )
            at_size = ClaimRow(claim.asset_key, claim.subject_id, claim.name, claim.index, *place)
            if claim_values({row.id: then}, [at_size], self.vault)[key] != values[key]:
                notes.find(
                    "register.contradicts", row.name, claim=claim.name, evidence=evidence, size=self.job.size
                )


def _read_records(subject: str, origin: str, own: Sequence[RecordRow], notes: Notes) -> list[Indexed]:
    """Parse a loan's records; each must have its digest, its place and its predecessor."""
    procedure = notes.procedure("records", "records")
    parsed: list[Indexed] = []
    previous: bytes | None = None
    for seq, row in enumerate(own):
        procedure.answered()
        evidence = [Evidence(row.index, bytes(row.digest).hex())]
        if row.record is None:
            notes.find("record.withheld", subject, evidence=evidence, counted=len(own), shown=len(parsed))
            continue
        try:
            one = record.parse(bytes(row.record))
        except PoolproofError as error:
            notes.find("record.malformed", subject, evidence=evidence, reason=str(error))
            previous = bytes(row.digest)
            continue
        if one.digest != bytes(row.digest):
            notes.find(
                "record.altered", subject, evidence=evidence, found=one.digest.hex(),
                committed=bytes(row.digest).hex(),
            )  # fmt: skip
        elif (one.seq, one.prev, one.subject, one.origin) != (seq, previous, subject, origin):
            reason = f"expected number {seq} of {subject} after {previous.hex() if previous else 'nothing'}"
            notes.find("record.unchained", subject, evidence=evidence, seq=one.seq, reason=reason)
        else:
            parsed.append((row.index, one))
        previous = bytes(row.digest)
    return parsed
