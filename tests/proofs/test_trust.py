"""Trust roots: one form, one fingerprint, keys with the sizes at which they count."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.note import Cosigner
from ledger.proofs.trust import GRADES, KeySpan, PinnedBlock, TrustRoot, WitnessPolicy
from tests.samples import LOG, ORIGIN, SERVICE, TRUST, WITNESSES, signer, simple_log

PINNED = replace(TRUST, pinned_blocks=(PinnedBlock(number=12, hash=b"\x07" * 32),))


def test_prints_what_it_reads() -> None:
    for trust in (TRUST, PINNED, replace(TRUST, chain=None, parties=())):
        again = TrustRoot.parse(trust.encode())
        assert again == trust
        assert again.encode() == trust.encode()


def test_the_fingerprint_is_that_of_the_file() -> None:
    assert TRUST.fingerprint == hashlib.sha256(TRUST.encode()).hexdigest()
    assert TrustRoot.parse(TRUST.encode()).fingerprint == TRUST.fingerprint
    assert PINNED.fingerprint != TRUST.fingerprint


def test_a_key_counts_at_its_sizes() -> None:
    span = KeySpan(verifier=SERVICE.verifier, first=10, last=20)
    assert [size for size in range(30) if span.covers(size)] == list(range(10, 21))
    assert KeySpan(verifier=SERVICE.verifier, first=10).covers(1 << 50)
    later = KeySpan(verifier=signer("service2").verifier, first=21)
    trust = replace(TRUST, service_keys=(span, later))
    assert trust.service_verifiers(9) == ()
    assert trust.service_verifiers(20) == (SERVICE.verifier,)
    assert trust.service_verifiers(21) == (later.verifier,)


def test_parties_by_name() -> None:
    bank = TRUST.party("bank")
    assert bank is not None
    assert bank.roles == ("funding_partner",)
    assert TRUST.party("nobody") is None


def test_a_checkpoint_is_opened_once_and_only_by_the_keys_named() -> None:
    log = simple_log()
    note = log.note(6, witnesses=2)
    opened = TRUST.open_checkpoint(note)
    assert TRUST.open_checkpoint(note) is opened
    assert [verifier.name for verifier, _ in opened.cosigned] == ["witness1.example", "witness2.example"]
    with pytest.raises(VerificationError):
        TRUST.open_checkpoint(log.note(6, by=signer("other.example")))
    assert TRUST.open_checkpoint(note) is opened
    # The same note under another trust root is another question.
    with pytest.raises(VerificationError):
        replace(TRUST, log_keys=(KeySpan(verifier=signer("other.example").verifier),)).open_checkpoint(note)


def test_what_is_remembered_has_a_bound() -> None:
    trust = replace(TRUST, zone="Europe/Paris")
    log = simple_log(80)
    for size in range(1, 81):
        trust.open_checkpoint(log.note(size))
    assert len(trust._opened) <= 64


def edit(path: str, value: Any) -> bytes:
    document = canonical.decode(PINNED.encode())
    at = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        at = at[part]
    at[last] = value
    return canonical.encode_file(document)


ZEROS = "0x" + "00" * 32


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("media_type", "application/json"),
        ("origin", "a b"),
        ("origin", "a+b"),
        ("origin", ""),
        ("zone", "../etc passwd"),
        ("day_cut", "24:00"),
        ("log_keys", []),
        ("service_keys", []),
        ("log_keys.0.key", "x"),
        ("log_keys.0.key", LOG.verifier.vkey[:-4] + "AAA="),
        ("log_keys.0.from", -1),
        ("log_keys.0.from", "0"),
        ("log_keys.0.until", 3),
        ("service_keys.0.key", LOG.verifier.vkey),
        ("service_keys.0.key", Cosigner.from_seed("w", bytes(32)).verifier.vkey),
        ("witnesses.threshold", 4),
        ("witnesses.threshold", -1),
        ("witnesses.keys.0", SERVICE.verifier.vkey),
        ("witnesses.keys.0", WITNESSES[1].verifier.vkey),
        ("parties.0.name", "a b"),
        ("parties.0.name", "bank"),
        ("parties.0.roles", ["king"]),
        ("parties.0.keys", [3]),
        ("chain.chain_id", 0),
        ("chain.contract", "0x" + "AB" * 20),
        ("chain.contract", "ab" * 20),
        ("chain.genesis", ZEROS + "00"),
        ("chain.finality", "depth:0"),
        ("chain.finality", "tag:latest"),
        ("chain.grade", "private"),
        ("chain.max_anchor_age", 0),
        ("chain.extra", 1),
        ("pinned_blocks.0.number", None),
        ("pinned_blocks.0.hash", "0x"),
        ("extra", None),
    ],
)
def test_refuses(path: str, value: Any) -> None:
    with pytest.raises(MalformedError):
        TrustRoot.parse(edit(path, value))


def test_refuses_one_key_in_two_roles() -> None:
    with pytest.raises(MalformedError, match="two of the roles"):
        replace(TRUST, service_keys=TRUST.log_keys)
    seed = Cosigner.from_seed("w", signer(ORIGIN).seed)
    with pytest.raises(MalformedError, match="two of the roles"):
        replace(TRUST, witnesses=WitnessPolicy(threshold=1, verifiers=(seed.verifier,)))


def test_refuses_to_before_from() -> None:
    with pytest.raises(MalformedError, match=r"log_keys\[0\]\.to"):
        TrustRoot.parse(
            edit("log_keys", [{"key": LOG.verifier.vkey, "from": 5, "to": 4}]),
        )


@pytest.mark.parametrize("grade", GRADES)
def test_grades(grade: str) -> None:
    assert TrustRoot.parse(edit("chain.grade", grade)).chain.grade == grade


def test_refuses_other_spellings() -> None:
    data = TRUST.encode()
    for other in (
        data[:-1],
        data + b"\n",
        b" " + data,
        json.dumps(json.loads(data)).encode() + b"\n",
        data.replace(b'"grade"', b'"gr\\u0061de"'),
        b"{}\n",
        b"[]\n",
        b"\n",
        b"",
    ):
        with pytest.raises(MalformedError):
            TrustRoot.parse(other)
