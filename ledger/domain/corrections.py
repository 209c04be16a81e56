"""Admission of a correction: what it may name, what must stay, and the state that the loan's records leave with it.

A folded state is made of sums without an inverse (its status is the newest one's), so the records are folded anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.domain import money
from ledger.domain.events import EVENTS, Submission
from ledger.domain.events.corrections import CorrectionMade, Replacement
from ledger.domain.events.loans import LoanOpened
from ledger.domain.fold import Indexed, Standing, state_of, unsuperseded
from ledger.domain.loans import LoanState
from ledger.domain.record import Record
from ledger.errors import RefusedError


def correct(
    submission: Submission, event: CorrectionMade, state: LoanState, records: Iterable[Indexed], index: int
) -> LoanState:
    """The loan's state with the correction, which will stand at ``index``; ``state`` and ``records`` are those before.

    Raises :class:`RefusedError` where the named record is none of the loan's, is of another party, of another type or
    a correction itself, where a signature is missing, and where something changes that stays.
    """
    known = list(records)
    original = corrected(submission, event, known)
    replacement: Replacement | None = submission.amounts
    held = [one for one in unsuperseded(known) if one.record is not original]
    if replacement is not None:
        held.append(Standing(index, original, replacement.event, replacement.amounts))
    fresh = state_of(held, count=len(known) + 1)
    if fresh.gross > money.MAX_TOTAL:
        raise RefusedError(
            "data.replacement", "the loan's totals would leave what the ledger can count", rule="too_large"
        )
    for part, before in zip(fresh.claims, state.claims, strict=True):
        part.asset_key, part.weak = before.asset_key, before.weak
    return fresh


def corrected(said: Submission | Record, event: CorrectionMade, known: Iterable[Indexed]) -> Record:
    """The record that a correction replaces, among those of its loan that are before it.

    Raises :class:`RefusedError` where admission refuses it; audits ask the same of corrections that are in the log.
    """
    original = _find(said, event, known)
    if said.amounts is not None:
        _check_lasting(original, said.amounts)
    return original


def _find(said: Submission | Record, event: CorrectionMade, known: Iterable[Indexed]) -> Record:
    """The record that is corrected."""
    original = next((one for _, one in known if one.digest.hex() == event.record), None)
    if original is None:
        raise RefusedError(
            "data.record",
            f"{said.subject} has no record with the digest {event.record}",
            rule="unknown_record",
        )
    if isinstance(original.event, CorrectionMade):
        raise RefusedError(
            "data.record",
            f"{event.record} is a correction itself; correct the original again, {original.event.record}",
            rule="not_correctable",
        )
    if original.party != said.party:
        raise RefusedError(
            "party",
            f"record {event.record} was posted by {original.party}, who alone may correct it",
            rule="not_allowed",
        )
    if original.type != event.type:
        raise RefusedError(
            "data.type", f"record {event.record} is {original.type}; the type stays", rule="not_correctable"
        )
    if EVENTS[event.type].signed and said.sig is None:
        raise RefusedError(
            "sig",
            f"{event.type} must be signed by {said.party}, and so must its correction",
            rule="signature",
        )
    return original


def _check_lasting(original: Record, replacement: Replacement) -> None:
    after = replacement.event.lasting()
    for name, before in original.event.lasting().items():
        if after[name] != before:
            raise RefusedError(
                f"data.replacement.{name}",
                f"differs from the corrected record's: a correction never changes {name}",
                rule="not_correctable",
            )
    event = replacement.event
    if isinstance(event, LoanOpened) and replacement.amounts[1] > original.when.ordinal:
        raise RefusedError(
            "data.replacement.as_of", f"{event.as_of} is after effective, {original.when.text}"
        )
