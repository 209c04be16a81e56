"""Transactions to one contract on one chain, on top of what can be asked (:mod:`ledger.chain.reader`).

The outbox builds and broadcasts its transactions one step at a time; what is done once and by hand (deploy,
open, rotate) waits for its block here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from ledger.chain.abi import ContractAbi
from ledger.chain.artifact import Artifact, anchor_registry
from ledger.chain.fees import Fees
from ledger.chain.keystore import SignedTransaction
from ledger.chain.model import Receipt, Sending
from ledger.chain.reader import ChainReader
from ledger.chain.refusals import CONTRACT_STEP, sending_outcome, unfunded
from ledger.chain.rpc import RpcRefusal, to_hex, to_int
from ledger.errors import ConfigurationError, UnavailableError, VerificationError

#: An estimate is made on the newest block; until the transaction runs, others may have made it dearer.
_GAS_MARGIN = 1.2


class Account(Protocol):
    """Who signs: :class:`ledger.chain.keystore.ChainAccount`, or a hardware module behind the same face."""

    @property
    def address(self) -> bytes:
        """20 bytes."""

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction:
        """Sign what :meth:`ChainClient.transaction` returns."""


class ChainClient(ChainReader):
    """A reader that can also send; whoever signs is handed in with each call."""

    def anchor_data(self, prev_size: int, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
        """Call data of ``anchor``."""
        return self._abi.encode("anchor", self.log_key, prev_size, size, root, list(proof))

    def call_data(self, function: str, *arguments: Any) -> bytes:
        """Call data of any of the contract's functions."""
        return self._abi.encode(function, *arguments)

    def estimate(self, sender: bytes, data: bytes, *, to: bytes | None = None) -> int:
        """Gas to allow for a transaction to the contract (or ``to``); raises what the contract refuses."""
        call = {"from": to_hex(sender), "to": to_hex(to or self.contract), "data": to_hex(data)}
        return int(to_int(self._checked("eth_estimateGas", call, "latest")) * _GAS_MARGIN)

    def transaction(
        self, *, nonce: int, gas: int, fees: Fees, chain_id: int, data: bytes, to: bytes | None
    ) -> dict[str, Any]:
        """What an account signs: EIP-1559 where the chain has a fee market, else EIP-155."""
        fields: dict[str, Any] = {"chainId": chain_id, "nonce": nonce, "gas": gas, "value": 0, "data": data}
        if to is not None:
            fields["to"] = to
        if fees.market:
            return fields | {
                "type": 2,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
            }
        return fields | {"gasPrice": fees.max_fee}

    def broadcast(self, raw: bytes) -> Sending:
        """Hand a signed transaction to the node; the same one again is no failure.

        Raises :class:`ConfigurationError` when the node will never take it.
        """
        try:
            self._rpc.request("eth_sendRawTransaction", [to_hex(raw)])
        except RpcRefusal as refusal:
            outcome = sending_outcome(refusal.message)
            if outcome is not None:
                return outcome
            raise ConfigurationError(
                f"the chain node {self.name} refuses the transaction: {refusal.message}"
            ) from refusal
        return Sending.TAKEN

    def send(
        self, account: Account, data: bytes, *, to: bytes | None = None, timeout: float = 120
    ) -> Receipt:
        """Send one transaction to the contract (or ``to``) and wait until it is in a block.

        For what is done once and by hand (deploy, open, rotate); anchors go through the outbox. Raises what
        the contract refuses, and :class:`UnavailableError` when no block takes it within ``timeout`` seconds.
        """
        return self._send(
            account,
            data,
            to=to or self.contract,
            gas=self.estimate(account.address, data, to=to),
            timeout=timeout,
        )

    def deploy(
        self,
        account: Account,
        artifact: Artifact | None = None,
        *,
        arguments: Sequence[Any] = (),
        timeout: float = 120,
    ) -> ChainClient:
        """Put a contract on the chain, the AnchorRegistry unless another is given; the client of it."""
        made = artifact or anchor_registry()
        abi = ContractAbi(made.abi)
        data = made.bytecode + abi.creation(*arguments)
        reverting = self.at(
            bytes(20), abi=abi
        )  # what the constructor refuses is said in the made contract's words
        gas = int(
            to_int(
                reverting._checked("eth_estimateGas", {"from": to_hex(account.address), "data": to_hex(data)})
            )
            * _GAS_MARGIN
        )
        receipt = self._send(account, data, to=None, gas=gas, timeout=timeout)
        if receipt.contract is None:
            raise UnavailableError(f"the chain node {self.name} does not say where the contract is")
        return self.at(receipt.contract, abi=abi)

    def open_log(
        self,
        account: Account,
        *,
        origin: str,
        anchorer: bytes,
        max_growth: int,
        trust_root: bytes,
        predecessor: bytes = bytes(32),
    ) -> ChainClient:
        """Open a log owned by ``account``; the client of it. Its id binds owner and origin."""
        log_key: bytes = self.call("logKey", account.address, origin)["log"]
        self.send(account, self._abi.encode("open", origin, anchorer, max_growth, trust_root, predecessor))
        return self.at(self.contract, log_key)

    def set_trust_root(self, account: Account, fingerprint: bytes) -> Receipt:
        """Put another trust root's fingerprint on chain; the owner only."""
        return self.send(account, self._abi.encode("setTrustRoot", self.log_key, fingerprint))

    def execute(self, account: Account, function: str, *arguments: Any) -> Receipt:
        """Any other of the contract's functions, such as ``pause`` or ``close``, with all its arguments."""
        return self.send(account, self._abi.encode(function, *arguments))

    def _send(self, account: Account, data: bytes, *, to: bytes | None, gas: int, timeout: float) -> Receipt:
        transaction = self.transaction(
            nonce=self.nonce(account.address, "pending"),
            gas=gas,
            fees=self.fees(),
            chain_id=self.chain_id(),
            data=data,
            to=to,
        )
        signed = account.sign(transaction)
        outcome = self.broadcast(signed.raw)
        if outcome is Sending.UNFUNDED:
            raise unfunded(account.address, self.balance(account.address))
        if outcome is not Sending.TAKEN:
            raise UnavailableError(
                f"the chain node {self.name} did not take the transaction: {outcome.value}"
            )
        deadline = time.monotonic() + timeout
        pause = 0.02
        while (receipt := self.receipt(signed.hash)) is None:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"transaction {to_hex(signed.hash)} is in no block after {timeout:.0f} s"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        if not receipt.succeeded:
            raise VerificationError(f"transaction {to_hex(signed.hash)} was reverted", step=CONTRACT_STEP)
        return receipt
