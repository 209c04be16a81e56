"""Bad input: each refused with the member's path, a reason and a stable rule; and what is read is what was said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.domain.events import EVENTS, MAX_BYTES, read_submission
from ledger.errors import RefusedError, UnreadableError
from ledger.proofs import canonical
from tests.domain.examples import DATA, raw


def line(kind: str = "repayment.received", **changes: Any) -> bytes:
    return json.dumps(raw(kind, **changes)).encode()


def refused(value: Any, **options: Any) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        read_submission(value, **options)
    assert len(str(error.value)) < 400
    return error.value


@pytest.mark.parametrize("kind", EVENTS)
def test_every_type_is_read_from_a_line_and_from_a_dict(kind: str) -> None:
    value = raw(kind)
    for source in (
        value,
        json.dumps(value),
        json.dumps(value).encode(),
        json.dumps(value, indent=2, ensure_ascii=False),
    ):
        read = read_submission(source)
        assert (read.id, read.type, read.subject, read.effective, read.party) == (
            value["id"], kind, value["subject"], value["effective"], value["party"],
        )  # fmt: skip
        assert read.data == value["data"]
        assert read.data_json == canonical.encode(value["data"])


def test_there_is_an_example_of_every_type() -> None:
    assert set(DATA) == set(EVENTS)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"not json",
        b'{"id": }',
        line() + b"x",
        line()[:-1],
        b"\xef\xbb\xbf" + line(),
        b"\xff\xfe",
        line().replace(b'"e1"', b'"\xff"'),
        b"nul",
        b"[" * 100_000,
    ],
)
def test_broken_json(text: bytes) -> None:
    error = refused(text)
    assert (type(error), error.rule) == (UnreadableError, "malformed")


@pytest.mark.parametrize("text", [b"[]", b'"x"', b"1", b"null"])
def test_json_that_is_no_object(text: bytes) -> None:
    assert refused(text).rule == "wrong_type"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"id": "e1"', b'"id": "e1", "id": "e1"'),
        (b'"id": "e1"', b'"id": "e0", "id": "e1"'),
        (b'"amount": "107.10"', b'"amount": "1.00", "amount": "107.10"'),
        (b'"principal": "95.00"', b'"principal": "95.00", "principal": "95.00"'),
        (b'"id": "e1"', b'"id": "e\\u0031", "id": "e1"'),
        (b'"id": "e1"', b'"\\u0069d": "e1", "id": "e1"'),
        (b'"id": "e1"', b'"id": "a\\"b\\"c", "id": "e1"'),
        (b'"data": {', b'"data": ' + json.dumps(DATA["repayment.received"]).encode() + b', "data": {'),
        (b'"data": {', b'"private": {"a": 1, "a": 2}, "data": {'),
    ],
)
def test_duplicate_keys(old: bytes, new: bytes) -> None:
    text = line().replace(old, new)
    assert text != line()
    error = refused(text)
    assert "duplicate key" in error.reason
    assert error.rule == "malformed"


@pytest.mark.parametrize("number", [b"107.10", b"1e2", b"107.0"])
def test_floats_as_money(number: bytes) -> None:
    error = refused(line().replace(b'"107.10"', number))
    assert (error.field, error.rule) == ("data.amount", "float")
    error = refused(raw("repayment.received", data={"amount": 107.1}))
    assert (error.field, error.rule) == ("data.amount", "float")


def test_an_integer_as_money() -> None:
    error = refused(line().replace(b'"107.10"', b"107"))
    assert (error.field, error.rule) == ("data.amount", "wrong_type")


@pytest.mark.parametrize("text", ["107.1", "0107.10", "-0.00", "1,07.10", "107.100", "1e2"])
def test_other_spellings_of_money(text: str) -> None:
    error = refused(line(data={"amount": text}))
    assert (error.field, error.rule) == ("data.amount", "wrong_money")
    assert text in error.reason


def test_the_path_of_a_nested_amount() -> None:
    error = refused(line(data={"applied": {"principal": "12.5"}}))
    assert str(error) == 'data.applied.principal: "12.5" is not CNY with 2 decimals; write "12.50"'


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (raw("repayment.received", extra=1), "extra"),
        (raw("repayment.received", v=1), "v"),
        (raw("repayment.received", data={"balance": "1.00"}), "data.balance"),
        (raw("repayment.received", data={"applied": {"capital": "1.00"}}), "data.applied.capital"),
        (
            raw("loan.originated", data={"claims": [{**DATA["loan.originated"]["claims"][0], "x": 1}]}),
            "data.claims[0].x",
        ),
    ],
)
def test_unknown_members(value: dict[str, Any], field: str) -> None:
    for source in (value, json.dumps(value)):
        error = refused(source)
        assert (error.field, error.rule) == (field, "unknown_member")


@pytest.mark.parametrize("name", ["id", "type", "subject", "effective", "data"])
def test_missing_members(name: str) -> None:
    value = raw("repayment.received")
    del value[name]
    error = refused(json.dumps(value))
    assert (error.field, error.rule) == (name, "missing_member")


def test_unknown_type() -> None:
    error = refused(line(type="repayment.recieved"))
    assert (error.field, error.rule) == ("type", "unknown_type")
    assert "repayment.recieved" in error.reason


def test_an_unknown_currency() -> None:
    assert refused(line(data={"currency": "RMB"})).rule == "wrong_currency"


@pytest.mark.parametrize("text", ["e 1", "", "x" * 65, "订单", "a/b", "e\n1"])
def test_an_id_that_is_no_name(text: str) -> None:
    assert refused(line(id=text)).field == "id"
    assert refused(raw("repayment.received", party=text)).field == "party"


@pytest.mark.parametrize(
    "text", ["loan:", "L1", "pool:P", "log", "loan:a b", "loan:" + "x" * 65, "xloan:L1", "loan:L1\n"]
)
def test_a_subject_of_another_kind(text: str) -> None:
    assert refused(line(subject=text)).field == "subject"


@pytest.mark.parametrize("text", ["2026-02-30", "06/2026", "2026-06-30T00:00:00Z", ""])
def test_a_date_that_does_not_exist(text: str) -> None:
    assert refused(line(effective=text)).rule == "wrong_date"
    assert refused(line(data={"value_date": text or "x"})).field == "data.value_date"


def test_huge_numbers() -> None:
    for number in (b"9" * 30, b"9007199254740993", b"-1", b"9" * 5_000):
        error = refused(line().replace(b'"instalment": 1', b'"instalment": ' + number))
        assert error.field == "data.instalment"
    error = refused(line(data={"amount": "9" * 5_000}))
    assert error.field == "data.amount"
    error = refused(line("loan.originated", data={"attributes": {"n": 2**53}}))
    assert error.field.startswith("data.attributes")


def test_a_record_of_ten_megabytes() -> None:
    error = refused(line("balance.reported", data={"place": "x" * 10_000_000}))
    assert error.rule == "too_large"
    elements = [["e", "x" * 9_000] for _ in range(1_200)]
    assert refused(raw("balance.reported", data={"elements": elements})).rule == "too_large"
    assert refused(b" " * (MAX_BYTES + 1)).rule == "too_large"


def test_the_greatest_data_leaves_room_for_the_record() -> None:
    elements = [["e", "x" * 9_000] for _ in range(112)]
    read = read_submission(raw("balance.reported", data={"elements": elements}))
    assert 1_000_000 < len(read.data_json) < MAX_BYTES - (1 << 15)


def test_text_must_be_nfc() -> None:
    good = raw("loan.settled", data={"note": "Zürich 结清"})
    read = read_submission(json.dumps(good, ensure_ascii=False))
    assert read.data["note"] == "Zürich 结清"
    assert read.data_json == canonical.encode(good["data"])
    bad = raw("loan.settled", data={"note": "Zu\u0308rich"})
    for source in (bad, json.dumps(bad), json.dumps(bad, ensure_ascii=False)):
        assert "NFC" in refused(source).reason


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00x", "\\ud800\\u0041"])
def test_lone_surrogates(escape: str) -> None:
    text = json.dumps(raw("loan.settled", data={"note": "NOTE"})).replace("NOTE", escape)
    assert refused(text).rule == "malformed"
    assert refused(raw("loan.settled", data={"note": "a\ud800"})).rule == "malformed"
    assert (
        refused(json.dumps(raw("loan.settled", data={"note": "a\ud800"}), ensure_ascii=False)).rule
        == "malformed"
    )


def test_escapes_are_only_another_spelling() -> None:
    text = json.dumps(raw("loan.settled", data={"note": 'a\tb"c\\d/e\u0001'}))
    assert read_submission(text).data["note"] == 'a\tb"c\\d/e\u0001'
    assert read_submission(text.replace("e1", "\\u00651")).id == "e1"


def test_the_party_is_who_submits() -> None:
    value = raw("repayment.received")
    assert read_submission(value, party="fenqile").party == "fenqile"
    error = refused(value, party="bank")
    assert (error.field, error.rule) == ("party", "wrong_party")
    del value["party"]
    assert read_submission(json.dumps(value), party="fenqile").party == "fenqile"
    assert refused(value).field == "party"


def test_another_log_is_refused() -> None:
    value = raw("repayment.received", origin="other.example/log")
    assert read_submission(value).origin == "other.example/log"
    assert refused(json.dumps(value), origin="fenqile.example/log").rule == "wrong_origin"


def test_private_fields() -> None:
    value = raw("loan.originated", private={"borrower": {"age": 31, "city": "深圳"}})
    assert read_submission(json.dumps(value)).private == {"borrower": {"age": 31, "city": "深圳"}}
    for private, field in [
        ({"principal": "1.00"}, "private.principal"),
        ({"region": "x"}, "private.region"),
        ({"Name": "x"}, "private"),
        ({"x": 1.5}, "private"),
        ({"x": 2**60}, "private"),
        ({"x": {"Not": 1}}, "private"),
    ]:
        assert refused(raw("loan.originated", private=private)).field == field
        refused(json.dumps(raw("loan.originated", private=private)))
    assert refused(raw("loan.originated", private={f"f{i}": 1 for i in range(257)})).rule == "too_large"


def test_a_refusal_quotes_no_private_value() -> None:
    for value in (13.25, "Zu\u0308rich", 2**53 + 25, {"a": 13.25}):
        for source in (
            raw("loan.originated", private={"x": value}),
            json.dumps(raw("loan.originated", private={"x": value})),
        ):
            text = str(refused(source))
            assert not any(shown in text for shown in ("13.25", "rich", str(2**53 + 25))), text


def test_the_printed_form_of_a_submission_holds_no_data() -> None:
    read = read_submission(raw("loan.originated", private={"name": "李雷"}))
    assert "李雷" not in repr(read)


def test_null_is_not_absent() -> None:
    assert read_submission(raw("repayment.received", data={"instalment": 3})).data["instalment"] == 3
    value = raw("repayment.received")
    value["data"]["instalment"] = None
    assert read_submission(value).data["instalment"] is None
    del value["data"]["instalment"]
    assert "instalment" not in read_submission(value).data
    value["data"]["channel"] = None
    assert refused(value).field == "data.channel"
