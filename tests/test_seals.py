"""Pools sealed and proved by the ledger, against the definition over what the log itself says of each claim."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger import cut
from ledger.audit.fsck import fsck
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import NotFoundError, RefusedError, TakenError, UndeterminedError, VerificationError
from ledger.log import Ledger
from ledger.proofs.encumbrance import pool_key, pool_value
from ledger.proofs.note import Signer
from ledger.proofs.sealproof import SealProof
from ledger.proofs.verify import Level, verify_file
from ledger.seals import Recorded
from ledger.store import tables
from tests import book
from tests.conftest import TestClock
from tests.oracles import sumtree as oracle
from tests.sealing import AS_OF, PAID, TODAY, WHOLE, append, check, filled, opened, publish, seal

BANK_A = Signer.from_seed("bank-a", bytes([10]) * 32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every border between chunks is met by a few loans."""
    monkeypatch.setattr(cut, "CHUNK_CLAIMS", 7)
    monkeypatch.setattr(cut, "CHUNK_FOLDED", 2)
    monkeypatch.setattr(cut, "CHUNK_KEYS", 5)
    monkeypatch.setattr(cut, "_READ_ENTRIES", 2)


@pytest.mark.parametrize("as_of", [AS_OF, TODAY])
def test_a_pool_is_sealed_and_every_claim_is_proved(ledger: Ledger, as_of: str) -> None:
    size = filled(ledger, 16)
    recorded = seal(ledger, as_of=as_of)
    assert (recorded.header.size, recorded.header.as_of, recorded.header.total.count) == (size, as_of, 16)
    publish(ledger)
    check(ledger, recorded, {f"L{n}/c1": (10**6, PAID if n % 3 == 0 else WHOLE) for n in range(16)})
    assert ledger.pool_seals("P") == [recorded]
    assert [(one.pool, one.claims, one.sealed) for one in ledger.pools()] == [("P", 16, {"CNY": size})]
    assert fsck(ledger).problems == []


def test_the_register_holds_the_last_seal(sqlite_ledger: Ledger) -> None:
    filled(sqlite_ledger, 3)
    first = seal(sqlite_ledger)
    publish(sqlite_ledger)
    append(sqlite_ledger, book.repaid("L1", 2))
    publish(sqlite_ledger)
    second = seal(sqlite_ledger, restates=first.header.seal)
    size = publish(sqlite_ledger)
    assert second.header.restates == first.header.seal
    proof = SealProof.parse(sqlite_ledger.prove_seal("P", "L1/c1"))
    assert proof.pool.encode() == pool_value(proof.pool.head, second.header.seal)
    assert dict(proof.pool.seals) == {"CNY": second.header.seal}
    # The first one stays provable in the registers that held it.
    sizes = sqlite_ledger.checkpoint_sizes()
    older = SealProof.parse(sqlite_ledger.prove_seal("P", "L1/c1", size=sizes[-2]))
    assert older.header == first.header
    verify_file(sqlite_ledger.trust_root(), older.encode())
    assert sizes[-1] == size
    with pytest.raises(NotFoundError, match="no seal in CNY"):
        sqlite_ledger.prove_seal("P", "L1/c1", size=sizes[0])


def test_records_after_the_size_or_the_day_do_not_count(ledger: Ledger, clock: TestClock) -> None:
    size = filled(ledger, 8)
    clock.now += timedelta(days=2)
    today = "2026-11-24"
    append(ledger, book.repaid("L1", 2, effective=today), book.repaid("L2", 2, effective=AS_OF))
    append(ledger, book.originated("N", effective=today), book.disbursed("N", effective=today))
    append(ledger, book.pledged("P", "bank-b", ("N", "c1", 1_000_000), id="new"))
    later = publish(ledger)
    append(ledger, book.repaid("L4", 2))
    publish(ledger)

    before = {f"L{n}/c1": (10**6, PAID if n % 3 == 0 else WHOLE) for n in range(8)}
    recorded = seal(ledger, size=size, as_of=AS_OF)
    publish(ledger)
    check(ledger, recorded, before)

    now = before | {"L2/c1": (10**6, PAID), "N/c1": (10**6, 0)}
    recorded = seal(ledger, size=later, as_of=AS_OF)
    publish(ledger)
    check(ledger, recorded, now)

    recorded = seal(ledger, size=later, as_of=today, restates=recorded.header.seal)
    publish(ledger)
    check(ledger, recorded, now | {"L1/c1": (10**6, PAID), "N/c1": (10**6, WHOLE)})


