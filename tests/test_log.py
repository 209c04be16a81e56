"""The log end to end: accepted, published, proved; refused with nothing stored."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger.audit.fsck import fsck
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    RefusedError,
    TakenError,
    UnpublishedError,
    VerificationError,
)
from ledger.log import Ledger
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.encumbrance import verify_history
from ledger.proofs.merkle import verify_consistency
from ledger.proofs.note import Signer
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import Level, verify_acceptance, verify_claim_proof, verify_receipt
from ledger.store import Store
from tests import book
from tests.conftest import TestClock

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


# -- the same statement, and another one ----------------------------------------------------------------------


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


@pytest.mark.parametrize("change", ["data", "private", "effective", "subject", "type"])
def test_a_taken_id_with_another_statement_is_refused(ledger: Ledger, change: str) -> None:
    append(ledger, *book.loans(2))
    other = book.originated("L0", private={"name": "王小明0", "score": 600})
    if change == "data":
        other["data"]["principal"] = "1300.00"
    elif change == "private":
        other["private"]["score"] = 601
    elif change == "effective":
        other["effective"] = "2026-11-02"
    elif change == "subject":
        other["subject"] = "loan:L1"
    else:
        other = book.repaid("L0", 5) | {"id": "L0.originated"}
    with pytest.raises(RefusedError, match="another statement") as refused:
        append(ledger, other)
    assert refused.value.rule == "taken_id"
    assert ledger.status().size == 6


def test_ids_belong_to_their_party(ledger: Ledger) -> None:
    append(ledger, *book.loans(1))
    ledger.add_party("other", ["originator"])
    created = book.pool_created("P") | {"id": "L0.originated"}
    assert ledger.append([created], party="other").accepted[0].repeated is False
    with pytest.raises(NotFoundError, match="several parties"):
        ledger.acceptance("L0.originated")
    assert ledger.state_of("L0.originated", party="other")["index"] == 3


# -- refusals ------------------------------------------------------------------------------------------------


def test_abort_stores_nothing_and_report_stores_the_rest(ledger: Ledger) -> None:
    events = [*book.loans(1), book.repaid("nobody", 1), b'{"id": 1', book.repaid("L0", 2)]
    with pytest.raises(RefusedError) as refused:
        ledger.append(events, party="fenqile")
    # Form is read for the whole batch before state is looked at.
    assert refused.value.line == 5
    assert ledger.status().size == 0
    done = ledger.append(events, party="fenqile", on_error="report")
    assert [one.index for one in done.accepted] == [0, 1, 2, 3]
    assert [(error.line, error.rule) for error in done.rejects] == [(4, "unknown_subject"), (5, "malformed")]
    assert fsck(ledger).problems == []


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


def test_repeated_events_get_their_first_acceptance_beside_new_ones(ledger: Ledger) -> None:
    first = ledger.append(list(book.loans(2)), party="fenqile")
    again = ledger.append([*book.loans(3), next(book.loans(1))], party="fenqile")
    assert [one.repeated for one in again.accepted] == [True] * 6 + [False] * 3 + [True]
    documents = ledger.acceptances(again)
    assert documents[:6] == ledger.acceptances(first)
    assert documents == [ledger.acceptance(one.id) for one in again.accepted]
    none = ledger.append(list(book.loans(3)), party="fenqile")
    assert ledger.acceptances(none) == documents[:9]


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


def test_a_dry_run_checks_everything_and_stores_nothing(ledger: Ledger) -> None:
    done = ledger.append(
        [*book.loans(2), book.repaid("x", 1)], party="fenqile", on_error="report", dry_run=True
    )
    assert (len(done.accepted), len(done.rejects)) == (6, 1)
    assert ledger.status().size == 0
    assert append(ledger, *book.loans(2)) == list(range(6))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id":"a"', "JSON"),
        (json.dumps(book.repaid("L0", 9)).replace("{", '{"id": "a", ', 1).encode(), "duplicate key 'id'"),
        (json.dumps(book.repaid("L0", 9) | {"extra": 1}).encode(), "extra"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', "106.62").encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"106.6"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"1e2"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"106.62"', '"' + "9" * 60 + '.00"').encode(), "data.amount"),
        (json.dumps(book.repaid("L0", 9)).replace('"CNY"', '"USD"').encode(), "data.currency"),
        (json.dumps(book.repaid("L0", 9)).replace('"instalment": 9', '"instalment": 1e400').encode(), "instalment"),
        (json.dumps(book.repaid("L0", 9) | {"id": "x" * 10_000_000}).encode(), "MiB|too large|bytes"),
        (json.dumps(book.repaid("nobody", 9)).encode(), "unknown"),
        (json.dumps(book.repaid("L0", 9) | {"party": "bank-a"}).encode(), "party"),
        (json.dumps(book.repaid("L0", 9) | {"origin": "other.example/log"}).encode(), "origin"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_field(sqlite_ledger: Ledger, line: bytes, message: str) -> None:
    append(sqlite_ledger, *book.loans(1))
    with pytest.raises(RefusedError, match=message) as refused:
        sqlite_ledger.append([line], party="fenqile")
    assert refused.value.line == 1
    assert sqlite_ledger.status().size == 3


def test_today_is_the_business_date_of_the_log(ledger: Ledger, clock: TestClock) -> None:
    # 02:30 on the 23rd in Shanghai, 18:30 on the 22nd in UTC.
    append(ledger, *book.loans(1))
    with pytest.raises(RefusedError, match="after today") as refused:
        append(ledger, book.repaid("L0", 2, effective="2026-11-24"))
    assert refused.value.field == "effective"
    append(ledger, book.repaid("L0", 2, effective="2026-11-23"))
    clock.now += timedelta(days=1)
    append(ledger, book.repaid("L0", 3, effective="2026-11-24"))


def test_the_ledgers_clock_never_goes_back(ledger: Ledger, clock: TestClock) -> None:
    append(ledger, *book.loans(1))
    before = ledger.status().last_posted
    clock.now -= timedelta(hours=5)
    append(ledger, book.repaid("L0", 2))
    assert ledger.status().last_posted == before


# -- exclusivity ---------------------------------------------------------------------------------------------


def test_a_claim_is_pledged_once(ledger: Ledger) -> None:
    append(ledger, *book.loans(3), book.pool_created("P"), book.pool_created("Q"))
    [standing] = append(ledger, book.pledged("P", "bank-a", ("L0", "c1", 700_000), id="p1"))
    with pytest.raises(TakenError) as refused:
        append(ledger, book.pledged("Q", "bank-b", ("L1", "c1", 1), ("L0", "c1", 300_001), id="p2"))
    digest = Acceptance.parse(ledger.acceptance("p1")).digest.hex()
    assert refused.value.details["index"] == standing
    assert refused.value.details["digest"] == digest
    assert refused.value.details["free"] == 300_000
    append(ledger, book.pledged("Q", "bank-b", ("L0", "c1", 300_000), id="p3"))
    assert ledger.pool("Q").claims == 1
    assert ledger.pool("P").holders == {"bank-a": 1}
    assert fsck(ledger).problems == []


def test_a_second_claim_with_a_taken_asset_key_is_refused(ledger: Ledger) -> None:
    append(ledger, *book.loans(1), book.originated("M"))
    taken = book.disbursed("M")
    taken["data"]["asset_keys"][0]["asset_key"] = book.asset_key("L0")
    with pytest.raises(TakenError, match="L0/c1") as refused:
        append(ledger, taken)
    assert refused.value.details["index"] == 1
    assert "digest" in refused.value.details


def test_a_release_needs_its_holders_signature(ledger: Ledger) -> None:
    append(ledger, *book.loans(1), book.pool_created("P"))
    append(ledger, book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p1"))
    forged = Signer.from_seed("bank-a", bytes([99]) * 32)
    for signer in (None, forged):
        with pytest.raises(RefusedError) as refused:
            ledger.append([released(ledger, "L0", id="r1", signer=signer)], party="bank-a")
        assert refused.value.rule == "signature"
    ledger.append([released(ledger, "L0", id="r1")], party="bank-a")
    append(ledger, book.pledged("P", "bank-b", ("L0", "c1", 1_000_000), id="p2"))
    ledger.publish()
    proof = ClaimProof.parse(ledger.prove_claim("L0/c1"))
    assert proof.encumbrance is not None
    assert proof.encumbrance.version == 3
    assert [link.holdings[0].party if link.holdings else None for link in proof.history] == [
        "bank-a",
        None,
        "bank-b",
    ]


def test_every_published_size_proves_a_claims_place(ledger: Ledger) -> None:
    append(ledger, *book.loans(40), book.pool_created("P"))
    ledger.publish()
    append(ledger, book.pledged("P", "bank-a", ("L3", "c1", 400_000), id="p1"))
    ledger.publish()
    append(ledger, book.repaid("L3", 2))
    ledger.publish()
    append(ledger, book.pledged("P", "bank-b", ("L3", "c1", 600_000), id="p2"))
    ledger.publish()
    trust = ledger.trust_root()
    proofs = []
    for size, taken, principal in zip(
        ledger.checkpoint_sizes(),
        [0, 400_000, 400_000, 1_000_000],
        ["1105.38", "1105.38", "1010.76", "1010.76"],
        strict=True,
    ):
        data = ledger.prove_claim("L3/c1", size=size)
        verify_claim_proof(trust, data)
        proof = ClaimProof.parse(data)
        assert proof.encumbrance is not None
        assert proof.state is not None
        assert (proof.encumbrance.taken, proof.state.principal) == (taken, principal)
        proofs.append(proof)
    first, last = proofs[0].encumbrance, proofs[-1].encumbrance
    assert first is not None
    assert last is not None
    verify_history(first, last, [(link.digest, link.holders) for link in proofs[-1].history])
    with pytest.raises(VerificationError):
        verify_history(last, first, [])


def test_absence_is_proved_too(ledger: Ledger) -> None:
    append(ledger, *book.loans(10))
    ledger.publish()
    data = ledger.prove_claim("ab" * 32)
    assert ClaimProof.parse(data).presence is False
    verify_claim_proof(ledger.trust_root(), data)
    with pytest.raises(NotFoundError, match="no claim 'c9'"):
        ledger.prove_claim("L0/c9")


def test_a_loan_with_three_claims_splits_its_principal_exactly(ledger: Ledger) -> None:
    append(
        ledger,
        book.originated("X", shares=(333_333, 333_333, 333_334)),
        book.disbursed("X", claims=("c1", "c2", "c3")),
        book.repaid("X", 1),
    )
    ledger.publish()
    states = [ClaimProof.parse(ledger.prove_claim(f"X/c{n}")).state for n in (1, 2, 3)]
    cents = [int(state.principal.replace(".", "")) for state in states if state]
    assert sum(cents) == 120_000 - 9_462


# -- many writers, other databases -------------------------------------------------------------------------------


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
