"""The elements of Schedule AL item 3 (auto loans) that are read, and what their codes mean.

Source: 17 CFR 229.1125, appendix, item 3, and the SEC's ABS-EE XML specification for the code lists. Units
as the specification has them: amounts in dollars, percentages as fractions (0.1066 is 10.66 %), dates as
MM/YYYY where the rule asks for a month and MM-DD-YYYY where it asks for a day. Files deviate; the reader
flags what it sees and keeps every element as it stood.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from ledger.tapes.xmlstream import Shape

#: The exhibit's shape: a root, one ``assets`` element a loan, flat text below.
SHAPE: Final = Shape(
    what="EX-102 file",
    root="assetData",
    namespace="http://www.sec.gov/edgar/document/absee/autoloan/assetdata",
    record="assets",
)

ASSET_TYPE: Final = "assetTypeNumber"
ASSET: Final = "assetNumber"
BEGIN: Final = "reportingPeriodBeginningDate"
END: Final = "reportingPeriodEndingDate"

BALANCE_BEGIN: Final = "reportingPeriodBeginningLoanBalanceAmount"
BALANCE_END: Final = "reportingPeriodActualEndBalanceAmount"
ADJUSTMENT: Final = "otherPrincipalAdjustmentAmount"
CHARGED_OFF: Final = "chargedoffPrincipalAmount"
RECOVERED: Final = "recoveredAmount"
PROCEEDS: Final = "repossessedProceedsAmount"
PAID: Final = "totalActualAmountPaid"
PAID_PRINCIPAL: Final = "actualPrincipalCollectedAmount"
PAID_INTEREST: Final = "actualInterestCollectedAmount"
PAID_OTHER: Final = "actualOtherCollectedAmount"
SCHEDULED: Final = "reportingPeriodScheduledPaymentAmount"
FEES_UNCOLLECTED: Final = "otherAssessedUncollectedServicerFeeAmount"
PAID_THROUGH: Final = "interestPaidThroughDate"
NEXT_DUE: Final = "nextReportingPeriodPaymentAmountDue"
ORIGINAL_AMOUNT: Final = "originalLoanAmount"

ORIGINAL_RATE: Final = "originalInterestRatePercentage"
CURRENT_RATE: Final = "reportingPeriodInterestRatePercentage"
PAYMENT_TO_INCOME: Final = "paymentToIncomePercentage"

TERM: Final = "originalLoanTerm"
REMAINING: Final = "remainingTermToMaturityNumber"
PAYMENT_TYPE: Final = "paymentTypeCode"
DELINQUENT: Final = "currentDelinquencyStatus"
MODIFIED: Final = "reportingPeriodModificationIndicator"
ORIGINATED: Final = "originationDate"
FIRST_DUE: Final = "originalFirstPaymentDate"
MATURITY: Final = "loanMaturityDate"
ZERO_CODE: Final = "zeroBalanceCode"
ZERO_DATE: Final = "zeroBalanceEffectiveDate"
SCORE: Final = "obligorCreditScore"
REGION: Final = "obligorGeographicLocation"

#: Elements that the schema lets repeat inside a record.
REPEATABLE: Final = frozenset({"subvented", "modificationTypeCode", ZERO_CODE})

#: paymentTypeCode of a loan paid monthly: only then is the term, in months, a number of instalments.
MONTHLY: Final = "2"

#: zeroBalanceCode: why nothing is owed to the trust any more, and the ``loan.settled`` reason that says it.
#: 4 (charged off) is an event of its own. The borrower may still owe somebody after 2, 3 and 5.
SETTLED_REASONS: Final = {
    "1": "prepaid_or_matured",  # prepaid or matured
    "2": "sold",  # sold to a third party
    "3": "repurchased",  # repurchased or replaced
    "5": "servicing_transferred",  # servicing transferred
    "99": "other",  # unavailable
}
CODE_CHARGED_OFF: Final = "4"

#: What some issuers write where they have nothing to say; read as absent, kept verbatim.
NOTHING: Final = frozenset({"", "-", "NA", "N/A", "None", "NONE", "null"})

#: Facts about the borrower: they go to the private side of an event, under their names in snake case.
#: The state of residence stays in the clear: concentration limits are checked on it.
_PRIVATE_PREFIXES: Final = ("obligor", "coObligor", PAYMENT_TO_INCOME)

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_NAME = re.compile(r"[^a-z0-9_]")


@functools.lru_cache(maxsize=1_024)
def is_private(element: str) -> bool:
    """Whether an element is a fact about the borrower."""
    return element.startswith(_PRIVATE_PREFIXES) and element != REGION


@functools.lru_cache(maxsize=1_024)
def snake(element: str) -> str:
    """The name of an element as a member name: ``obligorCreditScore`` is ``obligor_credit_score``."""
    return _NO_NAME.sub("_", _CAPITAL.sub("_", element).lower())[:64]
