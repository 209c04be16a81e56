"""Keys and signed notes."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import note
from tests.oracles import ed25519, signed_note

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
    "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
ALICE = note.Signer.from_seed("alice.example/log", b"\x01" * 32)
BOB = note.Signer.from_seed("bob.example/log", b"\x02" * 32)
WITNESS = note.Cosigner.from_seed("witness.example", b"\x03" * 32)
TEXT = "some text\n"


def test_known_answer() -> None:
    verifier = note.Verifier.parse(EXAMPLE_KEY)
    assert verifier.vkey == EXAMPLE_KEY
    assert verifier.reference == "example.com/foo+530d903a"
    for data in (EXAMPLE, EXAMPLE.encode()):
        opened = note.open_note(data, [verifier])
        assert opened.body == "This is an example message.\n"
        assert [key for key, _ in opened.verified] == [verifier]
        assert opened.unknown == ()


def test_every_one_character_change_of_a_note_is_refused() -> None:
    """Bytes, not characters: the dash is three of them."""
    verifier, data = note.Verifier.parse(EXAMPLE_KEY), EXAMPLE.encode()
    for at in range(len(data)):
        for bad in (
            data[:at] + data[at + 1 :],
            data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
            data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :],
            data[:at] + b"\n" + data[at:],
        ):
            if bad == data:
                continue
            with pytest.raises((MalformedError, VerificationError)):
                note.open_note(bad, [verifier])


def test_signing_and_the_second_implementation() -> None:
    data = note.sign_note(TEXT, [ALICE, BOB])
    keys = [signed_note.key(signer.verifier.vkey) for signer in (BOB, ALICE)]
    assert signed_note.open_note(data, keys) == (TEXT, [keys[1], keys[0]])
    opened = note.open_note(data, [BOB.verifier])
    assert [line.name for line in opened.unknown] == [ALICE.name]
    assert opened.unknown[0].line == ALICE.sign(TEXT)


def test_cosignature() -> None:
    line = WITNESS.sign(TEXT, time=1_700_000_000)
    data = note.add_signatures(TEXT, [ALICE.sign(TEXT), line])
    opened = note.open_note(data, [WITNESS.verifier])
    ((verifier, signature),) = opened.verified
    assert isinstance(verifier, note.CosignatureVerifier)
    assert note.cosignature_time(signature) == 1_700_000_000
    assert signed_note.open_note(data, [signed_note.key(WITNESS.verifier.vkey)])[0] == TEXT
    # The time is signed: another one does not verify.
    later = (1_700_000_001).to_bytes(8, "big") + signature[8:]
    with pytest.raises(VerificationError):
        WITNESS.verifier.verify_text(TEXT, later)
    with pytest.raises(VerificationError, match="2\\^63"):
        WITNESS.verifier.verify_text(TEXT, b"\xff" * 8 + signature[8:])
    with pytest.raises(VerificationError, match="72 bytes"):
        WITNESS.verifier.verify_text(TEXT, signature[8:])
    last = note.open_note(note.add_signatures(TEXT, [WITNESS.sign(TEXT, time=2**63 - 1)]), [WITNESS.verifier])
    assert note.cosignature_time(last.verified[0][1]) == 2**63 - 1
    for time in (-1, 2**63):
        with pytest.raises(MalformedError):
            WITNESS.sign(TEXT, time=time)


def test_the_type_of_a_key_is_part_of_its_id() -> None:
    same = note.CosignatureVerifier(ALICE.name, ALICE.verifier.public_key)
    assert same.key_id != ALICE.verifier.key_id
    assert same != ALICE.verifier
    with pytest.raises(VerificationError, match="no signature by a known key"):
        note.open_note(note.sign_note(TEXT, [ALICE]), [same])
    assert isinstance(note.parse_verifier(same.vkey), note.CosignatureVerifier)
    assert type(note.parse_verifier(ALICE.verifier.vkey)) is note.Verifier
    with pytest.raises(MalformedError):
        note.Verifier.parse(same.vkey)
    with pytest.raises(MalformedError):
        note.CosignatureVerifier.parse(ALICE.verifier.vkey)


def test_a_key_that_signed_twice_counts_once() -> None:
    first, second = WITNESS.sign(TEXT, time=1), WITNESS.sign(TEXT, time=2)
    opened = note.open_note(note.add_signatures(TEXT, [first, second]), [WITNESS.verifier])
    assert [note.cosignature_time(signature) for _, signature in opened.verified] == [1]
    spoiled = second.replace(second[-10], "A" if second[-10] != "A" else "B")
    with pytest.raises(VerificationError):
        note.open_note(f"{TEXT}\n{first}{spoiled}", [WITNESS.verifier])


def test_two_keys_of_one_name_and_id_are_ambiguous() -> None:
    other = note.Verifier(ALICE.name, BOB.verifier.public_key)
    object.__setattr__(other, "key_id", ALICE.verifier.key_id)  # finding a real collision takes 2^32 keys
    data = note.sign_note(TEXT, [ALICE])
    with pytest.raises(VerificationError, match="two keys are called"):
        note.open_note(data, [ALICE.verifier, other])
    with pytest.raises(VerificationError, match="no valid signature"):
        note.open_note(data, [other])
    note.open_note(data, [ALICE.verifier, note.Verifier.parse(ALICE.verifier.vkey)])


def test_no_verifiers_verify_nothing() -> None:
    with pytest.raises(VerificationError, match="no signature by a known key"):
        note.open_note(note.sign_note(TEXT, [ALICE]), [])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_public_keys_have_32_bytes(length: int) -> None:
    with pytest.raises(MalformedError, match="not 32 bytes"):
        note.Verifier("a.example", b"\x07" * length)


def test_size_cap() -> None:
    room = note.MAX_NOTE_BYTES - len(note.sign_note("\n", [ALICE]))
    assert len(note.sign_note("x" * room + "\n", [ALICE])) == note.MAX_NOTE_BYTES
    with pytest.raises(MalformedError, match="more than"):
        note.sign_note("x" * (room + 1) + "\n", [ALICE])
    text = "x" * note.MAX_NOTE_BYTES + "\n"
    with pytest.raises(MalformedError, match="more than"):
        note.sign_note(text, [ALICE])
    with pytest.raises(MalformedError, match="more than"):
        note.open_note(f"{text}\n{ALICE.sign(text)}", [ALICE.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "return\r\n", "\x00\n", "\x1b[2J\n"])
def test_texts_that_nobody_signs(text: str) -> None:
    with pytest.raises(MalformedError):
        note.sign_note(text, [ALICE])
    with pytest.raises(MalformedError):
        ALICE.sign(text)
    with pytest.raises(MalformedError):
        WITNESS.sign(text, time=1)


def test_a_note_needs_a_signature() -> None:
    with pytest.raises(MalformedError):
        note.sign_note(TEXT, [])


def test_other_lone_surrogates_and_bytes() -> None:
    for bad in ("\ud800\n\n— a b\n", b"\xff\n\n"):
        with pytest.raises(MalformedError, match="not UTF-8"):
            note.open_note(bad, [ALICE.verifier])


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u2003b", "a\u00a0", "a\tb", "a\nb", "\u0085", "\ud800"]
)
def test_names_of_keys(name: str) -> None:
    with pytest.raises(MalformedError, match="key name"):
        note.Signer.generate(name)
    with pytest.raises(MalformedError, match="key name"):
        note.Verifier(name, ALICE.verifier.public_key)


class TestRawSignatures:
    def test_sign_and_verify(self) -> None:
        signature = ALICE.sign_raw(b"message")
        ALICE.verifier.verify_raw(b"message", signature)
        assert ed25519.verify(ALICE.verifier.public_key, b"message", signature)

    @pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), b"\xff" * 64])
    def test_refused(self, signature: bytes) -> None:
        with pytest.raises(VerificationError, match=r"no valid signature by alice.example/log\+"):
            ALICE.verifier.verify_raw(b"message", signature)

    def test_a_signature_has_one_spelling(self) -> None:
        """S + L is the same scalar; accepting it would give every signature a second form."""
        signature = ALICE.sign_raw(b"message")
        other = int.from_bytes(signature[32:], "little") + ed25519.L
        with pytest.raises(VerificationError):
            ALICE.verifier.verify_raw(b"message", signature[:32] + other.to_bytes(32, "little"))

    def test_a_public_key_that_is_no_point(self) -> None:
        verifier = note.Verifier("a.example", (2).to_bytes(32, "little"))
        assert ed25519.decode(verifier.public_key) is None
        with pytest.raises(VerificationError):
            verifier.verify_raw(b"message", ALICE.sign_raw(b"message"))


def test_all_points_of_small_order_are_refused() -> None:
    """Computed here: eight times the point is the neutral one; also in their unreduced encodings."""
    found = set()
    for y in (0, 1, ed25519.P - 1, note._Y8, ed25519.P - note._Y8):
        for sign in (0, 1):
            x = ed25519.recover_x(y, sign)
            if x is not None:
                assert ed25519.multiply(8, (x, y)) == (0, 1)
                found.add((x, y))
            for encoded in (y, y + ed25519.P):
                if encoded < 2**255:
                    key = (encoded | sign << 255).to_bytes(32, "little")
                    with pytest.raises(MalformedError, match="small order"):
                        note.Verifier("a.example", key)
    assert len(found) == 8


class TestSigner:
    def test_seed_round_trip(self) -> None:
        signer = note.Signer.generate("a.example")
        assert note.Signer.from_seed("a.example", signer.seed).verifier == signer.verifier

    @pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
    def test_seed_length(self, seed: bytes) -> None:
        with pytest.raises(MalformedError, match="seed"):
            note.Signer.from_seed("a.example", seed)

    def test_the_secret_is_not_printed(self) -> None:
        for signer in (ALICE, WITNESS):
            shown = f"{signer} {signer!r}"
            assert signer.verifier.vkey in shown
        assert ALICE.seed.hex() not in f"{ALICE!r}"
