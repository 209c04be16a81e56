"""Admission: what state an event needs, whether it is refused, and what it changes.

The caller loads what :func:`needs` names into a :class:`Book`, then what :func:`place_keys` names (asset keys
are known only once the loans are), and calls :func:`admit` event by event in the order of the log. ``admit``
raises before it changes anything, or changes the book and returns what changed; so a refused event leaves no
trace, also where it is one of a batch. The same statement sent again is the caller's to find *before*
``admit``.

Refused here: unknown parties, subjects and claims, a party that may not post the type, a date after today, a
missing or wrong signature, another currency than the loan's, a second beginning, what comes after the end
of a loan, a taken asset key, shares beyond the whole of a claim, a correction that may not be
(:mod:`ledger.domain.corrections`), and a seal that may not be (:mod:`ledger.domain.seals`). Everything else that
a real tape may say, also where it contradicts itself, is accepted and left to the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from ledger.domain import refusals, seals, statements, transfers
from ledger.domain.book import Admitted, Book, Party
from ledger.domain.claims import ClaimPlace, NewKey
from ledger.domain.corrections import correct
from ledger.domain.events import Submission
from ledger.domain.events.base import Data
from ledger.domain.events.corrections import CorrectionMade, SubjectErased
from ledger.domain.events.loans import LoanDisbursed, LoanOpened
from ledger.domain.events.pools import PoolCreated, PoolSealed
from ledger.domain.events.terms import Terms
from ledger.domain.events.transfers import ClaimReleased, Transfer
from ledger.domain.loans import LoanState
from ledger.domain.pools import PoolState
from ledger.errors import RefusedError
from ledger.proofs.encumbrance import weak_asset_key

#: The book is this door's too: whoever admits makes one.
__all__ = ["Admitted", "Book", "Needs", "Party", "admit", "brought_keys", "needs", "place_keys"]

_print = msgspec.json.Encoder(order="sorted").encode


class Needs(NamedTuple):
    """What must be in the book as far as the event alone tells, where the store has it."""

    subjects: frozenset[str]
    asset_keys: frozenset[bytes]
    sizes: frozenset[int] = frozenset()


_NONE: Final[frozenset[bytes]] = frozenset()
# As tuples: isinstance builds a union anew each time, and these tests are on the path of every event.
_BRINGS_KEYS: Final = (Terms, LoanDisbursed)
_NAMES_CLAIMS: Final = (Transfer, ClaimReleased)


def needs(submission: Submission) -> Needs:
    """Subjects, asset keys and published sizes that the event names itself."""
    event = submission.event
    if isinstance(event, _NAMES_CLAIMS):
        return Needs(frozenset([submission.subject, *(f"loan:{item.loan}" for item in event.claims)]), _NONE)
    subjects = frozenset((submission.subject,))
    if isinstance(event, _BRINGS_KEYS):
        return Needs(subjects, frozenset(bytes.fromhex(key) for _, key in _given_keys(event)))
    if isinstance(event, PoolSealed):
        return Needs(subjects, _NONE, frozenset((event.size,)))
    return Needs(subjects, _NONE)


def place_keys(submissions: Iterable[Submission], book: Book) -> set[bytes]:
    """Asset keys whose places these events need, given that the book has their loans.

    Takes a whole chunk in its order, because an event may work on a loan that an earlier one of the chunk
    begins.
    """
    keys: set[bytes] = set()
    begun: dict[str, list[str]] = {}
    weak: dict[tuple[str, str], bytes] = {}
    for submission in submissions:
        event = submission.event
        if isinstance(event, Terms):
            begun.setdefault(submission.subject, [claim.claim for claim in event.claims])
        if isinstance(event, _BRINGS_KEYS):
            given = dict(_given_keys(event))
            keys.update(bytes.fromhex(key) for key in given.values())
            state = book.loans.get(submission.subject)
            if state is not None:
                names = [part.name for part in state.claims if not part.asset_key]
            else:
                names = begun.get(submission.subject, [])
            if isinstance(event, LoanDisbursed) or submission.kind.name == "loan.opened":
                for name in names:
                    if name not in given:
                        pair = (submission.name, name)
                        if pair not in weak:
                            weak[pair] = weak_asset_key(book.origin, *pair)
                            keys.add(weak[pair])
        elif isinstance(event, _NAMES_CLAIMS):
            for item in event.claims:
                state = book.loans.get(f"loan:{item.loan}")
                part = state.claim(item.claim) if state else None
                if part is not None and part.asset_key:
                    keys.add(part.asset_key)
    return keys


def admit(submission: Submission, book: Book, *, today: date, index: int) -> Admitted | None:
    """Check the event against the book and take it in; None where nothing but its subject's state changed.

    ``today`` is the business date in the log's zone, ``index`` the leaf that the event will have. Raises
    :class:`RefusedError` or :class:`TakenError`, whose details name the standing record's index; the book is
    unchanged then.
    """
    kind = submission.kind
    party = book.parties.get(submission.party)
    if party is None:
        raise RefusedError(
            "party", f'"{submission.party}" is not registered with this log', rule="unknown_party"
        )
    if kind.posted_by.isdisjoint(party.roles):
        wanted = ", ".join(sorted(kind.posted_by))
        raise RefusedError(
            "party", f"{party.name} may not post {kind.name}: it takes one of {wanted}", rule="not_allowed"
        )
    if submission.when.last_day > today:
        raise RefusedError(
            "effective",
            f"{submission.when.text} is after today, {today.isoformat()} in the log's zone",
            rule="future",
        )
    if submission.sig is not None or kind.signed:
        statements.check_signature(submission, book.origin, party.keys)
    if kind.subject == "loan":
        return _admit_loan(submission, book, index)
    if kind.subject == "pool":
        return _admit_pool(submission, book, index)
    if isinstance(submission.event, SubjectErased) and submission.event.subject != book.erasing:
        raise RefusedError(
            "type",
            "subject.erased is posted by the ledger as it erases: `poolproof erase`",
            rule="not_allowed",
        )
    return None  # accounts and the log itself have no state: their records are evidence for the audit


# -- loans ------------------------------------------------------------------------------------------------


def _admit_loan(submission: Submission, book: Book, index: int) -> Admitted | None:
    kind, event, amounts = submission.kind, submission.event, submission.amounts
    state = book.loans.get(submission.subject)
    admitted: Admitted | None = None
    if kind.begins:
        assert isinstance(event, Terms)
        if state is not None:
            raise refusals.begun(submission.subject, state)
        if submission.subject in book.erased:
            raise refusals.erased("subject", submission.subject)
        if isinstance(event, LoanOpened) and amounts[1] > submission.when.ordinal:
            # Everything up to as_of is left out of the fold: a later one would hide what is still to come.
            raise RefusedError("data.as_of", f"{event.as_of} is after effective, {submission.when.text}")
        state = event.begin()
    elif state is None:
        if submission.subject in book.erased:
            raise refusals.erased("subject", submission.subject)
        raise refusals.unknown_subject(submission.subject)
    else:
        currency = getattr(event, "currency", state.currency)
        if currency != state.currency:
            raise RefusedError(
                "data.currency",
                f"{currency}, but the loan's currency is {state.currency}",
                rule="wrong_currency",
            )
        if kind.live and state.ended:
            raise refusals.ended("subject", submission.subject, state)
        if isinstance(event, CorrectionMade):
            records = book.history(submission.subject)
            book.loans[submission.subject] = correct(submission, event, state, records, index)
            return None
    volume = event.volume(amounts)
    state.check_room(volume)
    if kind.begins or isinstance(event, LoanDisbursed):
        admitted = _bring_keys(submission, state, book, index)
    # Nothing is refused from here on.
    state.gross += volume
    event.apply(state, amounts, (submission.when.ordinal, kind.rank, state.events))
    state.events += 1
    if kind.begins:
        book.loans[submission.subject] = state
    return admitted


def _given_keys(event: Terms | LoanDisbursed) -> list[tuple[str, str]]:
    """(claim, asset key in hex) for each key that the event brings."""
    if isinstance(event, Terms):
        return [(claim.claim, claim.asset_key) for claim in event.claims if isinstance(claim.asset_key, str)]
    if isinstance(event.asset_keys, list):
        return [(key.claim, key.asset_key) for key in event.asset_keys]
    return []


def brought_keys(origin: str, loan: str, event: Data, claims: Sequence[str]) -> list[tuple[str, bytes]]:
    """(claim, asset key) for each of a loan's ``claims`` as the first event that brings keys leaves them.

    Empty for an event that brings none; a claim whose key is not given has the weak fallback.
    """
    if not isinstance(event, (LoanOpened, LoanDisbursed)):
        return []
    given = {name: bytes.fromhex(key) for name, key in _given_keys(event)}
    return [(name, given.get(name) or weak_asset_key(origin, loan, name)) for name in claims]


def _bring_keys(submission: Submission, state: LoanState, book: Book, index: int) -> Admitted | None:
    """Give each claim that has none its asset key, or the weak fallback; refuse a taken one."""
    if submission.kind.name == "loan.originated":
        return None
    event = submission.event
    assert isinstance(event, _BRINGS_KEYS)
    given = {name: bytes.fromhex(key) for name, key in _given_keys(event)}
    where = "data.claims" if isinstance(event, Terms) else "data.asset_keys"
    for name, key in given.items():
        part = state.claim(name)
        if part is None:
            raise RefusedError(where, f'the loan has no claim "{name}"', rule="unknown_claim")
        if part.asset_key and part.asset_key != key:
            raise RefusedError(
                where, f'claim "{name}" has an asset key already; it is never corrected', rule="asset_key_set"
            )
    new: list[NewKey] = []
    seen: set[bytes] = set()
    for part in state.claims:
        if part.asset_key:
            continue
        key_given = given.get(part.name)
        key = key_given or weak_asset_key(book.origin, submission.name, part.name)
        standing = book.places.get(key)
        if standing is not None:
            raise refusals.taken_key(where, key, standing, part.name)
        if key in seen:
            raise RefusedError(where, f"two claims with the asset key {key.hex()}", rule="taken_asset_key")
        seen.add(key)
        new.append(NewKey(key, submission.name, part.name, key_given is None))
    if not new:
        return None
    for entry in new:
        part = state.claim(entry.claim)
        assert part is not None
        part.asset_key, part.weak = entry.asset_key, entry.weak
        book.places[entry.asset_key] = ClaimPlace(entry.loan, entry.claim, index)
    return Admitted(new, [], [])


# -- pools ------------------------------------------------------------------------------------------------


def _admit_pool(submission: Submission, book: Book, index: int) -> Admitted | None:
    event = submission.event
    if isinstance(event, PoolCreated):
        _create_pool(submission, event, book)
        return None
    pool = book.pools.get(submission.subject)
    if pool is None:
        raise refusals.unknown_subject(submission.subject)
    if isinstance(event, Transfer):
        if pool.closed:
            raise refusals.closed(submission.subject)
        holder = book.parties.get(event.holder)
        if holder is None:
            raise RefusedError(
                "data.holder", f'"{event.holder}" is not registered with this log', rule="unknown_party"
            )
        statements.check_acceptance(submission, book.origin, holder.keys)
        return transfers.take(submission, event, book, pool, index)
    if isinstance(event, ClaimReleased):
        return transfers.release(submission, event, book, pool, index)
    if isinstance(event, PoolSealed):
        seals.admit(pool, submission.name, event, when=submission.when, sizes=book.sizes, index=index)
    event.apply_pool(pool)
    pool.events += 1
    return None


def _create_pool(submission: Submission, event: PoolCreated, book: Book) -> None:
    standing = book.pools.get(submission.subject)
    rules = event.rules
    if standing is not None and rules.version != standing.rules_version + 1:
        raise RefusedError(
            "data.rules.version" if rules.version > standing.rules_version else "subject",
            f"{submission.subject} exists with rules version {standing.rules_version}; a change has the next one",
            rule="already_exists",
        )
    state = standing or PoolState(0, "")
    state.rules_version, state.rules = rules.version, _print(rules).decode()
    state.title = event.title if isinstance(event.title, str) else state.title
    state.structure = event.structure if isinstance(event.structure, str) else state.structure
    state.events += 1
    book.pools[submission.subject] = state
