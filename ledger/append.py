"""One append between loading and storing: what its events look at, what they change, and the acceptance of them.

The rules are the domain's (:mod:`ledger.domain.admission`); this module loads what they look at, a few queries for a
whole batch, takes event by event in, and writes all that they change at once. Whose turn it is, and what becomes of a
refusal, is told by :mod:`ledger.sequence`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec

from ledger import book
from ledger.domain import admission, calendar, loans, pools, record, refusals
from ledger.domain.admission import Admitted
from ledger.domain.events import Submission
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.fold import Indexed
from ledger.errors import TakenError
from ledger.issue import batch_tree, place
from ledger.proofs.acceptance import Batch, BatchPrinter
from ledger.proofs.encumbrance import ZERO, encode_holders
from ledger.proofs.entries import record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.proofs.note import Signer
from ledger.store import WriteConnection, logs, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import BatchRow, RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.tree import extend
from ledger.vault import Vault, seal

_NO_HOLDERS = encode_holders(())
#: Most events under one signature of the service: an acceptance is made by building the tree over all of them again.
ACCEPTED_TOGETHER = 1_024


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """One accepted event: its place in the log. ``repeated``: it was accepted before, and stands at that place."""

    id: str
    party: str
    index: int
    digest: bytes
    repeated: bool


class _Subject:
    """A subject while its batch is being sequenced."""

    __slots__ = ("changed", "count", "head", "id", "last_index", "name", "new", "secret", "wrapped")

    def __init__(self, row: SubjectRow, secret: bytes | None, *, new: bool) -> None:
        self.id, self.name, self.count, self.head, self.last_index, self.wrapped, _ = row
        self.secret = secret
        self.new = new
        self.changed = False

    def row(self, state: bytes) -> SubjectRow:
        return SubjectRow(self.id, self.name, self.count, self.head, self.last_index, self.wrapped, state)


class Append:
    """One batch in a transaction that holds the log's lock: what it looks at is loaded, what it changes is kept."""

    def __init__(
        self,
        connection: WriteConnection,
        origin: str,
        vault: Vault,
        submissions: list[Submission],
        now: datetime,
        *,
        look_up: bool,
        erasing: str | None = None,
    ) -> None:
        self.connection = connection
        self.vault = vault
        self.log: LogRow = logs.lock(connection, origin)
        self.now = max(now, calendar.parse_instant(self.log.posted)) if self.log.posted else now
        self.posted = calendar.format_instant(self.now)
        self.today: date = calendar.business_date(self.now, self.log.zone, self.log.day_cut)
        self.first = self.index = self.log.size
        self.next_subject = self.log.next_subject
        self.records: list[RecordRow] = []
        self.disclosures: list[tuple[int, bytes]] = []
        self.encumbrances: list[EncumbranceRow] = []
        self.new_claims: dict[bytes, ClaimRow] = {}
        self.standing: dict[tuple[str, str], RecordRow] = {}
        if look_up:
            ids = [(one.party, one.id) for one in submissions]
            self.standing = records.find_ids(connection, self.log.id, ids)
        loaded = book.load(connection, self.log, submissions, history=self._history, erasing=erasing)
        self.book = loaded.book
        self.changed_claims = loaded.claims  # kept whole; stored again only where a version moves
        self.subjects = {row.name: _Subject(row, None, new=False) for row in loaded.subjects.values()}
        #: what this batch adds to the subjects that it also corrects
        self.corrected: dict[str, list[RecordRow]] = {
            one.subject: [] for one in submissions if isinstance(one.event, CorrectionMade)
        }

    # -- load ----------------------------------------------------------------------------------------------

    def _history(self, name: str) -> Iterator[Indexed]:
        """The records of a subject so far: those stored, then those of this batch."""
        subject = self.subjects[name]
        for row in records.of_subject(self.connection, subject.id):
            if row.record is not None:
                yield row.index, record.parse(bytes(row.record))
        for row in self.corrected.get(name, ()):
            assert row.record is not None
            yield row.index, record.parse(row.record)

    # -- take ----------------------------------------------------------------------------------------------

    def take(self, submission: Submission) -> Accepted:
        """Accept one event, or raise :class:`RefusedError` with nothing of it taken."""
        standing = self.standing.get((submission.party, submission.id))
        if standing is not None:
            return self._repeated(submission, standing)
        subject = self.subjects.get(submission.subject)
        if subject is not None:
            self._secret(subject)  # refuses an erased subject, before anything changes
        try:
            admitted = admission.admit(submission, self.book, today=self.today, index=self.index)
        except TakenError as error:
            self._name_standing(error)
            raise
        subject = subject or self._new_subject(submission.subject)
        secret = self._secret(subject)
        draft = record.build(
            self.log.origin,
            submission,
            seq=subject.count,
            prev=subject.head,
            posted=self.posted,
            secret=secret,
        )
        row = RecordRow(
            self.index, subject.id, subject.count, submission.party, submission.id, draft.digest, draft.record
        )
        self.records.append(row)
        if subject.name in self.corrected:
            self.corrected[subject.name].append(row)
        self.standing[submission.party, submission.id] = row
        if draft.disclosures:
            where = place(self.log.origin, submission.party, submission.id)
            triples = [(one[0], one[1], one[2]) for one in draft.disclosures]
            self.disclosures.append((self.index, seal(secret, where, triples)))
        subject.count += 1
        subject.head = draft.digest
        subject.last_index = self.index
        subject.changed = True
        if admitted is not None:
            self._encumber(subject, admitted, draft.digest)
        self.index += 1
        return Accepted(submission.id, submission.party, row.index, draft.digest, repeated=False)

    def _repeated(self, submission: Submission, standing: RecordRow) -> Accepted:
        """The first acceptance, if the statement is the same one; looked up before any rule of state."""
        subject = self.subjects.get(submission.subject)
        same = subject is not None and subject.id == standing.subject_id
        if same and standing.record is not None:
            assert subject is not None
            same = record.same_statement(bytes(standing.record), submission, secret=self._secret(subject))
        if not same:
            raise TakenError(
                "id",
                f'{submission.party} has used "{submission.id}" for another statement, record {standing.index}',
                rule="taken_id",
                details={"index": standing.index, "digest": bytes(standing.digest).hex()},
            )
        return Accepted(
            standing.event_id, standing.party, standing.index, bytes(standing.digest), repeated=True
        )

    def _name_standing(self, error: TakenError) -> None:
        """Add the digest of the standing record, whose index the rule has named."""
        index = error.details.get("index")
        if index is None:
            return
        if index >= self.first:
            error.details["digest"] = self.records[index - self.first].digest.hex()
        elif row := records.at(self.connection, self.log.id, index):
            error.details["digest"] = bytes(row.digest).hex()

    def _new_subject(self, name: str) -> _Subject:
        secret, wrapped = self.vault.new_secret(name)
        row = SubjectRow(self.next_subject, name, 0, None, self.index, wrapped, b"")
        self.next_subject += 1
        subject = self.subjects[name] = _Subject(row, secret, new=True)
        return subject

    def _secret(self, subject: _Subject) -> bytes:
        if subject.secret is None:
            if subject.wrapped is None:
                raise refusals.erased("subject", subject.name)
            subject.secret = self.vault.unwrap(bytes(subject.wrapped), subject.name)
        return subject.secret

    def _encumber(self, subject: _Subject, admitted: Admitted, digest: bytes) -> None:
        for key in admitted.new_keys:
            self.new_claims[key.asset_key] = ClaimRow(
                key.asset_key, subject.id, key.claim, self.index, 0, ZERO, _NO_HOLDERS
            )
        for step in admitted.encumber(digest):
            change = step.change
            holders = encode_holders(step.holders)
            self.encumbrances.append(
                EncumbranceRow(
                    change.asset_key,
                    step.version,
                    self.index,
                    subject.id,
                    change.holder,
                    change.change,
                    holders,
                    step.history,
                )
            )
            kept = self.new_claims if change.asset_key in self.new_claims else self.changed_claims
            kept[change.asset_key] = kept[change.asset_key]._replace(
                version=step.version, history=step.history, holders=holders
            )

    # -- store ---------------------------------------------------------------------------------------------

    def store(self, service: Signer, anchor_within: timedelta) -> dict[int, BatchPrinter]:
        """Write the batch: records, states, tiles, acceptances signed by ``service``, the log's new head.

        Returns who prints these acceptances, by the first index that a signature covers.
        """
        if not self.records:
            return {}
        connection, log_id = self.connection, self.log.id
        changed = [subject for subject in self.subjects.values() if subject.changed]
        subjects.put(
            connection,
            log_id,
            [subject.row(self._state(subject)) for subject in changed if subject.new],
            [subject.row(self._state(subject)) for subject in changed if not subject.new],
        )
        records.add(connection, log_id, self.records)
        records.add_disclosures(connection, log_id, self.disclosures)
        moved = {row.asset_key for row in self.encumbrances}
        subjects.put_claims(
            connection,
            log_id,
            self.new_claims.values(),
            [row for key, row in self.changed_claims.items() if key in moved],
        )
        subjects.add_encumbrances(connection, log_id, self.encumbrances)
        extend(connection, log_id, self.first, [leaf_hash(record_entry(row.digest)) for row in self.records])
        parts = range(0, len(self.records), ACCEPTED_TOGETHER)
        anchor_by = calendar.format_instant(self.now + anchor_within)
        signed = [self._accept(self.records[at : at + ACCEPTED_TOGETHER], service, anchor_by) for at in parts]
        records.add_batches(connection, log_id, [row for row, _ in signed])
        logs.advance(connection, log_id, size=self.index, posted=self.posted, next_subject=self.next_subject)
        return {row.first: printer for row, printer in signed}

    def _state(self, subject: _Subject) -> bytes:
        if subject.name.startswith("loan:"):
            return loans.encode(self.book.loans[subject.name])
        if subject.name.startswith("pool:"):
            return pools.encode(self.book.pools[subject.name])
        return b""  # accounts and the log itself have no state

    def _accept(
        self, rows: list[RecordRow], service: Signer, anchor_by: str
    ) -> tuple[BatchRow, BatchPrinter]:
        """The signed promise for these records, which follow each other, and who prints it for each."""
        tree = batch_tree(rows)
        batch = Batch(
            origin=self.log.origin,
            posted=self.posted,
            anchor_by=anchor_by,
            first=rows[0].index,
            count=tree.count,
            root=tree.root,
        )
        signature = batch.sign(service)
        row = BatchRow(
            batch.first, tree.count, tree.root, batch.posted, batch.anchor_by, signature.key, signature.value
        )
        return row, BatchPrinter(batch, signature, tree)
