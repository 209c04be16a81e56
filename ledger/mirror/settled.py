"""What is told of payments that are not shown, so that a settlement over payments of several pools can be recomputed.

An account bank settles a day of a collection account, whatever pools its payments belong to. A mirror has the digests
of all records and needs to know which of them a settlement covers, and what those not shown sum to: no single amount,
no loan. Told is of the accounts that the reader is shown; payments to others are counted together. The bank's root is
over the digests, so a list that leaves one out, or has one too many, contradicts it.

The work is done by ranges of entries, of the log's owner on one side and added up on the other. A payment counts with
what its record says; a correction of it takes that back, and gives what it says instead, in the range it stands in
itself. The rules are those of :mod:`ledger.audit.scan.cash`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from ledger.audit.findings import Notes
from ledger.audit.scan import cash
from ledger.audit.scan.cash import Flow, Till, flow_of
from ledger.audit.scan.logscan import known
from ledger.audit.sight import Others, Outside
from ledger.domain import calendar, record
from ledger.domain.events.cash import CashSettled
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.fold import Indexed
from ledger.domain.record import Record
from ledger.errors import MalformedError
from ledger.mirror.entries import Entries
from ledger.mirror.form import ELSEWHERE, LostForm, Page, SeenForm, SettledForm
from ledger.mirror.serving import Shown
from ledger.store import records

#: A line of what is told.
Told = SettledForm | SeenForm | LostForm
#: The same as what a page is read by; a union is no type to those who check types.
TOLD: Final = cast("type[Told]", Told)


@dataclass(slots=True)
class _Part:
    """What a range adds to one settlement."""

    payments: set[int] = field(default_factory=set)
    without: set[int] = field(default_factory=set)
    units: int = 0
    unplaced: bool = False

    def give(self, payment: int, units: int) -> None:
        """It is covered, with so much."""
        self.units += units
        if payment in self.without:
            self.without.remove(payment)
        else:
            self.payments.add(payment)

    def take_back(self, payment: int, units: int) -> None:
        """It is not covered any more, and brought so much."""
        self.units -= units
        if payment in self.payments:
            self.payments.remove(payment)
        else:
            self.without.add(payment)


def told(shown: Shown, start: int, stop: int) -> Page[Told]:
    """What the records with start ≤ index < stop that are not shown add to settlements; nothing where all are shown."""
    if shown.whole:
        return Page([], None)
    scan = _Scan(shown)
    own = shown.loan_ids()
    for row in records.between(shown.connection, shown.log.id, start, min(stop, shown.size)):
        if row.subject_id not in own:
            scan.take(row.index, row.subject_id, None if row.record is None else bytes(row.record))
    return Page(scan.items(), None)


class _Scan:
    """Goes through the records of a range that are not shown."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._accounts = shown.accounts_in_sight().keys()
        settlements = known(shown.connection, shown.log, before=shown.size, notes=Notes()).settlements
        self._plans = _plans(row for row in settlements if _account(row[1]) in self._accounts)
        self._parts: dict[int, _Part] = {}
        self._seen: Counter[str] = Counter()
        self._lost: int | None = None

    def take(self, index: int, subject: int, raw: bytes | None) -> None:
        if raw is None:
            self._lost = index if self._lost is None else self._lost
            return
        if record.type_of(raw) not in cash.SCANNED:
            return
        one = record.parse(raw)
        if isinstance(one.event, CorrectionMade):
            self._correct(index, subject, one)
            return
        flow = flow_of(one.event, one.amounts, one.when)
        if flow is None or flow.till is None:
            return
        self._seen[flow.till.account if flow.till.account in self._accounts else ELSEWHERE] += 1
        for part in self._covering(flow.till, index):
            part.give(index, flow.units)

    def items(self) -> Sequence[Told]:
        """What was found, in one order."""
        settled = [
            SettledForm(
                settlement=index, payments=tuple(sorted(part.payments)), without=tuple(sorted(part.without)),
                sum=part.units,
                unplaced=part.unplaced,
            )
            for index, part in sorted(self._parts.items())
        ]  # fmt: skip
        seen = [SeenForm(account=name, payments=count) for name, count in sorted(self._seen.items())]
        return [*settled, *seen, *([] if self._lost is None else [LostForm(self._lost)])]

    def _covering(self, till: Till, index: int) -> list[_Part]:
        """The parts of the settlements that were made knowing the record at ``index``."""
        found = [at for before, at in self._plans.get(till, ()) if index < before]
        return [self._parts.setdefault(at, _Part()) for at in found]

    def _correct(self, index: int, subject: int, one: Record) -> None:
        event = one.event
        assert isinstance(event, CorrectionMade)
        if event.type not in cash.SCANNED:
            return
        rows = records.of_subject(self._shown.connection, subject, before=index)
        own = [(row.index, record.parse(bytes(row.record))) for row in rows if row.record is not None]
        paid = next(((at, it) for at, it in own if it.digest.hex() == event.record), None)
        if paid is None:
            return  # what it corrects is erased, which is told as lost
        earlier = [
            it for _, it in own if isinstance(it.event, CorrectionMade) and it.event.record == event.record
        ]
        before, after = _flow(paid[1], earlier[-1] if earlier else None), _flow(paid[1], one)
        home = _flow(paid[1], None)
        till = None if home is None else home.till
        if before is not None and before.till == till and till is not None:
            for part in self._covering(till, index):
                part.take_back(paid[0], before.units)
        if after is not None and after.till is not None:
            for part in self._covering(after.till, index):
                if after.till != till:
                    part.unplaced = True
                else:
                    part.give(paid[0], after.units)


