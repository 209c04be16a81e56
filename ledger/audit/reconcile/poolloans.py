"""A pool's loans as the records have them at a size and at the close of a day, read a chunk at a time.

The memory that this takes does not grow with the pool: loans are asked for by name, some hundred at a time, and the
rest of the pool is gone through afterwards. Which claims the pool holds on a day is told by the effective days of its
own transfers, so that a file of an earlier month finds the pool as it was composed then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from ledger.audit import pool as pools
from ledger.audit.chains import all_there
from ledger.audit.pool import Pool
from ledger.domain import record
from ledger.domain.fold import unsuperseded
from ledger.domain.position import Life
from ledger.errors import MalformedError
from ledger.store import ReadConnection, records, subjects
from ledger.store.logs import LogRow
from ledger.store.records import RecordRow
from ledger.store.subjects import SubjectRow

#: Loans that are read together; a loan has tens of records of a kilobyte.
CHUNK: Final = 500
_BYTE_BITS: Final = 8
_HOLE: Final = "a record of the loan is missing or cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLoan:
    """A loan of the ledger, seen from a pool at the close of a day.

    ``held``: claim → ppm of it that the pool holds then. ``been``: whether it held any by then. ``life`` is None where
    nothing can be derived, and ``why`` says so.
    """

    id: int
    name: str
    held: dict[str, int]
    been: bool
    life: Life | None = None
    why: str = ""


class Marks:
    """A set of subject ids that takes a bit for each, since ids are dense."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Whether the number was new."""
        byte, bit = number // _BYTE_BITS, 1 << number % _BYTE_BITS
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1024 - len(self._bits)))
        new = not self._bits[byte] & bit
        self._bits[byte] |= bit
        return new

    def __contains__(self, number: int) -> bool:
        byte = number // _BYTE_BITS
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << number % _BYTE_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """A pool below ``size``, at the close of ``day``, and the way to its loans."""

    connection: ReadConnection
    log: LogRow
    pool: Pool
    size: int
    day: date

    @classmethod
    def open(cls, connection: ReadConnection, log: LogRow, name: str, *, size: int, day: date) -> PoolView:
        """Read the pool's own records. Raises :class:`NotFoundError`."""
        pool = pools.load(connection, log, name, before=size, as_of=day)
        return cls(connection=connection, log=log, pool=pool, size=size, day=day)

    def loans(self, names: Iterable[str]) -> dict[str, PoolLoan]:
        """Those of these loans that the ledger has, by name; some hundred at a time."""
        rows = subjects.by_name(self.connection, self.log.id, {f"loan:{name}" for name in names})
        return {loan.name: loan for loan in self._read(list(rows.values()))}

    def others(self, seen: Marks) -> Iterator[PoolLoan]:
        """Every loan of which the pool held a claim by the day, without those that are marked."""
        ids = (
            one
            for one in subjects.loans_of_pool(self.connection, self.log.id, self.pool.id, before=self.size)
            if one not in seen
        )
        while part := list(islice(ids, CHUNK)):
            rows = subjects.by_id(self.connection, part)
            yield from (loan for loan in self._read([rows[one] for one in part]) if loan.been)

    def _read(self, rows: list[SubjectRow]) -> Iterator[PoolLoan]:
        ids = [row.id for row in rows]
        held, been = self._holdings(ids)
        of_loan: dict[int, list[RecordRow]] = {loan: [] for loan in ids}
        for one in records.of_subjects(self.connection, ids, before=self.size):
            of_loan[one.subject_id].append(one)
        for row in rows:
            life, why = self._life(row, of_loan[row.id])
            yield PoolLoan(
                id=row.id, name=row.name.removeprefix("loan:"), held=held.get(row.id, {}), been=row.id in been,
                life=life, why=why,
            )  # fmt: skip

    def _life(self, row: SubjectRow, own: Sequence[RecordRow]) -> tuple[Life | None, str]:
        """A loan by its records, or why nothing is derived of it: what some of them give would look like an answer."""
        if any(one.record is None for one in own):
            return None, "the loan is erased"
        if not all_there(row, own, before=self.size):
            return None, _HOLE
        try:
            known = [(one.index, record.parse(bytes(one.record or b""))) for one in own]
        except MalformedError:
            return None, _HOLE
        standing = unsuperseded(known, until=self.day)
        if not standing or not standing[0].record.kind.begins:
            return None, "the loan begins after the cut-off"
        return Life(standing, count=len(known)), ""

    def _holdings(self, ids: list[int]) -> tuple[dict[int, dict[str, int]], set[int]]:
        """Loan → claim → ppm held at the close of the day; and the loans of which something was held by then."""
        places = {
            bytes(row.asset_key): row
            for row in subjects.claims_of(self.connection, ids)
            if row.index < self.size
        }
        sums: dict[bytes, int] = {}
        last = self.day.toordinal()
        for step in subjects.encumbrances_of(self.connection, self.log.id, places, before=self.size):
            if step.pool_id == self.pool.id and self.pool.days.get(step.index, 0) <= last:
                key = bytes(step.asset_key)
                sums[key] = sums.get(key, 0) + step.change
        held: dict[int, dict[str, int]] = {}
        for key, share in sums.items():
            if share > 0:
                held.setdefault(places[key].subject_id, {})[places[key].name] = share
        return held, {places[key].subject_id for key in sums}
