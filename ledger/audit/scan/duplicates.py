"""Does a loan stand there twice? Near-duplicates by borrower, principal and payout day; bank references used twice.

The scan is of the log's records, in ranges: :class:`DuplicateScan` keeps sixteen bytes for each key, a 64-bit hash and
the index of a record, in arrays. Records whose keys have the same hash are candidates: their loans are read again and
compared exactly (:func:`check`). So memory is some tens of bytes a loan and sixteen a reference, and two hashes that
collide cost a second look and no finding.

Two loans are near-duplicates when obligor, principal and currency are the same and the payouts' value dates at most one
day apart. Each loan has two keys, one of its day and one of the next; loans share a key exactly if they are that near.
A seasoned loan tells no day of its payout: whether it stands there twice is undetermined, and counted.

A reference is used twice when two payments carry it that came in on one account, two returns from one, or two payouts.
Two banks may give the same one, so that payouts that name two accounts are none; one that names none may be of any. A
record that is void, or that was taken back as misposted or a duplicate, is none.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, NamedTuple, Self

from ledger.audit.findings import Evidence, Notes
from ledger.domain import proceeds
from ledger.domain.events.base import Data
from ledger.domain.events.changes import LoanRefunded
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.loans import LoanDisbursed, LoanOpened, LoanOriginated
from ledger.domain.events.money_in import LoanPrepaid, RepaymentReceived, RepaymentReversed
from ledger.domain.fold import Indexed, Standing, unsuperseded
from ledger.domain.record import Record

#: Types of the records that a scan has to be shown.
SCANNED: Final = frozenset(
    {
        "loan.opened", "loan.originated", "loan.disbursed", "repayment.received", "loan.prepaid", "loan.refunded",
        "repayment.reversed", "correction.made",
    }
)  # fmt: skip
#: Others that one finding names; it says how many more there are.
MAX_OTHERS: Final = 10
#: Groups of candidates whose loans are read at a time.
BATCH: Final = 100
#: Keys are kept by their first byte, so that only a part of them is sorted at a time.
_BUCKETS: Final = 256
#: Reasons of a reversal after which the payment never was one.
_UNDONE: Final = frozenset({"misposted", "duplicate"})

#: A bank's reference with what it is unique in: (kind, account, reference). The account of a payout may be "".
Reference = tuple[str, str, str]
PAYOUT: Final = "payout"
#: The records of loans by their subject, given the indexes of some of their records.
ReadLoans = Callable[[Sequence[int]], Mapping[str, Sequence[Indexed]]]
#: Of these loans (subjects) those that findings are wanted of.
Concerns = Callable[[set[str]], set[str]]


def reference_of(event: Data) -> Reference | None:
    """The bank's reference of a payout, payment or return; None where there is none, or no account but for a payout."""
    if isinstance(event, LoanDisbursed):
        account = event.account if isinstance(event.account, str) else ""
        return (PAYOUT, account, event.bank_ref) if isinstance(event.bank_ref, str) else None
    if not isinstance(event, RepaymentReceived | LoanPrepaid | LoanRefunded | RepaymentReversed):
        return None
    if not isinstance(event.bank_ref, str) or not isinstance(event.account, str):
        return None
    if isinstance(event, RepaymentReceived) and event.aggregate is True:
        return None
    kind = "return" if isinstance(event, RepaymentReversed) else "payment"
    return kind, event.account, event.bank_ref


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=8).digest()


class _Keys:
    """64-bit keys with an index each, in any order."""

    def __init__(self) -> None:
        self._hashes = [array("Q") for _ in range(_BUCKETS)]
        self._indexes = [array("Q") for _ in range(_BUCKETS)]

    def put(self, index: int, *key: str) -> None:
        digest = _hash("\0".join(key))
        self._hashes[digest[0]].append(int.from_bytes(digest))
        self._indexes[digest[0]].append(index)

    def add(self, other: Self) -> None:
        for mine, theirs in zip(self._hashes, other._hashes, strict=True):
            mine.extend(theirs)
        for mine, theirs in zip(self._indexes, other._indexes, strict=True):
            mine.extend(theirs)

    def groups(self) -> Iterator[list[int]]:
        """Indexes that share a key, ascending, for each key that occurs more than once."""
        for hashes, indexes in zip(self._hashes, self._indexes, strict=True):
            rows = sorted(zip(hashes, indexes, strict=True))
            for _, same in groupby(rows, key=itemgetter(0)):
                group = [index for _, index in same]
                if len(group) > 1:
                    yield group

    def __len__(self) -> int:
        return sum(map(len, self._hashes))


