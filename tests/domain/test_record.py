from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from ledger.domain import record
from ledger.domain.events import EVENTS, read_submission
from ledger.errors import MalformedError
from ledger.proofs import canonical, recordform
from tests.domain.examples import BANK, ORIGIN, raw, submission

SECRET = bytes(range(32))
POSTED = "2026-11-22T23:24:25.000000Z"
PREV = hashlib.sha256(b"before").digest()


def build(
    kind: str = "repayment.received", *, seq: int = 3, origin: str = ORIGIN, **changes: Any
) -> record.Draft:
    one = submission(kind, **changes)
    return record.build(origin, one, seq=seq, prev=PREV if seq else None, posted=POSTED, secret=SECRET)


@pytest.mark.parametrize("kind", EVENTS)
def test_the_bytes_are_canonical_and_whole(kind: str) -> None:
    value = raw(kind)
    draft = build(kind)
    assert draft.digest == hashlib.sha256(draft.record).digest()
    decoded = canonical.decode_canonical(draft.record)
    nonce = hmac.digest(
        SECRET, canonical.encode(["poolproof/nonce/v1", value["party"], value["id"]]), "sha256"
    )[:16]
    assert decoded == {
        "v": 1, "origin": ORIGIN, "id": value["id"], "type": kind, "subject": value["subject"], "seq": 3,
        "prev": PREV.hex(), "effective": value["effective"], "posted": POSTED, "party": value["party"],
        "data": value["data"], "private": [], "sig": None, "nonce": nonce.hex(),
    }  # fmt: skip


@pytest.mark.parametrize("kind", EVENTS)
def test_what_is_printed_is_parsed(kind: str) -> None:
    draft = build(kind)
    read = record.parse(draft.record)
    one = submission(kind)
    assert (read.type, read.id, read.subject, read.party, read.effective) == (
        kind,
        one.id,
        one.subject,
        one.party,
        one.effective,
    )
    assert read.event == one.event
    assert read.amounts == one.amounts
    assert (read.seq, read.prev, read.posted, read.digest) == (3, PREV, POSTED, draft.digest)
    assert read.moment == (one.when.ordinal, EVENTS[kind].rank, 3)


def test_the_verifier_reads_the_same_record() -> None:
    draft = build(private={"name": "李雷"}, seq=0)
    view = recordform.parse_record(draft.record.decode())
    assert view.digest == draft.digest
    assert view.prev is None
    assert view.private == tuple(recordform.disclosure_digest(triple) for triple in draft.disclosures)
    assert view.statement() == record.statement_bytes(ORIGIN, submission("repayment.received"))


def test_an_origin_that_json_must_escape() -> None:
    origin = 'quo"te\\slash.example/x'
    draft = build(origin=origin)
    assert canonical.decode_canonical(draft.record)["origin"] == origin
    assert record.parse(draft.record).origin == origin


def test_private_fields_stand_as_sorted_digests() -> None:
    private = {"phone": "138", "name": "李雷", "age": 31}
    draft = build("loan.originated", private=private, seq=0)
    assert [triple[1:] for triple in draft.disclosures] == [["age", 31], ["name", "李雷"], ["phone", "138"]]
    for salt, name, value in draft.disclosures:
        message = canonical.encode(["poolproof/salt/v1", "fenqile", "e1", name])
        assert salt == hmac.digest(SECRET, message, "sha256")[:16].hex()
        assert hashlib.sha256(canonical.encode([salt, name, value])).hexdigest().encode() in draft.record
    digests = json.loads(draft.record)["private"]
    assert digests == sorted(digests)
    assert len(digests) == 3
    assert "李雷".encode() not in draft.record
    assert record.parse(draft.record).private == digests


def test_the_same_event_makes_the_same_record() -> None:
    private = {"a": 1, "b": 2}
    assert build("loan.originated", private=private) == build(
        "loan.originated", private=dict(reversed(private.items()))
    )


# -- same statement -------------------------------------------------------------------------------------------


def test_the_same_statement_in_another_spelling() -> None:
    draft = build()
    text = json.dumps(raw("repayment.received"), indent=3, sort_keys=True)
    assert record.same_statement(draft.record, read_submission(text))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "e2"},
        {"party": "bank"},
        {"type": "repayment.received", "subject": "loan:L2"},
        {"effective": "2026-06-29"},
        {"effective": "2026-06"},
        {"data": {"amount": "107.11"}},
        {"data": {"channel": "bank"}},
        {"data": {"instalment": None}},
    ],
)
def test_another_statement(changes: dict[str, Any]) -> None:
    assert not record.same_statement(build().record, submission("repayment.received", **changes))


def test_a_signature_is_no_part_of_the_statement() -> None:
    draft = build()
    signed = raw(
        "repayment.received", sig={"key": BANK.verifier.reference, "value": canonical.b64encode(bytes(64))}
    )
    assert record.same_statement(draft.record, read_submission(signed))


def test_private_values_are_part_of_what_was_said() -> None:
    draft = build("loan.originated", private={"age": 31})
    same = submission("loan.originated", private={"age": 31})
    other = submission("loan.originated", private={"age": 32})
    assert record.same_statement(draft.record, same, secret=SECRET)
    assert not record.same_statement(draft.record, other, secret=SECRET)
    assert record.same_statement(draft.record, other)  # without the secret only their number shows
    assert not record.same_statement(draft.record, submission("loan.originated"))


# -- parsing --------------------------------------------------------------------------------------------------


def edits(text: str) -> list[str]:
    return [
        text + " ",
        " " + text,
        text.replace(":", ": ", 1),
        text.replace('"v":1', '"v":2'),
        text.replace('"v":1', '"v":1,"w":1'),
        text.replace('"seq":3', '"seq":-3'),
        text.replace('"seq":3', '"seq":0'),
        text.replace('"seq":3', '"seq":3.0'),
        text.replace(f'"prev":"{PREV.hex()}"', '"prev":null'),
        text.replace(PREV.hex(), PREV.hex().upper()),
        text.replace('"posted":"2026-11-22T23:24:25.000000Z"', '"posted":"2026-11-22T23:24:25Z"'),
        text.replace("loan:L1", "pool:L1"),
        text.replace("loan:L1", "loan:"),
        text.replace('"amount":"107.10"', '"amount":"107.1"'),
        text.replace('"amount":"107.10"', '"amount":"107.10","amount":"107.10"'),
        text.replace('"sig":null', '"sig":{}'),
        text.replace('"sig":null,', ""),
        text.replace("obligor", "\\u006fbligor"),
        text.replace("repayment.received", "repayment.unknown"),
        text.replace('"private":[]', f'"private":["{"b" * 64}","{"a" * 64}"]'),
        text.replace('"private":[]', f'"private":["{"a" * 64}","{"a" * 64}"]'),
        text[:-1],
        "",
        "[]",
    ]


def test_no_other_spelling_of_a_record_is_read() -> None:
    good = build().record.decode()
    assert record.parse(good.encode()).raw == good.encode()
    for bad in edits(good):
        assert bad != good
        with pytest.raises(MalformedError):
            record.parse(bad.encode())
