"""Signatures: a party's over its statement, and a holder's over what it accepts to hold.

Where one party could otherwise speak for another a signature is required (``EventType.signed``); elsewhere
its absence means "claimed by the platform". A signature that is there must verify under a key that the
party has published, whether it is required or not.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ledger.domain.events.submission import Sig, Submission
from ledger.domain.events.transfers import Transfer
from ledger.domain.record import Record, quoted, statement_bytes
from ledger.errors import MalformedError, RefusedError, VerificationError
from ledger.proofs import canonical
from ledger.proofs.note import Signer, Verifier
from ledger.quotes import in_quotes

_ACCEPTANCE: Final = b"poolproof/pledge-acceptance/v1\n"
_encode = msgspec.json.Encoder(order="sorted").encode


@functools.lru_cache(maxsize=1_024)  # a party has few keys and signs many statements
def _verifier(vkey: str) -> Verifier:
    return Verifier.parse(vkey)


def check_signature(submission: Submission | Record, origin: str, keys: Iterable[str]) -> None:
    """Raise :class:`RefusedError` if a required signature is missing, or one that is there does not verify.

    ``keys`` are the party's published verifier keys.
    """
    sig = submission.sig
    if sig is None:
        if submission.kind.signed:
            raise RefusedError(
                "sig", f"{submission.kind.name} must be signed by {submission.party}", rule="signature"
            )
        return
    message = statement_bytes(origin, submission)
    _verify(sig.key, sig.value, message, keys=keys, field="sig", party=submission.party)


def check_acceptance(submission: Submission | Record, origin: str, keys: Iterable[str]) -> bool:
    """Whether the holder's acceptance is there; raises :class:`RefusedError` if it is and does not verify.

    ``keys`` are the holder's published verifier keys.
    """
    event = submission.event
    assert isinstance(event, Transfer)
    acceptance = event.acceptance
    if acceptance is None or isinstance(acceptance, msgspec.UnsetType):
        return False
    pool = submission.subject.removeprefix("pool:")
    message = acceptance_bytes(origin, pool, event.holder, event.claims)
    where = "data.acceptance"
    _verify(acceptance.key, acceptance.value, message, keys=keys, field=where, party=event.holder)
    return True


def acceptance_bytes(origin: str, pool: str, holder: str, claims: Any) -> bytes:
    """What a holder signs: the label and the canonical {claims, holder, origin, pool}.

    ``pool`` without its prefix; ``claims`` as in the event's data.
    """
    return b'%b{"claims":%b,"holder":"%b","origin":%b,"pool":"%b"}' % (
        _ACCEPTANCE,
        _encode(claims),
        holder.encode(),
        quoted(origin).encode(),
        pool.encode(),
    )


def sign(signer: Signer, message: bytes) -> dict[str, str]:
    """A ``sig`` or ``acceptance`` member over ``message``."""
    return {"key": signer.verifier.reference, "value": canonical.b64encode(signer.sign_raw(message))}


def sign_submission(signer: Signer, origin: str, submission: Submission) -> Submission:
    """The same submission with its party's signature."""
    signed = sign(signer, statement_bytes(origin, submission))
    return msgspec.structs.replace(submission, sig=Sig(**signed))


def _verify(key: str, value: str, message: bytes, *, keys: Iterable[str], field: str, party: str) -> None:
    try:
        signature = canonical.b64decode(value, 64, what="signature")
    except MalformedError as error:
        raise RefusedError(f"{field}.value", error.reason, rule="signature") from None
    verifier = next((found for found in map(_verifier, keys) if found.reference == key), None)
    if verifier is None:
        raise RefusedError(
            f"{field}.key", f"{in_quotes(key, 100)} is no published key of {party}", rule="signature"
        )
    try:
        verifier.verify_raw(message, signature)
    except VerificationError:
        raise RefusedError(
            field, f"not a signature by {party} over this statement", rule="signature"
        ) from None
