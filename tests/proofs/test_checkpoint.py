"""Checkpoints of one log, signed by its key."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import checkpoint, note
from ledger.proofs.merkle import EMPTY_ROOT

ORIGIN = "fenqile.example/consumer-2026"
LOG = note.Signer.from_seed(ORIGIN, b"\x01" * 32)
NEXT = note.Signer.from_seed(ORIGIN, b"\x02" * 32)
WITNESSES = [note.Cosigner.from_seed(f"witness.example/{i}", bytes([i]) * 32) for i in (3, 4)]
POINT = checkpoint.Checkpoint(ORIGIN, 20_852_163, bytes(range(32)))


def test_body() -> None:
    assert POINT.body() == f"{ORIGIN}\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert checkpoint.parse_body(POINT.body()) == POINT
    empty = checkpoint.Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert checkpoint.parse_body(empty.body()) == empty


def test_open() -> None:
    data = POINT.sign([LOG])
    opened = checkpoint.open_checkpoint(data, ORIGIN, [NEXT.verifier, LOG.verifier])
    assert opened.checkpoint == POINT
    assert opened.data == data
    assert opened.verified == (LOG.verifier,)
    assert opened.cosigned == ()
    assert checkpoint.open_checkpoint(data.decode(), ORIGIN, [LOG.verifier]).data == data


def test_witnesses_add_to_the_log_and_do_not_replace_it() -> None:
    lines = [
        WITNESSES[1].sign(POINT.body(), time=9),
        LOG.sign(POINT.body()),
        WITNESSES[0].sign(POINT.body(), time=8),
    ]
    witnesses = [witness.verifier for witness in WITNESSES]
    opened = checkpoint.open_checkpoint(
        note.add_signatures(POINT.body(), lines), ORIGIN, [LOG.verifier], witnesses=witnesses
    )
    assert opened.cosigned == ((witnesses[1], 9), (witnesses[0], 8))
    without = note.add_signatures(POINT.body(), [lines[0], lines[2]])
    with pytest.raises(VerificationError, match="no signature by a key of the log"):
        checkpoint.open_checkpoint(without, ORIGIN, [LOG.verifier], witnesses=witnesses)


def test_another_origin() -> None:
    with pytest.raises(VerificationError, match=r"not of other\.example") as caught:
        checkpoint.open_checkpoint(POINT.sign([LOG]), "other.example", [LOG.verifier])
    assert caught.value.evidence == {"origin": ORIGIN, "expected": "other.example"}


def test_another_key() -> None:
    with pytest.raises(VerificationError, match="no signature by a known key"):
        checkpoint.open_checkpoint(POINT.sign([LOG]), ORIGIN, [NEXT.verifier])


def test_a_signed_note_that_is_no_checkpoint() -> None:
    with pytest.raises(MalformedError, match="three lines"):
        checkpoint.open_checkpoint(note.sign_note("hello\n", [LOG]), ORIGIN, [LOG.verifier])


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "乐.example", "a\nb", "a\x7f", "x" * 256])
def test_origins(origin: str) -> None:
    with pytest.raises(MalformedError, match="origin"):
        checkpoint.check_origin(origin)
    with pytest.raises(MalformedError, match="origin"):
        checkpoint.Checkpoint(origin, 1, bytes(32))


def test_origins_that_are_fine() -> None:
    for origin in ("a", "fenqile.example/consumer-2026", "x" * 255, "!~"):
        assert checkpoint.check_origin(origin) == origin


@pytest.mark.parametrize(
    ("size", "root"), [(-1, bytes(32)), (2**63, bytes(32)), (1, bytes(31)), (0, bytes(32))]
)
def test_checkpoints_that_cannot_be(size: int, root: bytes) -> None:
    with pytest.raises(MalformedError):
        checkpoint.Checkpoint(ORIGIN, size, root)