class _Loan(NamedTuple):
    """What a loan's keys are made of, and the index of its first record."""

    who: tuple[str, str, str]
    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls


class DuplicateScan:
    """Keys of loans and of bank references, over records in ascending order; picklable."""

    def __init__(self) -> None:
        self._loans = _Keys()
        self._references = _Keys()
        self._nameless = 0
        self._seasoned = 0
        self._unread = 0
        #: Loans on which nothing was paid out so far; days of payouts whose loans stand in an earlier range.
        self._unpaid: dict[str, _Loan] = {}
        self._payouts: dict[str, int] = {}

    def take(self, index: int, one: Record) -> None:
        """Take the next record in; any type may come, :data:`SCANNED` are looked at."""
        event = one.event
        if isinstance(event, LoanOpened):
            self._seasoned += 1
            return
        if isinstance(event, LoanOriginated):
            who = _who(event)
            if who is None:
                self._nameless += 1
            else:
                self._unpaid[one.subject] = _Loan(who, index)
            return
        if isinstance(event, LoanDisbursed):
            when = proceeds.day_of(one.when, event.value_date)
            if when.day is not None:
                self._pay_out(one.subject, when.ordinal)
        if isinstance(event, CorrectionMade) and one.amounts is not None:
            event = one.amounts.event
        reference = reference_of(event)
        if reference is not None:
            kind, account, text = reference
            # One payout may name its account, and another of the same reference none: both are candidates.
            self._references.put(index, kind, "" if kind == PAYOUT else account, text)

    def lose(self) -> None:
        """A record that cannot be read: it may have been of a loan that stands there twice."""
        self._unread += 1

    def add(self, other: Self) -> None:
        """Take in what the next range gave."""
        self._loans.add(other._loans)
        self._references.add(other._references)
        self._nameless += other._nameless
        self._seasoned += other._seasoned
        self._unread += other._unread
        for subject, day in other._payouts.items():
            self._pay_out(subject, day)
        self._unpaid.update(other._unpaid)

    def _pay_out(self, subject: str, day: int) -> None:
        loan = self._unpaid.pop(subject, None)
        if loan is None:
            self._payouts.setdefault(
                subject, day
            )  # the loan stands in an earlier range, or is paid out again
            return
        for key in (day, day + 1):
            self._loans.put(loan.index, *loan.who, str(key))

    def check(self, notes: Notes, read: ReadLoans, concerns: Concerns) -> None:
        """Perform the procedure duplicates: read the candidates again, compare them exactly, report those wanted."""
        procedure = notes.procedure("duplicates")
        procedure.answered(len(self._loans) // 2 + len(self._references))
        if self._nameless:
            procedure.undecided("the loan names no reference of its borrower", self._nameless)
        if self._seasoned:
            procedure.undecided("the loan is seasoned and tells no day of its payout", self._seasoned)
        if self._unread:
            procedure.undecided("the record cannot be read", self._unread)
        near = _near(self._loans.groups(), read)
        twice = _same(self._references.groups(), read)
        wanted = concerns({place.subject for places in (*near.values(), *twice.values()) for place in places})
        for who, day in sorted(near):
            around = sorted(
                {place for other in (day - 1, day, day + 1) for place in near.get((who, other), ())}
            )
            _report(notes, "duplicate.loan", sorted(near[who, day]), around, wanted)
        payouts: dict[str, set[_Place]] = {}
        for (kind, _, text), same in twice.items():
            if kind == PAYOUT:
                payouts.setdefault(text, set()).update(same)
        for reference in sorted(twice):
            kind, account, text = reference
            alike = twice[reference]
            if kind == PAYOUT:
                alike = alike | twice.get((PAYOUT, "", text), set()) if account else payouts[text]
            places = sorted(twice[reference])
            _report(notes, "settlement.reference_twice", places, sorted(alike), wanted, reference=text)


class _Place(NamedTuple):
    """Where something stands that may stand elsewhere too."""

    subject: str
    evidence: Evidence


def _who(event: LoanOriginated) -> tuple[str, str, str] | None:
    return (event.obligor, event.currency, event.principal) if isinstance(event.obligor, str) else None


def _report(
    notes: Notes, code: str, places: Sequence[_Place], all_places: Sequence[_Place], wanted: set[str], **facts: str
) -> None:  # fmt: skip
    """A finding on each of ``places`` that is wanted, naming the first of all the others."""
    more = len(all_places) - 1 - MAX_OTHERS
    for place in places if len(all_places) > 1 else ():
        if place.subject in wanted:
            others = list(islice((other for other in all_places if other != place), MAX_OTHERS))
            named = [f"{one.subject.removeprefix('loan:')} (entry {one.evidence.index})" for one in others]
            text = ", ".join(named) + (f" and {more} more" if more > 0 else "")
            evidence = [place.evidence, *(other.evidence for other in others)]
            notes.find(code, place.subject, evidence=evidence, others=text, **facts)


class _Group(NamedTuple):
    """Records whose keys have one hash, by index, and their loans with all records in force."""

    indexes: frozenset[int]
    loans: list[tuple[str, list[Standing]]]


def _read_groups(groups: Iterable[list[int]], read: ReadLoans) -> Iterator[_Group]:
    """Read the loans of each group again."""
    waiting: list[list[int]] = []
    for group in groups:
        waiting.append(group)
        if len(waiting) == BATCH:
            yield from _read_batch(waiting, read)
            waiting = []
    yield from _read_batch(waiting, read)


def _read_batch(groups: list[list[int]], read: ReadLoans) -> Iterator[_Group]:
    loans = read(sorted({index for group in groups for index in group})) if groups else {}
    homes = {index: subject for subject, records in loans.items() for index, _ in records}
    for group in groups:
        subjects = sorted({homes[index] for index in group if index in homes})
        held = [(subject, unsuperseded(loans[subject])) for subject in subjects]
        yield _Group(frozenset(group), held)


#: Borrower, currency and principal.
_Who = tuple[str, str, str]


def _near(groups: Iterable[list[int]], read: ReadLoans) -> dict[tuple[_Who, int], set[_Place]]:
    """Where the loans of the candidates stand, by what they are and the day (ordinal) of their payout."""
    found: dict[tuple[_Who, int], set[_Place]] = {}
    for group in _read_groups(groups, read):
        for subject, held in group.loans:
            payout = _payout(held)
            if payout is not None:
                found.setdefault(payout, set()).add(_Place(subject, _evidence(held[0])))
    return found


def _evidence(one: Standing) -> Evidence:
    return Evidence(one.index, one.record.digest.hex())


def _payout(held: Sequence[Standing]) -> tuple[_Who, int] | None:
    """What a loan is, and the day of its first payout."""
    first = held[0].event
    who = _who(first) if isinstance(first, LoanOriginated) else None
    days = [
        proceeds.day_of(one.record.when, one.event.value_date)
        for one in held
        if isinstance(one.event, LoanDisbursed)
    ]
    return None if who is None or not days or days[0].day is None else (who, days[0].ordinal)


def _same(groups: Iterable[list[int]], read: ReadLoans) -> dict[Reference, set[_Place]]:
    """Where the references of the candidates stand in records in force."""
    found: dict[Reference, set[_Place]] = {}
    for group in _read_groups(groups, read):
        for subject, held in group.loans:
            for reference, place in _references(subject, held, group.indexes):
                found.setdefault(reference, set()).add(place)
    return found


def _references(
    subject: str, held: Sequence[Standing], wanted: frozenset[int]
) -> Iterator[tuple[Reference, _Place]]:
    undone = {
        one.event.repayment
        for one in held
        if isinstance(one.event, RepaymentReversed) and one.event.reason in _UNDONE
    }
    for one in held:
        index = one.index if one.correction is None else one.correction[0]
        if wanted.isdisjoint({one.index, index}) or one.record.id in undone:
            continue
        reference = reference_of(one.event)
        if reference is not None:
            yield reference, _Place(subject, _evidence(one))