def _flow(paid: Record, correction: Record | None) -> Flow | None:
    """The cash of a payment as a correction leaves it; None for one that is void."""
    if correction is None:
        return flow_of(paid.event, paid.amounts, paid.when)
    replacement = correction.amounts
    return None if replacement is None else flow_of(replacement.event, replacement.amounts, paid.when)


def _account(settlement: Record) -> str:
    return settlement.subject.removeprefix("account:")


def _plans(settlements: Iterable[Indexed]) -> dict[Till, list[tuple[int, int]]]:
    """Till → (before, index) of its settlements."""
    plans: dict[Till, list[tuple[int, int]]] = {}
    for index, one in settlements:
        if isinstance(one.event, CashSettled):
            day = calendar.parse_effective(one.event.value_date).ordinal
            till = Till(_account(one), day, one.event.currency)
            plans.setdefault(till, []).append((one.event.covered.before, index))
    return plans


def outside(items: Iterable[Told], entries: Entries, *, erased: int | None) -> Outside:
    """Add up what all ranges told, in their order.

    ``erased`` is the first index of an erased record that is known otherwise. Raises :class:`MalformedError` where what
    was told is no record of the log.
    """
    covered: dict[int, set[int]] = {}
    units: Counter[int] = Counter()
    unplaced: set[int] = set()
    seen: Counter[str] = Counter()
    lost = [] if erased is None else [erased]
    for one in items:
        if isinstance(one, SettledForm):
            here = covered.setdefault(one.settlement, set())
            here.difference_update(one.without)
            here.update(one.payments)
            units[one.settlement] += one.sum
            if one.unplaced:
                unplaced.add(one.settlement)
        elif isinstance(one, SeenForm):
            seen[one.account] += one.payments
        else:
            lost.append(one.index)
    settlements = {}
    for at, some in covered.items():
        payments = [(index, entries.digest(index)) for index in sorted(some)]
        known = tuple((index, digest) for index, digest in payments if digest is not None)
        if len(known) != len(payments):
            raise MalformedError("settlements", f"what settlement {at} is told to cover are not all records")
        settlements[at] = Others(known, units[at], at not in unplaced)
    return Outside(settlements=settlements, seen=dict(seen), lost=min(lost, default=None))
