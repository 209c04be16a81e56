"""After any change of one character, or any other spelling of the same, no file of ours verifies.

A refusal is a :class:`VerificationError` (exit 1) or a :class:`MalformedError` (exit 2), never a verdict and
never another exception.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import verify_claim_proof, verify_file, verify_receipt, verify_seal_proof
from tests.samples import (
    TRUST,
    SampleLog,
    acceptances,
    claim_state,
    encumbrance,
    links,
    pledge_record,
    put_claim,
    put_seal,
    record,
    seal_header,
    sealed_claims,
    signed_record,
)

KEY = b"\x0a" * 32
PLACE = links((1, {"bank": 1_000_000}))
SEALED = sealed_claims(6)
HEADER = seal_header(SEALED, restates=bytes(32))
FIRST = next(iter(SEALED))


def make_log() -> SampleLog:
    log = SampleLog()
    log.append(record(0), signed_record(1), pledge_record(2, private=[]), *[record(n) for n in range(3, 11)])
    put_claim(log, KEY, encumbrance(PLACE), claim_state())
    put_seal(log, HEADER)
    log.publish()
    return log


LOG = make_log()
RECEIPTS = {
    "plain": LOG.receipt(0).encode(),
    "signed": LOG.receipt(1, note=LOG.note(12, witnesses=2)).encode(),
    "pledge": LOG.receipt(2, disclosures=()).encode(),
}
FILES = RECEIPTS | {
    "claim": LOG.claim_proof(
        KEY, encumbrance=encumbrance(PLACE), state=claim_state(), history=PLACE
    ).encode(),
    "seal": LOG.seal_proof(HEADER, SEALED, FIRST, state=claim_state(loan="L1")).encode(),
    "acceptance": acceptances(3, [record(n) for n in range(3, 9)])[2].encode(),
}


def is_refused(data: bytes) -> bool:
    try:
        verify_file(TRUST, data)
    except (VerificationError, MalformedError):
        return True
    return False


@pytest.mark.parametrize("name", FILES)
def test_untouched_it_verifies(name: str) -> None:
    assert not is_refused(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_every_place_with_one_other_character(name: str) -> None:
    """Each position of the file once, with a character that fits where it stands as well as can be."""
    data, chance = FILES[name], random.Random(name)
    for at in range(len(data)):
        old = data[at : at + 1]
        alike = next(
            (kind for kind in (b"0123456789", b"abcdef", b"ABCDEF") if old in kind), b'Aa0=,:"{}[] \n\\'
        )
        new = bytes([chance.choice([char for char in alike if char != old[0]])])
        assert is_refused(data[:at] + new + data[at + 1 :]), (at, data[max(0, at - 20) : at + 20], new)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=200)
@given(st.data())
def test_random_edits(name: str, data: st.DataObject) -> None:
    """Characters replaced by any other, left out, doubled, put in, or swapped with a neighbour."""
    original = FILES[name]
    at = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    kind = data.draw(st.sampled_from(["replace", "drop", "double", "insert", "swap", "cut", "case"]))
    changed = {
        "replace": original[:at] + byte + original[at + 1 :],
        "drop": original[:at] + original[at + 1 :],
        "double": original[: at + 1] + original[at:],
        "insert": original[:at] + byte + original[at:],
        "swap": original[:at] + original[at + 1 : at + 2] + original[at : at + 1] + original[at + 2 :],
        "cut": original[:at],
        "case": original[:at] + original[at : at + 1].swapcase() + original[at + 1 :],
    }[kind]
    if changed != original:
        assert is_refused(changed)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every leaf of a JSON value with the way to it."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from paths(member, (*path, key))
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from paths(member, (*path, at))
    else:
        yield path, value


def with_leaf(document: Any, path: tuple[Any, ...], value: Any) -> bytes:
    copy = json.loads(json.dumps(document))
    at = copy
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return (json.dumps(copy, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def other_values(value: Any) -> Iterator[Any]:
    yield from (None, True, 0, 1, "", [], {}, "x", -1, 1.5, 2**53, 2**64)
    if isinstance(value, int) and not isinstance(value, bool):
        yield from (value + 1, value - 1, float(value), str(value), -value)
    if isinstance(value, str):
        yield from (
            value + " ",
            " " + value,
            value + "\n",
            value.upper(),
            value.lower(),
            value[:-1],
            value + "=",
        )
        yield from (
            value.replace("/", "_").replace("+", "-"),
            value.rstrip("="),
            "\ufeff" + value,
            value + "\u0301",
        )
        yield from same_base64(value)


def same_base64(value: str) -> Iterator[str]:
    """Other spellings that lax decoders take for the same bytes."""
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return
    if value.endswith("=") and data:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        last = value.rstrip("=")
        for bits in range(1, 4):
            spelling = last[:-1] + alphabet[alphabet.index(last[-1]) ^ bits] + value[len(last) :]
            assert len(spelling) == len(value)
            yield spelling
    yield from (value[:4] + "\n" + value[4:], value[:4] + "=" + value[4:], value + "AAAA", value + "====")


@pytest.mark.parametrize("name", FILES)
def test_every_field_with_other_values(name: str) -> None:
    """Every leaf of the document, those inside the signed note and the record by their strings."""
    document = canonical.decode(FILES[name])
    seen = 0
    for path, value in paths(document):
        for other in other_values(value):
            # Equal in Python is not the same JSON: 1, 1.0 and true are three values.
            if type(other) is type(value) and other == value:
                continue
            changed = with_leaf(document, path, other)
            assert changed != FILES[name]
            assert is_refused(changed), (path, other)
            seen += 1
    assert seen > 300


@pytest.mark.parametrize("name", FILES)
def test_members_left_out_repeated_or_added(name: str) -> None:
    document = canonical.decode(FILES[name])
    text = FILES[name].decode().rstrip("\n")
    for key in document:
        less = {other: value for other, value in document.items() if other != key}
        assert is_refused(canonical.encode_file(less))
        again = json.dumps({key: document[key]}, ensure_ascii=False, separators=(",", ":"))[1:-1]
        assert is_refused((text[:-1] + "," + again + "}\n").encode())
        assert is_refused(("{" + again + "," + text[1:] + "\n").encode())
    assert is_refused(canonical.encode_file(document | {"zz": 1}))
    for part in ("signature", "register", "batch", "pool", "leaf"):
        if part in document:
            assert is_refused(canonical.encode_file(document | {part: document[part] | {"zz": 1}}))


@pytest.mark.parametrize("name", FILES)
def test_other_spellings_of_the_same_json(name: str) -> None:
    data = FILES[name]
    document = json.loads(data)
    for other in (
        json.dumps(document).encode() + b"\n",
        json.dumps(document, separators=(",", ":")).encode() + b"\n",  # members in another order
        json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n",
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n\n",
        data.replace(b"\n", b"\r\n"),
        data.rstrip(b"\n"),
        b"\xef\xbb\xbf" + data,
        data.decode().encode("utf-16"),
        data.replace(b"/", b"\\/", 1),
        data.replace(b'"media_type"', b'"\\u006dedia_type"'),
        data.replace(b'"index":', b'"index": '),
        data.replace(b'"index":', b'"index":0'),
        data.replace(b":null", b":NULL"),
        data + data,
        data + b"\0",
    ):
        if other != data:
            assert is_refused(other)


@pytest.mark.parametrize("name", RECEIPTS)
@settings(max_examples=60)
@given(st.data())
def test_parts_of_another_receipt(name: str, data: st.DataObject) -> None:
    """Members taken from another good receipt of the same log do not mix."""
    other = data.draw(st.sampled_from([key for key in RECEIPTS if key != name]))
    document, donor = canonical.decode(RECEIPTS[name]), canonical.decode(RECEIPTS[other])
    taken = data.draw(st.sets(st.sampled_from(sorted(document)), min_size=1))
    mixed = document | {key: donor[key] for key in taken}
    if mixed not in (document, donor):
        assert is_refused(canonical.encode_file(mixed))


def read(parse: Any, data: bytes) -> Any:
    try:
        return parse(data)
    except MalformedError:
        return None


@pytest.mark.parametrize("name", RECEIPTS)
@settings(max_examples=300)
@given(st.data())
def test_both_readings_of_receipts_agree(name: str, data: st.DataObject) -> None:
    """The one expression that reads receipts fast takes exactly what the readers of members take."""
    document = canonical.decode(RECEIPTS[name])
    path, value = data.draw(st.sampled_from(list(paths(document))))
    changed = with_leaf(document, path, data.draw(st.sampled_from(list(other_values(value)))))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(changed)))
        changed = (
            changed[:at]
            + data.draw(st.sampled_from([b'"', b"\\", b"]", b",", b"\xff", b"\n"]))
            + changed[at:]
        )
    assert read(Receipt.parse, changed) == read(Receipt.read_members, changed)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["index", "log_id", "record", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    st.text(st.characters(codec="utf-8"), max_size=60), st.lists(st.tuples(TEXTS, VALUES), max_size=3), TEXTS
)
def test_whatever_is_printed_is_read(text: str, shown: list[tuple[str, Any]], note: str) -> None:
    """Records, notes and private values may hold anything, also what looks like the members around them."""
    disclosures = tuple(("00" * 16, name, value) for name, value in shown)
    try:
        receipt = LOG.receipt(0, record=text, checkpoint=note, disclosures=disclosures)
        data = receipt.encode()
    except MalformedError:
        return  # not in NFC
    assert Receipt.parse(data) == Receipt.read_members(data) == receipt


def test_a_private_value_that_looks_like_the_rest_of_a_receipt() -> None:
    document = canonical.decode(RECEIPTS["plain"])
    rest = {key: document[key] for key in sorted(document) if key > "disclosures"}
    receipt = LOG.receipt(0, disclosures=(("00" * 16, "x", [rest, "],", '"index":0,']),))
    assert Receipt.parse(receipt.encode()) == Receipt.read_members(receipt.encode()) == receipt


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_anything_at_all(data: bytes) -> None:
    for verify in (verify_receipt, verify_claim_proof, verify_seal_proof, verify_file):
        with pytest.raises((MalformedError, VerificationError)):
            verify(TRUST, data)
