"""How borrowers pay: on time, early, late, in part, twice, ahead, or not, and what follows from that.

For each instalment of a loan that is up to date one of eight behaviours is drawn. Who misses one moves through
arrears by a Markov model of roll rates, a step a month: all is cured, one instalment is paid, or one more is missed.
At the end of that way stand the guarantor's compensation, the buy-back, the charge-off and, for some, a recovery.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from ledger.simulate import lines
from ledger.simulate.desk import Desk
from ledger.simulate.loan import DRAWS, FACTOR, MASK, STEP, Loan
from ledger.simulate.options import Scenario
from ledger.simulate.plans import Plan, derive
from ledger.simulate.platform import (
    BOUGHT_BACK_AFTER,
    CHARGED_OFF_AFTER,
    COMPENSATED_AFTER,
    CURRENCY,
    GRACE_DAYS,
    MICROLOAN,
    PENALTY_PERCENT,
    yuan,
)

#: What is drawn for an instalment that comes due, of 10,000.
LATE: Final = 700  # pays it wholly, some days later
EARLY: Final = 900  # pays it wholly, up to five days before
PARTIAL: Final = 100  # pays half, and the rest some days later
BOUNCED: Final = 60  # the payment is returned and made again
PREPAID: Final = 40  # pays it and some principal ahead
SETTLED: Final = 120  # pays it and all the rest
MISSED: Final = 180  # pays nothing this month
#: Roll rates by instalments missed (one, two, more), of 10,000: (all is cured, one is paid); the rest rolls on.
ROLLS: Final = ((5_500, 1_500), (2_000, 1_500), (800, 700))
_MOST_LATE: Final = 20
_MOST_EARLY: Final = 5
#: Between two looks at a loan whose last instalment is past.
_MONTH: Final = 30
#: Of 16 penalties one is waived; of 10 loans written off some money comes from three.
_WAIVED: Final = DRAWS // 16
_RECOVERED: Final = DRAWS * 3 // 10


class Borrowers:
    """Acts on loans day by day; each act files the loan for its next one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._filed = desk.filed
        self.behave(Scenario(meaning=""))

    def behave(self, scenario: Scenario) -> None:
        """From now on behave so."""
        rates = {
            "early": EARLY,
            "late": LATE * scenario.late // 100,
            "partial": PARTIAL * scenario.miss // 100,
            "bounced": BOUNCED,
            "prepaid": PREPAID * scenario.prepay // 100,
            "settled": SETTLED * scenario.prepay // 100,
            "missed": MISSED * scenario.miss // 100,
        }
        on_time = 10_000 - sum(rates.values())
        self._on_time, *self._cuts = (
            part * DRAWS // 10_000 for part in accumulate((on_time, *rates.values()))
        )
        self._rolls = tuple(
            (
                cured * scenario.cure // 100 * DRAWS // 10_000,
                (cured * scenario.cure // 100 + one) * DRAWS // 10_000,
            )
            for cured, one in ROLLS
        )

    def act(self, loans: Iterable[Loan]) -> None:
        """Each loan does what it is filed for."""
        for loan in loans:
            if loan.step is not None:
                loan.step(loan)
            elif self.pay_instalment(loan):
                self.next(loan)

    # -- up to date ----------------------------------------------------------------------------------------

    def next(self, loan: Loan) -> None:
        """Draw what becomes of instalment ``k`` and file it."""
        loan.random = state = (loan.random * FACTOR + STEP) & MASK
        draw = state >> 32  # as Loan.draw does it; so many are drawn here that a call is a call too many
        if draw < self._on_time:
            loan.step = None
            self._filed[loan.due[loan.k]].append(loan)
        else:
            self._not_on_time(loan, draw)

    def _not_on_time(self, loan: Loan, draw: int) -> None:
        desk, due = self._desk, loan.due[loan.k]
        early, late, partial, bounced, prepaid, settled, _ = self._cuts
        if draw < early:
            day = due - 1 - draw % _MOST_EARLY
            desk.plan(max(day, desk.day + 1), loan, None)
        elif draw < late:
            desk.plan(due + 1 + draw % _MOST_LATE, loan, self._pay_overdue)
        elif draw < partial:
            desk.plan(due, loan, self._pay_half)
        elif draw < bounced:
            desk.plan(due, loan, self._bounce)
        elif draw < prepaid:
            desk.plan(due, loan, self._prepay)
        elif draw < settled:
            desk.plan(due, loan, self._pay_all)
        else:
            self._miss(loan)

    def pay_instalment(self, loan: Loan) -> bool:
        """Pay instalment ``k`` as planned; whether the loan goes on. Most of a book's life is this."""
        desk, k = self._desk, loan.k
        planned, fen, principal, own = loan.payments[k]
        loan.k = later = k + 1
        more = later < loan.terms
        lines = desk.wallet if more and loan.wallet else desk.lines
        lines.append(desk.instalment(loan, planned))
        desk.payments += 1
        desk.paid += fen
        loan.principal -= principal
        if loan.pool is not None:
            loan.pool.collected += own
        if more:
            return True
        if not loan.principal:  # a planted loan may have some left
            self.end(loan, "matured")
        return False

    def end(self, loan: Loan, reason: str, *, released: str = "repaid") -> None:
        """Nothing is owed any more."""
        self._desk.say("loan.settled", lines.settled(loan, self._desk.text, reason))
        self._leave(loan, released)

    def _leave(self, loan: Loan, released: str) -> None:
        loan.ended = True
        if loan.pool is not None:
            loan.pool.end(loan.name, released)

    def _pay_half(self, loan: Loan) -> None:
        plan, k = loan.plan, loan.k
        half = plan.total[k] // 2
        fee = min(half, plan.fee[k])
        interest = min(half - fee, plan.interest[k])
        loan.paid = (half - fee - interest, interest, fee)
        self._take(loan, k, (*loan.paid, 0))
        self._desk.plan(self._desk.day + 3 + loan.draw() % 15, loan, self._pay_overdue)

    def _bounce(self, loan: Loan) -> None:
        desk, plan, k = self._desk, loan.plan, loan.k
        parts = (plan.principal[k], plan.interest[k], plan.fee[k])
        desk.say("repayment.received", desk.instalment(loan, loan.payments[k][0]), plan.total[k])
        payment_id = f"{loan.name}.{loan.seq}"
        desk.say("repayment.reversed", lines.reversal(loan, desk.text, payment_id, parts), plan.total[k])
        desk.plan(desk.day + 3, loan, self._pay_overdue)

    def _pay_all(self, loan: Loan) -> None:
        if not self.pay_instalment(loan):
            return
        self._take_ahead(loan, loan.principal, "settle")
        self.end(loan, "prepaid")

    def _prepay(self, loan: Loan) -> None:
        """A quarter of what is left is paid ahead; the instalments to come are lower."""
        if not self.pay_instalment(loan):
            return
        rest = loan.terms - loan.k
        if rest >= 2 and not loan.product.interest_only and loan.product.amortisation != "bullet":
            self._take_ahead(loan, loan.principal // 4, "lower_instalment")
            k, desk = loan.k, self._desk
            dues = derive(loan.product, rest, loan.principal, loan.due[k - 1], loan.due[k], changed=True)
            loan.plan = Plan(dues, before=loan.plan, k=k)
            loan.payments = loan.plan.payments(loan.creditors)
            days = [desk.days.text(day) for day in loan.due[k:]]
            desk.say("schedule.changed", lines.schedule_changed(loan, desk.text, k, days))
        self.next(loan)

    def _take_ahead(self, loan: Loan, fen: int, effect: str) -> None:
        self._desk.say("loan.prepaid", lines.prepaid(loan, self._desk.text, fen, effect), fen)
        loan.principal -= fen
        if loan.pool is not None:
            loan.pool.collect(loan, fen)

    def refund(self, loan: Loan) -> None:
        """The goods go back before anything fell due."""
        desk, fen = self._desk, loan.principal
        desk.say("loan.refunded", lines.refunded(loan, desk.text, fen), fen)
        desk.say("loan.cancelled", lines.cancelled(loan, desk.text, "returned_goods"))
        loan.principal = 0
        if loan.pool is not None:
            loan.pool.collect(loan, fen)
        self._leave(loan, "repaid")

    # -- in arrears ----------------------------------------------------------------------------------------

    def _take(self, loan: Loan, k: int, parts: tuple[int, int, int, int]) -> None:
        """A payment other than a whole instalment on its day."""
        desk = self._desk
        desk.say("repayment.received", lines.payment(loan, k, desk.text, parts), sum(parts))
        loan.principal -= parts[0]
        if loan.pool is not None:
            loan.pool.collect(loan, parts[0], parts[1], parts[3])

    def _pay_overdue(self, loan: Loan) -> None:
        self._cure_one(loan)
        self._go_on(loan)

    def _go_on(self, loan: Loan) -> None:
        if loan.k == loan.terms:
            self.end(loan, "matured")
        else:
            self.next(loan)

    def _cure_one(self, loan: Loan) -> None:
        """Pay what is left of the oldest instalment, with the penalty unless that is waived."""
        desk, plan, k = self._desk, loan.plan, loan.k
        principal = plan.principal[k] - loan.paid[0]
        interest, fee = plan.interest[k] - loan.paid[1], plan.fee[k] - loan.paid[2]
        days = desk.day - loan.due[k]
        penalty = (principal * PENALTY_PERCENT * days + 18_000) // 36_000 if days > GRACE_DAYS else 0
        if penalty:
            payee, waived = loan.creditors.names[0], loan.draw() < _WAIVED
            # Waived is it on the day before: what a day's payment pays is settled before what is waived on that day.
            day = desk.days.text(desk.day - 1) if waived else desk.text
            desk.say("fee.charged", lines.penalty(loan, k, day, penalty, payee), penalty)
            if waived:
                desk.say("amount.waived", lines.waiver(loan, k, day, penalty), penalty)
                penalty = 0
        self._take(loan, k, (principal, interest, fee, penalty))
        loan.k, loan.paid = k + 1, (0, 0, 0)

    def _miss(self, loan: Loan) -> None:
        loan.missed = 1
        self._look_again(loan)

    def _look_again(self, loan: Loan) -> None:
        """File the next look: when the next instalment falls due, or when patience ends before that."""
        k = loan.k
        upcoming = k + loan.missed
        day = (
            loan.due[upcoming]
            if upcoming < loan.terms
            else loan.due[-1] + _MONTH * (upcoming - loan.terms + 1)
        )
        oldest = loan.due[k]
        if loan.guarantor is not None:
            limit, step = oldest + COMPENSATED_AFTER, self._compensate
        elif loan.pool is not None or len(loan.creditors.names) > 1:
            limit, step = oldest + BOUGHT_BACK_AFTER, self._buy_back
        else:
            limit, step = oldest + CHARGED_OFF_AFTER, self._charge_off
        today = self._desk.day
        if day >= limit:
            self._desk.plan(max(limit, today + 1), loan, step)
        else:
            self._desk.plan(max(day, today + 1), loan, self._roll)

    def _roll(self, loan: Loan) -> None:
        """A month in arrears is over."""
        draw = loan.draw()
        cured, one = self._rolls[min(loan.missed, len(self._rolls)) - 1]
        if draw < cured:
            while loan.k < loan.terms and loan.due[loan.k] <= self._desk.day:
                self._cure_one(loan)
            loan.missed = 0
            self._go_on(loan)
            return
        if draw < one:
            self._cure_one(loan)
            if loan.k == loan.terms:
                self.end(loan, "matured")
                return
        else:
            loan.missed += 1
        self._look_again(loan)

    def _compensate(self, loan: Loan) -> None:
        """The guarantor pays the creditors all that is owed; the loan is over for them."""
        desk, guarantor = self._desk, loan.guarantor
        assert guarantor is not None
        plan, k = loan.plan, loan.k
        overdue = [i for i in range(k, loan.terms) if loan.due[i] <= desk.day]
        interest = sum(plan.interest[i] for i in overdue) - loan.paid[1]
        principals, interests = loan.creditors.split(loan.principal), loan.creditors.split(interest)
        claims = []
        for claim, principal, part in zip(loan.creditors.claims, principals, interests, strict=True):
            paid = {"principal": yuan(principal)} | ({"interest": yuan(part)} if part else {})
            claims.append({"claim": claim, "applied": paid})
        fen = loan.principal + interest
        loan.draw()
        data = {
            "currency": CURRENCY, "amount": yuan(fen), "claims": claims, "covers": "whole",
            "value_date": desk.text, "bank_ref": f"GC{loan.reference()}",
        }  # fmt: skip
        loan.seq += 1
        event_id = f"{loan.name}.{loan.seq}"
        desk.event(
            "guarantor.compensated", f"loan:{loan.name}", data, name=event_id, party=guarantor, fen=fen
        )
        loan.principal = 0
        self.end(loan, "compensated", released="other")

    def _buy_back(self, loan: Loan) -> None:
        """The platform takes the claims of others back, and goes on collecting."""
        desk, creditors = self._desk, loan.creditors
        for name, claim, fen in zip(
            creditors.names, creditors.claims, creditors.split(loan.principal), strict=True
        ):
            if name != MICROLOAN:
                desk.say("claim.bought_back", lines.bought_back(loan, desk.text, claim, fen), fen)
        if loan.pool is not None:
            loan.pool.return_claim(loan)
        desk.plan(loan.due[loan.k] + CHARGED_OFF_AFTER, loan, self._charge_off)

    def _charge_off(self, loan: Loan) -> None:
        desk, fen = self._desk, loan.principal
        desk.say("loan.charged_off", lines.charged_off(loan, desk.text, fen), fen)
        loan.principal = 0
        self._leave(loan, "other")
        if (draw := loan.draw()) < _RECOVERED:
            loan.paid = (1 + fen * (draw % 50) // 100, 0, 0)
            desk.plan(desk.day + 30 + draw % 90, loan, self._recover)

    def _recover(self, loan: Loan) -> None:
        fen = loan.paid[0]
        self._desk.say("recovery.received", lines.recovered(loan, self._desk.text, fen), fen)
