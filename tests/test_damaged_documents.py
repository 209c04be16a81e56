"""What is handed out over a damaged database: what the sound one gives, or an error that names the place. No traceback,
and no file that says what was not committed.

The damage is that of :mod:`tests.audit.test_damaged_store`, one table and column after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.audit.fsck.check import TABLES
from ledger.errors import IntegrityError, NotFoundError, PoolproofError, UnavailableError, VerificationError
from ledger.log import Ledger
from ledger.proofs.verdict import Verdict
from ledger.proofs.verify import verify_file
from ledger.store import Store
from tests.audit.signedbook import Kept
from tests.audit.test_damaged_store import Case, cases, do

Make = Callable[[Ledger], bytes]
ABSENT: Final = "ab" * 32
#: What is asked for: a stored receipt, new ones with and without private fields, and each proof.
DOCUMENTS: Final[dict[str, Make]] = {
    "acceptance": lambda ledger: ledger.acceptance("L1.originated"),
    "receipt": lambda ledger: ledger.receipt("L1.originated"),
    "new receipt": lambda ledger: ledger.receipt("L0.originated"),
    "receipt with private fields": lambda ledger: ledger.receipt("L9.originated"),
    "claim": lambda ledger: ledger.prove_claim("L1/c1"),
    "absence": lambda ledger: ledger.prove_claim(ABSENT),
    "seal": lambda ledger: ledger.prove_seal("P", "L1/c1"),
}
#: A chain of another name in the log's row: nothing in the database says which is right, the trust root does.
ANOTHER_CHAIN: Final = {("logs", "contract"), ("logs", "log_key"), ("logs", "chain_id")}
#: A stored receipt is handed out as it is; whoever verifies it sees.
STORED: Final = ("receipts", "receipt")


@dataclass(frozen=True)
class Asked:
    """The sound store, and what its documents show."""

    kept: Kept
    shown: dict[str, tuple[Any, ...]]

    def open(self, store: Store) -> Ledger:
        made = self.kept.ledger
        return Ledger(
            store, made.origin, vault=made.vault, service=made.service, signer=made.signer, clock=made.clock
        )


def facts(verdict: Verdict) -> tuple[Any, ...]:
    """What a verified document says."""
    claim, seal, record = verdict.claim, verdict.seal, verdict.record
    return (
        verdict.kind, verdict.size, verdict.root, verdict.index, record and record.digest, dict(verdict.disclosures),
        claim and (claim.asset_key, claim.encumbrance, claim.state, claim.history),
        seal and (seal.header, seal.leaf, seal.state),
    )  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    kept = Kept.make(tmp_path_factory.mktemp("kept"))
    found = Asked(kept, {})
    store = kept.sound.damaged(tmp_path_factory.mktemp("sound"), lambda _connection: None)
    ledger = found.open(store)
    for name, make in DOCUMENTS.items():
        found.shown[name] = facts(verify_file(kept.sound.trust, make(ledger)))
    store.close()
    return found


def is_quick(case: Case) -> bool:
    """Those that have ended in a traceback or in a lie, one of a kind; the others take a minute."""
    return case in {
        ("logs", "contract", "as text"), ("subjects", None, "deleted"), ("subjects", "secret", "null"),
        ("records", "record", "flipped"), ("records", "record", "null"), ("disclosures", None, "deleted"),
        ("claims", "asset_key", "flipped"), ("claims", "log_id", "huge"), ("encumbrances", "holders", "as text"),
        ("encumbrances", "history", "flipped"), ("registers", "root", "flipped"), ("register_pages", "page", "as text"),
        ("tiles", "hashes", "flipped"), ("tiles", "hashes", "empty"), ("checkpoints", None, "deleted"),
        ("checkpoints", "note", "flipped"), ("parties", "roles", "as bytes"), ("seal_chunks", "n", "huge"),
        ("seal_chunks", "leaves", "as text"),
    }  # fmt: skip


def every_case() -> Iterator[object]:
    for one in cases(TABLES):
        marks = () if is_quick(one) else pytest.mark.slow
        yield pytest.param(one, id=f"{one[0]}.{one[1]}-{one[2]}", marks=marks)


@pytest.mark.parametrize("case", list(every_case()))
def test_a_document_is_right_or_not_handed_out(asked: Asked, tmp_path: Path, case: Case) -> None:
    store = asked.kept.sound.damaged(tmp_path, lambda connection: do(connection, case))
    try:
        for name, made in handed_out(asked, store).items():
            try:
                verdict = verify_file(asked.kept.sound.trust, made)
            except PoolproofError as error:
                step = error.step if isinstance(error, VerificationError) else ""
                if case[:2] == STORED or (case[:2] in ANOTHER_CHAIN and step == "trust_root"):
                    continue
                raise AssertionError(f"{name} was signed and does not verify: {error}") from error
            assert facts(verdict) == asked.shown[name], name
    finally:
        store.close()


def handed_out(asked: Asked, store: Store) -> dict[str, bytes]:
    """What the damaged store gives; where it gives none, it says why: damage, nothing there, or a log that moved."""
    found = {}
    try:
        ledger = asked.open(store)
    except (IntegrityError, NotFoundError):
        return {}
    for name, make in DOCUMENTS.items():
        with suppress(IntegrityError, VerificationError, NotFoundError, UnavailableError):
            found[name] = make(ledger)
    return found


@pytest.mark.parametrize(
    ("statement", "document", "says"),
    [
        ("UPDATE registers SET root = 'short'", "claim", "registers.root of log_id 1, index 17 is text of 5 bytes"),
        ("UPDATE tiles SET hashes = zeroblob(length(hashes))", "receipt with private fields", "registers or tiles"),
        ("UPDATE records SET record = x'7b7d' WHERE \"index\" = 0", "receipt with private fields", "record 0 is not"),
        ("DELETE FROM disclosures", "receipt with private fields", "the table disclosures"),
        ("UPDATE subjects SET secret = NULL", "receipt with private fields", "the table subjects, its secret"),
        ("UPDATE records SET record = NULL", "new receipt", "record 1 is missing in the table records"),
        ("DELETE FROM claims", "seal", "no claim 'c1'"),
        ("UPDATE claims SET asset_key = zeroblob(32) WHERE subject_id = 3", "claim", "the table claims has"),
        ("DELETE FROM encumbrances", "claim", "the table claims, encumbrances"),
        ("DELETE FROM checkpoints WHERE size > 18", "claim", "checkpoint 20 is not in the table checkpoints"),
        ("UPDATE checkpoints SET root = zeroblob(32)", "absence", "its note signs another size or root"),
        ("DELETE FROM subjects WHERE name = 'loan:L0'", "new receipt", "the table subjects has no row"),
    ],
)  # fmt: skip
def test_the_place_is_named(asked: Asked, tmp_path: Path, statement: str, document: str, says: str) -> None:
    store = asked.kept.sound.damaged(tmp_path, lambda one: one.execute(statement))
    ledger = asked.open(store)
    with pytest.raises((IntegrityError, NotFoundError)) as caught:
        DOCUMENTS[document](ledger)
    assert says in str(caught.value)
    store.close()


def test_kept_leaves_that_are_damaged_do_not_stop_a_seal_proof(asked: Asked, tmp_path: Path) -> None:
    """They are worked out from the records again."""
    for statement in (
        "UPDATE seal_chunks SET leaves = 'text'",
        "UPDATE seal_chunks SET n = 7",
        "DELETE FROM seal_chunks",
    ):
        store = asked.kept.sound.damaged(tmp_path, lambda one, said=statement: one.execute(said))
        made = DOCUMENTS["seal"](asked.open(store))
        assert facts(verify_file(asked.kept.sound.trust, made)) == asked.shown["seal"]
        store.close()
