"""What stands on chain about the subjects of a log, as this server's node tells: for pages and routes alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from ledger import access
from ledger.seals import PoolSeals
from ledger.store import access as stored
from ledger.store import anchors, relays

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.access import Caller
    from ledger.chain.attestation_registry import AttestationRegistry, Attested
    from ledger.store import ReadConnection
    from ledger.store.logs import LogRow
    from ledger.store.relays import RelayRow

#: Attestations that are shown of a subject: the contract keeps every one, a page shows the newest.
MOST_SHOWN: Final = 20
#: So many blocks back the node is asked for events: some ten questions, and a fortnight of mainnet.
_BLOCKS_BACK: Final = 90_000


@dataclass(frozen=True, slots=True)
class Told:
    """An attestation as the contract holds it, and its block; None where that is too long ago to be asked for."""

    attested: Attested
    block: int | None


class Attestations(Protocol):
    """Where to ask; each method raises what a node's client raises where it does not answer."""

    def newest(
        self, log: LogRow, subject: str, *, signer: bytes | None = None, since: int = 0
    ) -> list[Told] | None:
        """The newest about a subject, the newest first; None where there is nothing to ask.

        ``since`` is a block before which there are none.
        """

    def next_number(self, log: LogRow, signer: bytes) -> int | None:
        """How many attestations the signer has made: the number of his next one."""


class OnChain:
    """Attestations as the node at ``rpc_url`` tells them; opened and checked when first asked for."""

    def __init__(self, rpc_url: str | None) -> None:
        self._rpc_url = rpc_url
        self._opened: dict[bytes, AttestationRegistry] = {}
        #: Blocks do not change but by a reorg, which changes their time too.
        self._blocks: dict[tuple[bytes, str, int, int], int] = {}

    def newest(
        self, log: LogRow, subject: str, *, signer: bytes | None = None, since: int = 0
    ) -> list[Told] | None:
        """See :class:`Attestations`."""
        registry = self._registry(log)
        if registry is None or log.chain is None:
            return None
        key = log.chain.log_key
        every = registry.newest_first(key, subject)
        found = list(islice((one for one in every if signer in (None, one.signer)), MOST_SHOWN))
        names = {one.index: (key, subject, one.index, one.time) for one in found}
        if any(name not in self._blocks for name in names.values()):
            last = registry.latest()
            for made in registry.made_about(key, subject, max(since, last - _BLOCKS_BACK, 0), last):
                if made.index in names:
                    self._blocks[names[made.index]] = made.block
        return [Told(one, self._blocks.get(names[one.index])) for one in found]

    def next_number(self, log: LogRow, signer: bytes) -> int | None:
        """See :class:`Attestations`."""
        registry = self._registry(log)
        return None if registry is None else registry.nonce_of(signer)

    def _registry(self, log: LogRow) -> AttestationRegistry | None:
        if self._rpc_url is None or log.chain is None or log.attestations is None:
            return None
        if log.attestations not in self._opened:
            from ledger.chain.attestation_registry import AttestationRegistry
            from ledger.chain.client import ChainClient

            registry = AttestationRegistry(ChainClient(self._rpc_url), log.attestations)
            registry.check(anchors=log.chain.contract)
            self._opened[log.attestations] = registry
        return self._opened[log.attestations]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What the ledger itself knows that an attestation about a pool is shown with."""

    #: index of the record of the pool's newest seal; None where it has none
    sealed_at: int | None
    #: chain address → parties whose it is said to be, as far as the caller may know them
    signers: Mapping[bytes, Sequence[str]]
    #: the first block in which an attestation about this log can stand
    since: int

    @classmethod
    def of(cls, connection: ReadConnection, log: LogRow, pool: str, caller: Caller) -> Background:
        """In one snapshot, for one caller."""
        seals = PoolSeals(connection, log, pool).recorded()
        grants = [(party, target) for party, target, _ in stored.all_grants(connection, log.id)]
        known = [one for one in grants if caller.oversees or one[0] == caller.party]
        return cls(
            sealed_at=max((one.index for one in seals), default=None),
            signers=access.signers(known),
            since=anchors.first_block(connection, log.id) or 0,
        )

    def shown(self, told: Told, *, now: datetime) -> dict[str, Any]:
        """An attestation as the API shows it: ``current_seal`` tells whether its tree has the pool's newest seal."""
        one = told.attested
        return {
            **one.to_json(),
            "age": max(0, int(now.timestamp()) - one.time),
            "block_number": told.block,
            "parties": list(self.signers.get(one.signer, ())),
            "current_seal": None if self.sealed_at is None else one.size > self.sealed_at,
        }


def next_number(connection: ReadConnection, log: LogRow, signer: bytes, on_chain: int | None) -> int | None:
    """The number of a signer's next attestation, after those that are on their way."""
    if on_chain is None:
        return None
    held = relays.numbers_held(connection, log.id, signer)
    number = on_chain
    while number in held:
        number += 1
    return number


def relayed(rows: Iterable[RelayRow]) -> list[dict[str, Any]]:
    """Attestations that were handed in, as the API shows how far they have come."""
    return [relay(row) for row in rows]


def relay(row: RelayRow) -> dict[str, Any]:
    """One that was handed in: its ``state`` is waiting, sent, mined, final or failed."""
    return {
        "id": row.digest.hex(),
        "pool": row.pool,
        "party": row.party,
        "signer": f"0x{row.signer.hex()}",
        "nonce": row.number,
        "state": row.state,
        "asked": row.asked,
        "problem": row.problem,
        "transaction": None if row.transaction_hash is None else f"0x{row.transaction_hash.hex()}",
        "block_number": row.block_number,
        "block_time": row.block_time,
    }