def test_shares_credits_and_more_digits(ledger: Ledger) -> None:
    """Held in part by two holders; given back; overpaid; eight digits; three claims; another pool's."""
    append(ledger, book.pool_created("P"), book.pool_created("Q"), *book.loans(4, repayments=0))
    append(ledger, book.originated("X", shares=(333_333, 333_333, 333_334)))
    append(ledger, book.disbursed("X", claims=("c1", "c2", "c3")), opened("O", "18.05383199"))
    over = book.repaid("L1", 1)
    over["data"] |= {"amount": "1300.00", "applied": {"principal": "1300.00"}}
    append(ledger, over)
    append(
        ledger,
        book.pledged("P", "bank-a", ("L0", "c1", 400_000), ("L1", "c1", 10**6), ("O", "c1", 10**6), id="1"),
        book.pledged("P", "bank-b", ("L0", "c1", 100_001), ("X", "c1", 10**6), ("X", "c3", 500_000), id="2"),
        book.pledged("P", "bank-a", ("L2", "c1", 10**6), ("L3", "c1", 700_000), id="3"),
        book.pledged("Q", "bank-a", ("L0", "c1", 400_000), id="4"),
    )
    for name, share in (("L2", 10**6), ("L3", 300_000)):
        data = {"claims": [{"loan": name, "claim": "c1", "share": share}]}
        one = read_submission(book.event("claim.released", "pool:P", data, id=f"back.{name}"), party="bank-a")
        append(ledger, statements.sign_submission(BANK_A, ledger.origin, one), party="bank-a")
    publish(ledger)
    recorded = seal(ledger)
    other = seal(ledger, "Q")
    publish(ledger)
    check(
        ledger,
        recorded,
        {
            "L0/c1": (500_001, 600_00 * 10**6),  # 600.0012, cut to the minor unit
            "L1/c1": (10**6, -100 * 10**8),
            "L3/c1": (400_000, 480 * 10**8),
            "O/c1": (10**6, 18_05383199),
            "X/c1": (10**6, 400_01 * 10**6),  # the remainder of the loan is c1's
            "X/c3": (500_000, 200 * 10**8),
        },
    )
    assert recorded.header.total[1:] == (6, 1_698_06383199, 100 * 10**8)
    check(ledger, other, {"L0/c1": (400_000, 480 * 10**8)}, "Q")
    for claim in ("L2/c1", "X/c2"):
        with pytest.raises(NotFoundError, match="not in the seal"):
            ledger.prove_seal("P", claim)


def test_two_currencies_have_two_seals(ledger: Ledger) -> None:
    append(ledger, book.pool_created("P"), opened("A", "10.00"), opened("B", "7", "JPY"), opened("C", "3.00"))
    pledge = book.pledged("P", "bank-a", *((name, "c1", 10**6) for name in "ABC"), id="1")
    append(ledger, pledge)
    publish(ledger)
    with pytest.raises(RefusedError, match=r"claims in (CNY and JPY|JPY and CNY)"):
        seal(ledger)
    yuan = seal(ledger, currency="CNY")
    yen = seal(ledger, currency="JPY")
    euro = seal(ledger, currency="EUR")
    publish(ledger)
    check(ledger, yuan, {"A/c1": (10**6, 10 * 10**8), "C/c1": (10**6, 3 * 10**8)})
    check(ledger, yen, {"B/c1": (10**6, 7 * 10**8)})
    assert euro.header.total == oracle.tree([])
    assert ledger.pool_seals("P") == [yuan, euro, yen]
    assert fsck(ledger).problems == []


def test_a_pool_without_claims(sqlite_ledger: Ledger) -> None:
    append(sqlite_ledger, book.pool_created("P"), *book.loans(1))
    publish(sqlite_ledger)
    with pytest.raises(RefusedError, match="name one"):
        seal(sqlite_ledger)
    assert seal(sqlite_ledger, currency="CNY").header.total.count == 0
    publish(sqlite_ledger)
    with pytest.raises(NotFoundError, match="not in the seal"):
        sqlite_ledger.prove_seal("P", "L0/c1")


def test_the_same_seal_again_is_the_first_one(sqlite_ledger: Ledger, clock: TestClock) -> None:
    size = filled(sqlite_ledger, 3)
    rehearsed = seal(sqlite_ledger, dry_run=True)
    assert sqlite_ledger.status().size == size
    first = seal(sqlite_ledger)
    assert rehearsed == first
    clock.now += timedelta(days=3)
    assert seal(sqlite_ledger) == first
    assert sqlite_ledger.status().size == size + 1


def test_one_size_has_one_seal(sqlite_ledger: Ledger, clock: TestClock) -> None:
    size = filled(sqlite_ledger, 3)
    first = seal(sqlite_ledger)
    with pytest.raises(TakenError, match="was sealed by record") as caught:
        seal(sqlite_ledger, as_of="2026-11-21")
    assert caught.value.details["index"] == first.index
    assert len(caught.value.details["digest"]) == 64
    with pytest.raises(RefusedError, match="not the last seal"):
        seal(sqlite_ledger, as_of="2026-11-21", restates=bytes(32))
    second = seal(sqlite_ledger, as_of="2026-11-21", restates=first.header.seal)
    assert (second.header.size, second.header.total.count) == (size, 3)
    later = publish(sqlite_ledger)
    seal(sqlite_ledger)
    with pytest.raises(TakenError, match=f"{size} is below {later}"):
        seal(sqlite_ledger, size=size, as_of="2026-11-20")


