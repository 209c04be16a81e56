"""The course of one loan through a pool: what happened to the shares that the pool holds, month by month.

Records are folded in their one order, and at each month end the loan stands where :class:`ledger.domain.position.Life`
says. Principal moves by the difference of what the pool's share amounts to (:func:`ledger.domain.seals.held`) before
and after each record, so the named flows sum to the change of the balance to the last digit, and the balance at a month
end is the one that a seal of that day has.

Shares move after the loan's own records of the same day, as ACTUS ranks a purchase or sale after payments. A record
that is effective before its loan begins counts on the day on which it begins.
"""

from __future__ import annotations

import itertools
from collections import deque
from datetime import date
from operator import itemgetter

from ledger.audit.analytics import months
from ledger.audit.analytics.facts import Facts
from ledger.audit.analytics.flows import Flows
from ledger.audit.analytics.parts import Part, held
from ledger.audit.analytics.sums import (
    COMPENSATED,
    CREDITS,
    ENTERED,
    FOLLOWED,
    LEFT,
    NEW,
    CurrencySums,
    MonthSums,
    VintageSums,
)
from ledger.audit.checks.case import Case
from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.changes import ScheduleChanged
from ledger.domain.events.loans import LoanDisbursed, LoanOpened
from ledger.domain.fold import Standing
from ledger.domain.loans import apply
from ledger.domain.position import Walk


