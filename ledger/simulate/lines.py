"""The text of events, as a platform sends it: one JSON object a line.

Written out member by member, because most of a simulation's time goes here; the tests read every line back by the
ledger's own rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from ledger.simulate.loan import Loan
from ledger.simulate.plans import applied
from ledger.simulate.platform import CURRENCY, PLATFORM, yuan

_LOAN: Final = f'"party":"{PLATFORM}","data":{{'
_MONEY: Final = f'{_LOAN}"currency":"{CURRENCY}",'


def head(loan: Loan, kind: str, day: str) -> str:
    """The members before ``data``, which the caller closes with two braces."""
    loan.seq += 1
    name = loan.name
    return f'{{"id":"{name}.{loan.seq}","type":"{kind}","subject":"loan:{name}","effective":"{day}",'


@cache  # of few channels and accounts
def through(channel: str, account: str) -> str:
    """The members ``channel`` and ``account`` of a payment."""
    return f'"channel":"{channel}","account":"{account}"'


def instalments(day: str) -> Callable[[Loan, str], str]:
    """The text of payments by borrowers on ``day`` that are exactly an instalment: by the loan and what its plan has
    for that payment. More than half of all lines are such; so what they share is put together once a day.
    """
    dated = f'","effective":"{day}",{_MONEY}'
    valued = f',"value_date":"{day}",'

    def instalment(loan: Loan, planned: str) -> str:
        loan.seq = seq = loan.seq + 1
        name = loan.name
        return (
            f'{{"id":"{name}.{seq}","type":"repayment.received","subject":"loan:{name}{dated}{planned}{valued}'
            f'{loan.through},"bank_ref":"BK{loan.random.to_bytes(8).hex()}"}}}}'
        )

    return instalment


def payment(loan: Loan, k: int, day: str, parts: tuple[int, int, int, int], *, payer: str = "obligor") -> str:
    """A payment of (principal, interest, fee, penalty) on instalment ``k``."""
    loan.draw()  # another bank reference than the last one's
    return (
        f'{head(loan, "repayment.received", day)}{_MONEY}"amount":"{yuan(sum(parts))}","applied":{applied(*parts)},'
        f'"payer":"{payer}","instalment":{k + 1},"value_date":"{day}",{loan.through},'
        f'"bank_ref":"BK{loan.reference()}"}}}}'
    )


def reversal(loan: Loan, day: str, payment_id: str, parts: tuple[int, int, int]) -> str:
    """The payment of that id bounced on the day it came."""
    return (
        f'{head(loan, "repayment.reversed", day)}{_MONEY}"repayment":"{payment_id}",'
        f'"amount":"{yuan(sum(parts))}","applied":{applied(*parts)},"reason":"returned","value_date":"{day}",'
        f'"account":"{loan.account}","bank_ref":"RT{loan.reference()}"}}}}'
    )


def member_fee(loan: Loan, day: str, fee: int) -> tuple[str, str]:
    """The membership fee, charged and paid."""
    amount = yuan(fee)
    charged = (
        f'{head(loan, "fee.charged", day)}{_MONEY}"amount":"{amount}","component":"fee","name":"membership",'
        f'"payee":"{PLATFORM}","instalment":null}}}}'
    )
    paid = (
        f'{head(loan, "repayment.received", day)}{_MONEY}"amount":"{amount}","applied":{applied(0, 0, fee)},'
        f'"payer":"obligor","instalment":null,"value_date":"{day}",{loan.through},'
        f'"bank_ref":"MF{loan.reference()}"}}}}'
    )
    return charged, paid


def penalty(loan: Loan, k: int, day: str, amount: int, payee: str) -> str:
    """A penalty on instalment ``k`` falls due."""
    return (
        f'{head(loan, "fee.charged", day)}{_MONEY}"amount":"{yuan(amount)}","component":"penalty",'
        f'"name":"late_payment","payee":"{payee}","instalment":{k + 1}}}}}'
    )


def waiver(loan: Loan, k: int, day: str, amount: int) -> str:
    """The penalty on instalment ``k`` is waived."""
    return (
        f'{head(loan, "amount.waived", day)}{_MONEY}"waived":{applied(0, 0, 0, amount)},"instalment":{k + 1},'
        f'"reason":"goodwill","approved_by":"collections"}}}}'
    )


def prepaid(loan: Loan, day: str, amount: int, effect: str) -> str:
    """Principal paid before it is due."""
    return (
        f'{head(loan, "loan.prepaid", day)}{_MONEY}"amount":"{yuan(amount)}","applied":{applied(amount)},'
        f'"effect":"{effect}","payer":"obligor","value_date":"{day}",{loan.through},'
        f'"bank_ref":"PP{loan.reference()}"}}}}'
    )


def schedule_changed(loan: Loan, day: str, first: int, dues: list[str]) -> str:
    """The instalments from index ``first`` on, due on these days, are those of the loan's plan now."""
    plan = loan.plan
    rows = []
    for k, due in enumerate(dues, first):
        fee = f',"fee":"{yuan(plan.fee[k])}"' if plan.fee[k] else ""
        principal, interest = yuan(plan.principal[k]), yuan(plan.interest[k])
        rows.append(f'{{"due":"{due}","principal":"{principal}","interest":"{interest}"{fee}}}')
    return (
        f'{head(loan, "schedule.changed", day)}{_MONEY}"first":{first + 1},"instalments":[{",".join(rows)}],'
        f'"reason":"prepayment"}}}}'
    )


