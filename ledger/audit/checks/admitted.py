"""Would the ledger let these records in? What admission asks of a loan's records one by one, asked again.

Whoever owns the log could write a record past admission, and the fold takes what it is given: another currency's amount
for the loan's, a correction for the word of whom it corrects. Here are the rules that need no more than the loan's own
records; those on roles and signatures stand in :mod:`ledger.audit.statements`, those on places in the register and in
:mod:`ledger.audit.encumbrance`.
"""

from __future__ import annotations

from ledger.audit.checks.case import Case
from ledger.audit.findings import Evidence
from ledger.domain.corrections import corrected
from ledger.domain.events.corrections import CorrectionMade
from ledger.errors import RefusedError


def check(case: Case) -> None:
    """Hold each record of the loan, in force or not, against the rules; part of the procedure records."""
    # The terms as first recorded: whether a correction may change their currency is asked of the correction.
    currency = case.records[0][1].event.currency  # type: ignore[attr-defined]  # what begins a loan has one
    for place, (index, one) in enumerate(case.records):
        event = one.event
        told = getattr(event, "currency", currency)
        if told != currency:
            case.notes.find(
                "record.currency_differs", case.subject, evidence=[Evidence(index, one.digest.hex())], type=one.type,
                told=told, currency=currency,
            )  # fmt: skip
        if isinstance(event, CorrectionMade):
            try:
                corrected(one, event, case.records[:place])
            except RefusedError as error:
                case.notes.find(
                    "correction.refused", case.subject, evidence=[Evidence(index, one.digest.hex())], party=one.party,
                    type=event.type, reason=error.reason,
                )  # fmt: skip
