"""The append transaction: validate, check state, assign indexes, hash, extend the tree, accept.

One lock on the log's row makes the processes take turns; what is durable when it ends is what was accepted.
Here it is told how a transaction begins and ends, what becomes of refusals, and how far a log may run ahead of its
checkpoints; what happens to the events in between is in :mod:`ledger.append`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ledger.append import Accepted, Append
from ledger.collector import collector_paused
from ledger.domain.events import Submission, read_submission
from ledger.domain.events.corrections import SubjectErased
from ledger.errors import RefusedError, UnpublishedError
from ledger.proofs.acceptance import BatchPrinter
from ledger.proofs.note import Signer
from ledger.store import Store, WriteConnection
from ledger.store.bulk import DuplicateError
from ledger.vault import Vault

Line = bytes | str | dict[str, Any] | Submission
OnError = Literal["abort", "report"]

#: A batch of fewer events looks for repeats at once: a retry over HTTP is small, and a second try costs a round trip.
OPTIMISTIC_FROM = 200
#: By when an accepted record is promised to be under an anchor; the acceptance carries the moment.
ANCHOR_WITHIN = timedelta(hours=24)
#: Entries that may wait for a checkpoint. All of them are below the next one, and the contract takes no anchor that
#: grows further than its limit (:data:`ledger.setup.MAX_GROWTH`), so a tree must be published well before that.
MAX_UNPUBLISHED = 1_000_000


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch. ``rejects`` carry the line, counted from 1 in the order handed in.

    ``signed`` prints the acceptances of what is new, by the index of the first record that each signature covers.
    """

    accepted: list[Accepted]
    rejects: list[RefusedError]
    signed: dict[int, BatchPrinter] = field(default_factory=dict)

    def acceptances(self, stored: Callable[[list[int]], dict[int, bytes]]) -> list[bytes]:
        """The signed acceptance of each accepted event, in order; ``stored`` gives those that older batches signed."""
        # Signatures cover the records of a batch part by part: the part that begins last before an index has it.
        parts = sorted(self.signed)
        older = [one.index for one in self.accepted if not parts or one.index < parts[0]]
        documents = stored(older) if older else {}

        def printed(one: Accepted) -> bytes:
            printer = self.signed[parts[bisect_right(parts, one.index) - 1]]
            return printer.encode(index=one.index, event_id=one.id, party=one.party, digest=one.digest)

        return [documents.get(one.index) or printed(one) for one in self.accepted]


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
                accepted, signed = self._sequence(submissions, now, "abort", [], dry_run, look_up=False)
                return Appended(accepted, rejects, signed)
        accepted, signed = self._sequence(submissions, now, on_error, rejects, dry_run, look_up=True)
        rejects.sort(key=lambda error: error.line or 0)
        return Appended(accepted, rejects, signed)

    def _sequence(
        self,
        submissions: list[tuple[int, Submission]],
        now: datetime,
        on_error: OnError,
        rejects: list[RefusedError],
        dry_run: bool,
        *,
        look_up: bool,
    ) -> tuple[list[Accepted], dict[int, BatchPrinter]]:
        """One transaction; with ``look_up`` events that were accepted before are found first."""
        accepted: list[Accepted] = []
        signed: dict[int, BatchPrinter] = {}
        # A dry run does all the work and leaves by an exception, so that the transaction rolls back.
        with suppress(_DryRunDone), self.store.write() as connection:
            batch = Append(
                connection, self.origin, self.vault, [submission for _, submission in submissions], now,
                look_up=look_up,
            )  # fmt: skip
            for number, submission in submissions:
                try:
                    accepted.append(batch.take(submission))
                except RefusedError as error:
                    _refuse(error, number, on_error, rejects)
            if not dry_run:
                self._refuse_too_far(batch)
            signed = batch.store(self.service, self.anchor_within)
            if dry_run:
                raise _DryRunDone
        return accepted, signed

    def _refuse_too_far(self, batch: Append) -> None:
        added, most = batch.index - batch.first, self.max_unpublished
        if added > most:
            raise RefusedError("", f"{added} events at once; a batch has at most {most}", rule="batch_size")
        if batch.index - batch.log.published > most:
            raise UnpublishedError(f"{batch.first - batch.log.published} entries wait for a checkpoint first")

    def take_erasure(self, connection: WriteConnection, submission: Submission, *, now: datetime) -> Accepted:
        """Accept the subject.erased of a loan that this transaction erases; no other way lets one in."""
        assert isinstance(submission.event, SubjectErased)
        batch = Append(
            connection,
            self.origin,
            self.vault,
            [submission],
            now,
            look_up=True,
            erasing=submission.event.subject,
        )
        accepted = batch.take(submission)
        batch.store(self.service, self.anchor_within)
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
