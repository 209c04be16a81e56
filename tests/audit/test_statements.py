"""What was written past admission: unsigned, signed by another, changed after signing, under another asset key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.audit.findings import Finding, Outcome
from ledger.domain import admission, statements
from ledger.domain.events import Submission, read_submission
from ledger.domain.events.submission import Sig
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.note import Signer
from tests import book
from tests.audit.bankbook import CLEARING, DAY
from tests.audit.casework import provokes
from tests.audit.poolbook import Audited, released, run

#: Another who has a key of the same name, as anybody can make one.
IMPOSTOR = Signer.from_seed("clearing", bytes([42]) * 32)
HOLDER = Signer.from_seed("bank-a", bytes([10]) * 32)

Sign = Callable[[Ledger, Submission], Submission]


def honest(ledger: Ledger, said: Submission) -> Submission:
    return statements.sign_submission(CLEARING, ledger.origin, said)


def unsigned(_: Ledger, said: Submission) -> Submission:
    return said


def by_another(ledger: Ledger, said: Submission) -> Submission:
    """Under the name of the bank's key, since a key of its own would be none of the bank's."""
    signed = statements.sign_submission(IMPOSTOR, ledger.origin, said)
    assert signed.sig is not None
    return msgspec.structs.replace(signed, sig=Sig(key=CLEARING.verifier.reference, value=signed.sig.value))


def under_an_unknown_key(ledger: Ledger, said: Submission) -> Submission:
    return statements.sign_submission(IMPOSTOR, ledger.origin, said)


def changed_since(ledger: Ledger, said: Submission) -> Submission:
    signed = statements.sign_submission(CLEARING, ledger.origin, msgspec.structs.replace(said, id="other"))
    return msgspec.structs.replace(said, sig=signed.sig)


@pytest.fixture
def past_admission(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ledger, Submission], None]:
    """Write a record as the log's owner can who leaves its own door out."""

    def write(ledger: Ledger, said: Submission) -> None:
        with monkeypatch.context() as open_door:
            open_door.setattr(statements, "check_signature", lambda *_: None)
            open_door.setattr(statements, "check_acceptance", lambda *_: True)
            ledger.append([said])

    return write


