"""A book with one pool in it, the audit of that pool, and ways to change both behind the ledger's back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from ledger.audit.findings import Finding, Outcome
from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.log import Ledger
from ledger.proofs.canonical import sha256
from ledger.proofs.note import Signer
from ledger.store import tables
from tests import book

LOANS = 40


def fill(ledger: Ledger) -> Ledger:
    """Forty loans of one or more claims, all pledged into a pool by halves, sealed, and published three times."""
    ledger.append(list(book.loans(LOANS)), party="fenqile")
    ledger.append(
        [
            book.pool_created("P"),
            *(book.pledged("P", "bank-a", (f"L{n}", "c1", 500_000), id=f"p{n}") for n in range(1, LOANS)),
        ],
        party="fenqile",
    )
    ledger.publish()
    ledger.seal_pool("P", as_of="2026-11-21", party="fenqile")
    ledger.publish()
    ledger.append([book.repaid("L2", 2)], party="fenqile")
    ledger.publish()
    return ledger


@dataclass(frozen=True)
class Audited:
    report: AuditReport

    @property
    def findings(self) -> list[Finding]:
        return list(self.report.findings)

    def outcome(self, procedure: str) -> Outcome:
        return next(one.outcome for one in self.report.procedures if one.name == procedure)


def run(ledger: Ledger, tmp_path: Path, **changes: Any) -> Audited:
    anchors, trust = changes.pop("anchors", None), changes.pop("trust", None)
    request = replace(Request(pool="P", as_of=date(2026, 11, 22), processes=1), **changes)
    return Audited(
        audit(
            ledger.store,
            ledger.origin,
            request,
            trust=trust or ledger.trust_root(),
            anchors=anchors,
            kek=tmp_path / "kek",
        )
    )


def change(ledger: Ledger, table: Any, where: Any, **values: Any) -> None:
    with ledger.store.write() as connection:
        assert connection.execute(update(table).where(where).values(**values)).rowcount == 1


def row_of(ledger: Ledger, event_id: str) -> Any:
    with ledger.store.read() as connection:
        return connection.execute(select(tables.records).where(tables.records.c.event_id == event_id)).one()


def forge(ledger: Ledger, event_id: str, old: bytes, new: bytes, *, digest: bool) -> None:
    """Change a record's bytes, with its digest if wanted."""
    row = row_of(ledger, event_id)
    forged = bytes(row.record).replace(old, new)
    assert forged != row.record
    values = {"record": forged, **({"digest": sha256(forged)} if digest else {})}
    change(ledger, tables.records, tables.records.c.index == row.index, **values)


def released(ledger: Ledger, bank: str, loan: str, id: str, pool: str = "P", claim: str = "c1") -> Any:
    """The bank's signed release."""
    signer = Signer.from_seed(bank, bytes([{"bank-a": 10, "bank-b": 11}[bank]]) * 32)
    raw = book.event("claim.released", f"pool:{pool}", {"claims": [{"loan": loan, "claim": claim}]}, id=id)
    return statements.sign_submission(signer, ledger.origin, read_submission({**raw, "party": bank}))
