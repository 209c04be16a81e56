"""HMAC-SHA256 as RFC 4231 has it, and as the standard library computes it."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.proofs.keyed import hmac_sha256, hmac_sha256_under


@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_the_vectors_of_the_rfc(key: bytes, message: bytes, expected: str) -> None:
    assert hmac_sha256(key, message).hex() == expected


@given(key=st.binary(max_size=130), message=st.binary(max_size=300))
def test_it_is_the_standard_librarys(key: bytes, message: bytes) -> None:
    assert hmac_sha256(key, message) == hmac.digest(key, message, "sha256")


@given(key=st.binary(max_size=130), messages=st.lists(st.binary(max_size=300), min_size=1))
def test_one_key_for_many_messages_gives_what_each_call_gives(key: bytes, messages: list[bytes]) -> None:
    of = hmac_sha256_under(key)
    assert [of(message) for message in messages] == [hmac_sha256(key, message) for message in messages]