def test_what_cannot_be_sealed(sqlite_ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no pool"):
        seal(sqlite_ledger)
    size = filled(sqlite_ledger, 2)
    for wrong, error in (
        ({"size": size - 1}, NotFoundError),
        ({"as_of": "2026-11"}, RefusedError),
        ({"as_of": "2026-11-31"}, RefusedError),
        ({"as_of": "2026-11-24"}, RefusedError),  # tomorrow
        ({"pool": "Z"}, NotFoundError),
        ({"party": "nobody"}, RefusedError),
    ):
        with pytest.raises(error):
            sqlite_ledger.seal_pool(**{"pool": "P", "party": "fenqile", "as_of": AS_OF} | wrong)
    assert sqlite_ledger.status().size == size


def event(recorded: Recorded, **changes: Any) -> book.Event:
    data = recorded.header.members() | {"seal": recorded.header.seal.hex()}
    del data["pool"]
    return book.event("pool.sealed", "pool:P", data | changes, id="by-hand", effective=AS_OF)


def test_an_invented_seal_is_recorded_and_gives_no_proof(sqlite_ledger: Ledger) -> None:
    """The ledger holds an event to its form; what it says is held against the records."""
    filled(sqlite_ledger, 3)
    honest = seal(sqlite_ledger, dry_run=True)
    more = honest.header.total._replace(receivable=honest.header.total.receivable * 2)
    lie = replace(honest, header=replace(honest.header, total=more))
    append(sqlite_ledger, event(lie))
    publish(sqlite_ledger)
    with pytest.raises(VerificationError, match="another seal") as caught:
        sqlite_ledger.prove_seal("P", "L0/c1")
    assert caught.value.step == "seal"


def test_a_register_value_that_is_not_the_pools_is_found(sqlite_ledger: Ledger) -> None:
    """fsck works the last seal out again from the records."""
    filled(sqlite_ledger, 3)
    seal(sqlite_ledger)
    publish(sqlite_ledger)
    with sqlite_ledger.store.write() as connection:
        here = tables.subjects.c.name == "pool:P"
        state = bytes(connection.execute(select(tables.subjects.c.state).where(here)).scalar_one())
        found = sqlite_ledger.pool_seals("P")[0].header.seal
        assert found in state
        changed = state.replace(found, bytes(32))
        connection.execute(update(tables.subjects).where(here).values(state=changed))
    assert {problem.code for problem in fsck(sqlite_ledger).problems} == {"subject"}
    append(sqlite_ledger, book.pool_created("P", version=2))
    publish(sqlite_ledger)
    assert "register" in {problem.code for problem in fsck(sqlite_ledger).problems}


def test_the_state_may_be_kept_back(sqlite_ledger: Ledger) -> None:
    filled(sqlite_ledger, 3)
    seal(sqlite_ledger)
    publish(sqlite_ledger)
    data = sqlite_ledger.prove_seal("P", "L0/c1", with_state=False)
    verdict = verify_file(sqlite_ledger.trust_root(), data)
    assert verdict.step("claim") is None
    assert verdict.step("place") is not None
    assert json.loads(data)["state"] is None
    assert "seal_state" in {item.name for item in verdict.not_checked}
    with pytest.raises(UndeterminedError, match="anchored"):
        verify_file(sqlite_ledger.trust_root(), data, require=Level.ANCHORED)


def test_progress_goes_up_to_the_end(sqlite_ledger: Ledger) -> None:
    filled(sqlite_ledger)
    seen: list[tuple[int, int]] = []
    seal(sqlite_ledger, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(7, 20), (14, 20), (20, 20)]
    assert all(a <= b for a, b in itertools.pairwise(seen))


def test_the_pools_key_is_in_the_register(sqlite_ledger: Ledger) -> None:
    filled(sqlite_ledger, 1)
    seal(sqlite_ledger)
    publish(sqlite_ledger)
    proof = SealProof.parse(sqlite_ledger.prove_seal("P", "L0/c1"))
    assert pool_key("P") == hashlib.sha256(b"poolproof/pool/v1\0P").digest()
    assert proof.index == 0
    assert proof.path == ()


def test_a_correction_counts_where_it_was_recorded_before_the_size(sqlite_ledger: Ledger) -> None:
    """Sealed as of a day, in the size before the correction and in the one after it."""
    size = filled(sqlite_ledger, 1)
    before = seal(sqlite_ledger)
    members = {
        "record": sqlite_ledger.state_of("L0.repaid.1")["digest"], "type": "repayment.received",
        "replacement": None, "reason": "not our customer", "approved_by": "head of operations",
    }  # fmt: skip
    append(sqlite_ledger, book.event("correction.made", "loan:L0", members, id="fix"))
    publish(sqlite_ledger)
    check(sqlite_ledger, before, {"L0/c1": (10**6, PAID)})
    after = seal(sqlite_ledger, restates=before.header.seal)
    publish(sqlite_ledger)
    check(sqlite_ledger, after, {"L0/c1": (10**6, WHOLE)})
    assert (before.header.size, after.header.as_of) == (size, before.header.as_of)
