"""What nodes and the contract refuse, in the words of :mod:`ledger.errors`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NoReturn

from ledger.chain.abi import Revert
from ledger.chain.model import Sending
from ledger.chain.rpc import to_hex
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    UnauthorisedError,
    UnavailableError,
    VerificationError,
)

#: The step of a verification at which the contract itself is not the one, or refuses what it is shown.
CONTRACT_STEP: Final = "contract"

#: How nodes word it (geth, Besu, Nethermind, Erigon, anvil), lower case and without spaces.
_SENDING: Mapping[Sending, tuple[str, ...]] = {
    Sending.TAKEN: ("alreadyknown", "alreadyimported", "knowntransaction", "alreadyexists", "alreadyinpool"),
    Sending.NONCE_USED: ("noncetoolow", "oldnonce", "noncetoosmall", "noncehasalreadybeenused"),
    Sending.UNDERPRICED: (
        "underpriced",
        "feetoolow",
        "belowconfiguredminimum",
        "lessthanblockbasefee",
        "belowcurrentbasefee",
    ),
    Sending.UNFUNDED: ("insufficientfunds", "upfrontcostexceeds", "insufficientbalance"),
}


def sending_outcome(message: str) -> Sending | None:
    """What a node's refusal of a transaction means, None where no later attempt can do better."""
    text = message.lower().replace(" ", "")
    found = (outcome for outcome, phrases in _SENDING.items() if any(phrase in text for phrase in phrases))
    return next(found, None)


def unfunded(account: bytes, balance: int) -> ConfigurationError:
    """The error that says whom to send money."""
    return ConfigurationError(
        f"account {to_hex(account)} has {balance} wei, which is too little to pay for gas: fund it"
    )


def not_a_contract(address: bytes) -> VerificationError:
    """The error for an address without code."""
    return VerificationError(f"there is no contract at {to_hex(address)} on this chain", step=CONTRACT_STEP)


def raise_refusal(revert: Revert) -> NoReturn:
    """What the contract refuses, in our terms; the evidence carries its own."""
    evidence = {"error": revert.name} | {
        key: to_hex(value) if isinstance(value, bytes) else value for key, value in revert.arguments.items()
    }
    if revert.name in {"NotAnchorer", "NotOwner", "NotProposed"}:
        raise UnauthorisedError(f"the contract refuses this key: {revert}") from revert
    if revert.name == "UnknownLog":
        raise NotFoundError(f"the contract refuses: {revert}") from revert
    if revert.name == "LogIsPaused":
        wait = max(1, int(revert.arguments["until"]) - int(time.time()))
        raise UnavailableError(f"the log's owner has paused it: {revert}", retry_after=wait) from revert
    if revert.name in {"LogIsClosed", "LogExists", "GrowthAboveLimit", "Expired", "WrongNonce"}:
        raise ConfigurationError(f"the contract refuses: {revert}") from revert
    raise VerificationError(
        f"the contract refuses: {revert}", step=CONTRACT_STEP, evidence=evidence
    ) from revert
