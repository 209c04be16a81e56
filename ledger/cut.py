"""A pool's claims at a published size, their amounts as of a day, in the order of their register keys.

Nothing here grows with the pool but a temporary file. Claims are read a chunk at a time, as the store has them;
each becomes (key, share, amounts) in a sorted run of that file; the runs are merged, and the register of the size
tells the state digests of neighbours together. The claims can be gone through again as often as wanted: a proof
needs the place first, and then the path.

Of a loan that no record touched after the size, or since the day ended, the stored state is the state then:
nothing effective after a day can have been posted before the day was over. Other loans are folded from their
records. The audit of a seal does without stored states, on purpose (:mod:`ledger.audit.sealed`).
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from struct import Struct
from tempfile import TemporaryFile

from ledger import register
from ledger.domain import calendar, loans, record, seals
from ledger.domain.events.terms import Terms
from ledger.domain.fold import Indexed, state_of, unsuperseded
from ledger.domain.loans import LoanState
from ledger.errors import IntegrityError, NotFoundError, RefusedError
from ledger.proofs import sumtree
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.sumtree import Leaf, Node, Sibling
from ledger.store import ReadConnection, records, subjects, trees
from ledger.store.logs import LogRow
from ledger.store.subjects import ClaimRow, SubjectRow

#: Claims read at a time; with their loans' rows some 20 MiB.
CHUNK_CLAIMS = 20_000
#: Loans whose records are folded at a time; a loan has tens of records of a kilobyte.
CHUNK_FOLDED = 1_000
#: Neighbouring keys whose register values are read together.
CHUNK_KEYS = 10_000

Progress = Callable[[int, int], None]
_ENTRY = Struct(">32sI16s16s")
#: Entries of a run that are read at a time.
_READ_ENTRIES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The claims of a pool (its id) in one currency, at ``size``, as of a day.

    ``currency`` None stands for the one that all claims are in; ``expected`` is about how many there are.
    """

    pool_id: int
    size: int
    as_of: date
    currency: str | None = None
    expected: int = 0


class SortedClaims:
    """The claims of a cut, to be gone through as leaves in the order of their keys, as often as wanted."""

    def __init__(self, connection: ReadConnection, log: LogRow, cut: Cut, runs: _Runs, currency: str) -> None:
        self._connection = connection
        self._log = log
        self._cut = cut
        self._runs = runs
        self.currency = currency

    def leaves(self) -> Iterator[Leaf]:
        """Every claim once, keys ascending."""
        row = trees.register_at(self._connection, self._log.id, self._cut.size - 1)
        if row is None:
            raise IntegrityError(f"size {self._cut.size} does not end in a register entry")
        entries = iter(self._runs.merged())
        while part := list(islice(entries, CHUNK_KEYS)):
            values = register.values(
                lambda ids: trees.pages(self._connection, self._log.id, ids),
                row.page,
                [_ENTRY.unpack(entry)[0] for entry in part],
            )
            for entry in part:
                key, share, receivable, credit = _ENTRY.unpack(entry)
                if key not in values:
                    raise IntegrityError(f"register at {row.index}: no claim under {key.hex()}")
                yield Leaf(
                    key=key,
                    share=share,
                    receivable=int.from_bytes(receivable),
                    credit=int.from_bytes(credit),
                    state=values[key][32:],
                )

    def total(self) -> Node:
        """Root and sums."""
        return sumtree.root(self.leaves())

    def find(self, asset_key: bytes) -> tuple[Node, tuple[int, Leaf] | None]:
        """Root and sums, and the place and leaf of one claim, None where it is not among them."""
        wanted, found = claim_key(asset_key), None
        tree = sumtree.SumRange()
        for index, leaf in enumerate(self.leaves()):
            tree.append(leaf)
            if leaf.key == wanted:
                found = index, leaf
        return tree.root(), found

    def path(self, index: int, count: int) -> tuple[Sibling, ...]:
        """The way from a place to the root."""
        return sumtree.prove(self.leaves(), index, count)


