"""fsck over the outbox of anchors and the trust root: what transactions, receipts and the contract say of them."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.audit.fsck import Report
from ledger.chain.model import Block
from ledger.errors import UnavailableError
from tests.audit.signedbook import HeldContract, Kept

Damage = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept.make(tmp_path_factory.mktemp("kept"))


def told(report: Report) -> list[tuple[str, str]]:
    return [(one.code, one.place) for one in report.problems]


def nothing(_connection: sqlite3.Connection) -> None:
    """Leave it as it is."""


def sizes(kept: Kept) -> tuple[int, int]:
    first, last = kept.ledger.checkpoint_sizes()
    return first, last


def forget(size: int) -> Damage:
    """Take out all that the outbox knows of a size."""

    def damage(connection: sqlite3.Connection) -> None:
        for table in ("anchors", "anchor_transactions"):
            assert connection.execute(f"DELETE FROM {table} WHERE size = ?", (size,)).rowcount == 1

    return damage


def holding(kept: Kept, **changes: object) -> Kept:
    """The same store beside a contract that holds something else."""
    return dataclasses.replace(kept, contract=dataclasses.replace(kept.contract, **changes))  # type: ignore[arg-type]


def test_an_anchor_before_another_that_is_gone_is_noticed_without_the_chain(
    kept: Kept, tmp_path: Path
) -> None:
    first, last = sizes(kept)
    report = kept.check(tmp_path, forget(first))
    # The receipt stands under it too.
    assert told(report) == [("anchor", f"anchor {first}"), ("receipt", "entry 5")]
    assert report.problems[0].message.startswith(f"anchor {last} was signed on it, and its row is not there")
    assert f"`poolproof anchor --size {first}`" in report.problems[0].message


def test_the_last_anchor_that_is_gone_is_noticed_by_whoever_asks_the_chain(
    kept: Kept, tmp_path: Path
) -> None:
    last = sizes(kept)[1]
    assert kept.check(tmp_path, forget(last)).problems == []
    [problem] = kept.check(tmp_path, forget(last), asked=True).problems
    assert problem.place == f"anchor {last}"
    assert problem.message.startswith("the contract holds it, and its row is not there")


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("block_number", 11, "block 11 has another hash or time"),
        ("block_hash", b"\x01" * 32, "another hash or time on the chain"),
        ("block_time", 1, "another hash or time on the chain"),
        ("nonce", 7, "nonce or previous size"),
        ("prev_size", 7, "nonce or previous size"),
        ("attempts", 2, "2 transactions were signed for it, 1 are here"),
        ("state", "minted", "'minted', which there is not"),
        ("state", "final", "neither its evidence is here nor why there is none"),
        ("block_hash", None, "its block is not named"),
    ],
)
def test_an_altered_anchor_is_named(
    kept: Kept, tmp_path: Path, column: str, value: object, says: str
) -> None:
    last = sizes(kept)[1]

    def damage(connection: sqlite3.Connection) -> None:
        connection.execute(f"UPDATE anchors SET {column} = ? WHERE size = ?", (value, last))

    found = [
        one for one in kept.check(tmp_path, damage, asked=True).problems if one.place == f"anchor {last}"
    ]
    assert any(says in one.message for one in found), found


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("raw", b"\x02\xc0", "not a transaction that this ledger signs"),
        ("raw", b"\xc0", "not a transaction that this ledger signs"),
        ("gas", 1, "says something else than its row"),
        ("max_fee", "1", "says something else than its row"),
        ("hash", b"\x01" * 32, "says something else than its row"),
        ("attempt", 2, "1 transactions were signed for it, 1 are here"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_an_altered_transaction_is_named(
    kept: Kept, tmp_path: Path, column: str, value: object, *, says: str, which: int
) -> None:
    size = sizes(kept)[which]

    def damage(connection: sqlite3.Connection) -> None:
        connection.execute(f"UPDATE anchor_transactions SET {column} = ? WHERE size = ?", (value, size))

    [problem] = kept.check(tmp_path, damage).problems
    assert (problem.code, problem.place) == ("anchor", f"anchor {size}")
    assert says in problem.message


def test_another_root_on_chain_is_found(kept: Kept, tmp_path: Path) -> None:
    first, last = sizes(kept)
    anchored = kept.contract.anchored
    for size, says in ((first, "another root than the log's"), (last, "none of the log's")):
        forked = anchored | {size: (bytes([7]) * 32, anchored[size][1])}
        problems = holding(kept, anchored=forked).check(tmp_path, nothing, asked=True).problems
        assert {one.place for one in problems} == {f"anchor {size}"}
        assert any(says in one.message for one in problems)


def test_an_anchor_that_the_contract_lacks_is_found(kept: Kept, tmp_path: Path) -> None:
    first, last = sizes(kept)
    report = holding(kept, anchored={first: kept.contract.anchored[first]}).check(
        tmp_path, nothing, asked=True
    )
    assert told(report) == [("anchor", f"anchor {last}")]
    assert report.problems[0].message == "the contract knows no root at this size"


def test_an_anchor_of_no_checkpoint_is_found(kept: Kept, tmp_path: Path) -> None:
    first, last = sizes(kept)
    strange = kept.contract.anchored | {first + 1: (bytes(32), 12)}
    report = holding(kept, anchored=strange).check(tmp_path, nothing, asked=True)
    assert told(report) == [("anchor", f"anchor {first + 1}")]
    beyond = kept.contract.anchored | {last + 9: (bytes(32), 50)}
    [problem] = holding(kept, anchored=beyond).check(tmp_path, nothing, asked=True).problems
    assert "older backup" in problem.message


def test_a_contract_without_anchors_contradicts_nothing_of_its_own(kept: Kept, tmp_path: Path) -> None:
    report = holding(kept, anchored={}).check(tmp_path, nothing, asked=True)
    assert {one.message for one in report.problems} == {"the contract knows no root at this size"}


class _Forgetful(HeldContract):
    """A node that keeps no events."""

    def anchor_blocks(self, latest: Block, *, first_block: int = 0) -> list[tuple[int, int]]:
        raise UnavailableError("no logs")


def test_a_node_without_events_is_said_to_be(kept: Kept, tmp_path: Path) -> None:
    forgetful = _Forgetful(kept.contract.anchored, kept.contract.fingerprint)
    report = dataclasses.replace(kept, contract=forgetful).check(tmp_path, nothing, asked=True)
    assert report.problems == []
    assert [one.message for one in report.notes] == [
        "the node tells no events, so only known anchors were compared"
    ]


def test_the_trust_root_is_the_one_that_the_contract_names(kept: Kept, tmp_path: Path) -> None:
    [problem] = holding(kept, fingerprint=bytes(32)).check(tmp_path, nothing, asked=True).problems
    assert (problem.code, problem.place) == ("trust", "trust root 0")
    assert "none that was issued here" in problem.message
    assert "`poolproof trust`" in problem.message
    [gone] = kept.check(tmp_path, lambda one: one.execute("DELETE FROM trust_roots"), asked=True).problems
    assert gone.code == "trust"
    assert kept.contract.fingerprint.hex() in gone.message

    def second(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO trust_roots SELECT log_id, 1, fingerprint, document || ' ', issued FROM trust_roots"
        )

    problems = kept.check(tmp_path, second, asked=True).problems
    assert any("which is trust root 0" in one.message for one in problems)


def test_a_seal_without_its_leaves_is_a_note(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(tmp_path, lambda one: one.execute("DELETE FROM seal_chunks"))
    assert report.problems == []
    [note] = report.notes
    assert (note.code, note.place[:5]) == ("seal", "seal ")
    assert note.message.startswith("0 of its 3 leaves are kept")
