"""One log in one database: append → include → publish → prove.

:class:`Ledger` is the door that the command line, the API and the workers go through. What happens behind it
is in rooms of its own: :mod:`ledger.sequence` (the append transaction), :mod:`ledger.publish` (register and
checkpoint), :mod:`ledger.issue` (signed documents), :mod:`ledger.tree` (tiles and proofs).

A record's life: **recorded → included → published → anchored → final**. Recording and including are one
transaction here, so an accepted event is included when ``append`` returns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger import issue, publish, seals
from ledger.append import Accepted
from ledger.cut import Progress
from ledger.domain import calendar
from ledger.domain.events import Submission
from ledger.erasure import Eraser
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    RefusedError,
    TakenError,
    UnavailableError,
    UnpublishedError,
)
from ledger.issue import Issuer, PoolBrief, PoolSummary
from ledger.proofs import tiles, trust
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.note import Signer, Verifier
from ledger.seals import PoolSeals, Recorded
from ledger.sequence import MAX_UNPUBLISHED, Appended, Line, OnError, Sequencer, read_line
from ledger.store import Store, anchors, logs, migrations, records, subjects, trees
from ledger.store.logs import ChainRow, KeyRow, LogRow, PartyRow
from ledger.store.records import RecordRow
from ledger.store.trees import CheckpointRow
from ledger.tree import read_tile, tree_at
from ledger.vault import Vault

#: By when an accepted record is promised to be under an anchor; the acceptance carries the moment.
ANCHOR_WITHIN = timedelta(hours=24)

#: Years for which a loan's records are kept after its end (the setting `retention_years` says why).
RETENTION_YEARS = 5

Clock = Callable[[], datetime]
#: Called with events that were refused as taken, each with its refusal.
OnTaken = Callable[[Sequence[tuple[Submission, TakenError]]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far the log has come on each rung of the ladder; sizes are entries, times the ledger's."""

    origin: str
    size: int
    published: int
    published_at: str | None
    anchored: int
    final: int
    pending: int
    last_posted: str | None
    register_count: int
    chain: ChainRow | None


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
        self._id = self._log().id  # fails now, not at the first event

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
        """Make a new log with its keys. Raises :class:`ConfigurationError` for an ill-formed origin, and for a database
        that has a log: one carries one, whose ids are its own.
        """
        check_origin(origin)
        calendar.business_date(clock(), zone, day_cut)  # refuses an unknown zone or an ill-formed cut
        migrations.upgrade(store)
        with store.write() as connection:
            there = logs.origins(connection)
            if there:
                raise ConfigurationError(
                    f"origin: this database has the log {there[0]!r}; give {origin!r} a database of its own"
                )
            log_id = logs.create(connection, origin=origin, zone=zone, day_cut=day_cut)
            logs.put_key(connection, log_id, KeyRow("log", signer.verifier.vkey, 0, None))
            logs.put_key(connection, log_id, KeyRow("service", service.verifier.vkey, 0, None))
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
        taken = [error for error in refusals if isinstance(error, TakenError) and error.line is not None]
        if self.on_taken is None or dry_run or not taken:
            return
        read = [
            (read_line(batch[error.line - 1], party, self.origin), error) for error in taken if error.line
        ]
        with suppress(UnavailableError):  # the refusal is the answer, whether it can be told of or not
            self.on_taken(read)

    def publish(self, *, every: timedelta = timedelta(0)) -> CheckpointRow | None:
        """End the tree in its register entry and sign a checkpoint; None if nothing is new.

        None too while the newest checkpoint is younger than ``every``, so that several who publish make no more.
        """
        if self.signer is None:
            raise ConfigurationError("this process does not hold the checkpoint key")
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            now = self.clock()
            newest = trees.checkpoint(connection, log.id) if every else None
            # One that a clock ahead of this one has dated says nothing about the time since.
            if newest and timedelta(0) <= now - calendar.parse_instant(newest.published) < every:
                return None
            stamp = calendar.format_instant(now)
            return publish.publish(connection, log, vault=self.vault, signer=self.signer, now=stamp)

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
        with self.store.read() as connection:
            log = logs.get(connection, self.origin)
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
        issue.check_party(name, roles, keys)
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            logs.put_party(connection, log.id, PartyRow(name, tuple(sorted(roles)), tuple(keys)))

    def bind_chain(self, chain: ChainRow) -> None:
        """Say where the log is anchored; once said it does not change."""
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            if log.chain is not None and log.chain != chain:
                raise ConfigurationError(f"{self.origin} is anchored at 0x{log.chain.contract.hex()} already")
            logs.bind(connection, log.id, chain)

    def bind_attestations(self, contract: bytes) -> None:
        """Say at which AttestationRegistry attestations about this log stand; once said it does not change."""
        with self.store.write() as connection:
            log = logs.lock(connection, self.origin)
            if log.attestations not in (None, contract):
                raise ConfigurationError(
                    f"{self.origin} has its attestations at 0x{log.attestations.hex()} already"
                )
            logs.bind_attestations(connection, log.id, contract)

    # -- documents -----------------------------------------------------------------------------------------

    def acceptance(self, event_id: str, *, party: str | None = None) -> bytes:
        """The signed acceptance of an event; the same bytes whenever it is asked for."""
        with self.store.read() as connection:
            log, row = self._find(connection, event_id, party)
            return issue.acceptance(connection, log, row)

    def acceptances(self, appended: Appended) -> list[bytes]:
        """The acceptance of each event that an append accepted, in its order; of repeated ones the first."""
        first = min(appended.signed, default=None)
        old = [one.index for one in appended.accepted if first is None or one.index < first]
        stored: dict[int, bytes] = {}
        if old:
            with self.store.read() as connection:
                stored = issue.acceptances(connection, logs.get(connection, self.origin), old)
        # Signatures cover the records of a batch part by part: the part that begins last before an index has it.
        parts = sorted(appended.signed)

        def printed(one: Accepted) -> bytes:
            printer = appended.signed[parts[bisect_right(parts, one.index) - 1]]
            return printer.encode(index=one.index, event_id=one.id, party=one.party, digest=one.digest)

        return [stored.get(one.index) or printed(one) for one in appended.accepted]

    def receipt(self, event_id: str, *, party: str | None = None, disclosed: bool = True) -> bytes:
        """The event's receipt, issued at the first call after a checkpoint covers it and stored from then on.

        Without ``disclosed`` it opens no private field; for a record without any both are one.
        """
        if party is not None and disclosed:
            with self.store.ask() as connection:
                issued = trees.receipt_of(connection, self._id, party, event_id)
            if issued is not None:
                return issued
        with self.store.read() as connection:
            _, row = self._find(connection, event_id, party)
        return self._issuer.receipt(row, disclosed=disclosed)

    def prove_claim(self, claim: str, *, size: int | None = None) -> bytes:
        """A claim's place in the register of a published size (default: the newest), present or absent.

        ``claim`` is the asset key in hex, or ``LOAN/CLAIM``.
        """
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
        with self.store.read() as connection:
            snapshot = PoolSeals(connection, logs.get(connection, self.origin), pool, progress=progress)
            return snapshot.prove(
                claim, size=size, with_state=with_state, vault=self.vault, service=self.service
            )

    def trust_root(self, *, pinned: Sequence[tuple[int, bytes]] = ()) -> trust.TrustRoot:
        """The trust root as the ledger's facts are now, with these blocks (number, hash) pinned."""
        with self.store.read() as connection:
            return issue.trust_root(connection, logs.get(connection, self.origin), pinned)

    # -- read ----------------------------------------------------------------------------------------------

    def checkpoint(self, size: int | None = None) -> bytes:
        """The signed checkpoint of this size, or the newest, verbatim."""
        return self._checkpoint(size).note

    def latest_checkpoint(self) -> tuple[int, bytes] | None:
        """(size, root) of the newest checkpoint."""
        with self.store.read() as connection:
            row = trees.checkpoint(connection, self._log().id)
        return (row.size, row.root) if row else None

    def root_of(self, size: int) -> bytes:
        """The root that the checkpoint of this size signed."""
        return self._checkpoint(size).root

    def checkpoint_sizes(self, after: int = 0) -> list[int]:
        """Published sizes above ``after``, ascending."""
        with self.store.read() as connection:
            return [row.size for row in trees.checkpoints_from(connection, self._log().id, after)]

    def consistency_proof(self, size1: int, size2: int) -> list[bytes]:
        """RFC 9162 proof that the tree of ``size2`` extends the one of ``size1``."""
        with self.store.read() as connection:
            return list(
                tree_at(connection, logs.get(connection, self.origin).id, size2).consistency_proof(size1)
            )

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """A tile of the published tree; raises :class:`NotFoundError` beyond it."""
        with self.store.read() as connection:
            log = logs.get(connection, self.origin)
            if (
                not 0 < width <= tiles.WIDTH
                or n < 0
                or (n * tiles.WIDTH + width) << (tiles.HEIGHT * level) > log.published
            ):
                raise NotFoundError(
                    f"tile {level}/{n} of width {width}: the published tree has {log.published} entries"
                )
            return read_tile(connection, log.id, level, n)[: 32 * width]

    def read_entries(self, n: int, width: int) -> bytes:
        """An entry bundle of the published tree; raises :class:`NotFoundError` beyond it."""
        with self.store.read() as connection:
            log = logs.get(connection, self.origin)
            start, stop = n * tiles.WIDTH, n * tiles.WIDTH + width
            if not 0 < width <= tiles.WIDTH or n < 0 or stop > log.published:
                raise NotFoundError(
                    f"entries {n} of width {width}: the published tree has {log.published} entries"
                )
            entries = {
                i: record_entry(digest)
                for i, digest in records.digests_between(connection, log.id, start, stop).items()
            }
            for row in trees.registers_between(connection, log.id, start, stop):
                entries[row.index] = RegisterEntry(index=row.index, count=row.count, root=row.root).encode()
        return tiles.bundle([entries[i] for i in range(start, stop)])

    def status(self) -> Status:
        """How far the log has come."""
        with self.store.read() as connection:
            log = logs.get(connection, self.origin)
            newest = trees.checkpoint(connection, log.id)
            register = trees.register_at(connection, log.id, log.published - 1) if log.published else None
            return Status(
                origin=log.origin,
                size=log.size,
                published=log.published,
                published_at=newest.published if newest else None,
                anchored=anchors.newest_size(connection, log.id, "mined", "final"),
                final=anchors.newest_size(connection, log.id, "final"),
                pending=log.size - log.published,
                last_posted=log.posted or None,
                register_count=register.count if register else 0,
                chain=log.chain,
            )

    def state_of(self, event_id: str, *, party: str | None = None) -> dict[str, Any]:
        """Where an event is on the ladder, with its index and digest."""
        with self.store.read() as connection:
            log, row = self._find(connection, event_id, party)
            reached = "included"
            if row.index < log.published:
                reached = "published"
            if row.index < anchors.newest_size(connection, log.id, "mined", "final"):
                reached = "anchored"
            if row.index < anchors.newest_size(connection, log.id, "final"):
                reached = "final"
        return {
            "id": event_id,
            "party": row.party,
            "index": row.index,
            "digest": row.digest.hex(),
            "state": reached,
        }

    def parties(self) -> list[PartyRow]:
        """Every party of the log, by name."""
        with self.store.read() as connection:
            return logs.list_parties(connection, logs.get(connection, self.origin).id)

    def pool(self, name: str) -> PoolSummary:
        """A pool as it stands now; raises :class:`NotFoundError`."""
        with self.store.read() as connection:
            return issue.pool_summary(connection, logs.get(connection, self.origin), name)

    def pool_seals(self, name: str) -> list[Recorded]:
        """The last seal of a pool in each currency; raises :class:`NotFoundError`."""
        with self.store.read() as connection:
            return PoolSeals(connection, logs.get(connection, self.origin), name).recorded()

    def pools(self) -> list[PoolBrief]:
        """Every pool in a line, by name."""
        with self.store.read() as connection:
            return issue.pool_briefs(connection, logs.get(connection, self.origin))

    def known_loans(self, names: Iterable[str]) -> set[str]:
        """Which of these loan names the log has a record of."""
        with self.store.read() as connection:
            wanted = [f"loan:{name}" for name in names]
            return {
                name.removeprefix("loan:") for name in subjects.by_name(connection, self._log().id, wanted)
            }

    def verifiers(self) -> list[Verifier]:
        """The keys that checkpoints of this log are signed with."""
        with self.store.read() as connection:
            return [
                Verifier.parse(row.key)
                for row in logs.list_keys(connection, self._log().id)
                if row.kind == "log"
            ]

    def row(self) -> LogRow:
        """The log's own row."""
        return self._log()

    def _log(self) -> LogRow:
        with self.store.read() as connection:
            return logs.get(connection, self.origin)

    def _checkpoint(self, size: int | None) -> CheckpointRow:
        with self.store.read() as connection:
            row = trees.checkpoint(connection, logs.get(connection, self.origin).id, size)
        if row is None:
            what = "no checkpoint is published yet" if size is None else f"no checkpoint of size {size}"
            raise NotFoundError(f"{self.origin}: {what}")
        return row

    def _find(self, connection: Any, event_id: str, party: str | None) -> tuple[LogRow, RecordRow]:
        log = logs.get(connection, self.origin)
        parties = [party] if party else [one.name for one in logs.list_parties(connection, log.id)]
        found = sorted(records.find_ids(connection, log.id, [(one, event_id) for one in parties]).values())
        if not found:
            raise NotFoundError(f"no event {event_id!r}" + (f" of party {party!r}" if party else ""))
        if len(found) > 1:
            names = ", ".join(row.party for row in found)
            raise NotFoundError(f"event {event_id!r} is of several parties ({names}): name one")
        return log, found[0]


def check_origin(origin: str) -> None:
    """Raise :class:`ConfigurationError` unless ``origin`` can name a log: ASCII, no space or ``+``, at most 255."""
    if (
        not origin
        or len(origin) > 255
        or not origin.isascii()
        or not origin.isprintable()
        or set(origin) & set(" +")
    ):
        raise ConfigurationError(
            f"origin {origin!r}: ASCII without space or '+', 1 to 255 characters, like bank.example/pool-2026"
        )
