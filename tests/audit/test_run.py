"""The audit of a pool: an honest book passes, and what is changed behind the ledger's back is found where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.audit.findings import Finding, Outcome
from ledger.audit.perform import audit
from ledger.audit.run import Request
from ledger.cut import Cut, sorted_claims
from ledger.domain import record, seals
from ledger.errors import NotFoundError, VerificationError
from ledger.log import Ledger
from ledger.proofs import sumtree
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.note import Signer
from ledger.proofs.trust import KeySpan
from ledger.proofs.verdict import AnchorView, Level
from ledger.store import logs, subjects, tables
from ledger.store.logs import ChainRow
from tests import book
from tests.audit.casework import provokes
from tests.audit.poolbook import LOANS, change, fill, forge, released, row_of, run


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    return fill(ledger)


# -- an honest book --------------------------------------------------------------------------------------------


def test_an_honest_book(filled: Ledger, tmp_path: Path) -> None:
    audited = run(filled, tmp_path)
    assert [one for one in audited.findings if one.severity == "error"] == []
    for name in ("checkpoint", "tree", "records", "register", "seal", "encumbrance", "cash_identity", "life"):
        assert audited.outcome(name) is Outcome.PASSED, name
    assert audited.outcome("anchor") is Outcome.UNDETERMINED
    assert (audited.report.numbers["claims"], audited.report.numbers["loans"]) == (LOANS - 1, LOANS - 1)
    assert audited.report.exit_code == 3, "nobody asked the chain"


def test_the_report_is_the_same_on_many_cores(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: Any
) -> None:
    fill(sqlite_ledger)
    alone = run(sqlite_ledger, tmp_path)
    monkeypatch.setattr("ledger.audit.run.RANGE_LOANS", 7)
    monkeypatch.setattr("ledger.audit.integrity.RANGE", 16)
    monkeypatch.setattr("ledger.audit.encumbrance.PART_KEYS", 1)
    assert run(sqlite_ledger, tmp_path, processes=2).report.to_json() == alone.report.to_json()


def test_an_earlier_size_is_audited_as_it_was(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    first = run(fill(sqlite_ledger), tmp_path, size=sqlite_ledger.checkpoint_sizes()[0])
    assert first.outcome("seal") is Outcome.UNDETERMINED, "the pool was sealed later"
    assert first.report.basis.size == sqlite_ledger.checkpoint_sizes()[0]
    assert [one for one in first.findings if one.severity == "error"] == []


def test_without_the_nonces_the_register_is_undetermined(sqlite_ledger: Ledger) -> None:
    fill(sqlite_ledger)
    report = audit(
        sqlite_ledger.store,
        sqlite_ledger.origin,
        Request(pool="P"),
        trust=sqlite_ledger.trust_root(),
        kek=None,
    )
    undetermined = {one.name for one in report.procedures if one.outcome is Outcome.UNDETERMINED}
    assert {"register", "encumbrance", "anchor"} <= undetermined


def test_an_unknown_pool_or_size(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    fill(sqlite_ledger)
    with pytest.raises(NotFoundError, match="no pool"):
        run(sqlite_ledger, tmp_path, pool="Q")
    with pytest.raises(NotFoundError, match="size 7 is not published"):
        run(sqlite_ledger, tmp_path, size=7)


# -- records ---------------------------------------------------------------------------------------------------


@provokes("record.altered")
def test_a_changed_record(filled: Ledger, tmp_path: Path) -> Sequence[Finding]:
    forge(filled, "L4.repaid.1", b'"94.62"', b'"95.62"', digest=False)
    audited = run(filled, tmp_path)
    assert audited.report.exit_code == 1
    assert audited.report.numbers["unreadable"] == 1
    return audited.findings


@provokes("tree.contradicts")
def test_a_record_changed_with_its_digest(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    forge(sqlite_ledger, "L4.repaid.1", b'"94.62"', b'"95.62"', digest=True)
    return run(sqlite_ledger, tmp_path).findings


@provokes("register.contradicts")
def test_a_last_record_changed_with_its_digest(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    forge(sqlite_ledger, "L4.repaid.1", b'"94.62"', b'"95.62"', digest=True)
    findings = run(sqlite_ledger, tmp_path).findings
    assert [one.subject for one in findings if one.code == "register.contradicts"] == ["loan:L4"]
    return findings


@provokes("record.unchained")
def test_a_middle_record_changed_with_its_digest(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    forge(sqlite_ledger, "L4.disbursed", b'"1200.00"', b'"1300.00"', digest=True)
    return run(sqlite_ledger, tmp_path).findings


@provokes("record.malformed")
def test_bytes_that_are_no_record(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    forge(sqlite_ledger, "L4.repaid.1", b'"seq":2', b'"seq": 2', digest=True)
    return run(sqlite_ledger, tmp_path).findings


@provokes("record.withheld")
def test_a_record_that_is_not_shown(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    row = row_of(sqlite_ledger, "L4.repaid.1")
    change(sqlite_ledger, tables.records, tables.records.c.index == row.index, record=None)
    return run(sqlite_ledger, tmp_path).findings


@provokes("register.absent")
def test_a_claim_that_no_register_knows(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    with sqlite_ledger.store.write() as connection:
        standing = connection.execute(
            select(tables.claims).join(tables.subjects, tables.claims.c.subject_id == tables.subjects.c.id)
            .where(tables.subjects.c.name == "loan:L4")
        ).first()  # fmt: skip
        assert standing is not None
        connection.execute(tables.claims.insert().values({**standing._mapping, "asset_key": b"\x07" * 32}))
    return run(sqlite_ledger, tmp_path).findings


def test_a_register_page_that_was_changed(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    fill(sqlite_ledger)
    pages = tables.register_pages
    with sqlite_ledger.store.write() as connection:
        for row in connection.execute(select(pages)).all():
            page = bytes(row.page)
            forged = page[:-1] + bytes([page[-1] ^ 1])
            connection.execute(update(pages).where(pages.c.id == row.id).values(page=forged))
    report = run(sqlite_ledger, tmp_path)
    assert "register.unreadable" in {one.code for one in report.findings}
    register = next(one for one in report.report.procedures if one.name == "register")
    assert register.undetermined == register.asked, "nothing is said of what such pages hold"


def test_another_trust_root_opens_nothing(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    fill(sqlite_ledger)
    trust = sqlite_ledger.trust_root()
    strange = replace(
        trust, log_keys=(KeySpan(verifier=Signer.from_seed(trust.origin, bytes([9]) * 32).verifier),)
    )
    with pytest.raises(VerificationError) as error:
        audit(
            sqlite_ledger.store, sqlite_ledger.origin, Request(pool="P"), trust=strange, kek=tmp_path / "kek"
        )
    assert error.value.step == "checkpoint"


# -- the chain -------------------------------------------------------------------------------------------------

CHAIN = ChainRow(
    chain_id=31337, genesis=b"\1" * 32, contract=b"\2" * 20, code_hash=b"\3" * 32, log_key=b"\4" * 32,
    finality="tag:finalized", grade="devnet", max_anchor_age=86_400,
)  # fmt: skip


@dataclass
class Holds:
    """A chain that holds this root, anchored so many seconds ago."""

    root: bytes
    age: int = 60

    def root_at(self, size: int) -> AnchorView:
        return AnchorView(
            size=size, root=self.root, level=Level.FINAL, describes="a test", anchor_age=self.age,
            block_time=1_795_000_000,
        )  # fmt: skip


def test_an_anchored_size(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    sqlite_ledger.bind_chain(CHAIN)
    newest = fill(sqlite_ledger).latest_checkpoint()
    assert newest is not None
    audited = run(sqlite_ledger, tmp_path, anchors=Holds(newest[1]))
    assert audited.outcome("anchor") is Outcome.PASSED
    assert (audited.report.basis.level, audited.report.basis.grade) == ("final", "devnet")
    assert audited.report.basis.anchored_at == "2026-11-18T11:06:40Z"


@provokes("anchor.contradicts")
def test_a_chain_that_holds_another_root(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    sqlite_ledger.bind_chain(CHAIN)
    fill(sqlite_ledger)
    return run(sqlite_ledger, tmp_path, anchors=Holds(bytes(32))).findings


@provokes("anchor.old")
def test_an_anchor_older_than_the_trust_root_allows(
    sqlite_ledger: Ledger, tmp_path: Path
) -> Sequence[Finding]:
    sqlite_ledger.bind_chain(CHAIN)
    newest = fill(sqlite_ledger).latest_checkpoint()
    assert newest is not None
    return run(sqlite_ledger, tmp_path, anchors=Holds(newest[1], age=90_000)).findings


# -- seal ------------------------------------------------------------------------------------------------------


def seal_anew(ledger: Ledger, **changes: Any) -> None:
    """Replace the pool's seal by one of other figures, in all that follows from it, as a dishonest sealer would."""
    row = row_of(ledger, next(iter(_seal_ids(ledger))))
    one = record.parse(bytes(row.record))
    header = seals.header_of("P", one.event)  # type: ignore[arg-type]
    forged = {**seals.event_data(replace(header, **changes))}
    ledger.append(
        [book.event("pool.sealed", "pool:P", {**forged}, id="forged", effective=str(forged["as_of"]))],
        party="fenqile",
    )
    ledger.publish()