@contextmanager
def sorted_claims(
    connection: ReadConnection, log: LogRow, cut: Cut, *, progress: Progress = lambda _done, _of: None
) -> Iterator[SortedClaims]:
    """The claims of a cut, sorted in a temporary file that is gone when the block ends.

    Raises :class:`RefusedError` where the cut names no currency and the claims are in several or none, and
    :class:`NotFoundError` for an erased loan whose state of that day is not known any more.
    """
    bound = min(cut.size, _first_posted_after(connection, log, cut.as_of))
    currency, done = cut.currency, 0
    with TemporaryFile() as file:
        runs = _Runs(file.fileno())
        shares = iter(subjects.pool_shares(connection, log.id, cut.pool_id, before=cut.size))
        while part := dict(islice(shares, CHUNK_CLAIMS)):
            entries = []
            for claim, state in _states(connection, log, cut, bound, list(part)):
                if currency is None:
                    currency = state.currency
                if state.currency == currency:
                    entries.append(_entry(claim, state, part[bytes(claim.asset_key)]))
                elif cut.currency is None:
                    raise RefusedError(
                        "currency", f"the pool has claims in {currency} and {state.currency}: name one"
                    )
            runs.add(sorted(entries))
            done += len(part)
            progress(done, max(done, cut.expected))
        if currency is None:
            raise RefusedError("currency", "the pool has no claim at this size that tells it: name one")
        yield SortedClaims(connection, log, cut, runs, currency)


def _entry(claim: ClaimRow, state: LoanState, share: int) -> bytes:
    part = state.claim(claim.name)
    principal = part.principal if part is not None else 0
    receivable, credit = seals.held(principal, share, state.currency)
    return _ENTRY.pack(claim_key(bytes(claim.asset_key)), share, receivable.to_bytes(16), credit.to_bytes(16))


def _states(
    connection: ReadConnection, log: LogRow, cut: Cut, bound: int, asset_keys: Sequence[bytes]
) -> Iterator[tuple[ClaimRow, LoanState]]:
    """Each claim with its loan's state at the cut; records with an index below ``bound`` are all of that time."""
    claims = subjects.claims_by_key(connection, log.id, asset_keys).values()
    rows = subjects.by_id(connection, {claim.subject_id for claim in claims})
    states = {row.id: loans.decode(row.state) for row in rows.values() if row.last_index < bound}
    states.update(_folded(connection, cut, [row for row in rows.values() if row.id not in states]))
    for claim in claims:
        yield claim, states[claim.subject_id]


def _folded(
    connection: ReadConnection, cut: Cut, rows: Sequence[SubjectRow]
) -> Iterator[tuple[int, LoanState]]:
    for start in range(0, len(rows), CHUNK_FOLDED):
        some = {row.id: row.name for row in rows[start : start + CHUNK_FOLDED]}
        of_loan: dict[int, list[Indexed]] = {loan: [] for loan in some}
        for one in records.of_subjects(connection, some, before=cut.size):
            if one.record is None:
                raise NotFoundError(
                    f"{some[one.subject_id]} is erased: its state of {cut.as_of.isoformat()} is not known any more"
                )
            of_loan[one.subject_id].append((one.index, record.parse(bytes(one.record))))
        for loan, pairs in of_loan.items():
            yield loan, _state_at(pairs, cut.as_of)


def _state_at(pairs: Sequence[Indexed], day: date) -> LoanState:
    """The loan's state as of a day; one that began later has its claims and currency, and no amounts."""
    held = unsuperseded(pairs, until=day)
    if not held or not held[0].record.kind.begins:
        return next(one.event.begin() for _, one in pairs if isinstance(one.event, Terms))
    return state_of(held, count=len(pairs))


def _first_posted_after(connection: ReadConnection, log: LogRow, day: date) -> int:
    """The index of the first record that was posted when the business day ``day`` was over."""
    over = calendar.end_of_business_day(day, log.zone, log.day_cut)
    found = records.first_posted_from(connection, log.id, calendar.format_instant(over))
    return log.size if found is None else found


class _Runs:
    """Sorted runs of entries in one file, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._bounds: list[tuple[int, int]] = []
        self._end = 0

    def add(self, entries: Sequence[bytes]) -> None:
        """Write one run."""
        data = b"".join(entries)
        written = 0
        while written < len(data):
            written += os.pwrite(self._descriptor, data[written:], self._end + written)
        self._bounds.append((self._end, self._end + len(data)))
        self._end += len(data)

    def merged(self) -> Iterable[bytes]:
        """The entries of all runs, ascending."""
        return heapq.merge(*(self._run(start, stop) for start, stop in self._bounds))

    def _run(self, start: int, stop: int) -> Iterator[bytes]:
        size, step = _ENTRY.size, _ENTRY.size * _READ_ENTRIES
        for at in range(start, stop, step):
            data = os.pread(self._descriptor, min(step, stop - at), at)
            for offset in range(0, len(data), size):
                yield data[offset : offset + size]
