"""Keys that pay for anchors and sign attestations: encrypted keystores (Web3 Secret Storage v3) and the devnet's own.

A keystore file is written once, with mode 0600, and never overwritten. Its passphrase is a setting
(:meth:`ledger.settings.Settings.read_passphrase`), never an argument that other users of the machine could read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

DEVNET_CHAIN_ID = 31337

#: The first keys of the mnemonic "test test … junk", funded on every anvil and known to everyone.
_DEVNET_KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction as it goes to the node, and the hash by which it is found again."""

    raw: bytes
    hash: bytes


class ChainAccount:
    """An account that signs; ``address`` is its 20 bytes."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.address = bytes.fromhex(account.address[2:])

    def __repr__(self) -> str:
        return f"ChainAccount({self._account.address})"

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction:
        """``transaction`` in the terms of JSON-RPC, numbers as integers, ``to`` and ``data`` as bytes."""
        from eth_account import Account

        checksummed = dict(transaction)
        if "to" in checksummed:
            from web3 import Web3

            checksummed["to"] = Web3.to_checksum_address(checksummed["to"])
        signed = Account.sign_transaction(checksummed, self._account.key)
        return SignedTransaction(bytes(signed.raw_transaction), bytes(signed.hash))

    def sign_typed(self, typed_data: dict[str, Any]) -> bytes:
        """The signature (65 bytes, r || s || v) of EIP-712 typed data, such as an attestation's."""
        from eth_account import Account

        signed = Account.sign_typed_data(self._account.key, full_message=typed_data)
        return bytes(signed.signature)


def create(
    path: Path, passphrase: str, *, key: bytes | None = None, iterations: int | None = None
) -> ChainAccount:
    """A new keystore file with a new key, or with ``key`` where one is brought along.

    ``iterations`` is the work factor of scrypt, by default 2**18. Raises :class:`ConfigurationError` when
    the file exists, cannot be written, or the passphrase is empty.
    """
    from eth_account import Account

    if not passphrase:
        raise ConfigurationError("keystore: an empty passphrase protects nothing")
    account = Account.from_key(key) if key is not None else Account.create()
    document = Account.encrypt(account.key, passphrase, kdf="scrypt", iterations=iterations)
    data = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise ConfigurationError(f"keystore: {path} exists; a key is never overwritten") from error
    except OSError as error:
        raise ConfigurationError(f"keystore: cannot write {path}: {error.strerror}") from error
    return ChainAccount(account)


def load(path: Path, passphrase: str) -> ChainAccount:
    """The account in a keystore file; :class:`ConfigurationError` for a bad file or a wrong passphrase."""
    from eth_account import Account

    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"keystore: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"keystore: {path} is not a JSON file") from error
    if not isinstance(document, dict) or document.get("version") != 3:
        raise ConfigurationError(f"keystore: {path} is not a keystore file of version 3")
    try:
        key = Account.decrypt(document, passphrase)
    except (ValueError, KeyError, TypeError) as error:
        if "MAC mismatch" in str(error):
            raise ConfigurationError(f"keystore: wrong passphrase for {path}") from error
        raise ConfigurationError(f"keystore: {path} is damaged: {error}") from error
    return ChainAccount(Account.from_key(key))


def devnet_account(chain_id: int, index: int = 0) -> ChainAccount:
    """One of anvil's own accounts, whose keys everybody knows: only where nothing has a value.

    Raises :class:`ConfigurationError` on any chain but the devnet's.
    """
    from eth_account import Account

    if chain_id != DEVNET_CHAIN_ID:
        raise ConfigurationError(
            f"the devnet's keys are public and work on chain {DEVNET_CHAIN_ID} only;"
            f" chain {chain_id} needs a keystore file"
        )
    account = ChainAccount(Account.from_key(bytes.fromhex(_DEVNET_KEYS[index])))
    _logger.warning(
        "devnet_key_in_use",
        address="0x" + account.address.hex(),
        note="everybody knows this key; for trying out only",
    )
    return account