class Course:
    """Follows a case from its beginning to its day, and adds what it sees to the sums of its currency."""

    def __init__(self, case: Case, sums: CurrencySums) -> None:
        self.case, self.sums, self.currency = case, sums, case.currency
        self.state = case.terms.begin()
        self.flows = Flows(self.state)
        self.begins = case.held[0].record.when.ordinal
        self.until = case.as_of.toordinal()
        places = {part.name: place for place, part in enumerate(self.state.claims)}
        self.parts = [Part(one, places[one.name]) for one in case.claims if one.name in places]
        self.seasoned = isinstance(case.terms, LoanOpened)
        self.vintage = VintageSums()
        told = case.terms.originated
        self.born = months.of(parse_effective(told).ordinal if isinstance(told, str) else self.begins)
        self.facts, self.walk = Facts(case), Walk(case.life)
        self._records = deque(case.held)
        #: (day, part, change in ppm) of the shares that move until the case's day; of one day in the order of the log
        moves = [(one.day, part, one.change) for part in self.parts for one in part.claim.moves]
        self._moves = deque(sorted((one for one in moves if one[0] <= self.until), key=itemgetter(0)))

    def follow(self) -> None:
        """Go through all months until the one of the case's day, which may end before its last day."""
        month, last = months.of(self.begins), months.of(self.until)
        # Whatever was held before the loan begins was held before anything was owed.
        while self._moves and self._moves[0][0] < self.begins:
            self._move(*self._moves.popleft()[1:], month)
        while month <= last:
            end = min(months.last_day(month), self.until)
            self._happen(month, end)
            if any(part.stands or part.bucket or part.credit for part in self.parts):
                self._close(self.sums.months[month], months.last_day(month - 1), end)
            if any(part.bucket or part.receivable or part.credit for part in self.parts):
                month += 1
            elif (day := self._next()) is not None:
                # Nothing of the loan stands in the pool until something happens again.
                month = months.of(day)
            else:
                break
        self._finish()

    def _happen(self, month: int, end: int) -> None:
        """Take in every record and move until the close of ``end``, in their order."""
        records, moves = self._records, self._moves
        while records and (day := max(records[0].record.when.ordinal, self.begins)) <= end:
            while moves and moves[0][0] < day:
                self._move(*moves.popleft()[1:], month)
            self._record(records.popleft(), month)
        while moves and moves[0][0] <= end:
            self._move(*moves.popleft()[1:], month)

    def _next(self) -> int | None:
        """The day on which something happens next."""
        days = [one[0] for one in itertools.islice(self._moves, 1)]
        days += [one.record.when.ordinal for one in itertools.islice(self._records, 1)]
        return min(days, default=None)

    # -- what happens ------------------------------------------------------------------------------------------

    def _move(self, part: Part, change: int, month: int) -> None:
        before = part.net
        if part.share + change <= 0:
            # What is given back because it is paid, or written off, has left in that way.
            part.gone = self._over(part) or LEFT
        part.share += change
        part.most = max(part.most, part.share)
        part.net = held(part.principal, part.share, self.currency)
        if part.net != before:
            name = ENTERED if change > 0 else LEFT
            self.sums.months[month].change[name] += part.net - before
            self._follow(month, name, before - part.net)

    def _record(self, one: Standing, month: int) -> None:
        state = self.state
        before, gross = state.before, state.gross
        apply(state, one)
        if isinstance(one.event, ScheduleChanged):
            self.facts.change(one.event)
        if state.gross == gross or state.before != before:
            return
        self.flows.note(one)
        for part in self.parts:
            principal = state.claims[part.place].principal
            if isinstance(one.event, LoanDisbursed):
                part.disbursed += principal - part.principal
            part.principal = principal
            if part.share:
                net, part.net = part.net, held(principal, part.share, self.currency)
                flow = self.flows.add(one, part, part.net - net, self.sums.months[month])
                if flow is not None:
                    self._note(part, *flow, month)

    def _note(self, part: Part, name: str, units: int, month: int) -> None:
        """Remember a flow for the rates of the month and the curves of the vintage."""
        if name == "prepaid":
            part.prepaid += units
        elif name == "charged_off":
            part.charged_off += units
        elif name == COMPENSATED:
            part.paid_for += units
            part.compensated = part.compensated or units > 0
        self._follow(month, name, units)

    def _follow(self, month: int, name: str, units: int) -> None:
        if name in FOLLOWED:
            self.vintage.flows[max(0, month - self.born), name] += units

    # -- where it stands ---------------------------------------------------------------------------------------

    def _close(self, into: MonthSums, start: int, end: int) -> None:
        """Count the loan at the close of the day ``end``; the month began at the close of ``start`` (ordinals)."""
        bucket, day = "", date.fromordinal(end)
        for part in self.parts:
            receivable, credit = max(0, part.net), max(0, -part.net)
            into.outstanding += receivable
            into.credits += credit
            if credit != part.credit:
                into.change[CREDITS] += credit - part.credit
            left = self._exit(part)
            if left is None:
                bucket = bucket or self._bucket(day)
                into.buckets[bucket].count(receivable)
                if receivable:
                    for name, value in self.facts.values(day):
                        into.averages[name].count(receivable, value)
            elif receivable:
                into.ended.count(receivable)
            if part.bucket is not None:
                into.rolls[part.bucket, left or bucket].count(part.receivable)
                self._conditional(part, into, start, end)
            elif left is None:
                into.rolls[NEW, bucket].count(receivable)
            if self.seasoned and (receivable or left is None):
                into.seasoned.count(receivable)
            part.close(bucket if left is None else None)

    def _exit(self, part: Part) -> str | None:
        """Why the claim is in no bucket, or None if it is in one."""
        return self._over(part) if part.share else part.gone

    def _over(self, part: Part) -> str | None:
        """How the claim has ended while the pool held it; None if it goes on."""
        if self.state.ended:
            return self.state.status
        return COMPENSATED if part.compensated and part.net <= 0 else None

    def _bucket(self, day: date) -> str:
        measure = self.case.rules.measure
        return measure.bucket(measure.days(self.walk.at(day, self.state)))

    def _conditional(self, part: Part, into: MonthSums, start: int, end: int) -> None:
        """What a claim that was in a bucket when the month began adds to the month's rates."""
        before = part.receivable
        into.defaulted += part.charged_off
        into.compensated += part.paid_for
        plan = self.facts.plan(start) if before else None
        if plan is None:
            return
        due = plan.due(start, end)
        if len(self.state.claims) > 1:
            shares = [claim.share for claim in self.state.claims]
            due = money.split(due, shares, self.state.remainder, self.currency)[part.place]
        scheduled = min(before, held(due, part.share_before, self.currency))
        into.planned += before
        into.scheduled_balance += before - scheduled
        into.prepaid += min(part.prepaid, before - scheduled)

    def _finish(self) -> None:
        for part in self.parts:
            if not part.most:
                continue
            if self.seasoned:
                self.sums.seasoned_claims += 1
            else:
                self.vintage.claims += 1
                self.vintage.original += held(part.disbursed, part.most, self.currency)
        if self.vintage.claims:
            self.sums.vintages[self.born].add(self.vintage)
        if any(part.most for part in self.parts):
            self.sums.before_opening += self.state.before