def refunded(loan: Loan, day: str, amount: int) -> str:
    """The merchant pays back what the loan had bought."""
    return (
        f'{head(loan, "loan.refunded", day)}{_MONEY}"amount":"{yuan(amount)}","applied":{applied(amount)},'
        f'"source":"merchant","value_date":"{day}","account":"{loan.account}",'
        f'"bank_ref":"RF{loan.reference()}","order":"ORD{loan.number:08d}"}}}}'
    )


def cancelled(loan: Loan, day: str, reason: str) -> str:
    """The contract is undone."""
    return f'{head(loan, "loan.cancelled", day)}{_LOAN}"reason":"{reason}"}}}}'


def settled(loan: Loan, day: str, reason: str) -> str:
    """Nothing is owed any more."""
    return f'{head(loan, "loan.settled", day)}{_LOAN}"reason":"{reason}","value_date":"{day}"}}}}'


def charged_off(loan: Loan, day: str, amount: int) -> str:
    """What is left is written off."""
    return (
        f'{head(loan, "loan.charged_off", day)}{_MONEY}"amount":"{yuan(amount)}","reason":"days past due"}}}}'
    )


def recovered(loan: Loan, day: str, amount: int) -> str:
    """Money came in after the end."""
    return (
        f'{head(loan, "recovery.received", day)}{_MONEY}"amount":"{yuan(amount)}","source":"obligor",'
        f'"value_date":"{day}","bank_ref":"RC{loan.reference()}"}}}}'
    )


def bought_back(loan: Loan, day: str, claim: str, price: int) -> str:
    """The platform buys a delinquent claim from its creditor."""
    return (
        f'{head(loan, "claim.bought_back", day)}{_LOAN}"claim":"{claim}","buyer":"{PLATFORM}",'
        f'"currency":"{CURRENCY}","price":"{yuan(price)}","reason":"delinquent","value_date":"{day}",'
        f'"bank_ref":"BB{loan.reference()}{claim}"}}}}'
    )


def balance_reported(name: str, seq: int, day: str, tape: str, place: int, *, balance: int, days: int) -> str:
    """What the month's tape says about the loan of that name."""
    return (
        f'{{"id":"{name}.{seq}","type":"balance.reported","subject":"loan:{name}","effective":"{day}",{_LOAN}'
        f'"tape":"{tape}","place":"line {place}",'
        f'"currency":"{CURRENCY}","balance":"{yuan(balance)}","days_past_due":{days},"status":"active"}}}}'
    )
