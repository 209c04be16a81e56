"""A real log, a real contract on a real anvil, and the ways to disturb them: what the anchor tests play with.

The log is real where anchoring looks at it (rows, tiles, signed checkpoints); its leaves are digests of
nothing, because the outbox never opens a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.anchors import Anchorer, AnchorPolicy
from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import ChainAccount, devnet_account
from ledger.proofs.checkpoint import Checkpoint
from ledger.proofs.merkle import leaf_hash
from ledger.proofs.note import Signer, sign_note
from ledger.sending import Spending
from ledger.store import Store, anchors, logs, outbox, trees
from ledger.store.anchors import AnchorRow
from ledger.store.logs import ChainRow
from ledger.store.outbox import TransactionRow
from ledger.store.tables import metadata
from ledger.store.trees import CheckpointRow
from ledger.tree import extend

ORIGIN = "fenqile.example/consumer-2026"
FINGERPRINT = b"\x07" * 32
SIGNER = Signer.from_seed(ORIGIN, b"\x01" * 32)


class Crash(BaseException):
    """The process ends here; nothing may catch it."""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class World:
    """A log bound to its contract, and the node."""

    url: str
    store: Store
    owner: ChainAccount
    account: ChainAccount
    client: ChainClient
    log_id: int
    clock: Clock = field(default_factory=Clock)

    def rpc(self, method: str, *parameters: Any) -> Any:
        return devnet._request(self.url, method, list(parameters))

    def publish(self, entries: int) -> int:
        """Append ``entries`` leaves, the last standing for the register entry, and sign a checkpoint."""
        with self.store.write() as connection:
            log = logs.lock(connection, ORIGIN)
            size = log.size + entries
            hashes = [leaf_hash(hashlib.sha256(b"%d" % index).digest()) for index in range(log.size, size)]
            root = extend(connection, log.id, log.size, hashes).root()
            note = sign_note(Checkpoint(ORIGIN, size, root).body(), [SIGNER])
            trees.add_checkpoint(
                connection, log.id, CheckpointRow(size, root, note, "2026-11-22T09:00:00.000000Z")
            )
            logs.advance(connection, log.id, size=size, published=size)
        return size

    def anchorer(
        self,
        *,
        crash: str | None = None,
        account: ChainAccount | None = None,
        policy: AnchorPolicy | None = None,
        **spending: Any,
    ) -> Anchorer:
        """An outbox, one that crashes at the named point if ``crash`` is given."""

        def fault(point: str) -> None:
            if point == crash:
                raise Crash(point)

        return Anchorer(
            self.store,
            ORIGIN,
            self.client,
            account or self.account,
            policy=policy,
            spending=Spending(**spending),
            clock=self.clock,
            pause=lambda _seconds: self.mine(),
            fault=fault,
        )

    def root(self, size: int) -> bytes:
        with self.store.read() as connection:
            checkpoint = trees.checkpoint(connection, self.log_id, size)
        assert checkpoint is not None
        return checkpoint.root

    def mine(self, blocks: int = 1) -> None:
        devnet.mine(self.url, blocks)

    def row(self, size: int) -> AnchorRow:
        return next(row for row in self.anchorer().rows() if row.size == size)

    def states(self) -> dict[int, str]:
        return {row.size: row.state for row in self.anchorer().rows()}

    def stop_mining(self) -> None:
        """From here on a block comes only by :meth:`mine`."""
        self.rpc("evm_setAutomine", False)

    def transactions(self, size: int) -> list[TransactionRow]:
        """All that was ever signed for a size."""
        with self.store.read() as connection:
            return outbox.transactions(connection, anchors.job(self.log_id, size))

    def anchored_events(self) -> list[int]:
        """The sizes that the contract accepted on the present chain, in order."""
        topic = "0x" + self.client._abi.topic("Anchored").hex()
        query = {"address": "0x" + self.client.contract.hex(), "topics": [topic], "fromBlock": "0x0"}
        return [int(entry["topics"][2], 16) for entry in self.rpc("eth_getLogs", query)]

    def anchor_from_elsewhere(self, size: int, root: bytes, account: ChainAccount | None = None) -> None:
        """What another database with the same key would do."""
        info = self.client.log_info()
        self.client.send(account or self.account, self.client.anchor_data(info.size, size, root, []))


@contextmanager
def world(
    directory: Path,
    database_url: str,
    *,
    options: tuple[str, ...] = (),
    finality: str = "tag:finalized",
    max_growth: int = 1_000_000,
) -> Iterator[World]:
    """Everything set up, nothing planned."""
    with devnet.running(directory / "devnet", options=options) as chain:
        yield bind(chain.url, database_url, finality=finality, max_growth=max_growth)


def bind(
    url: str, database_url: str, *, finality: str = "tag:finalized", max_growth: int = 1_000_000
) -> World:
    """A fresh log in a fresh database, opened on a fresh contract."""
    node = ChainClient(url, timeout=5)
    owner, account = devnet_account(node.chain_id(), 0), devnet_account(node.chain_id(), 1)
    client = node.deploy(owner).open_log(
        owner, origin=ORIGIN, anchorer=account.address, max_growth=max_growth, trust_root=FINGERPRINT
    )
    store = Store(database_url)
    metadata.create_all(store.engine)
    with store.write() as connection:
        log_id = logs.create(connection, origin=ORIGIN, zone="Asia/Shanghai", day_cut="00:00")
        row = ChainRow(
            chain_id=node.chain_id(),
            genesis=node.genesis(),
            contract=client.contract,
            code_hash=client.code_hash(),
            log_key=client.log_key,
            finality=finality,
            grade="devnet",
            max_anchor_age=86_400,
        )
        logs.bind(connection, log_id, row)
    return World(url, store, owner, account, client, log_id)
