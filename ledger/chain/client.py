"""One contract on one chain: the questions that verifiers and the outbox ask, and the transactions they send.

The client holds no state and trusts nothing: whoever uses it first calls :meth:`ChainClient.check`, and what
it answers is what this node says. It is synchronous; a client may be used by several threads.

Failures have a meaning: the node does not answer (:class:`UnavailableError`), it is of another chain or the
settings cannot work (:class:`ConfigurationError`), the contract refused (:class:`VerificationError` for a
proof that does not hold, :class:`UnauthorisedError` for a key that may not).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn, Protocol

from eth_hash.auto import keccak

from ledger.chain.abi import ContractAbi, Revert
from ledger.chain.fees import Fees
from ledger.chain.headers import header_rlp
from ledger.chain.keystore import SignedTransaction
from ledger.chain.model import Block, LogInfo, Receipt, Sending, StateProof
from ledger.chain.rpc import DEFAULT_TIMEOUT_SECONDS, Rpc, RpcRefusal
from ledger.errors import (
    ConfigurationError,
    MalformedError,
    NotFoundError,
    UnauthorisedError,
    UnavailableError,
    VerificationError,
)

#: The step's name in the ladder of :mod:`ledger.proofs.verify` when the contract itself is not the one.
CONTRACT_STEP = "contract"

#: An estimate is made on the newest block; until the transaction runs, others may have made it dearer.
_GAS_MARGIN = 1.2

#: How many blocks of fees are looked at, and which share of each block's payers offered less.
_FEE_BLOCKS, _FEE_PERCENTILE = 10, 50

#: Nodes limit the range of log queries; an anchor older than this is found by its transaction, or not at all.
_LOG_RANGE = 9_000

#: A block by number, or by one of the names that nodes know.
BlockId = int | str


class Account(Protocol):
    """Who signs: :class:`ledger.chain.keystore.ChainAccount`, or a hardware module behind the same face."""

    @property
    def address(self) -> bytes:
        """20 bytes."""

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction:
        """Sign what :meth:`ChainClient.transaction` returns."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract: its ABI, and the code that deploys it."""

    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    deployed: bytes


@cache
def anchor_registry() -> Artifact:
    """The committed artifact of ``contracts/AnchorRegistry.sol``."""
    return read_artifact(
        json.loads((files("ledger.chain") / "contracts" / "AnchorRegistry.json").read_bytes())
    )


def read_artifact(document: Mapping[str, Any]) -> Artifact:
    """From the JSON that ``make contracts`` writes."""
    return Artifact(document["abi"], _unhex(document["bytecode"]), _unhex(document["deployed_bytecode"]))


