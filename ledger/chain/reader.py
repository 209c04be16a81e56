"""Questions to one contract on one chain: what verifiers, the outbox and ``fsck`` want to know.

The reader holds no state and trusts nothing: whoever uses it first calls :meth:`ChainReader.check`, and what
it answers is what this node says. It is synchronous; several threads may share one.

Failures have a meaning: the node does not answer (:class:`UnavailableError`), it is of another chain
(:class:`ConfigurationError`), the contract is not the one or refuses (:class:`VerificationError`,
:class:`~ledger.errors.UnauthorisedError`), it has no such log (:class:`NotFoundError`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from eth_hash.auto import keccak

from ledger.chain.abi import ContractAbi
from ledger.chain.artifact import anchor_registry
from ledger.chain.fees import Fees
from ledger.chain.finality import Finality
from ledger.chain.headers import header_rlp
from ledger.chain.model import Block, Event, LogInfo, Receipt, StateProof
from ledger.chain.refusals import CONTRACT_STEP, not_a_contract, raise_refusal, unfunded
from ledger.chain.rpc import (
    DEFAULT_TIMEOUT_SECONDS,
    BlockId,
    Rpc,
    RpcRefusal,
    block_id,
    from_hex,
    to_hex,
    to_int,
)
from ledger.errors import (
    ConfigurationError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

#: How many blocks of fees are looked at, and which share of each block's payers offered less.
_FEE_BLOCKS, _FEE_PERCENTILE = 10, 50

#: Nodes limit the range of log queries; an anchor older than this is found by its transaction, or not at all.
_LOG_RANGE = 9_000


class ChainReader:
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

    def at(self, contract: bytes, log_key: bytes | None = None, *, abi: ContractAbi | None = None) -> Self:
        """The same node, another contract and log; ``abi`` where it is a contract of another kind."""
        other = type(self).__new__(type(self))
        other._rpc, other._abi = self._rpc, abi or self._abi
        other._contract, other._log_key = contract, log_key
        return other

    def close(self) -> None:
        """Give the connections back."""
        self._rpc.close()

    # ------------------------------------------------------------------------------- which chain this is

    def chain_id(self) -> int:
        """What the node calls its chain (EIP-155)."""
        return to_int(self._request("eth_chainId"))

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
        code = from_hex(self._request("eth_getCode", to_hex(self.contract), block_id(block)))
        if not code:
            raise not_a_contract(self.contract)
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
                f"wrong chain: {self.name} has genesis block {to_hex(first)}, expected is {to_hex(genesis)}"
                " (the same chain id, but another chain: a devnet that was started anew?)"
            )
        if code_hash is None:
            return
        code = self.code_hash()
        if code != code_hash:
            raise VerificationError(
                f"the contract at {to_hex(self.contract)} has code {to_hex(code)}, expected is {to_hex(code_hash)}",
                step=CONTRACT_STEP,
                evidence={
                    "contract": to_hex(self.contract),
                    "code_hash": to_hex(code),
                    "expected": to_hex(code_hash),
                },
            )

    # ------------------------------------------------------------------------------------ blocks and state

    def block(self, block: BlockId = "latest") -> Block | None:
        """A block, None where the node has none of that number or name."""
        found = self._raw_block(block)
        if found is None:
            return None
        return Block(to_int(found["number"]), from_hex(found["hash"]), to_int(found["timestamp"]))

    def latest(self) -> Block:
        """The newest block."""
        block = self.block("latest")
        if block is None:
            raise UnavailableError(f"the chain node {self.name} has no blocks yet")
        return block

    def final_block(self, finality: Finality, latest: Block) -> Block | None:
        """The newest block that counts as final, None before there is one."""
        if finality.tag is not None:
            return self.block(finality.tag)
        number = latest.number - finality.depth
        return self.block(number) if number >= 0 else None

    def is_canonical(self, block: Block) -> bool:
        """Whether the chain still has this very block at its number."""
        again = self.block(block.number)
        return again is not None and again.hash == block.hash

    def call(
        self, function: str, *arguments: Any, block: BlockId = "latest", sender: bytes | None = None
    ) -> dict[str, Any]:
        """Ask the contract; the answer by the names of the outputs."""
        call = {"to": to_hex(self.contract), "data": to_hex(self._abi.encode(function, *arguments))}
        if sender is not None:
            call["from"] = to_hex(sender)
        answer = from_hex(self._checked("eth_call", call, block_id(block)))
        if not answer and self._abi.functions[function]["outputs"]:
            raise not_a_contract(self.contract)
        try:
            return self._abi.decode(function, answer)
        except MalformedError as error:
            raise VerificationError(
                f"the contract at {to_hex(self.contract)} is another one than expected: {error.reason}",
                step=CONTRACT_STEP,
            ) from error

    def log_info(self, block: BlockId = "latest") -> LogInfo:
        """All that the contract holds about the log; raises :class:`NotFoundError` for a log never opened."""
        info = self.call("logInfo", self.log_key, block=block)["info"]
        if not any(info["owner"]):
            raise NotFoundError(f"the contract at {to_hex(self.contract)} has no log {to_hex(self.log_key)}")
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
        found = Block(to_int(raw["number"]), from_hex(raw["hash"]), to_int(raw["timestamp"]))
        try:
            proof = self._rpc.request(
                "eth_getProof", [to_hex(self.contract), [to_hex(storage_key)], hex(found.number)]
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
            account_proof=tuple(from_hex(node) for node in proof["accountProof"]),
            storage_proof=tuple(from_hex(node) for node in proof["storageProof"][0]["proof"]),
        )

    # ------------------------------------------------------------------------------ transactions and accounts

    def fees(self) -> Fees:
        """What a transaction should offer now."""
        try:
            history = self._rpc.request("eth_feeHistory", [hex(_FEE_BLOCKS), "latest", [_FEE_PERCENTILE]])
            bases = [to_int(fee) for fee in history["baseFeePerGas"]]
            rewards = [to_int(row[0]) for row in history.get("reward") or []]
        except (RpcRefusal, KeyError, TypeError, IndexError):
            # Consortium chains without a fee market.
            return Fees.legacy(to_int(self._request("eth_gasPrice")))
        if not any(bases) and not any(rewards) and to_int(self._request("eth_gasPrice")) == 0:
            # Chains on which gas costs nothing; accounts there own nothing that a tip could be paid from.
            return Fees(max_fee=0, priority_fee=0, market=True)
        return Fees.from_history(bases[-1], rewards)

    def nonce(self, account: bytes, block: BlockId = "latest") -> int:
        """How many transactions of the account are in blocks; with ``"pending"``, those in the pool too."""
        return to_int(self._request("eth_getTransactionCount", to_hex(account), block_id(block)))

    def balance(self, account: bytes) -> int:
        """In wei."""
        return to_int(self._request("eth_getBalance", to_hex(account), "latest"))

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """What became of a transaction, None while it is in no block."""
        found = self._request("eth_getTransactionReceipt", to_hex(transaction_hash))
        if found is None or found.get("blockHash") is None:
            return None
        created = found.get("contractAddress")
        return Receipt(
            block_number=to_int(found["blockNumber"]),
            block_hash=from_hex(found["blockHash"]),
            succeeded=to_int(found["status"]) == 1,
            gas_used=to_int(found["gasUsed"]),
            contract=from_hex(created) if created else None,
        )

    def anchored_in(self, size: int, latest: Block) -> Block | None:
        """The block in which ``size`` was anchored, by its event; None where that is too long ago."""
        query = {
            "address": to_hex(self.contract),
            "topics": [
                to_hex(self._abi.topic("Anchored")),
                to_hex(self.log_key),
                to_hex(size.to_bytes(32, "big")),
            ],
            "fromBlock": hex(max(0, latest.number - _LOG_RANGE)),
            "toBlock": hex(latest.number),
        }
        found = self._request("eth_getLogs", query)
        return self.block(to_int(found[-1]["blockNumber"])) if found else None

    def anchor_blocks(self, latest: Block, *, first_block: int = 0) -> list[tuple[int, int]]:
        """(size, block number) of every anchor of the log, sizes ascending.

        ``first_block`` is a hint where to begin: each anchor names the one before it, so where the first that is found
        extends another, or none is found, the blocks before are looked through too.
        """
        found = self._anchored(first_block, latest.number)
        if first_block and (not found or min(found)[1]):
            found += self._anchored(0, first_block - 1)
        return sorted((size, number) for size, _, number in found)

    def anchor_times(self, latest: Block, *, first_block: int = 0) -> list[tuple[int, int]]:
        """(size, block time in seconds) of every anchor of the log, sizes ascending; the hint is the same."""
        sizes = self.anchor_blocks(latest, first_block=first_block)
        times: dict[int, int] = {}
        for number in {number for _, number in sizes}:
            block = self.block(number)
            if block is not None:
                times[number] = block.time
        return [(size, times[number]) for size, number in sizes if number in times]

    def _anchored(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """(size, size before it, block number) of the log's anchors in blocks first to last."""
        anchored: list[tuple[int, int, int]] = []
        for start in range(first, last + 1, _LOG_RANGE):
            query = {
                "address": to_hex(self.contract),
                "topics": [to_hex(self._abi.topic("Anchored")), to_hex(self.log_key)],
                "fromBlock": hex(start),
                "toBlock": hex(min(start + _LOG_RANGE - 1, last)),
            }
            for one in self._request("eth_getLogs", query):
                prev_size = self._abi.decode_event("Anchored", from_hex(one["data"]))["prevSize"]
                anchored.append((to_int(one["topics"][2]), prev_size, to_int(one["blockNumber"])))
        return anchored

    def events(self, name: str, *topics: bytes, first: int, last: int) -> Iterator[Event]:
        """The contract's events of this name whose indexed members begin with ``topics``, in blocks first to last."""
        for start in range(first, last + 1, _LOG_RANGE):
            query = {
                "address": to_hex(self.contract),
                "topics": [to_hex(self._abi.topic(name)), *map(to_hex, topics)],
                "fromBlock": hex(start),
                "toBlock": hex(min(start + _LOG_RANGE - 1, last)),
            }
            for found in self._request("eth_getLogs", query):
                values = self._abi.decode_event(name, from_hex(found["data"]))
                yield Event(
                    block=to_int(found["blockNumber"]),
                    transaction=from_hex(found["transactionHash"]),
                    values=values,
                )

    # --------------------------------------------------------------------------------------------- requests

    def _raw_block(self, block: BlockId) -> Any:
        return self._request("eth_getBlockByNumber", block_id(block), False)

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
                raise_refusal(self._abi.revert(refusal.data, refusal.message))
            if "insufficient funds" in text or "upfront cost exceeds" in text:
                sender = from_hex(params[0]["from"])
                raise unfunded(sender, self.balance(sender)) from refusal
            raise UnavailableError(f"the chain node {self.name} refuses {refusal}") from refusal
