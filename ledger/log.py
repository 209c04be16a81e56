"""One log in one database: append → include → publish → prove.

:class:`Ledger` is the door that the command line, the API and the workers go through. What happens behind it
is in rooms of its own: :mod:`ledger.charter` (what a log is founded on), :mod:`ledger.sequence` (the append
transaction), :mod:`ledger.publish` (register and checkpoint), :mod:`ledger.issue` (signed documents),
:mod:`ledger.published` (tiles and proofs), :mod:`ledger.status` (how far things have come).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger import charter, issue, pools, publish, published, seals, status
from ledger.append import Accepted
from ledger.cut import Progress
from ledger.domain.events import Submission
from ledger.erasure import RETENTION_YEARS, Eraser
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    RefusedError,
    TakenError,
    UnavailableError,
    UnpublishedError,
)
from ledger.issue import Issuer
from ledger.pools import PoolBrief, PoolSummary
from ledger.proofs import trust
from ledger.proofs.note import Signer
from ledger.seals import PoolSeals, Recorded
from ledger.sequence import ANCHOR_WITHIN, MAX_UNPUBLISHED, Appended, Line, OnError, Sequencer, read_line
from ledger.status import Status
from ledger.store import ReadConnection, Store, WriteConnection, logs, records, subjects, trees
from ledger.store.logs import ChainRow, LogRow, PartyRow
from ledger.store.records import RecordRow
from ledger.store.sieve import stumbling
from ledger.store.trees import CheckpointRow
from ledger.vault import Vault

Clock = Callable[[], datetime]
#: Called with events that were refused as taken, each with its refusal.
OnTaken = Callable[[Sequence[tuple[Submission, TakenError]]], None]


class Ledger:
    """A log, opened. Any number of processes may hold the same one; a lock on the log's row makes them take turns.

    ``vault`` opens subjects' secrets, ``service`` signs acceptances and receipts, ``signer`` signs checkpoints
    and is absent from processes that must not hold that key. ``clock`` tells the time in UTC. ``on_taken`` is called
    after an append with the events that were refused because another record holds what they ask for.
    """

    def __init__(
        self,
        store: Store,
        origin: str,
        *,
        vault: Vault,
        service: Signer,
        signer: Signer | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        anchor_within: timedelta = ANCHOR_WITHIN,
        max_unpublished: int = MAX_UNPUBLISHED,
        retention_years: int = RETENTION_YEARS,
        on_taken: OnTaken | None = None,
    ) -> None:
        self.store = store
        self.origin = origin
        self.vault = vault
        self.service = service
        self.signer = signer
        self.clock = clock
        self.on_taken = on_taken
        self._issuer = Issuer(store=store, origin=origin, vault=vault, service=service)
        self._sequencer = Sequencer(
            store=store,
            origin=origin,
            vault=vault,
            service=service,
            anchor_within=anchor_within,
            max_unpublished=max_unpublished,
        )
        self.eraser = Eraser(sequencer=self._sequencer, retention_years=retention_years)
        self._id = self.row().id  # fails now, not at the first event

    @classmethod
    def create(
        cls,
        store: Store,
        origin: str,
        *,
        vault: Vault,
        service: Signer,
        signer: Signer,
        zone: str = "Asia/Shanghai",
        day_cut: str = "00:00",
        clock: Clock = lambda: datetime.now(UTC),
        anchor_within: timedelta = ANCHOR_WITHIN,
    ) -> Ledger:
        """Make a new log with its keys (:func:`ledger.charter.found`), and open it."""
        charter.found(
            store, origin, zone=zone, day_cut=day_cut, log_key=signer.verifier, service_key=service.verifier
        )
        return cls(
            store,
            origin,
            vault=vault,
            service=service,
            signer=signer,
            clock=clock,
            anchor_within=anchor_within,
        )

    # -- write ---------------------------------------------------------------------------------------------

    def append(
        self,
        lines: Iterable[Line],
        *,
        party: str | None = None,
        on_error: OnError = "abort",
        dry_run: bool = False,
    ) -> Appended:
        """Accept events as one batch, in one transaction: all that is returned as accepted is durable.

        With ``abort`` the first refused event raises its :class:`RefusedError` (with its line) and nothing is
        stored; with ``report`` the others go in and the refusals are returned. ``party`` is who submits: events
        that name another are refused. An event whose id this party has used before for the same statement is
        answered with its first acceptance. ``dry_run`` does everything but store.

        Where too many entries wait for a checkpoint (:data:`ledger.sequence.MAX_UNPUBLISHED`), one is published
        first, or :class:`UnavailableError` raised by a process that does not hold the key for it.
        """
        batch = lines if isinstance(lines, Sequence) else list(lines)

        def append() -> Appended:
            return self._sequencer.append(
                batch, now=self.clock(), party=party, on_error=on_error, dry_run=dry_run
            )

        try:
            try:
                appended = append()
            except UnpublishedError:
                if self.signer is None:
                    raise
                self.publish()
                appended = append()
        except TakenError as error:
            self._tell(batch, [error], party=party, dry_run=dry_run)
            raise
        self._tell(batch, appended.rejects, party=party, dry_run=dry_run)
        return appended

    def _tell(
        self, batch: Sequence[Line], refusals: Iterable[RefusedError], *, party: str | None, dry_run: bool
    ) -> None:
        """Hand to ``on_taken`` what it is for."""
        taken = [
            (read_line(batch[error.line - 1], party, self.origin), error)
            for error in refusals
            if isinstance(error, TakenError) and error.line is not None
        ]
        if self.on_taken is not None and taken and not dry_run:
            with suppress(UnavailableError):  # the refusal is the answer, whether it can be told of or not
                self.on_taken(taken)

    def publish(self, *, every: timedelta = timedelta(0)) -> CheckpointRow | None:
        """End the tree in its register entry and sign a checkpoint; None if nothing is new.

        None too while the newest checkpoint is younger than ``every``, so that several who publish make no more.
        """
        if self.signer is None:
            raise ConfigurationError("this process does not hold the checkpoint key")
        with self._reading() as (connection, log):
            prepared = publish.prepare(connection, log, vault=self.vault, now=self.clock(), every=every)
        with self._writing() as (connection, log):
            return publish.publish(
                connection, log, vault=self.vault, signer=self.signer, now=self.clock(), every=every,
                prepared=prepared,
            )  # fmt: skip

    def seal_pool(
        self,
        pool: str,
        *,
        party: str,
        as_of: str,
        currency: str | None = None,
        size: int | None = None,
        restates: bytes | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Recorded:
        """Seal all claims that a pool holds in a published size (default: the newest), as of a day.

        The seal is recorded by ``party`` as an event effective on that day; the same seal again is answered with
        its first record. ``restates`` is the seal that this one takes the place of; ``currency`` may be left out
        where all claims are in one. ``dry_run`` does everything but store.
        """
        with self._reading() as (connection, log):
            snapshot = PoolSeals(connection, log, pool, progress=progress)
            with snapshot.draft(as_of=as_of, currency=currency, size=size, restates=restates) as draft:
                event = seals.event(draft.header)
                [accepted] = self.append([event], party=party, dry_run=dry_run).accepted
                if not dry_run:
                    seals.keep(self.store, log, draft)
                return snapshot.at(draft.header, accepted.index)

    def erase(self, loan: str, *, party: str, basis: str, note: str | None = None) -> Accepted:
        """Erase a loan (named without ``loan:``): its contents go, digests stay; returns its subject.erased.

        Raises :class:`RefusedError` while the loan is live, its retention runs or an entry about it is unpublished;
        ``party`` (an originator or servicer) says so, on a ``basis``. The database's files are then written anew;
        of many loans that is done once, by :attr:`eraser`.
        """
        accepted = self.eraser.erase(loan, party=party, basis=basis, note=note, now=self.clock())
        self.eraser.rewrite()
        return accepted

    def add_party(self, name: str, roles: Sequence[str], keys: Sequence[str] = ()) -> None:
        """Add a party, or give it new roles and statement keys (signed-note verifier keys under its name)."""
        with self._writing() as (connection, log):
            charter.put_party(connection, log, name, roles, keys)

    def bind_chain(self, chain: ChainRow) -> None:
        """Say where the log is anchored; once said it does not change."""
        with self._writing() as (connection, log):
            charter.bind_chain(connection, log, chain)

    def bind_attestations(self, contract: bytes) -> None:
        """Say at which AttestationRegistry attestations about this log stand; once said it does not change."""
        with self._writing() as (connection, log):
            charter.bind_attestations(connection, log, contract)

    # -- documents -----------------------------------------------------------------------------------------

    def acceptance(self, event_id: str, *, party: str | None = None) -> bytes:
        """The signed acceptance of an event; the same bytes whenever it is asked for.

        This and the other documents raise :class:`~ledger.errors.IntegrityError`, which names the place, where the
        database is damaged: what would not verify is not signed.
        """
        with stumbling(self.store), self._reading() as (connection, log):
            return issue.acceptance(connection, log, _find(connection, log, event_id, party))

    def acceptances(self, appended: Appended) -> list[bytes]:
        """The acceptance of each event that an append accepted, in its order; of repeated ones the first."""

        def stored(indexes: list[int]) -> dict[int, bytes]:
            with self._reading() as (connection, log):
                return issue.acceptances(connection, log, indexes)

        return appended.acceptances(stored)

    def receipt(self, event_id: str, *, party: str | None = None, disclosed: bool = True) -> bytes:
        """The event's receipt, issued at the first call after a checkpoint covers it and stored from then on.

        Without ``disclosed`` it opens no private field; for a record without any both are one.
        """
        if party is not None and disclosed:
            with self.store.ask() as connection:
                issued = trees.receipt_of(connection, self._id, party, event_id)
            if issued is not None:
                return issued
        with stumbling(self.store):
            with self._reading() as (connection, log):
                row = _find(connection, log, event_id, party)
            return self._issuer.receipt(row, disclosed=disclosed)

    def receipts(self, rows: Sequence[tuple[RecordRow, bool]]) -> list[bytes]:
        """The receipts of these published records that are not erased, each with or without its private fields."""
        with stumbling(self.store):
            return self._issuer.receipts(rows)

    def prove_claim(self, claim: str, *, size: int | None = None) -> bytes:
        """A claim's place in the register of a published size (default: the newest), present or absent.

        ``claim`` is the asset key in hex, or ``LOAN/CLAIM``.
        """
        with stumbling(self.store):
            return self._issuer.claim_proof(claim, size)

    def prove_seal(
        self,
        pool: str,
        claim: str,
        *,
        size: int | None = None,
        with_state: bool = True,
        progress: Progress | None = None,
    ) -> bytes:
        """A claim's place in the seal that the register of a published size (default: the newest) holds.

        ``claim`` as in :meth:`prove_claim`; ``with_state`` opens the claim's state at the sealed size.
        """
        with stumbling(self.store), self._reading() as (connection, log):
            snapshot = PoolSeals(connection, log, pool, progress=progress)
            return snapshot.prove(
                claim, size=size, with_state=with_state, vault=self.vault, service=self.service
            )

    def trust_root(self, *, pinned: Sequence[tuple[int, bytes]] = ()) -> trust.TrustRoot:
        """The trust root as the ledger's facts are now, with these blocks (number, hash) pinned."""
        with self._reading() as (connection, log):
            return charter.trust_root(connection, log, pinned)

    # -- read ----------------------------------------------------------------------------------------------

    def checkpoint(self, size: int | None = None) -> bytes:
        """The signed checkpoint of this size, or the newest, verbatim."""
        return self._checkpoint(size).note

    def latest_checkpoint(self) -> tuple[int, bytes] | None:
        """(size, root) of the newest checkpoint."""
        with self._reading() as (connection, log):
            row = trees.checkpoint(connection, log.id)
        return (row.size, row.root) if row else None

    def root_of(self, size: int) -> bytes:
        """The root that the checkpoint of this size signed."""
        return self._checkpoint(size).root

    def checkpoint_sizes(self, after: int = 0) -> list[int]:
        """Published sizes above ``after``, ascending."""
        with self._reading() as (connection, log):
            return [row.size for row in trees.checkpoints_from(connection, log.id, after)]

    def consistency_proof(self, size1: int, size2: int) -> list[bytes]:
        """RFC 9162 proof that the tree of ``size2`` extends the one of ``size1``."""
        with self._reading() as (connection, log):
            return list(published.consistency(connection, log, size1, size2).proof)

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """A tile of the published tree; raises :class:`NotFoundError` beyond it."""
        with self._reading() as (connection, log):
            return published.tile(connection, log, level, n, width)

    def read_entries(self, n: int, width: int) -> bytes:
        """An entry bundle of the published tree; raises :class:`NotFoundError` beyond it."""
        with self._reading() as (connection, log):
            return published.entries(connection, log, n, width)

    def status(self) -> Status:
        """How far the log has come."""
        with self._reading() as (connection, log):
            return status.of_log(connection, log)

    def state_of(self, event_id: str, *, party: str | None = None) -> dict[str, Any]:
        """Where an event is on the ladder, with its index and digest."""
        with self._reading() as (connection, log):
            return status.of_record(connection, log, _find(connection, log, event_id, party))

    def parties(self) -> list[PartyRow]:
        """Every party of the log, by name."""
        with self._reading() as (connection, log):
            return logs.list_parties(connection, log.id)

    def pool(self, name: str) -> PoolSummary:
        """A pool as it stands now; raises :class:`NotFoundError`."""
        with self._reading() as (connection, log):
            return pools.summary(connection, log, name)

    def pool_seals(self, name: str) -> list[Recorded]:
        """The last seal of a pool in each currency; raises :class:`NotFoundError`."""
        with self._reading() as (connection, log):
            return PoolSeals(connection, log, name).recorded()

    def pools(self) -> list[PoolBrief]:
        """Every pool in a line, by name."""
        with self._reading() as (connection, log):
            return pools.briefs(connection, log)

    def known_loans(self, names: Iterable[str]) -> set[str]:
        """Which of these loan names the log has a record of."""
        with self._reading() as (connection, log):
            wanted = [f"loan:{name}" for name in names]
            return {name.removeprefix("loan:") for name in subjects.by_name(connection, log.id, wanted)}

    def row(self) -> LogRow:
        """The log's own row."""
        with self._reading() as (_, log):
            return log

    def _checkpoint(self, size: int | None) -> CheckpointRow:
        with self._reading() as (connection, log):
            return published.checkpoint(connection, log, size)

    @contextmanager
    def _reading(self) -> Iterator[tuple[ReadConnection, LogRow]]:
        """One snapshot, and the log's row in it."""
        with self.store.read() as connection:
            yield connection, logs.get(connection, self.origin)

    @contextmanager
    def _writing(self) -> Iterator[tuple[WriteConnection, LogRow]]:
        """One transaction, and the log's row locked in it."""
        with self.store.write() as connection:
            yield connection, logs.lock(connection, self.origin)


def _find(connection: ReadConnection, log: LogRow, event_id: str, party: str | None) -> RecordRow:
    """The record of an event; its party may be left out where only one has used the id."""
    parties = [party] if party else [one.name for one in logs.list_parties(connection, log.id)]
    found = sorted(records.find_ids(connection, log.id, [(one, event_id) for one in parties]).values())
    if not found:
        raise NotFoundError(f"no event {event_id!r}" + (f" of party {party!r}" if party else ""))
    if len(found) > 1:
        names = ", ".join(row.party for row in found)
        raise NotFoundError(f"event {event_id!r} is of several parties ({names}): name one")
    return found[0]