class ChainClient:
    """``contract`` (20 bytes) and ``log_key`` (32 bytes) may be left out where no question needs them."""

    def __init__(
        self,
        rpc_url: str,
        *,
        contract: bytes | None = None,
        log_key: bytes | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._rpc = Rpc(rpc_url, timeout=timeout)
        self._contract = contract
        self._log_key = log_key
        self._abi = ContractAbi(anchor_registry().abi)

    @property
    def name(self) -> str:
        """The endpoint, without what may be secret in its URL."""
        return self._rpc.name

    @property
    def contract(self) -> bytes:
        """The contract's address, 20 bytes."""
        if self._contract is None:
            raise ConfigurationError("no contract: deploy it, or name its address")
        return self._contract

    @property
    def log_key(self) -> bytes:
        """The log's id in the contract, 32 bytes."""
        if self._log_key is None:
            raise ConfigurationError("no log on this contract: open one, or name its id")
        return self._log_key

    def at(self, contract: bytes, log_key: bytes | None = None) -> ChainClient:
        """The same node, another contract and log."""
        other = ChainClient.__new__(ChainClient)
        other._rpc, other._abi = self._rpc, self._abi
        other._contract, other._log_key = contract, log_key
        return other

    def close(self) -> None:
        """Give the connections back."""
        self._rpc.close()

    # ------------------------------------------------------------------------------- which chain this is

    def chain_id(self) -> int:
        """What the node calls its chain (EIP-155)."""
        return _number(self._request("eth_chainId"))

    def genesis(self) -> bytes:
        """The hash of block 0."""
        block = self.block(0)
        if block is None:
            raise UnavailableError(
                f"the chain node {self.name} does not have block 0, so its chain cannot be told"
            )
        return block.hash

    def code_hash(self, block: BlockId = "latest") -> bytes:
        """Keccak-256 of the contract's code; raises :class:`VerificationError` where there is none."""
        code = _unhex(self._request("eth_getCode", _hex(self.contract), _block_id(block)))
        if not code:
            raise VerificationError(
                f"there is no contract at {_hex(self.contract)} on this chain", step=CONTRACT_STEP
            )
        return keccak(code)

    def check(self, *, chain_id: int, genesis: bytes, code_hash: bytes | None = None) -> None:
        """Refuse a node of another chain, and a contract that is not the one expected.

        Raises :class:`ConfigurationError` for another chain id or genesis block, :class:`VerificationError`
        (step ``contract``) for an address without code or with other code.
        """
        found = self.chain_id()
        if found != chain_id:
            raise ConfigurationError(
                f"wrong chain: {self.name} serves chain id {found}, expected is {chain_id}"
            )
        first = self.genesis()
        if first != genesis:
            raise ConfigurationError(
                f"wrong chain: {self.name} has genesis block {_hex(first)}, expected is {_hex(genesis)}"
                " (the same chain id, but another chain: a devnet that was started anew?)"
            )
        if code_hash is None:
            return
        code = self.code_hash()
        if code != code_hash:
            raise VerificationError(
                f"the contract at {_hex(self.contract)} has code {_hex(code)}, expected is {_hex(code_hash)}",
                step=CONTRACT_STEP,
                evidence={
                    "contract": _hex(self.contract),
                    "code_hash": _hex(code),
                    "expected": _hex(code_hash),
                },
            )

    # ------------------------------------------------------------------------------------ blocks and state

    def block(self, block: BlockId = "latest") -> Block | None:
        """A block, None where the node has none of that number or name."""
        found = self._raw_block(block)
        if found is None:
            return None
        return Block(_number(found["number"]), _unhex(found["hash"]), _number(found["timestamp"]))

    def latest(self) -> Block:
        """The newest block."""
        block = self.block("latest")
        if block is None:
            raise UnavailableError(f"the chain node {self.name} has no blocks yet")
        return block

    def call(
        self, function: str, *arguments: Any, block: BlockId = "latest", sender: bytes | None = None
    ) -> dict[str, Any]:
        """Ask the contract; the answer by the names of the outputs."""
        call = {"to": _hex(self.contract), "data": _hex(self._abi.encode(function, *arguments))}
        if sender is not None:
            call["from"] = _hex(sender)
        answer = _unhex(self._checked("eth_call", call, _block_id(block)))
        if not answer and self._abi.functions[function]["outputs"]:
            raise VerificationError(
                f"there is no contract at {_hex(self.contract)} on this chain", step=CONTRACT_STEP
            )
        try:
            return self._abi.decode(function, answer)
        except MalformedError as error:
            raise VerificationError(
                f"the contract at {_hex(self.contract)} is no AnchorRegistry: {error.reason}",
                step=CONTRACT_STEP,
            ) from error

    def log_info(self, block: BlockId = "latest") -> LogInfo:
        """All that the contract holds about the log; raises :class:`NotFoundError` for a log never opened."""
        info = self.call("logInfo", self.log_key, block=block)["info"]
        if not any(info["owner"]):
            raise NotFoundError(f"the contract at {_hex(self.contract)} has no log {_hex(self.log_key)}")
        return LogInfo(
            owner=info["owner"],
            anchorer=info["anchorer"],
            pending_anchorer=info["pendingAnchorer"] if any(info["pendingAnchorer"]) else None,
            size=info["size"],
            root=info["root"],
            time=info["time"],
            block_number=info["blockNumber"],
            max_growth=info["maxGrowth"],
            paused_until=info["pausedUntil"],
            closed=info["closed"],
            last_good_size=info["lastGoodSize"],
            trust_root=info["trustRoot"],
            predecessor=info["predecessor"] if any(info["predecessor"]) else None,
            successor=info["successor"] if any(info["successor"]) else None,
        )

    def root_at(self, size: int, block: BlockId = "latest") -> bytes | None:
        """The root anchored at ``size``, None if none was."""
        root: bytes = self.call("rootAt", self.log_key, size, block=block)["root"]
        return root if any(root) else None

    def trust_root(self, block: BlockId = "latest") -> bytes:
        """The fingerprint of the log's trust root."""
        fingerprint: bytes = self.call("trustRoot", self.log_key, block=block)["fingerprint"]
        return fingerprint

    def state_proof(self, block: BlockId, storage_key: bytes) -> StateProof | None:
        """Header and proof of one slot of the contract, None where this chain cannot give them.

        Raises :class:`UnavailableError` when the node no longer (or not yet) has that block's state.
        """
        raw = self._raw_block(block)
        if raw is None:
            raise UnavailableError(f"the chain node {self.name} does not have block {block}")
        header = header_rlp(raw)
        if header is None:
            return None
        found = Block(_number(raw["number"]), _unhex(raw["hash"]), _number(raw["timestamp"]))
        try:
            proof = self._rpc.request(
                "eth_getProof", [_hex(self.contract), [_hex(storage_key)], hex(found.number)]
            )
        except RpcRefusal as refusal:
            if refusal.unsupported:
                return None
            raise UnavailableError(
                f"the chain node {self.name} gives no state proof at block {found.number}: {refusal.message}"
            ) from refusal
        return StateProof(
            block=found,
            header=header,
            account_proof=tuple(_unhex(node) for node in proof["accountProof"]),
            storage_proof=tuple(_unhex(node) for node in proof["storageProof"][0]["proof"]),
        )

    # --------------------------------------------------------------------------------------- transactions

    def anchor_data(self, prev_size: int, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
        """Call data of ``anchor``."""
        return self._abi.encode("anchor", self.log_key, prev_size, size, root, list(proof))

    def fees(self) -> Fees:
        """What a transaction should offer now."""
        try:
            history = self._rpc.request("eth_feeHistory", [hex(_FEE_BLOCKS), "latest", [_FEE_PERCENTILE]])
            bases = [_number(fee) for fee in history["baseFeePerGas"]]
            rewards = [_number(row[0]) for row in history.get("reward") or []]
        except (RpcRefusal, KeyError, TypeError, IndexError):
            # Consortium chains without a fee market.
            return Fees.legacy(_number(self._request("eth_gasPrice")))
        if not any(bases) and not any(rewards) and _number(self._request("eth_gasPrice")) == 0:
            # Chains on which gas costs nothing; accounts there own nothing that a tip could be paid from.
            return Fees(max_fee=0, priority_fee=0, market=True)
        return Fees.from_history(bases[-1], rewards)

    def estimate(self, sender: bytes, data: bytes, *, to: bytes | None = None) -> int:
        """Gas to allow for a transaction to the contract (or ``to``); raises what the contract refuses."""
        call = {"from": _hex(sender), "to": _hex(to or self.contract), "data": _hex(data)}
        return int(_number(self._checked("eth_estimateGas", call, "latest")) * _GAS_MARGIN)

    def nonce(self, account: bytes, block: BlockId = "latest") -> int:
        """How many transactions of the account are in blocks; with ``"pending"``, those in the pool too."""
        return _number(self._request("eth_getTransactionCount", _hex(account), _block_id(block)))

    def balance(self, account: bytes) -> int:
        """In wei."""
        return _number(self._request("eth_getBalance", _hex(account), "latest"))

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
            self._rpc.request("eth_sendRawTransaction", [_hex(raw)])
        except RpcRefusal as refusal:
            text = refusal.message.lower().replace(" ", "")
            for outcome, phrases in _SENDING.items():
                if any(phrase in text for phrase in phrases):
                    return outcome
            raise ConfigurationError(
                f"the chain node {self.name} refuses the transaction: {refusal.message}"
            ) from refusal
        return Sending.TAKEN

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """What became of a transaction, None while it is in no block."""
        found = self._request("eth_getTransactionReceipt", _hex(transaction_hash))
        if found is None or found.get("blockHash") is None:
            return None
        created = found.get("contractAddress")
        return Receipt(
            block_number=_number(found["blockNumber"]),
            block_hash=_unhex(found["blockHash"]),
            succeeded=_number(found["status"]) == 1,
            gas_used=_number(found["gasUsed"]),
            contract=_unhex(created) if created else None,
        )

    def anchored_in(self, size: int, latest: Block) -> Block | None:
        """The block in which ``size`` was anchored, by its event; None where that is too long ago."""
        query = {
            "address": _hex(self.contract),
            "topics": [_hex(self._abi.topic("Anchored")), _hex(self.log_key), _hex(size.to_bytes(32, "big"))],
            "fromBlock": hex(max(0, latest.number - _LOG_RANGE)),
            "toBlock": hex(latest.number),
        }
        found = self._request("eth_getLogs", query)
        return self.block(_number(found[-1]["blockNumber"])) if found else None

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
        self, account: Account, artifact: Artifact | None = None, *, timeout: float = 120
    ) -> ChainClient:
        """Put a contract on the chain; the client of it."""
        data = (artifact or anchor_registry()).bytecode
        gas = int(
            _number(self._checked("eth_estimateGas", {"from": _hex(account.address), "data": _hex(data)}))
            * _GAS_MARGIN
        )
        receipt = self._send(account, data, to=None, gas=gas, timeout=timeout)
        if receipt.contract is None:
            raise UnavailableError(f"the chain node {self.name} does not say where the contract is")
        return self.at(receipt.contract)

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
            raise unfunded(self, account.address)
        if outcome is not Sending.TAKEN:
            raise UnavailableError(
                f"the chain node {self.name} did not take the transaction: {outcome.value}"
            )
        deadline = time.monotonic() + timeout
        pause = 0.02
        while (receipt := self.receipt(signed.hash)) is None:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"transaction {_hex(signed.hash)} is in no block after {timeout:.0f} s"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        if not receipt.succeeded:
            raise VerificationError(f"transaction {_hex(signed.hash)} was reverted", step=CONTRACT_STEP)
        return receipt

    # --------------------------------------------------------------------------------------------- requests

    def _raw_block(self, block: BlockId) -> Any:
        return self._request("eth_getBlockByNumber", _block_id(block), False)

    def _request(self, method: str, *params: Any) -> Any:
        try:
            return self._rpc.request(method, params)
        except RpcRefusal as refusal:
            raise UnavailableError(f"the chain node {self.name} refuses {refusal}") from refusal

    def _checked(self, method: str, *params: Any) -> Any:
        """A request that runs the contract: its reverts become our errors."""
        try:
            return self._rpc.request(method, params)
        except RpcRefusal as refusal:
            text = refusal.message.lower()
            if refusal.data or "revert" in text:
                _refused(self._abi.revert(refusal.data, refusal.message))
            if "insufficient funds" in text or "upfront cost exceeds" in text:
                raise unfunded(self, _unhex(params[0]["from"])) from refusal
            raise UnavailableError(f"the chain node {self.name} refuses {refusal}") from refusal


def unfunded(client: ChainClient, account: bytes) -> ConfigurationError:
    """The error that says whom to send money."""
    has = f"account {_hex(account)} has {client.balance(account)} wei"
    return ConfigurationError(f"{has}, which is too little to pay for gas: fund it")


def _refused(revert: Revert) -> NoReturn:
    """What the contract refuses, in our terms; the evidence carries its own."""
    evidence = {"error": revert.name} | {
        key: _hex(value) if isinstance(value, bytes) else value for key, value in revert.arguments.items()
    }
    if revert.name in {"NotAnchorer", "NotOwner", "NotProposed"}:
        raise UnauthorisedError(f"the contract refuses this key: {revert}") from revert
    if revert.name == "UnknownLog":
        raise NotFoundError(f"the contract refuses: {revert}") from revert
    if revert.name == "LogIsPaused":
        wait = max(1, int(revert.arguments["until"]) - int(time.time()))
        raise UnavailableError(f"the log's owner has paused it: {revert}", retry_after=wait) from revert
    if revert.name in {"LogIsClosed", "LogExists", "GrowthAboveLimit"}:
        raise ConfigurationError(f"the contract refuses: {revert}") from revert
    raise VerificationError(
        f"the contract refuses: {revert}", step=CONTRACT_STEP, evidence=evidence
    ) from revert


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


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _block_id(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block
