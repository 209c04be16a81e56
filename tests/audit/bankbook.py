"""A log whose account bank has settled a day, and whose parties have closed it; and how its records are scanned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ledger.audit import integrity
from ledger.audit.scan.logscan import Known, LogScan
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.note import Signer
from ledger.store import logs
from tests import book

CLEARING = Signer.from_seed("clearing", bytes([41]) * 32)
#: What is settled and closed.
DAY = "2026-11-01"


def fill(ledger: Ledger) -> Ledger:
    """Four loans; one payment each on one account, settled and the day closed; two payments have one reference."""
    ledger.add_party("clearing", ["account_bank"], [CLEARING.verifier.vkey])
    ledger.append(list(book.loans(4, repayments=0)), party="fenqile")
    ledger.append(
        [book.pool_created("P"), book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p0")],
        party="fenqile",
    )
    paid = []
    for n in range(4):
        one = book.repaid(f"L{n}", 1)
        one["data"] |= {"account": "A1", "value_date": DAY, "bank_ref": f"R{n // 2}"}
        paid += ledger.append([one], party="fenqile").accepted
    settled = {
        "currency": "CNY", "value_date": DAY, "amount": "426.48", "statement": "S1",
        "covered": {
            "before": paid[-1].index + 1, "count": 4, "sum": "426.48",
            "root": merkle.root([merkle.leaf_hash(one.digest) for one in paid]).hex(),
        },
    }  # fmt: skip
    event = book.event("cash.settled", "account:A1", settled, id="s1", party="clearing")
    ledger.append([statements.sign_submission(CLEARING, ledger.origin, read_submission(event))])
    line = {"type": "repayment.received", "holder": None, "currency": "CNY", "count": 4, "sum": "426.48"}
    closed = {"date": DAY, "before": paid[-1].index + 1, "lines": [line]}
    ledger.append([book.event("day.closed", "log", closed, id="d1")], party="fenqile")
    ledger.publish()
    return ledger


def scanned(ledger: Ledger, known: Known, bounds: Sequence[int]) -> list[LogScan]:
    """One scan for each range of entries between two neighbouring bounds."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
    parts = []
    for start, stop in pairwise(bounds):
        parts.append(LogScan(known, start=start))
        integrity.hash_range(ledger.store, log, start, stop, scan=parts[-1])
    return parts
