"""What stands in the store beside the entries, against what the records leave: states, places, promises, anchors.

The entries have been walked and replayed when :func:`check` is called; here the rows are compared that no tree
commits to by themselves, because the next append, pledge or receipt would be built on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest

from ledger.audit.damage import UNREADABLE
from ledger.audit.fsck.outbox import Outbox, Seen
from ledger.audit.fsck.problems import Report
from ledger.audit.fsck.replay import Replay
from ledger.domain import erasure, loans
from ledger.errors import MalformedError, PoolproofError
from ledger.issue import batch_of, batch_tree
from ledger.proofs import canonical, sumtree
from ledger.proofs.documents import DetachedSignature, KeyName, check_signature
from ledger.proofs.receipt import Receipt
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verify import verify_receipt
from ledger.seals import split_leaves
from ledger.store import ReadConnection, logs, records, seals, subjects, trees
from ledger.store import erasure as contents
from ledger.store.logs import LogRow
from ledger.store.subjects import SubjectRow
from ledger.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run: the snapshot, what the records give, and where problems go."""

    connection: ReadConnection
    log: LogRow
    vault: Vault
    trust: TrustRoot
    names: dict[int, SubjectRow]
    replay: Replay
    report: Report
    #: sizes under which receipts stand, with the entry of one of them
    stood: dict[int, int] = field(default_factory=dict)

    def check(self, seen: Seen | None) -> None:
        """Compare all of it; ``seen`` is what the contract says, None where it was not asked."""
        outbox = Outbox(connection=self.connection, log=self.log, report=self.report)
        for code, step in (
            ("log", self._log), ("trust", self._trust_roots), ("subject", self._subjects), ("claim", self._claims),
            ("claim", self._encumbrances), ("erasure", self._erasures), ("batch", self._batches),
            ("receipt", self._receipts), ("seal", self._seals),
            ("anchor", lambda: outbox.check(self.stood)),
        ):  # fmt: skip
            try:
                step()
            except UNREADABLE as error:
                self.report.add(code, self.log.origin, f"the rest of it cannot be read: {error}")
        if seen is not None:
            outbox.compare(seen)

    # -- the log's own row ---------------------------------------------------------------------------------

    def _log(self) -> None:
        """The counters and pointers that the next append and the next publish start from."""
        connection, log = self.connection, self.log
        newest = trees.register_at(connection, log.id, log.published - 1) if log.published else None
        if log.register_page != (newest.page if newest else 0):
            self._row("its register page is not that of the newest register")
        if log.next_page <= trees.greatest_page(connection, log.id):
            self._row("its next register page is taken")
        if log.next_subject <= max(self.names, default=0):
            self._row("its next subject id is taken")
        batches = records.all_batches(connection, log.id)
        if log.posted != (batches[-1].posted if batches else ""):
            self._row("its clock is not that of the newest batch")

    def _row(self, message: str) -> None:
        self.report.add("log", self.log.origin, message)

    def _trust_roots(self) -> None:
        """Each trust root that was issued is as it was, and the newest is of this log on this chain."""
        rows = logs.trust_roots_of(self.connection, self.log.id)
        self.report.trust_roots = len(rows)
        if [number for number, _, _ in rows] != list(range(len(rows))):
            self.report.add("trust", self.log.origin, "a trust root that was issued is missing")
        there = {party.name for party in self.trust.parties if party.roles}
        for number, fingerprint, document in rows:
            where = f"trust root {number}"
            if canonical.sha256(document) != fingerprint:
                self.report.add("trust", where, "its document has another fingerprint")
                continue
            try:
                issued = TrustRoot.parse(document)
            except PoolproofError as error:
                self.report.add("trust", where, str(error))
                continue
            fixed = (self.trust.origin, self.trust.zone, self.trust.day_cut)
            chain = issued.chain or self.trust.chain  # a log may go on chain after its first trust root
            if (issued.origin, issued.zone, issued.day_cut) != fixed or chain != self.trust.chain:
                self.report.add(
                    "trust", where, "origin, zone, day cut or chain are not those of the log's row"
                )
            # Keys and roles change; who was a party stays one.
            for name in sorted({party.name for party in issued.parties} - there):
                self.report.add("trust", where, f"names the party {name}, which is gone or has no role")

    # -- subjects and claims -------------------------------------------------------------------------------

    def _subjects(self) -> None:
        for subject, stored in self.names.items():
            if subject not in self.replay.chains:
                self.report.add("subject", stored.name, "has no record")
                continue
            derived = self.replay.row(subject)
            if stored.secret is None:
                derived = derived._replace(state=self._rest(stored))
            if tuple(stored) != tuple(derived):
                self.report.add(
                    "subject", stored.name, "count, head, last index or state differ from its records"
                )
            self._secret(stored)

    def _rest(self, stored: SubjectRow) -> bytes:
        """The state of an erased loan, which cannot be folded again: what its subject.erased tells."""
        said = self.replay.erasures.get(stored.name)
        if said is None:
            return stored.state  # that nothing tells of it is reported as such
        return loans.encode(erasure.left(said[1], self.log.origin))

    def _secret(self, stored: SubjectRow) -> None:
        if stored.secret is None:
            return
        try:
            self.vault.unwrap(bytes(stored.secret), stored.name)
        except PoolproofError as error:
            self.report.add("subject", stored.name, str(error))

    def _claims(self) -> None:
        stored = {bytes(row.asset_key): row for row in subjects.all_claims(self.connection, self.log.id)}
        for key in stored.keys() | self.replay.claims.keys():
            derived = self.replay.claims.get(key)
            row = stored.get(key)
            if derived is None or row is None or tuple(row) != tuple(derived):
                self.report.add("claim", key.hex(), "its place is not what the records give")

    def _encumbrances(self) -> None:
        """Who holds what through which pool is summed from these rows at the next pledge."""
        stored = subjects.all_encumbrances(self.connection, self.log.id)
        for key in stored.keys() | self.replay.steps.keys():
            pairs = zip_longest(stored.get(key, ()), self.replay.steps.get(key, ()))
            for number, (row, derived) in enumerate(pairs, start=1):
                if row is None or derived is None or tuple(row) != tuple(derived):
                    self.report.add(
                        "claim", key.hex(), f"version {number} of its history is not what the records give"
                    )

    def _erasures(self) -> None:
        """Erased is what the log says was erased: no more, no less."""
        erasures = self.replay.erasures
        for row in self.names.values():
            said = erasures.get(row.name)
            if said is None:
                if row.secret is None:
                    self.report.add("erasure", row.name, "its secret is gone, and no subject.erased says why")
            elif contents.remains(self.connection, self.log.id, row.id):
                message = f"record {said[0]} erased it, and something of it is here again"
                self.report.add("erasure", row.name, f"{message}: `poolproof erase --replay` takes it out")
            elif said[1].records != self.replay.gone.get(row.id):
                self.report.add("erasure", row.name, f"record {said[0]} names other records than are gone")
        for name in erasures.keys() - {row.name for row in self.names.values()}:
            self.report.add("erasure", name, f"record {erasures[name][0]} erased it, and it is no subject")

    # -- signed documents ----------------------------------------------------------------------------------

    def _batches(self) -> None:
        keys = [span.verifier for span in self.trust.service_keys]
        covered = 0
        for row in records.all_batches(self.connection, self.log.id):
            where = f"batch {row.first}"
            covered += row.count
            stored = list(records.between(self.connection, self.log.id, row.first, row.first + row.count))
            tree = batch_tree(stored) if stored else None
            if tree is None or (tree.count, tree.root) != (row.count, row.root):
                self.report.add("batch", where, "its records do not give the root that was signed")
                continue
            try:
                signature = DetachedSignature(key=KeyName(row.key), value=bytes(row.signature))
                check_signature(signature, batch_of(self.log, row).message(), keys, step="batch")
            except PoolproofError as error:
                self.report.add("batch", where, str(error))
        if covered != self.report.records:
            self.report.add(
                "batch", "all", f"{covered} records were accepted, {self.report.records} stand in the log"
            )

    def _seals(self) -> None:
        """The leaves that are kept of a seal are those of its record; where some are not, that is said."""
        kept = dict.fromkeys(seals.kept(self.connection, self.log.id), 0)
        for seal in kept:
            where = f"seal {seal.hex()}"
            total = self.replay.seals.get(seal)
            if total is None:
                self.report.add("seal", where, "leaves are kept, and no record made it")
                continue
            try:
                wrong, kept[seal] = self._leaves(seal, total)
            except (MalformedError, TypeError) as error:  # SQLite keeps text where bytes belong
                wrong = str(error)
            if wrong is not None:
                self.report.add("seal", where, wrong)
        for seal, total in self.replay.seals.items():
            if (count := kept.get(seal, 0)) < total.count:
                # A crash while they were stored, or a seal that was posted and not worked out here, leaves it so too.
                self.report.note(
                    "seal", f"seal {seal.hex()}",
                    f"{count} of its {total.count} leaves are kept: proofs of the others go back to the records, and"
                    " fail once one of its loans is erased; sealing the same again keeps them",
                )  # fmt: skip

    def _leaves(self, seal: bytes, total: sumtree.Node) -> tuple[str | None, int]:
        """What is wrong with the kept leaves of a seal, None if nothing, and how many there are."""
        tree = sumtree.SumRange()
        for n, row in enumerate(seals.chunks(self.connection, self.log.id, seal)):
            leaves = split_leaves(row.leaves)
            for leaf in leaves:
                tree.append(leaf)
            if (row.n, row.first, row.node) != (n, leaves[0].key, sumtree.root(leaves).encode()):
                return f"chunk {row.n} is not what its leaves give", total.count
        found = tree.root()
        wrong = "its leaves give another seal" if found.count >= total.count and found != total else None
        return wrong, found.count

    def _receipts(self) -> None:
        for index, document in trees.all_receipts(self.connection, self.log.id):
            self.report.receipts += 1
            try:
                verdict = verify_receipt(self.trust, document)
                if Receipt.parse(document).index != index:
                    self.report.add("receipt", f"entry {index}", "is of another entry")
                if verdict.size is not None:
                    self.stood.setdefault(verdict.size, index)
            except PoolproofError as error:
                self.report.add("receipt", f"entry {index}", str(error))
