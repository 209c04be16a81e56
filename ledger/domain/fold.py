"""state(N): the fold of a loan's records, as re-read from their bytes."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.domain.events.terms import Terms
from ledger.domain.loans import LoanState, apply, begin
from ledger.domain.record import Record
from ledger.errors import IntegrityError


def fold(records: Iterable[Record]) -> LoanState:
    """The state that these records of one loan leave, in whatever order they come.

    Asset keys are places, not state: they are told by the claims' places. Raises :class:`IntegrityError` when no
    record begins the loan.
    """
    pending = list(records)
    first = next((one for one in pending if isinstance(one.event, Terms)), None)
    if first is None:
        raise IntegrityError("no record begins this loan")
    # The opening position bounds what counts, so it goes first.
    state = begin(first)
    for one in pending:
        if one is not first:
            apply(state, one)
    return state
