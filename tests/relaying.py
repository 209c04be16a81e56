"""A log with an anchored size, its attestation contract on a real anvil, and the outbox that relays to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ledger.chain import devnet
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.attestation_registry import AttestationRegistry
from ledger.chain.keystore import ChainAccount
from ledger.domain.calendar import format_instant
from ledger.relay import Relayer
from ledger.sending import Spending
from ledger.store import logs, outbox, relays
from ledger.store.outbox import TransactionRow
from ledger.store.relays import RelayRow
from tests.anchoring import ORIGIN, Crash, World, bind

POOL = "W1"
_made = 0


def new_signer() -> ChainAccount:
    """A key that nobody funded, another one each time."""
    from eth_account import Account

    global _made  # noqa: PLW0603 - one chain serves many tests
    _made += 1
    return ChainAccount(Account.from_key((0xA77E5700 + _made).to_bytes(32, "big")))


@dataclass
class Desk:
    """What relays, and ways to look at it and to disturb it."""

    world: World
    registry: AttestationRegistry
    size: int

    def sign(
        self, signer: ChainAccount, *, key: ChainAccount | None = None, **changes: Any
    ) -> SignedAttestation:
        """The signer's next, or with other members; ``key`` signs where it is another's."""
        members: dict[str, Any] = {
            "log": self.world.client.log_key, "size": self.size, "root": self.world.root(self.size),
            "subject": f"pool:{POOL}", "scope": "all of it", "rules_version": 1, "evidence": b"\x0e" * 32,
            "verdict": Verdict.CHECKED, "signer": signer.address,
            "nonce": self.registry.nonce_of(signer.address),
            "deadline": self.world.client.latest().time + 3_600,
        }  # fmt: skip
        one = Attestation(**(members | changes))
        typed = one.typed_data(chain_id=31337, contract=self.registry.contract)
        signature = (key or signer).sign_typed(typed)
        return SignedAttestation(
            chain_id=31337, contract=self.registry.contract, attestation=one, signature=signature
        )

    def hand_in(self, signed: SignedAttestation) -> bytes:
        """Into the outbox; its digest."""
        row = RelayRow(
            digest=signed.digest, pool=POOL, party="fund", signer=signed.attestation.signer,
            number=signed.attestation.nonce, file=signed.encode(), state="waiting",
            asked=format_instant(self.world.clock()), account=None, nonce=None, attempts=0, problem=None,
            transaction_hash=None, block_number=None, block_hash=None, block_time=None,
        )  # fmt: skip
        with self.world.store.write() as connection:
            assert relays.add(connection, self.world.log_id, row)
        return row.digest

    def relayer(
        self, *, crash: str | None = None, account: ChainAccount | None = None,
        fault: Callable[[str], None] | None = None, **spending: Any,
    ) -> Relayer:  # fmt: skip
        """An outbox, one that crashes at the named point if ``crash`` is given."""

        def stop(point: str) -> None:
            if point == crash:
                raise Crash(point)

        return Relayer(
            self.world.store, ORIGIN, self.world.client, account or self.world.account,
            spending=Spending(**spending), clock=self.world.clock, fault=fault or stop,
        )  # fmt: skip

    def run(self, relayer: Relayer | None = None) -> None:
        """Step and mine until nothing moves any more."""
        relayer = relayer or self.relayer()
        while relayer.step() or self._mined(relayer):
            pass

    def _mined(self, relayer: Relayer) -> bool:
        self.world.mine(3)
        return relayer.step()

    def row(self, digest: bytes) -> RelayRow:
        with self.world.store.read() as connection:
            row = relays.get(connection, self.world.log_id, digest)
        assert row is not None
        return row

    def transactions(self, digest: bytes) -> list[TransactionRow]:
        with self.world.store.read() as connection:
            return outbox.transactions(connection, relays.job(self.world.log_id, digest))

    def on_chain(self, signer: ChainAccount) -> int:
        """How many of the signer's attestations stand there about the pool."""
        every = self.registry.newest_first(self.world.client.log_key, f"pool:{POOL}")
        return sum(one.signer == signer.address for one in every)


@contextmanager
def desk(url: str, database_url: str) -> Iterator[Desk]:
    """A fresh log with five entries anchored, its registry bound, on a chain that others use too."""
    world = bind(url, database_url)
    size = world.publish(5)
    world.anchorer().run_until(size)
    registry = AttestationRegistry.deploy(world.client, world.owner, anchors=world.client.contract)
    with world.store.write() as connection:
        logs.bind_attestations(connection, world.log_id, registry.contract)
    try:
        yield Desk(world, registry, size)
    finally:
        world.rpc("evm_setAutomine", True)
        world.store.close()


def automine(world: World) -> None:
    """Each transaction makes a block again."""
    devnet._request(world.url, "evm_setAutomine", [True])
