"""state(N, D): which of a loan's records hold, in the order in which they fold, and the state they leave.

The audit, the seals and the analytics build on :func:`unsuperseded`; :func:`fold` is its sum.

A correction puts its replacement in the corrected record's place: the same effective day, rank and seq. It is known
from its own index on, so state(N, D) takes it where that is below N, and compares D with the *corrected* record's
effective day; the correction's own effective day says nothing about the loan. Of several corrections of one record
the newest holds; a void record is left out.

Records come as (index, record) pairs of one loan, in whatever order, as admission has let them into the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec

from ledger.domain.events.base import Data
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.terms import Terms
from ledger.domain.loans import LoanState, Moment, apply, begin
from ledger.domain.record import Record
from ledger.errors import IntegrityError

#: A record with its index in the log.
Indexed = tuple[int, Record]


class Standing(msgspec.Struct, frozen=True, gc=False):
    """A record that holds, and what it says now.

    ``event`` and ``amounts`` are the record's own, or the replacement of ``correction``, the (index, record) of the
    correction that holds. Effective day, party and digest are those of ``record``.
    """

    index: int
    record: Record
    event: Data
    amounts: Any
    correction: Indexed | None = None

    @property
    def moment(self) -> Moment:
        """Its place in the fold's order; a correction does not move it."""
        return self.record.moment


def unsuperseded(
    records: Iterable[Indexed], *, before: int | None = None, until: date | None = None
) -> list[Standing]:
    """The records of one loan that hold, in the order of (effective, rank, seq).

    ``before`` is N: records and corrections with a smaller index count. ``until`` is D: records effective later are
    left out, and a month counts as its last day. The record that begins the loan stands first even where another is
    effective before it, since nothing can be said of the loan without it; it is absent where D leaves it out.
    """
    held: list[Indexed] = []
    newest: dict[str, Indexed] = {}
    last = None if until is None else until.toordinal()
    for index, one in records:
        if before is not None and index >= before:
            continue
        if isinstance(one.event, CorrectionMade):
            known = newest.get(one.event.record)
            if known is None or known[1].seq < one.seq:
                newest[one.event.record] = (index, one)
        elif last is None or one.when.ordinal <= last:
            held.append((index, one))
    held.sort(key=_order)
    if not newest:
        return [Standing(index, one, one.event, one.amounts) for index, one in held]
    result = []
    for index, one in held:
        correction = newest.get(one.digest.hex())
        if correction is None:
            result.append(Standing(index, one, one.event, one.amounts))
        elif (replacement := correction[1].amounts) is not None:
            result.append(Standing(index, one, replacement.event, replacement.amounts, correction))
    return result


def fold(records: Iterable[Indexed], *, before: int | None = None, until: date | None = None) -> LoanState:
    """state(N, D) of one loan; arguments as for :func:`unsuperseded`.

    ``events`` of the state counts every record before N, corrections and void ones included. Asset keys are places,
    not state: they are told by the claims' places. Raises :class:`IntegrityError` when no record begins the loan.
    """
    known = [pair for pair in records if before is None or pair[0] < before]
    return state_of(unsuperseded(known, until=until), count=len(known))


def state_of(held: Iterable[Standing], *, count: int) -> LoanState:
    """The state that these records leave, in whatever order they come; ``count`` is the loan's number of records.

    Raises :class:`IntegrityError` when none begins the loan.
    """
    pending = list(held)
    first = next((one for one in pending if isinstance(one.event, Terms)), None)
    if first is None:
        raise IntegrityError("no record begins this loan")
    # The opening position bounds what counts, so it goes first.
    state = begin(first)
    for one in pending:
        if one is not first:
            apply(state, one)
    state.events = count
    return state


def principal_after(held: Sequence[Standing]) -> Iterator[tuple[Standing, int]]:
    """Each of the records in force, in their order, with the principal that is owed once it is folded."""
    state = begin(held[0])
    yield held[0], state.principal
    for one in held[1:]:
        apply(state, one)
        yield one, state.principal


def _order(pair: Indexed) -> tuple[bool, Moment]:
    return not pair[1].kind.begins, pair[1].moment
