"""A log on a chain that nobody runs: its anchors are signed as the outbox signs them, and its contract is held here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ledger.audit.fsck import Report, fsck
from ledger.chain.client import ChainClient
from ledger.chain.fees import Fees
from ledger.chain.keystore import devnet_account
from ledger.chain.model import Block, LogInfo
from ledger.log import Ledger
from ledger.proofs.canonical import sha256
from ledger.store import Store, anchors, logs, outbox
from ledger.store.logs import ChainRow
from ledger.store.outbox import TransactionRow
from tests import book
from tests.audit.test_damaged_store import Sound
from tests.conftest import TestClock, new_ledger
from tests.databases import sqlite_in

CHAIN = ChainRow(
    chain_id=31337, genesis=b"\x0a" * 32, contract=b"\x0b" * 20, code_hash=b"\x0c" * 32, log_key=b"\x0d" * 32,
    finality="tag:finalized", grade="devnet", max_anchor_age=604_800,
)  # fmt: skip
_NOW = "2026-11-22T09:00:00.000000Z"


@dataclass
class HeldContract:
    """What the contract holds, in memory: (root, block number) of each size, and the trust root's fingerprint."""

    anchored: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    fingerprint: bytes = bytes(32)

    def latest(self) -> Block:
        return self.at(100)

    def at(self, number: int) -> Block:
        return Block(number, sha256(b"block %d" % number), 1_795_000_000 + 12 * number)

    def block(self, block: int) -> Block | None:
        return self.at(block) if block <= 100 else None

    def root_at(self, size: int) -> bytes | None:
        return self.anchored[size][0] if size in self.anchored else None

    def anchor_blocks(self, latest: Block, *, first_block: int = 0) -> list[tuple[int, int]]:
        return [
            (size, number) for size, (_, number) in sorted(self.anchored.items()) if number <= latest.number
        ]

    def log_info(self) -> LogInfo:
        size = max(self.anchored, default=0)
        return LogInfo(
            owner=bytes(20), anchorer=bytes(20), pending_anchorer=None, size=size,
            root=self.anchored[size][0] if size else bytes(32), time=0, block_number=0, max_growth=1_000,
            paused_until=0, closed=False, last_good_size=0, trust_root=self.fingerprint, predecessor=None,
            successor=None,
        )  # fmt: skip


def issue_trust_root(ledger: Ledger) -> bytes:
    """Issue it; its fingerprint."""
    document = ledger.trust_root().encode()
    with ledger.store.write() as connection:
        fingerprint = sha256(document)
        logs.put_trust_root(connection, 1, fingerprint=fingerprint, document=document, issued=_NOW)
    return fingerprint


def anchor_all(ledger: Ledger, contract: HeldContract) -> None:
    """Every published size, one after the other; the first is final, the others are mined."""
    with _offline() as client:
        for number, size in enumerate(ledger.checkpoint_sizes(), start=1):
            prev_size = max(contract.anchored, default=0)
            root = ledger.root_of(size)
            block = contract.at(10 * number)
            with ledger.store.write() as connection:
                anchors.want(connection, 1, size, root, planned=_NOW)
                account = devnet_account(31337, 1)
                signed = account.sign(
                    client.transaction(
                        nonce=number,
                        gas=120_000,
                        fees=Fees(max_fee=9, priority_fee=1, market=number > 1),
                        chain_id=31337,
                        data=client.anchor_data(prev_size, size, root, []),
                        to=CHAIN.contract,
                    )
                )
                attempt = TransactionRow(
                    attempt=1, hash=signed.hash, nonce=number, gas=120_000, max_fee=9,
                    priority_fee=1 if number > 1 else 9, raw=signed.raw, stored=_NOW, sent=_NOW,
                    expected={"prev_size": prev_size},
                )  # fmt: skip
                job = anchors.job(1, size)
                assert outbox.add_transaction(
                    connection, job, attempt, chain_id=31337, account=account.address
                )
                place: dict[str, Any] = {
                    "block_number": block.number, "block_hash": block.hash, "block_time": block.time,
                }  # fmt: skip
                outbox.move(connection, job, "mined", **place)
                if number == 1:
                    outbox.move(connection, job, "final", problem="final, but without evidence")
            contract.anchored[size] = (root, block.number)


@contextmanager
def _offline() -> Iterator[ChainClient]:
    """Makes transactions and asks no node."""
    client = ChainClient("http://127.0.0.1:9", contract=CHAIN.contract, log_key=CHAIN.log_key)
    try:
        yield client
    finally:
        client.close()


@dataclass(frozen=True)
class Kept:
    """A store with nothing wrong in it, and the ledger that made it."""

    sound: Sound
    ledger: Ledger
    contract: HeldContract

    def check(
        self, folder: Path, damage: Callable[[sqlite3.Connection], object], *, asked: bool = False
    ) -> Report:
        """fsck over a copy of it with something done to it; ``asked``: with the contract."""
        store, made = self.sound.damaged(folder, damage), self.ledger
        try:
            there = Ledger(
                store,
                made.origin,
                vault=made.vault,
                service=made.service,
                signer=made.signer,
                clock=made.clock,
            )
            return fsck(there, contract=self.contract if asked else None)
        finally:
            store.close()

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Four loans, three in P, which is sealed; a private field, a receipt, a trust root; anchored twice."""
        store = Store(sqlite_in(folder))
        ledger = new_ledger(store, folder / "kek", TestClock())
        ledger.bind_chain(CHAIN)
        private = book.originated("L9", private={"name": "王小明"})
        ledger.append([private, *book.loans(3, repayments=2)], party="fenqile")
        pledges = [book.pledged("P", "bank-a", (f"L{n}", "c1", 600_000), id=f"p{n}") for n in range(3)]
        ledger.append([book.pool_created("P"), *pledges], party="fenqile")
        ledger.publish()
        ledger.seal_pool("P", as_of="2026-11-21", party="fenqile")
        ledger.publish()
        ledger.receipt("L1.originated")
        contract = HeldContract()
        anchor_all(ledger, contract)
        contract.fingerprint = issue_trust_root(ledger)
        file, trust = Path(store.url.removeprefix("sqlite:///")), ledger.trust_root()
        store.close()
        return cls(Sound(file, ledger.origin, trust, folder / "kek"), ledger, contract)
