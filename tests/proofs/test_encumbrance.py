"""Encumbrances and claim states: bytes, the order of holders, and histories that must not go back."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.encumbrance import (
    MAX_HOLDERS,
    WHOLE,
    ZERO,
    ClaimState,
    Encumbrance,
    advance,
    claim_key,
    claim_value,
    encode_holders,
    encumbrance_nonce,
    holder_id,
    parse_holders,
    pool_key,
    pool_value,
    sorted_holders,
    state_nonce,
    verify_history,
    weak_asset_key,
)
from tests.samples import claim_state, encumbrance, links

A, B = sorted([holder_id("bank"), holder_id("trust")])
CHANGES = links((1, {"bank": 600_000}), (4, {"bank": 600_000, "trust": 400_000}), (9, {"trust": 400_000}))
PAIRS = [(link.digest, link.holders) for link in CHANGES]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class TestKeysAndValues:
    def test_are_the_hashes_that_the_format_says(self) -> None:
        assert holder_id("bank") == sha(b"poolproof/party/v1\0bank")
        assert claim_key(b"k" * 32) == sha(b"poolproof/claim/v1\0" + b"k" * 32)
        assert pool_key("P1") == sha(b"poolproof/pool/v1\0P1")
        assert claim_value(b"e", b"s") == sha(b"e") + sha(b"s")
        assert pool_value(b"h" * 32) == b"h" * 32 + bytes(32)
        assert weak_asset_key("o", "L1", "c1") == sha(b'poolproof/weak-asset-key/v1\0["o","L1","c1"]')

    def test_nonces_depend_on_secret_key_and_version(self) -> None:
        message = canonical.encode(["poolproof/encumbrance/v1", "6b" * 32, 3])
        assert encumbrance_nonce(b"s", b"k" * 32, 3) == hmac.digest(b"s", message, "sha256")[:16]
        message = canonical.encode(["poolproof/state/v1", "6b" * 32, 7])
        assert state_nonce(b"s", b"k" * 32, 7) == hmac.digest(b"s", message, "sha256")[:16].hex()


class TestHolders:
    def test_fixed_width(self) -> None:
        data = encode_holders(((A, 1), (B, WHOLE - 1)))
        assert data == b"\x02" + A + struct.pack(">I", 1) + B + struct.pack(">I", WHOLE - 1)
        assert parse_holders(data) == ((A, 1), (B, WHOLE - 1))

    def test_sorting_leaves_out_who_holds_nothing(self) -> None:
        assert sorted_holders([(B, 5), (A, 0)]) == ((B, 5),)
        assert sorted_holders([(B, 5), (A, 6)]) == ((A, 6), (B, 5))

    @pytest.mark.parametrize(
        ("holders", "reason"),
        [
            (((B, 1), (A, 1)), "ascending"),
            (((A, 1), (A, 1)), "ascending"),
            (((A, 0),), "share"),
            (((A, WHOLE + 1),), "share"),
            (((A, WHOLE), (B, 1)), "more than the whole"),
            (((A[:31], 1),), "32 bytes"),
            (tuple((i.to_bytes(32, "big"), 1) for i in range(1, MAX_HOLDERS + 2)), "more than 255"),
        ],
    )
    def test_refuses(self, holders: tuple[tuple[bytes, int], ...], reason: str) -> None:
        with pytest.raises(MalformedError, match=reason):
            encode_holders(holders)

    @pytest.mark.parametrize("data", [b"", b"\x01", b"\x00\x00", b"\x01" + bytes(36)])
    def test_refuses_bytes(self, data: bytes) -> None:
        with pytest.raises(MalformedError):
            parse_holders(data)


class TestEncumbrance:
    def test_bytes(self) -> None:
        place = Encumbrance(nonce=b"n" * 16, version=258, history=b"h" * 32, holders=((A, 7),))
        expected = b"n" * 16 + bytes(6) + b"\x01\x02" + b"h" * 32 + b"\x01" + A + b"\x00\x00\x00\x07"
        assert place.encode() == expected
        assert Encumbrance.parse(expected) == place
        assert place.taken == 7

    def test_not_pledged_is_n_zero(self) -> None:
        free = Encumbrance(nonce=bytes(16), version=0, history=ZERO, holders=())
        assert len(free.encode()) == 57
        assert Encumbrance.parse(free.encode()).taken == 0

    @given(st.binary(max_size=140))
    def test_prints_what_it_reads(self, data: bytes) -> None:
        try:
            place = Encumbrance.parse(data)
        except MalformedError:
            return
        assert place.encode() == data

    @pytest.mark.parametrize(
        "change",
        [
            {"nonce": b"n"},
            {"history": b"h"},
            {"version": -1},
            {"version": 1 << 64},
            {"version": 0},
            {"version": 0, "history": ZERO},
            {"history": ZERO},
        ],
    )
    def test_refuses(self, change: dict[str, object]) -> None:
        place = Encumbrance(nonce=b"n" * 16, version=2, history=b"h" * 32, holders=((A, 7),))
        with pytest.raises(MalformedError):
            replace(place, **change).encode()

    @pytest.mark.parametrize("data", [b"", bytes(56), bytes(58), bytes(57 + 36)])
    def test_refuses_bytes(self, data: bytes) -> None:
        with pytest.raises(MalformedError):
            Encumbrance.parse(data)


class TestState:
    def test_round_trip(self) -> None:
        state = claim_state()
        assert ClaimState.parse(state.encode()) == state
        assert ClaimState.parse(state.encode().decode()) == state
        assert canonical.decode_canonical(state.encode())["type"] == "poolproof/claim-state/v1"

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("type", "poolproof/claim-state/v2"),
            ("share", 1_000_001),
            ("share", "1"),
            ("count", 0),
            ("head", "00"),
            ("last_index", -1),
            ("nonce", "AA" * 16),
            ("claim", "c 1"),
            ("principal", 5),
        ],
    )
    def test_refuses(self, member: str, value: object) -> None:
        members = canonical.decode(claim_state().encode())
        with pytest.raises(MalformedError):
            ClaimState.parse(canonical.encode(members | {member: value}))

    def test_refuses_other_members_and_spellings(self) -> None:
        members = canonical.decode(claim_state().encode())
        with pytest.raises(MalformedError, match="days is unknown"):
            ClaimState.parse(canonical.encode(members | {"days": 3}))
        del members["head"]
        with pytest.raises(MalformedError, match="head is missing"):
            ClaimState.parse(canonical.encode(members))
        with pytest.raises(MalformedError):
            ClaimState.parse(claim_state().encode() + b" ")


class TestHistory:
    def test_digests_chain(self) -> None:
        first = sha(b"poolproof/history/v1\0" + bytes(32) + PAIRS[0][0] + encode_holders(PAIRS[0][1]))
        assert advance(ZERO, *PAIRS[0]) == first
        assert encumbrance(CHANGES[:1]).history == first

    @pytest.mark.parametrize("start", range(4))
    @pytest.mark.parametrize("end", range(4))
    def test_grows_and_never_goes_back(self, start: int, end: int) -> None:
        older, newer = encumbrance(CHANGES[:start]), encumbrance(CHANGES[:end])
        if start <= end:
            verify_history(older, newer, PAIRS[start:end])
        else:
            with pytest.raises(VerificationError, match="went back") as caught:
                verify_history(older, newer, [])
            assert caught.value.step == "history"
            assert caught.value.evidence["older"]["version"] == start

    def test_from_nothing(self) -> None:
        verify_history(None, encumbrance(CHANGES), PAIRS)

    def test_refuses_a_change_left_out(self) -> None:
        with pytest.raises(VerificationError, match="3 changes lie between the versions, 2 are shown"):
            verify_history(None, encumbrance(CHANGES), PAIRS[1:])

    def test_refuses_changes_in_another_order(self) -> None:
        with pytest.raises(VerificationError, match="does not follow"):
            verify_history(None, encumbrance(CHANGES), [PAIRS[1], PAIRS[0], PAIRS[2]])

    def test_refuses_another_history_at_the_same_version(self) -> None:
        other = encumbrance((*CHANGES[:2], links((9, {"bank": 1}))[0]))
        with pytest.raises(VerificationError, match="does not follow"):
            verify_history(encumbrance(CHANGES), other, [])

    def test_refuses_other_holders_under_the_same_history(self) -> None:
        newer = replace(encumbrance(CHANGES), holders=((A, 1),))
        with pytest.raises(VerificationError, match="does not follow"):
            verify_history(encumbrance(CHANGES[:2]), newer, PAIRS[2:])
        with pytest.raises(VerificationError, match="does not follow"):
            verify_history(encumbrance(CHANGES), newer, [])


def test_a_state_prints_as_canonical_json_does() -> None:
    state = ClaimState(
        loan="SDART:1.a_b-c", claim="c1", creditor="bank-a", share=333_333, currency="CNY", status="charged_off",
        principal="-12.34567891", count=7, head=bytes(range(32)), last_index=2**40, nonce="0" * 32,
    )  # fmt: skip
    printed = state.encode()
    assert printed == canonical.encode(canonical.decode(printed))
    assert ClaimState.parse(printed) == state
