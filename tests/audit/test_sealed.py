"""Seals that the ledger would refuse to record, shown to an auditor by one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from ledger.audit import pool as pools
from ledger.audit import sealed
from ledger.audit.findings import Finding, Notes
from ledger.audit.sealed import SealLeaves
from ledger.domain import seals
from ledger.log import Ledger
from ledger.proofs import sumtree
from ledger.proofs.seal import SealHeader
from ledger.store import logs
from tests import book
from tests.audit.casework import provokes
from tests.audit.logwork import Records

AS_OF = date(2026, 11, 22)


def examined(ledger: Ledger, *sealings: dict[str, Any]) -> Sequence[Finding]:
    """What the procedure finds in an empty pool that has these seals on record."""
    return performed(ledger, *sealings, as_of=AS_OF).findings


def performed(ledger: Ledger, *sealings: dict[str, Any], as_of: date) -> Notes:
    """The procedure on a day, on an empty pool that has these seals on record."""
    ledger.append([book.pool_created("P")], party="fenqile")
    ledger.publish()
    shown = Records()
    for data in sealings:
        shown.post("pool.sealed", "pool:P", data, effective="2026-11-22")
    notes = Notes()
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        pool = pools.load(connection, log, "P", before=2, as_of=as_of)
        pool = replace(pool, records=(*pool.records, *shown.of("pool:P")))
        sealed.check(connection, log, pool, SealLeaves(), loan_ids=[], as_of=as_of, erased=0, notes=notes)
    return notes


def header(**changes: Any) -> SealHeader:
    """The seal of an empty pool in the tree of its first two entries."""
    one = SealHeader(
        pool="P", currency="CNY", size=2, as_of="2026-11-22", total=sumtree.root([]), rules_version=1, restates=None
    )  # fmt: skip
    return replace(one, **changes)


def test_the_seal_of_an_empty_pool(sqlite_ledger: Ledger) -> None:
    assert examined(sqlite_ledger, seals.event_data(header())) == []


def test_a_seal_of_a_later_day_is_not_denied(sqlite_ledger: Ledger) -> None:
    """The pool was sealed, only not by the day that is audited."""
    notes = performed(sqlite_ledger, seals.event_data(header()), as_of=date(2026, 11, 21))
    assert list(notes.procedure("seal").reasons) == ["no seal of the pool is of this day or an earlier one"]


@provokes("seal.wrong_header")
def test_a_seal_that_is_not_the_digest_of_its_header(sqlite_ledger: Ledger) -> Sequence[Finding]:
    findings = examined(sqlite_ledger, {**seals.event_data(header()), "seal": "ab" * 32})
    assert [one.subject for one in findings] == ["pool:P"]
    return findings


@provokes("seal.unpublished")
def test_a_seal_of_a_size_that_nobody_was_shown(sqlite_ledger: Ledger) -> Sequence[Finding]:
    findings = examined(sqlite_ledger, seals.event_data(header(size=3)))
    assert [one.facts["size"] for one in findings] == [3]
    return findings


def wrong() -> SealHeader:
    """A seal of the same size with a claim in it that is not there."""
    return header(total=sumtree.Node(b"\7" * 32, 1, 5, 0))


@provokes("seal.twice")
def test_two_seals_of_one_size(sqlite_ledger: Ledger) -> Sequence[Finding]:
    """The newest is right, and still: somebody may have been shown the first."""
    findings = examined(sqlite_ledger, seals.event_data(wrong()), seals.event_data(header()))
    assert [(one.code, len(one.evidence)) for one in findings] == [("seal.twice", 2)]
    return findings


@provokes("seal.twice")
def test_a_seal_of_an_earlier_size(sqlite_ledger: Ledger) -> Sequence[Finding]:
    ahead = seals.event_data(header(size=3))
    return examined(
        sqlite_ledger, ahead, seals.event_data(header(restates=bytes.fromhex(str(ahead["seal"]))))
    )


def test_a_seal_that_names_the_one_it_replaces(sqlite_ledger: Ledger) -> None:
    findings = examined(
        sqlite_ledger, seals.event_data(wrong()), seals.event_data(header(restates=wrong().seal))
    )
    assert [one.code for one in findings] == ["seal.restated"]


def test_each_currency_has_seals_of_its_own(sqlite_ledger: Ledger) -> None:
    both = [seals.event_data(header(currency=currency)) for currency in ("CNY", "USD")]
    assert examined(sqlite_ledger, *both) == []
