"""Batches: repeats are answered as at first, one signature covers a part, and no more waits than an anchor can take."""

from __future__ import annotations

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import (
    NotFoundError,
    RefusedError,
    UnpublishedError,
)
from ledger.log import Ledger
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.verify import verify_acceptance
from tests import book
from tests.log.conftest import append


def test_the_same_statement_is_answered_with_its_first_acceptance(ledger: Ledger) -> None:
    events = list(book.loans(3))
    append(ledger, *events)
    again = ledger.append([*events, book.repaid("L0", 2)], party="fenqile")
    assert [one.index for one in again.accepted] == list(range(10))
    assert [one.repeated for one in again.accepted] == [True] * 9 + [False]
    assert ledger.status().size == 10
    twice = ledger.append([book.repaid("L1", 2), book.repaid("L1", 2)], party="fenqile")
    assert [(one.index, one.repeated) for one in twice.accepted] == [(10, False), (10, True)]


def test_a_repeat_is_found_before_any_rule_of_state(ledger: Ledger) -> None:
    append(ledger, *book.loans(1), book.event("loan.settled", "loan:L0", {"reason": "prepaid"}, id="end"))
    assert append(ledger, book.originated("L0", private={"name": "王小明0", "score": 600})) == [0]


def test_ids_belong_to_their_party(ledger: Ledger) -> None:
    append(ledger, *book.loans(1))
    ledger.add_party("other", ["originator"])
    created = book.pool_created("P") | {"id": "L0.originated"}
    assert ledger.append([created], party="other").accepted[0].repeated is False
    with pytest.raises(NotFoundError, match="several parties"):
        ledger.acceptance("L0.originated")
    assert ledger.state_of("L0.originated", party="other")["index"] == 3


def test_repeated_events_get_their_first_acceptance_beside_new_ones(ledger: Ledger) -> None:
    first = ledger.append(list(book.loans(2)), party="fenqile")
    again = ledger.append([*book.loans(3), next(book.loans(1))], party="fenqile")
    assert [one.repeated for one in again.accepted] == [True] * 6 + [False] * 3 + [True]
    documents = ledger.acceptances(again)
    assert documents[:6] == ledger.acceptances(first)
    assert documents == [ledger.acceptance(one.id) for one in again.accepted]
    none = ledger.append(list(book.loans(3)), party="fenqile")
    assert ledger.acceptances(none) == documents[:9]


def test_a_large_batch_is_signed_in_parts(ledger: Ledger) -> None:
    events = list(book.loans(700))
    appended = ledger.append(events, party="fenqile")
    documents = ledger.acceptances(appended)
    assert len(documents) == 2_100
    ledger.publish()
    trust = ledger.trust_root()
    for index, first, count in ((0, 0, 1_024), (1_023, 0, 1_024), (1_024, 1_024, 1_024), (2_099, 2_048, 52)):
        document = documents[index]
        assert document == ledger.acceptance(appended.accepted[index].id)
        assert verify_acceptance(trust, document).index == index
        batch = Acceptance.parse(document).batch
        assert (batch.first, batch.count) == (first, count)
    assert fsck(ledger).problems == []


def limited(ledger: Ledger, *, signs: bool) -> Ledger:
    """The same log in another process, with a checkpoint due after every ten entries."""
    return Ledger(
        ledger.store,
        ledger.origin,
        vault=ledger.vault,
        service=ledger.service,
        signer=ledger.signer if signs else None,
        clock=ledger.clock,
        max_unpublished=10,
    )


def test_so_many_entries_never_wait_that_no_anchor_could_take_them(ledger: Ledger) -> None:
    signing, serving = limited(ledger, signs=True), limited(ledger, signs=False)
    assert append(serving, *book.loans(3)) == list(range(9))
    with pytest.raises(UnpublishedError, match="9 entries wait for a checkpoint"):
        append(serving, *book.loans(1, prefix="M"))
    assert ledger.checkpoint_sizes() == []
    # Who holds the key publishes and goes on; what was accepted before is repeated as ever.
    assert append(signing, *book.loans(1, prefix="M"), book.repaid("L1", 2)) == [10, 11, 12, 13]
    assert ledger.checkpoint_sizes() == [10]
    assert append(serving, *book.loans(3)) == list(range(9))
    assert append(serving, *book.loans(2, prefix="N")) == list(range(14, 20))


def test_a_batch_that_no_checkpoint_could_make_room_for_is_refused(ledger: Ledger) -> None:
    with pytest.raises(RefusedError, match="12 events at once; a batch has at most 10") as caught:
        append(limited(ledger, signs=True), *book.loans(4))
    assert caught.value.rule == "batch_size"
    assert ledger.status().size == 0
    assert (
        len(limited(ledger, signs=True).append(list(book.loans(4)), party="fenqile", dry_run=True).accepted)
        == 12
    )