def paid(ledger: Ledger) -> Any:
    """A pool of one loan with one payment, of which the index and digest are returned."""
    ledger.add_party("clearing", ["account_bank"], [CLEARING.verifier.vkey])
    ledger.append(list(book.loans(1, repayments=0)), party="fenqile")
    ledger.append(
        [book.pool_created("P"), book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p0")],
        party="fenqile",
    )
    payment = book.repaid("L0", 1)
    payment["data"] |= {"account": "A1", "value_date": DAY}
    return ledger.append([payment], party="fenqile").accepted[0]


def settlement(payment: Any, party: str = "clearing") -> Submission:
    root = merkle.root([merkle.leaf_hash(payment.digest)]).hex()
    covered = {"before": payment.index + 1, "count": 1, "sum": "106.62", "root": root}
    data = {"currency": "CNY", "value_date": DAY, "amount": "106.62", "statement": "S1", "covered": covered}
    return read_submission(book.event("cash.settled", "account:A1", data, id="s1", party=party))


def confirmation(payment: Any) -> Submission:
    data = {"repayment": payment.digest.hex(), "currency": "CNY", "amount": "106.62", "value_date": DAY}
    return read_submission(book.event("repayment.confirmed", "loan:L0", data, id="s1", party="clearing"))


def codes(audited: Audited) -> list[str]:
    return [one.code for one in audited.findings if one.severity == "error"]


def confirmed(audited: Audited) -> int:
    return int(audited.report.numbers.get("payments_confirmed", 0))


@pytest.mark.parametrize("word", [settlement, confirmation])
def test_what_the_bank_signed_confirms(sqlite_ledger: Ledger, tmp_path: Path, word: Any) -> None:
    payment = paid(sqlite_ledger)
    sqlite_ledger.append([honest(sqlite_ledger, word(payment))])
    sqlite_ledger.publish()
    found = run(sqlite_ledger, tmp_path)
    assert (codes(found), confirmed(found)) == ([], 1)
    assert (found.outcome("records"), found.outcome("confirmation")) == (Outcome.PASSED, Outcome.PASSED)


@pytest.mark.parametrize("word", [settlement, confirmation])
@pytest.mark.parametrize(
    ("sign", "code"),
    [
        (unsigned, "statement.unsigned"), (by_another, "statement.forged"), (changed_since, "statement.forged"),
        (under_an_unknown_key, None),
    ],
)  # fmt: skip
def test_what_it_did_not_sign_confirms_nothing(
    sqlite_ledger: Ledger, tmp_path: Path, past_admission: Any, word: Any, sign: Sign, code: str | None
) -> None:
    payment = paid(sqlite_ledger)
    past_admission(sqlite_ledger, sign(sqlite_ledger, word(payment)))
    sqlite_ledger.publish()
    found = run(sqlite_ledger, tmp_path)
    assert codes(found) == ([] if code is None else [code])
    assert confirmed(found) == 0
    assert found.outcome("confirmation") is Outcome.UNDETERMINED
    assert found.outcome("records") is (Outcome.FINDINGS if code else Outcome.UNDETERMINED)


@provokes("statement.not_allowed")
def test_a_settlement_by_a_party_that_is_no_account_bank(
    sqlite_ledger: Ledger, tmp_path: Path
) -> Sequence[Finding]:
    """Signed, and under its own published key, by one who may not say this by the trust root."""
    keys = [HOLDER.verifier.vkey]
    payment = paid(sqlite_ledger)
    signed = statements.sign_submission(HOLDER, sqlite_ledger.origin, settlement(payment, party="bank-a"))
    sqlite_ledger.add_party("bank-a", ["account_bank"], keys)
    sqlite_ledger.append([signed])
    sqlite_ledger.add_party("bank-a", ["funding_partner"], keys)
    sqlite_ledger.publish()
    found = run(sqlite_ledger, tmp_path)
    assert confirmed(found) == 0
    assert codes(found) == ["statement.not_allowed"]
    assert found.outcome("records") is Outcome.FINDINGS
    assert found.outcome("confirmation") is Outcome.UNDETERMINED
    return found.findings


@pytest.mark.parametrize("subject", ["loan:L0", "pool:P"])
def test_records_of_a_party_without_the_role(sqlite_ledger: Ledger, tmp_path: Path, subject: str) -> None:
    """Nothing has to be signed here: a payment that only a servicer may tell of, and a pool's rules."""
    paid(sqlite_ledger)
    sqlite_ledger.add_party("guest", ["originator"], [])
    payment = book.repaid("L0", 2) | {"party": "guest"}
    pool = book.pool_created("P", version=2) | {"party": "guest", "id": "again"}
    sqlite_ledger.append([payment if subject == "loan:L0" else pool])
    sqlite_ledger.add_party("guest", ["auditor"], [])
    sqlite_ledger.publish()
    (finding,) = [one for one in run(sqlite_ledger, tmp_path).findings if one.severity == "error"]
    assert (finding.code, finding.subject, finding.facts["party"]) == (
        "statement.not_allowed",
        subject,
        "guest",
    )


def test_records_of_a_party_that_the_trust_root_does_not_know(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    paid(sqlite_ledger)
    sqlite_ledger.publish()
    trust = sqlite_ledger.trust_root()
    others = replace(trust, parties=tuple(one for one in trust.parties if one.name != "fenqile"))
    found = run(sqlite_ledger, tmp_path, trust=others)
    assert codes(found) == []
    assert found.outcome("records") is Outcome.UNDETERMINED
    (records,) = [one for one in found.report.procedures if one.name == "records"]
    assert dict(records.reasons) == {"the trust root does not know the party that posted the record": 5}


def test_a_release_that_the_holder_did_not_sign(
    sqlite_ledger: Ledger, tmp_path: Path, past_admission: Any
) -> None:
    paid(sqlite_ledger)
    given = released(sqlite_ledger, "bank-a", "L0", "r1")
    past_admission(sqlite_ledger, msgspec.structs.replace(given, sig=None))
    sqlite_ledger.publish()
    (finding,) = [one for one in run(sqlite_ledger, tmp_path).findings if one.severity == "error"]
    assert (finding.code, finding.subject) == ("statement.unsigned", "pool:P")
    assert finding.facts == {"type": "claim.released", "party": "bank-a"}


@pytest.mark.parametrize(
    "by", [HOLDER, Signer.from_seed("bank-a", bytes([43]) * 32)], ids=["holder", "another"]
)
def test_an_acceptance_is_the_holders_or_a_forgery(
    sqlite_ledger: Ledger, tmp_path: Path, past_admission: Any, by: Signer
) -> None:
    paid(sqlite_ledger)
    sqlite_ledger.append(list(book.loans(1, repayments=0, prefix="M")), party="fenqile")
    pledge = book.pledged("P", "bank-a", ("M0", "c1", 1_000_000), id="p1", party="fenqile")
    claims = read_submission(pledge).event.claims  # type: ignore[attr-defined]  # a pledge has them
    signed = statements.sign(by, statements.acceptance_bytes(sqlite_ledger.origin, "P", "bank-a", claims))
    pledge["data"]["acceptance"] = signed | {"key": HOLDER.verifier.reference}
    past_admission(sqlite_ledger, read_submission(pledge))
    sqlite_ledger.publish()
    found = run(sqlite_ledger, tmp_path)
    assert codes(found) == ([] if by is HOLDER else ["statement.forged"])
    assert found.report.numbers["unaccepted"] == 1, (
        "the first pledge of the two: nobody but the platform says so"
    )


def test_a_claim_that_stands_under_another_key_than_its_loan_brings(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record shows the key that both banks know; the place that is pledged is another one."""
    with monkeypatch.context() as open_door:
        open_door.setattr(admission, "_given_keys", lambda _: [("c1", "ee" * 32)])
        paid(sqlite_ledger)
    sqlite_ledger.publish()
    (finding,) = [one for one in run(sqlite_ledger, tmp_path).findings if one.severity == "error"]
    assert (finding.code, finding.subject, finding.claim) == ("claim.unreadable", "loan:L0", "c1")
    assert "ee" * 32 in str(finding.facts["reason"])