def _seal_ids(ledger: Ledger) -> list[str]:
    with ledger.store.read() as connection:
        rows = connection.execute(select(tables.records.c.event_id)).scalars()
        return [one for one in rows if one.startswith("seal.")]


@provokes("seal.wrong_root")
def test_a_seal_of_other_sums(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    total = sumtree.Node(b"\7" * 32, LOANS - 1, 5, 0)
    seal_anew(sqlite_ledger, total=total, size=sqlite_ledger.checkpoint_sizes()[1])
    return run(sqlite_ledger, tmp_path).findings


@provokes("seal.claim_hidden")
def test_a_claim_hidden_from_the_seal(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    sizes = sqlite_ledger.checkpoint_sizes()
    with sqlite_ledger.store.read() as connection:
        log = logs.get(connection, sqlite_ledger.origin)
        pool = subjects.by_name(connection, log.id, ["pool:P"])["pool:P"]
        cut = Cut(pool_id=pool.id, size=sizes[1], as_of=date(2026, 11, 21))
        with sorted_claims(connection, log, cut) as claims:
            leaves = list(claims.leaves())
    total = sumtree.root([*leaves[:5], *leaves[6:]])
    seal_anew(sqlite_ledger, total=total, size=sizes[1])
    findings = run(sqlite_ledger, tmp_path).findings
    hidden = [claim_key(bytes.fromhex(book.asset_key(one.subject.removeprefix("loan:")))) for one in findings
              if one.code == "seal.claim_hidden"]  # fmt: skip
    assert hidden == [leaves[5].key]
    return findings


@provokes("seal.stale")
def test_a_seal_of_long_ago(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    return run(sqlite_ledger, tmp_path, as_of=date(2026, 12, 23)).findings


@provokes("seal.late")
def test_a_seal_whose_tree_was_published_long_after_its_cut_off(
    sqlite_ledger: Ledger, tmp_path: Path
) -> Sequence[Finding]:
    sqlite_ledger.append(list(book.loans(3)), party="fenqile")
    sqlite_ledger.append(
        [book.pool_created("P"), book.pledged("P", "bank-a", ("L1", "c1", 500_000), id="p1")], party="fenqile"
    )
    sqlite_ledger.publish()
    sqlite_ledger.seal_pool("P", as_of="2026-11-05", party="fenqile")
    sqlite_ledger.publish()
    return run(sqlite_ledger, tmp_path).findings


@provokes("seal.restated")
def test_a_seal_that_replaces_another(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    with sqlite_ledger.store.read():
        first = record.parse(bytes(row_of(sqlite_ledger, _seal_ids(sqlite_ledger)[0]).record))
    old = bytes.fromhex(first.event.seal)  # type: ignore[attr-defined]
    sqlite_ledger.seal_pool("P", as_of="2026-11-20", size=first.event.size, restates=old, party="fenqile")  # type: ignore[attr-defined]
    sqlite_ledger.publish()
    return run(sqlite_ledger, tmp_path).findings


# -- encumbrance -----------------------------------------------------------------------------------------------


@provokes("pledge.moved_between")
def test_a_claim_that_went_to_another_lender_and_came_back(
    sqlite_ledger: Ledger, tmp_path: Path
) -> Sequence[Finding]:
    ledger = fill(sqlite_ledger)
    since = ledger.checkpoint_sizes()[-1]
    ledger.append([book.pool_created("Q")], party="fenqile")
    ledger.append([released(ledger, "bank-a", "L4", "r1")])
    ledger.append([book.pledged("Q", "bank-b", ("L4", "c1", 500_000), id="q1")], party="fenqile")
    ledger.publish()
    ledger.append([released(ledger, "bank-b", "L4", "r2", "Q")])
    ledger.append([book.pledged("P", "bank-a", ("L4", "c1", 500_000), id="p1.again")], party="fenqile")
    ledger.publish()
    findings = run(ledger, tmp_path, since=since).findings
    moved = [one for one in findings if one.code == "pledge.moved_between"]
    assert [(one.subject, one.facts["others"]) for one in moved] == [("loan:L4", "bank-b")]
    assert [one for one in run(ledger, tmp_path, since=ledger.checkpoint_sizes()[-1]).findings
            if one.code == "pledge.moved_between"] == [], "the last audit has told it already"  # fmt: skip
    return findings


@provokes("pledge.history_broken")
def test_a_history_that_was_rewritten(sqlite_ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    fill(sqlite_ledger)
    row = row_of(sqlite_ledger, "p4")
    change(sqlite_ledger, tables.encumbrances, tables.encumbrances.c.index == row.index, change=400_000)
    return run(sqlite_ledger, tmp_path).findings
