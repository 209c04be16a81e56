"""The records of a mirror: those shown, each held against its entry, and of all others the digest.

What subjects they are of, and which claims the loans have, is read from the records themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ledger.audit.findings import Evidence, Notes
from ledger.domain import record
from ledger.domain.admission import brought_keys
from ledger.domain.events.corrections import SubjectErased
from ledger.domain.events.terms import Terms
from ledger.domain.events.transfers import Transfer
from ledger.domain.record import Record
from ledger.errors import MalformedError
from ledger.mirror.entries import Entries
from ledger.mirror.folder import Folder, RecordFile
from ledger.mirror.form import RANGE, RecordForm, ranges
from ledger.proofs.canonical import sha256
from ledger.store.records import RecordRow

#: The subject of records that are not shown.
NOBODY: Final = 1
_ERASURE: Final = b'"type\\":\\"subject.erased\\"'
_BEGIN: Final = frozenset({"loan.originated", "loan.opened", "loan.disbursed"})


class _Outline(msgspec.Struct, frozen=True, gc=False):
    """What a row needs of a record."""

    id: str
    party: str
    seq: int
    subject: str
    type: str


@dataclass(slots=True)
class Subject:
    """A subject as its records show it."""

    id: int
    name: str
    count: int = 0
    head: bytes | None = None
    last_index: int = 0
    erased: bool = False


@dataclass(slots=True)
class Shown:
    """What the records say. ``keys`` are (loan, claim) → (asset key, index of the record that brought it);
    ``pledged`` the (loan, claim) that records of the pool name; ``dark`` the indexes that are neither shown nor erased.
    """

    pool: str
    entries: Entries
    notes: Notes
    subjects: dict[str, Subject] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[bytes, int]] = field(default_factory=dict)
    pledged: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    records: int = 0
    dark: int = 0
    first_dark: int | None = None
    first_erased: int | None = None
    _claims: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _erased: dict[int, tuple[str, int]] = field(default_factory=dict)

    def subject(self, name: str) -> Subject:
        """The subject of this name, begun if it is new."""
        found = self.subjects.get(name)
        if found is None:
            found = self.subjects[name] = Subject(NOBODY + 1 + len(self.subjects), name)
        return found

    def read(self, folder: Folder, size: int) -> Iterator[list[RecordRow]]:
        """The rows of all records below ``size``, a range at a time."""
        files = folder.record_files(self.pool, size)
        self._read_erasures(folder, files)
        of_range: dict[int, list[RecordFile]] = {}
        for file in files:
            of_range.setdefault(file.start // RANGE, []).append(file)
        for start, stop in ranges(0, size):
            told = {
                one.index: one.record.encode()
                for file in of_range.get(start // RANGE, ())
                for one in folder.items(file.name, RecordForm)
            }
            yield list(self._rows(told, start, stop))

    # -- one by one ----------------------------------------------------------------------------------------

    def _rows(self, told: dict[int, bytes], start: int, stop: int) -> Iterator[RecordRow]:
        for index in range(start, stop):
            digest = self.entries.digest(index)
            if digest is None:
                continue
            row = self._row(index, digest, told[index]) if index in told else None
            yield row or self._unshown(index, digest)

    def _row(self, index: int, digest: bytes, raw: bytes) -> RecordRow | None:
        """The row of a record that was shown; None, and a finding, where it is not the one that is committed."""
        evidence = [Evidence(index, digest.hex())]
        found = sha256(raw)
        if found != digest:
            self.notes.find(
                "record.altered", "log", evidence=evidence, found=found.hex(), committed=digest.hex()
            )
            return None
        try:
            outline = msgspec.json.decode(raw, type=_Outline)
            one = record.parse(raw) if self._is_read(outline) else None
        except (msgspec.MsgspecError, MalformedError) as error:
            self.notes.find("record.malformed", "log", evidence=evidence, reason=str(error))
            return None
        subject = self.subject(outline.subject)
        if one is not None:
            self._learn(index, one)
        self.records += 1
        subject.count, subject.head, subject.last_index = subject.count + 1, digest, index
        return RecordRow(index, subject.id, outline.seq, outline.party, outline.id, digest, raw)

    def _is_read(self, outline: _Outline) -> bool:
        return outline.type in _BEGIN or outline.subject in ("log", f"pool:{self.pool}")

    def _unshown(self, index: int, digest: bytes) -> RecordRow:
        name, seq = self._erased.get(index, (None, 0))
        if name is None:
            self.dark += 1
            self.first_dark = index if self.first_dark is None else self.first_dark
            return RecordRow(index, NOBODY, index, "", str(index), digest, None)
        self.first_erased = index if self.first_erased is None else self.first_erased
        subject = self.subject(name)
        subject.erased = True
        subject.count, subject.head, subject.last_index = subject.count + 1, digest, index
        return RecordRow(index, subject.id, seq, "", str(index), digest, None)

    def _learn(self, index: int, one: Record) -> None:
        """Claims of a loan, their asset keys, and what the pool's records name."""
        loan = one.subject.removeprefix("loan:")
        if isinstance(one.event, Terms):
            self._claims[loan] = tuple(claim.claim for claim in one.event.claims)
        for claim, key in brought_keys(one.origin, loan, one.event, self._claims.get(loan, ())):
            self.keys.setdefault((loan, claim), (key, index))
        if isinstance(one.event, Transfer) and one.subject == f"pool:{self.pool}":
            for item in one.event.claims:
                self.pledged.setdefault((item.loan, item.claim), Evidence(index, one.digest.hex()))

    # -- erasures ------------------------------------------------------------------------------------------

    def _read_erasures(self, folder: Folder, files: Iterable[RecordFile]) -> None:
        """What the log's own records say was erased, by exactly the digests that are committed."""
        for file in files:
            if _ERASURE not in (folder.path / file.name).read_bytes():
                continue
            for one in folder.items(file.name, RecordForm):
                raw = one.record.encode()
                if b'"type":"subject.erased"' in raw and sha256(raw) == self.entries.digest(one.index):
                    self._erase(record.parse(raw))

    def _erase(self, one: Record) -> None:
        event = one.event
        if not isinstance(event, SubjectErased):
            return
        loan = event.subject.removeprefix("loan:")
        for seq, (index, digest) in enumerate(event.records):
            if self.entries.digest(index) == bytes.fromhex(digest):
                self._erased[index] = (event.subject, seq)
        for claim in event.claims:
            if claim.asset_key is not None:
                self.keys[loan, claim.claim] = bytes.fromhex(claim.asset_key), event.records[0][0]
