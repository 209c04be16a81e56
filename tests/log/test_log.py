"""The log end to end: accepted, published, proved."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
)
from ledger.log import Ledger
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.merkle import verify_consistency
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import Level, verify_acceptance, verify_receipt
from ledger.store import Store
from tests import book
from tests.log.conftest import append


def test_an_event_is_accepted_published_and_proved(ledger: Ledger) -> None:
    assert append(ledger, *book.loans(300)) == list(range(900))
    with pytest.raises(NotFoundError, match="not published yet"):
        ledger.receipt("L7.disbursed")
    checkpoint = ledger.publish()
    assert checkpoint is not None
    assert checkpoint.size == 901
    assert ledger.publish() is None

    trust = ledger.trust_root()
    receipt = ledger.receipt("L7.disbursed")
    verdict = verify_receipt(trust, receipt, require=Level.PUBLISHED)
    assert verdict.level is Level.PUBLISHED
    assert ledger.receipt("L7.disbursed") == receipt
    assert Receipt.parse(ledger.receipt("L7.originated")).disclosures[0][1:] == ("name", "王小明7")
    assert ledger.state_of("L7.disbursed")["state"] == "published"
    verify_acceptance(trust, ledger.acceptance("L7.disbursed"))
    assert fsck(ledger).problems == []


def test_an_acceptance_is_the_same_whenever_it_is_asked_for(ledger: Ledger) -> None:
    append(ledger, *book.loans(5))
    first = ledger.acceptance("L3.originated")
    append(ledger, *book.loans(5, prefix="M"))
    ledger.publish()
    assert ledger.acceptance("L3.originated") == first
    acceptance = Acceptance.parse(first)
    assert (acceptance.batch.first, acceptance.batch.count, acceptance.index) == (0, 15, 9)


def test_a_receipt_issued_early_stays_as_it_was(ledger: Ledger) -> None:
    append(ledger, *book.loans(2))
    ledger.publish()
    early = ledger.receipt("L0.originated")
    append(ledger, *book.loans(2, prefix="M"))
    ledger.publish()
    assert ledger.receipt("L0.originated") == early
    assert Receipt.parse(early).checkpoint.splitlines()[1] == "7"


def test_every_published_size_extends_the_ones_before(ledger: Ledger) -> None:
    for n in range(6):
        append(ledger, *book.loans(60, prefix=f"P{n}-"))
        ledger.publish()
    sizes = ledger.checkpoint_sizes()
    assert len(sizes) == 6
    for older, newer in itertools.pairwise(sizes):
        proof = ledger.consistency_proof(older, newer)
        verify_consistency(older, newer, ledger.root_of(older), ledger.root_of(newer), proof)


def test_tiles_and_entries_end_where_the_published_tree_ends(ledger: Ledger) -> None:
    append(ledger, *book.loans(100))
    ledger.publish()
    append(ledger, book.repaid("L0", 2))
    assert len(ledger.read_tile(0, 0, 256)) == 8192
    assert len(ledger.read_tile(0, 1, 45)) == 45 * 32
    assert len(ledger.read_tile(1, 0, 1)) == 32
    for level, n, width in [(0, 1, 46), (0, 2, 1), (1, 0, 2), (2, 0, 1), (0, 0, 257), (0, -1, 1), (0, 0, 0)]:
        with pytest.raises(NotFoundError):
            ledger.read_tile(level, n, width)
    assert len(ledger.read_entries(1, 45)) == 44 * (2 + 37) + 2 + 53
    with pytest.raises(NotFoundError):
        ledger.read_entries(1, 46)


def test_writers_in_parallel_leave_one_sound_log(ledger: Ledger) -> None:
    append(ledger, book.pool_created("P"))
    errors: list[Exception] = []

    def write(name: str) -> None:
        try:
            for n in range(5):
                append(ledger, *book.loans(4, prefix=f"{name}{n}-"))
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for _ in range(3):
        ledger.publish()
    for thread in threads:
        thread.join()
    ledger.publish()
    assert errors == []
    report = fsck(ledger)
    assert report.problems == []
    assert report.records == 1 + 3 * 5 * 12


def test_a_log_is_opened_under_its_name_only(
    ledger: Ledger, database_url: str, open_store: Callable[[str], Store]
) -> None:
    with pytest.raises(NotFoundError, match="no log with origin"):
        Ledger(open_store(database_url), "other.example/log", vault=ledger.vault, service=ledger.service)
    for origin in (ledger.origin, "other.example/log"):
        with pytest.raises(ConfigurationError, match="a database of its own"):
            Ledger.create(
                ledger.store, origin, vault=ledger.vault, service=ledger.service, signer=ledger.service
            )


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "é", "x" * 256])
def test_an_origin_has_a_form(sqlite_ledger: Ledger, origin: str) -> None:
    with pytest.raises(ConfigurationError, match="origin"):
        Ledger.create(
            sqlite_ledger.store, origin, vault=sqlite_ledger.vault, service=sqlite_ledger.service,
            signer=sqlite_ledger.service,
        )  # fmt: skip
