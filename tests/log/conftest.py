"""How the tests of the log write to it."""

from __future__ import annotations

from typing import Any

from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.log import Ledger
from ledger.proofs.note import Signer
from tests import book

BANK_A = Signer.from_seed("bank-a", bytes([10]) * 32)


def append(ledger: Ledger, *events: book.Event) -> list[int]:
    return [one.index for one in ledger.append(events, party="fenqile").accepted]


def released(
    ledger: Ledger, loan: str, *, id: str, signer: Signer | None = BANK_A, share: int = 1_000_000
) -> Any:
    """A release by bank-a, signed."""
    data = {"claims": [{"loan": loan, "claim": "c1", "share": share}]}
    submission = read_submission(book.event("claim.released", "pool:P", data, id=id), party="bank-a")
    return statements.sign_submission(signer, ledger.origin, submission) if signer else submission
