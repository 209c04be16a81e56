"""The append transaction: validate, check state, assign indexes, hash, extend the tree, accept.

One lock on the log's row makes the processes take turns; what is durable when it ends is what was accepted.
The rules are the domain's (:mod:`ledger.domain.admission`); this module loads what they look at, a few
queries for a whole batch, and writes what they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from ledger import book
from ledger.collector import collector_paused
from ledger.domain import admission, calendar, loans, pools, record, refusals
from ledger.domain.admission import Admitted
from ledger.domain.events import Submission, read_submission
from ledger.domain.events.corrections import CorrectionMade, SubjectErased
from ledger.domain.fold import Indexed
from ledger.errors import RefusedError, TakenError, UnpublishedError
from ledger.issue import batch_tree, place
from ledger.proofs.acceptance import Batch
from ledger.proofs.encumbrance import ZERO, encode_holders
from ledger.proofs.entries import record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.proofs.note import Signer
from ledger.store import Store, WriteConnection, logs, records, subjects
from ledger.store.bulk import DuplicateError
from ledger.store.logs import LogRow
from ledger.store.records import BatchRow, RecordRow
from ledger.store.subjects import ClaimRow, EncumbranceRow, SubjectRow
from ledger.tree import extend
from ledger.vault import Vault, seal

Line = bytes | str | dict[str, Any] | Submission
OnError = Literal["abort", "report"]

_NO_HOLDERS = encode_holders(())
#: A batch of fewer events looks for repeats at once: a retry over HTTP is small, and a second try costs a round trip.
OPTIMISTIC_FROM = 200
#: Most events under one signature of the service: an acceptance is made by building the tree over all of them again.
ACCEPTED_TOGETHER = 1_024
#: Entries that may wait for a checkpoint. All of them are below the next one, and the contract takes no anchor that
#: grows further than its limit (:data:`ledger.setup.MAX_GROWTH`), so a tree must be published well before that.
MAX_UNPUBLISHED = 1_000_000


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """One accepted event: its place in the log. ``repeated``: it was accepted before, and stands at that place."""

    id: str
    party: str
    index: int
    digest: bytes
    repeated: bool


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch. ``rejects`` carry the line, counted from 1 in the order handed in."""

    accepted: list[Accepted]
    rejects: list[RefusedError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequencer:
    """What an append works with: where it stores, which log, whose keys, what time it is."""

    store: Store
    origin: str
    vault: Vault
    service: Signer
    anchor_within: timedelta
    max_unpublished: int = MAX_UNPUBLISHED

    def append(
        self, lines: Iterable[Line], *, now: datetime, party: str | None, on_error: OnError, dry_run: bool
    ) -> Appended:
        """Accept ``lines`` in one transaction; see :meth:`ledger.log.Ledger.append`."""
        with collector_paused():
            return self._append(lines, now, party, on_error, dry_run)

    def _append(
        self, lines: Iterable[Line], now: datetime, party: str | None, on_error: OnError, dry_run: bool
    ) -> Appended:
        rejects: list[RefusedError] = []
        submissions: list[tuple[int, Submission]] = []
        for number, line in enumerate(lines, start=1):
            try:
                submissions.append((number, read_line(line, party, self.origin)))
            except RefusedError as error:
                _refuse(error, number, on_error, rejects)
        if not submissions:
            return Appended([], rejects)
        if len(submissions) >= OPTIMISTIC_FROM:
            # Repeats are rare in bulk, and looking for them costs as much as storing a record: a refusal or a
            # duplicate shows that this batch may have one, and only then is it done again with a look.
            with suppress(RefusedError, DuplicateError):
                return Appended(
                    self._sequence(submissions, now, "abort", [], dry_run, look_up=False), rejects
                )
        accepted = self._sequence(submissions, now, on_error, rejects, dry_run, look_up=True)
        rejects.sort(key=lambda error: error.line or 0)
        return Appended(accepted, rejects)

    def _sequence(
        self,
        submissions: list[tuple[int, Submission]],
        now: datetime,
        on_error: OnError,
        rejects: list[RefusedError],
        dry_run: bool,
        *,
        look_up: bool,
    ) -> list[Accepted]:
        """One transaction; with ``look_up`` events that were accepted before are found first."""
        accepted: list[Accepted] = []
        # A dry run does all the work and leaves by an exception, so that the transaction rolls back.
        with suppress(_DryRunDone), self.store.write() as connection:
            batch = _Batch(
                self, connection, [submission for _, submission in submissions], now, look_up=look_up
            )
            for number, submission in submissions:
                try:
                    accepted.append(batch.take(submission))
                except RefusedError as error:
                    _refuse(error, number, on_error, rejects)
            if not dry_run:
                self._refuse_too_far(batch)
            batch.store()
            if dry_run:
                raise _DryRunDone
        return accepted

    def _refuse_too_far(self, batch: _Batch) -> None:
        added, most = batch.index - batch.first, self.max_unpublished
        if added > most:
            raise RefusedError("", f"{added} events at once; a batch has at most {most}", rule="batch_size")
        if batch.index - batch.log.published > most:
            raise UnpublishedError(f"{batch.first - batch.log.published} entries wait for a checkpoint first")

    def take_erasure(self, connection: WriteConnection, submission: Submission, *, now: datetime) -> Accepted:
        """Accept the subject.erased of a loan that this transaction erases; no other way lets one in."""
        assert isinstance(submission.event, SubjectErased)
        batch = _Batch(self, connection, [submission], now, look_up=True, erasing=submission.event.subject)
        accepted = batch.take(submission)
        batch.store()
        return accepted


class _DryRunDone(Exception):  # noqa: N818 - not an error: it ends a rehearsal
    """Everything was checked; nothing is to be stored."""


def read_line(line: Line, party: str | None, origin: str) -> Submission:
    """The event of a line, checked for its form. Raises :class:`RefusedError`."""
    if isinstance(line, Submission):
        return line
    return read_submission(line, party=party, origin=origin)


def _refuse(error: RefusedError, number: int, on_error: OnError, rejects: list[RefusedError]) -> None:
    """Give a refusal its line; with ``report`` keep it and go on."""
    error.line = number
    if on_error == "abort":
        raise error
    rejects.append(error)


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


class _Batch:
    """One batch between loading and storing."""

    def __init__(
        self,
        sequencer: Sequencer,
        connection: WriteConnection,
        submissions: list[Submission],
        now: datetime,
        *,
        look_up: bool,
        erasing: str | None = None,
    ) -> None:
        self.sequencer = sequencer
        self.connection = connection
        self.log: LogRow = logs.lock(connection, sequencer.origin)
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
        secret, wrapped = self.sequencer.vault.new_secret(name)
        row = SubjectRow(self.next_subject, name, 0, None, self.index, wrapped, b"")
        self.next_subject += 1
        subject = self.subjects[name] = _Subject(row, secret, new=True)
        return subject

    def _secret(self, subject: _Subject) -> bytes:
        if subject.secret is None:
            if subject.wrapped is None:
                raise refusals.erased("subject", subject.name)
            subject.secret = self.sequencer.vault.unwrap(bytes(subject.wrapped), subject.name)
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

    def store(self) -> None:
        """Write the batch: records, states, tiles, the signed acceptance, the log's new head."""
        if not self.records:
            return
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
        signed = [self._accept(self.records[at : at + ACCEPTED_TOGETHER]) for at in parts]
        records.add_batches(connection, log_id, signed)
        logs.advance(connection, log_id, size=self.index, posted=self.posted, next_subject=self.next_subject)

    def _state(self, subject: _Subject) -> bytes:
        if subject.name.startswith("loan:"):
            return loans.encode(self.book.loans[subject.name])
        if subject.name.startswith("pool:"):
            return pools.encode(self.book.pools[subject.name])
        return b""  # accounts and the log itself have no state

    def _accept(self, rows: list[RecordRow]) -> BatchRow:
        """The signed promise for these records, which follow each other."""
        tree = batch_tree(rows)
        batch = Batch(
            origin=self.log.origin,
            posted=self.posted,
            anchor_by=calendar.format_instant(self.now + self.sequencer.anchor_within),
            first=rows[0].index,
            count=tree.count,
            root=tree.root,
        )
        signature = batch.sign(self.sequencer.service)
        return BatchRow(
            batch.first, tree.count, tree.root, batch.posted, batch.anchor_by, signature.key, signature.value
        )
