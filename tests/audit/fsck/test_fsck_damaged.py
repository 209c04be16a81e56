"""Every table and column that fsck reads, damaged in turn: it names the place, or says what it cannot go on without.

The damage is that of :mod:`tests.audit.test_damaged_store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ledger.audit.fsck.check import TABLES
from ledger.errors import IntegrityError, NotFoundError
from ledger.store import tables
from tests.audit.signedbook import Kept
from tests.audit.test_damaged_store import Case, cases, delete_row, do

#: What nothing commits to: it is said by whoever runs the log, tells a time, or is derived again when it is missing.
UNCOMMITTED = {
    ("logs", "next_page"), ("logs", "next_subject"), ("logs", "chain_id"), ("logs", "genesis"), ("logs", "contract"),
    ("logs", "code_hash"), ("logs", "log_key"), ("logs", "finality"), ("logs", "grade"), ("logs", "max_anchor_age"),
    ("logs", "attestations"), ("logs", "successor"), ("logs", "moved"), ("parties", "keys"), ("trust_roots", "issued"),
    ("receipts", None), ("receipts", "log_id"), ("receipts", "bare"), ("checkpoints", "published"),
    ("anchors", "planned"), ("anchors", "account"), ("anchors", "problem"), ("anchors", "block_number"),
    ("anchors", "block_hash"), ("anchors", "block_time"), ("anchor_transactions", "stored"),
    ("anchor_transactions", "sent"),
}  # fmt: skip
#: Rows whose loss fsck cannot notice without the chain, and why it harms nothing.
UNNOTICED: Final = {
    "receipts": "nothing tells which were asked for; who asked has the file, and asked again another one is issued",
}
#: Tables that fsck does not read, and why the loss of a row there harms nothing that was recorded or promised.
BESIDE: Final = {
    "api_keys": "a key that is gone opens nothing: its holder is refused and gets another",
    "grants": "a grant that is gone shows less, never more",
    "people": "somebody who is gone cannot sign in",
    "sessions": "who was signed in signs in again",
    "request_nonces": "kept for minutes; a signed request could come in a second time, and an event's id refuses it",
    "idempotent_answers": "kept for a day; the same request again is answered by what it finds, and ids refuse doubles",
    "access_log": "who looked at what: the operator's own note, of which no party holds a copy to compare",
    "jobs": "work that nobody waits for any more is asked for again",
    "job_parts": "the job that lacks them fails and says so",
    "audits": "a run is made again from the records and gives the same report; who took it has its digest",
    "pool_snapshots": "figures of pages, made again whenever they are gone",
    "exchanges": "the plan is the operator's file; the directory is gone through again",
    "exchange_files": "a file that is not known is taken in again, and the ids of its events refuse doubles",
    "exchange_days": "a day's files are written again from the records",
    "relays": "the attestation stands on chain or can be handed in again: its nonce there refuses a double",
    "relay_transactions": "the same: the signer's nonce in the contract decides, whoever sends",
    "webhook_endpoints": "a receiver that is gone hears nothing and reads the log by its cursor",
    "webhook_messages": "what was to be told stands in the log, where receivers catch up",
    "webhook_deliveries": "the same",
    "webhook_cursors": "messages begin again from the log; receivers know them by their ids",
}
#: The rows without which nothing that is signed can be checked, or no log is found.
CRUCIAL = ("logs", "parties", "verifier_keys")
#: How the error says so, where it does not name the column.
NAMED = ("damaged in the database", "no log with origin")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept.make(tmp_path_factory.mktemp("kept"))


def is_quick(case: Case) -> bool:
    """Those that have ended in a traceback, ran for ever or were called clean; the others take a minute."""
    return case in {
        ("logs", "zone", "as bytes"), ("logs", "day_cut", "as bytes"), ("logs", "day_cut", "flipped"),
        ("logs", "size", "huge"), ("parties", None, "deleted"), ("subjects", "secret", "empty"),
        ("records", "record", "flipped"), ("records", "record", "as text"), ("disclosures", "sealed", "empty"),
        ("trust_roots", "number", "huge"),
    }  # fmt: skip


def every_case() -> Iterator[object]:
    for one in cases(TABLES):
        marks = () if is_quick(one) else pytest.mark.slow
        yield pytest.param(one, id=f"{one[0]}.{one[1]}-{one[2]}", marks=marks)


def test_a_sound_store_is_clean(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(tmp_path, lambda _connection: None)
    assert (report.problems, report.notes, report.trust_roots, report.chain) == ([], [], 1, None)
    report = kept.check(tmp_path, lambda _connection: None, asked=True)
    assert (report.problems, report.notes, report.chain) == ([], [], 2)


@pytest.mark.parametrize("case", list(every_case()))
def test_what_is_damaged_is_named(kept: Kept, tmp_path: Path, case: Case) -> None:
    name, column, _kind = case
    try:
        report = kept.check(tmp_path, lambda connection: do(connection, case))
    except (IntegrityError, NotFoundError) as error:
        if name in CRUCIAL and any(one in str(error) for one in (*NAMED, f"{name}.")):
            return
        raise
    if (name, column) in UNCOMMITTED:
        return
    if name == "trust_roots" and (column, report.trust_roots) in {(None, 0), ("log_id", 0)}:
        return  # the command says so, and is undecided
    assert report.problems or report.notes


@pytest.mark.parametrize("name", TABLES)
def test_each_row_that_is_gone_is_noticed(kept: Kept, tmp_path: Path, name: str) -> None:
    """Every row of the table, one after the other, is deleted."""
    for key in kept.sound.keys_of(name):
        try:
            report = kept.check(tmp_path, lambda one, key=key: one.execute(*delete_row(name, key)))
        except (IntegrityError, NotFoundError):
            if name in CRUCIAL:
                continue
            raise
        noticed = report.problems or report.notes or not report.trust_roots
        assert noticed or name in UNNOTICED, key
        assert not (noticed and name in UNNOTICED), "then it is noticed after all"


def test_every_other_table_is_listed_with_the_reason() -> None:
    assert set(TABLES).isdisjoint(BESIDE)
    assert set(TABLES) | BESIDE.keys() == tables.metadata.tables.keys()


def test_what_does_not_fit_is_named_by_table_column_and_row(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(
        tmp_path, lambda one: one.execute("UPDATE batches SET root = 'short' WHERE \"first\" = 0")
    )
    [problem] = [one for one in report.problems if one.code == "store"]
    assert problem.place == "batches.root of log_id 1, first 0"
    assert problem.message.startswith("text of 5 bytes")


def test_a_size_beyond_all_entries_is_not_walked(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(tmp_path, lambda one: one.execute("UPDATE logs SET size = 4611686018427387904"))
    assert "log" in {one.code for one in report.problems}
    assert "gap" not in {one.code for one in report.problems}


def test_a_trust_root_that_is_gone_is_missed(kept: Kept, tmp_path: Path) -> None:
    assert kept.check(tmp_path, lambda one: one.execute("DELETE FROM trust_roots")).trust_roots == 0
    report = kept.check(tmp_path, lambda one: one.execute("UPDATE trust_roots SET number = 1"))
    assert [one.message for one in report.problems] == ["a trust root that was issued is missing"]
