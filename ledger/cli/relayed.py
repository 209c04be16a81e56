"""``poolproof attest --relay URL``: a ledger's service puts on chain what somebody signed, and pays for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ledger.errors import ConfigurationError, MalformedError

if TYPE_CHECKING:
    from ledger.attest import Place
    from ledger.chain.attestation import SignedAttestation
    from ledger.mirror.remote import Remote

#: A block of mainnet takes 12 seconds, one of a busy worker's loops some more; whoever asks later is told the rest.
WAIT_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 2.0
#: States in which nothing more is waited for.
_ENDED: Final = frozenset({"mined", "final", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the service says an attestation is signed for, and its number. What is wrong is not taken on chain."""

    chain_id: int
    log: bytes
    contract: bytes
    nonce: int

    def check(self, place: Place) -> None:
        """Raise :class:`ConfigurationError` where the service is of another log than the trust root."""
        if (self.chain_id, self.log) != (place.chain_id, place.log_id):
            where = f"log 0x{self.log.hex()} on chain {self.chain_id}"
            raise ConfigurationError(f"the service is of {where}, which is not that of {place.origin}")


def ask(remote: Remote, pool: str, signer: bytes) -> Told:
    """Where an attestation of this signer about this pool would stand."""
    answer = remote.get(_path(pool), {"signer": f"0x{signer.hex()}"})
    try:
        document = json.loads(answer)
        if document["contract"] is None:
            raise ConfigurationError("the service knows no contract for attestations of this log")
        return Told(
            chain_id=int(document["chain_id"]),
            log=bytes.fromhex(document["log"][2:]),
            contract=bytes.fromhex(document["contract"][2:]),
            nonce=int(document["next_nonce"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedError("answer", f"{_path(pool)}: {error}") from error


def hand_in(
    remote: Remote,
    signed: SignedAttestation,
    *,
    wait: float = WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Hand it in and wait until it is in a block, or has failed, or ``wait`` seconds are over; what the service says.

    The same attestation again goes on where it stands: it is put on chain once.
    """
    pool = signed.attestation.subject.removeprefix("pool:")
    told = _relay(remote.post(_path(pool), signed.encode()))
    end = time.monotonic() + wait
    while told["state"] not in _ENDED and time.monotonic() < end:
        sleep(_POLL_SECONDS)
        told = _relay(remote.get(f"{_path(pool)}/{signed.digest.hex()}"))
    if told["state"] == "failed":
        raise ConfigurationError(f"the contract will not take it: {told['problem']}")
    return told


def _path(pool: str) -> str:
    return f"/v1/pools/{quote(pool, safe='')}/attestations"


def _relay(answer: bytes) -> dict[str, Any]:
    try:
        told = json.loads(answer)
        return {name: told[name] for name in ("id", "state", "problem", "transaction", "block_number")}
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedError("answer", f"no attestation under way: {error}") from error
