"""The check itself: the entries are walked and replayed, and what they leave is held against what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ledger import register
from ledger.audit import damage
from ledger.audit.fsck.outbox import Contract, Seen, look
from ledger.audit.fsck.problems import Report
from ledger.audit.fsck.replay import Replay
from ledger.audit.fsck.standing import Standing
from ledger.charter import trust_root
from ledger.domain.admission import Party
from ledger.domain.record import parse, private_digest
from ledger.errors import ConfigurationError, IntegrityError, MalformedError, PoolproofError
from ledger.issue import place
from ledger.proofs import canonical, tiles
from ledger.proofs.checkpoint import open_checkpoint
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.proofs.trust import TrustRoot
from ledger.store import ReadConnection, anchors, logs, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.sieve import Misfit
from ledger.store.subjects import ClaimRow
from ledger.store.trees import RegisterRow
from ledger.vault import unseal

if TYPE_CHECKING:
    from ledger.log import Ledger

#: Entries between two looks at the tiles: a full tile's worth, so that each is compared once. Disclosures are read so
#: many at a time, too.
CHUNK = tiles.WIDTH
#: What is read of the database.
TABLES: Final = (
    *damage.TABLES, "parties", "verifier_keys", "trust_roots", "disclosures", "batches", "receipts", "seal_chunks",
    "anchors", "anchor_transactions",
)  # fmt: skip

Progress = Callable[[int, int], None]


def fsck(
    ledger: Ledger,
    *,
    contract: Contract | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Report:
    """Check the whole log; ``contract`` None leaves the chain out and the report says so.

    Raises :class:`IntegrityError` where the log's own row, its keys or parties are damaged: nothing can be checked
    without them; and :class:`UnavailableError` where the chain does not answer.
    """
    # Before the database: what is anchored while this runs would look like a database from an older backup.
    seen = None if contract is None else look(contract, first_block=_first_block(ledger))
    with damage.readable(ledger.store, TABLES) as (store, found), store.read() as connection:
        return _Check(ledger, connection, progress, found).run(seen)


class _Check:
    """One run, on one snapshot of the database."""

    def __init__(
        self, ledger: Ledger, connection: ReadConnection, progress: Progress, found: Sequence[Misfit]
    ) -> None:
        self.connection = connection
        self.log: LogRow = logs.get(connection, ledger.origin)
        self.vault = ledger.vault
        self.progress = progress
        self.report = Report(origin=self.log.origin, size=self.log.size)
        for one in found:
            self.report.add("store", one.place, f"{one.found} stands there")
        self.size = self._walked()
        self.trust = _trust(connection, self.log)
        self.names = subjects.all_rows(connection, self.log.id)
        self.sealed: dict[int, bytes] = {}  # disclosures of the records that are being walked
        self.replay = Replay(
            self.log.origin,
            self.log.zone,
            self.log.day_cut,
            ledger.vault,
            {
                p.name: Party(p.name, frozenset(p.roles), p.keys)
                for p in logs.list_parties(connection, self.log.id)
            },
            self.names,
            lambda subject, before: records.of_subject(connection, subject, before=before),
            self._places(),
        )

    def run(self, seen: Seen | None) -> Report:
        """Walk the entries, then compare what they leave with what is stored."""
        size = 0
        edge: Mapping[int, bytes] = {}
        leaves: list[bytes] = []
        for index, entry in self._entries():
            leaves.append(leaf_hash(entry))
            closing = index + 1 == self.size or len(entry) != len(record_entry(bytes(32)))
            if closing or (index + 1) % CHUNK == 0:
                grown = tiles.extend(size, edge, leaves)
                size, edge, leaves = grown.size, grown.edge, []
                self._check_tiles(grown)
                self.progress(size, self.size)
                if closing and self.report.registers:
                    self._check_checkpoint(grown)
        Standing(
            connection=self.connection,
            log=self.log,
            vault=self.vault,
            trust=self.trust,
            names=self.names,
            replay=self.replay,
            report=self.report,
        ).check(seen)
        return self.report

    def _walked(self) -> int:
        """How many entries are looked at: the log's size, unless far fewer stand in the database."""
        last = trees.greatest_entry(self.connection, self.log.id)
        if self.log.size <= last + 1 + CHUNK:
            return self.log.size
        self.report.add("log", self.log.origin, f"its size is {self.log.size}, its last entry is at {last}")
        return last + 1

    # -- entries -------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        """(index, entry) as the records and the replayed map give them; a gap gets an entry that fits nothing."""
        registers = {
            row.index: row for row in trees.registers_between(self.connection, self.log.id, 0, self.log.size)
        }
        rows = records.between(self.connection, self.log.id, 0, self.log.size)
        row = next(rows, None)
        for index in range(self.size):
            if index % CHUNK == 0:
                self.sealed = records.sealed_between(self.connection, self.log.id, index, index + CHUNK)
            if row is not None and row.index == index:
                yield index, self._record(row)
                row = next(rows, None)
            elif index in registers:
                yield index, self._register(registers[index])
            else:
                self.report.add("gap", f"entry {index}", "neither a record nor a register stands here")
                yield index, b""

    def _record(self, row: RecordRow) -> bytes:
        self.report.records += 1
        subject = self.names.get(row.subject_id)
        if row.record is None and subject is not None and subject.secret is None:
            self.report.erased += 1
        for message in self.replay.take(row):
            self.report.add("record", f"entry {row.index} ({row.event_id})", message)
        self._check_disclosures(row)
        digest = canonical.sha256(bytes(row.record)) if row.record is not None else bytes(row.digest)
        return record_entry(digest)

    def _check_disclosures(self, row: RecordRow) -> None:
        sealed = self.sealed.get(row.index) if row.record else None
        subject = self.names.get(row.subject_id)
        try:
            committed = _committed(row)
        except damage.UNREADABLE:
            return  # that its bytes are no record is said already
        if sealed is None and not committed:
            return
        where = f"entry {row.index} ({row.event_id})"
        if sealed is None or subject is None or subject.secret is None:
            self.report.add(
                "disclosure",
                where,
                f"{len(committed)} private fields are committed, their disclosures are gone",
            )
            return
        try:
            secret = self.vault.unwrap(bytes(subject.secret), subject.name)
            opened = unseal(secret, place(self.log.origin, row.party, row.event_id), bytes(sealed))
        except PoolproofError as error:
            self.report.add("disclosure", where, str(error))
            return
        if sorted(private_digest(list(one)) for one in opened) != committed:
            self.report.add("disclosure", where, "what opens is not what the record commits to")

    def _register(self, row: RegisterRow) -> bytes:
        self.report.registers += 1
        where = f"register at {row.index}"
        try:
            self.replay.publish(row.index + 1, lambda key: register.lookup(self._pages, row.page, key).value)
        except damage.UNREADABLE as error:
            self.report.add("register", where, f"its values cannot be made again: {error}")
        if (row.root, row.count) != (self.replay.root, self.replay.count):
            self.report.add(
                "register", where, f"root {bytes(row.root).hex()} of {row.count} keys, "
                f"the records give {self.replay.root.hex()} of {self.replay.count}"
            )  # fmt: skip
        self._check_pages(row, where, last=row.index + 1 == self.log.published)
        return RegisterEntry(index=row.index, count=self.replay.count, root=self.replay.root).encode()

    def _check_pages(self, row: RegisterRow, where: str, *, last: bool) -> None:
        """The stored pages give the register's root; those of the newest are read to the last leaf."""
        read = self._pages
        try:
            if register.root_of(read, row.page) != row.root:
                self.report.add("register", where, f"its root page {row.page} has another root")
            if last and register.fold(read, row.page)[0] != row.root:
                self.report.add("register", where, "its leaves give another root")
        except PoolproofError as error:
            self.report.add("register", where, str(error))

    def _pages(self, ids: Iterable[int]) -> dict[int, bytes]:
        return trees.pages(self.connection, self.log.id, ids)

    def _places(self) -> dict[int, list[ClaimRow]]:
        """Stored places of the claims of erased loans."""
        places: dict[int, list[ClaimRow]] = {row.id: [] for row in self.names.values() if row.secret is None}
        for claim in subjects.claims_of(self.connection, places):
            places[claim.subject_id].append(claim)
        return places

    def _check_tiles(self, grown: tiles.Growth) -> None:
        for level, changed in grown.tiles.items():
            for n, hashes in changed.items():
                stored = trees.tile(self.connection, self.log.id, level, n)
                if stored is None or bytes(stored[: len(hashes)]) != hashes:
                    self.report.add(
                        "tile", tiles.tile_path(level, n, len(hashes) // 32), "is not what the records give"
                    )

    def _check_checkpoint(self, grown: tiles.Growth) -> None:
        row = trees.checkpoint(self.connection, self.log.id, grown.size)
        where = f"checkpoint {grown.size}"
        if row is None:
            if grown.size <= self.log.published:
                self.report.add("checkpoint", where, "a register entry without its checkpoint")
            return
        self.report.checkpoints += 1
        verifiers = [span.verifier for span in self.trust.log_keys if span.covers(row.size)]
        try:
            signed = open_checkpoint(bytes(row.note), self.log.origin, verifiers).checkpoint
        except PoolproofError as error:
            self.report.add("checkpoint", where, str(error))
            return
        if not (signed.size == row.size and signed.root == row.root == grown.root()):
            self.report.add(
                "checkpoint",
                where,
                f"signs {signed.root.hex()} at {signed.size}, the records give {grown.root().hex()}",
            )


def _first_block(ledger: Ledger) -> int:
    """Where the anchors' events begin, as far as the outbox tells; from the first block where it does not."""
    with ledger.store.read() as connection:
        found = anchors.first_block(connection, logs.get(connection, ledger.origin).id)
    return found if isinstance(found, int) else 0


def _committed(row: RecordRow) -> list[str]:
    """Digests of the record's private fields."""
    if not row.record or b'"private":[]' in row.record:
        return []
    return parse(bytes(row.record)).private


def _trust(connection: ReadConnection, log: LogRow) -> TrustRoot:
    """The log's own facts in the form that verifiers read; without them nothing that is signed can be checked."""
    try:
        return TrustRoot.parse(trust_root(connection, log, ()).encode())
    except (MalformedError, ConfigurationError) as error:
        raise IntegrityError(
            f"the keys, parties or chain of {log.origin} are damaged in the database: {error}"
        ) from error
