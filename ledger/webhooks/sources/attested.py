"""``attestation.made``: events of the AttestationRegistry in final blocks; the position is a block number.

Anybody may attest to anything that an anchored size carries: whether a signer counts is the reader's to know, as on
every list of attestations. Told are those about the log, to every party, and about a pool, to those who may see it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ledger.domain.calendar import format_instant
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.webhooks.messages import Occurrence

if TYPE_CHECKING:
    from ledger.chain.attestation_registry import Made
    from ledger.chain.client import ChainClient

#: Two calls to the node at each look, and an attestation is made now and then: enough for a metered endpoint.
EVERY_SECONDS: Final = 30.0
_POOL = re.compile(r"pool:([A-Za-z0-9._:-]{1,64})", re.ASCII)


class Attested:
    """Asks the node of ``node``, opened when there is something to ask."""

    name = "attested"

    def __init__(self, node: Callable[[], ChainClient], *, every: float = EVERY_SECONDS) -> None:
        self._node = node
        self._every = every
        self._looked: float | None = None

    def end(self, connection: ReadConnection, log: LogRow) -> int:  # noqa: ARG002
        """The newest final block; -1 where there is none, or nothing to ask."""
        return -1 if log.chain is None or log.attestations is None else self._final_block(log)

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:  # noqa: ARG002
        """Attestations in blocks that became final since."""
        now = time.monotonic()
        if log.chain is None or log.attestations is None:
            return [], position
        if self._looked is not None and now - self._looked < self._every:
            return [], position
        final = self._final_block(log)
        self._looked = now
        if final <= position or position < 0:
            return [], final  # below 0 there was nothing to ask so far: what came before is not told
        from ledger.chain.attestation_registry import AttestationRegistry

        node = self._node()
        registry = AttestationRegistry(node, log.attestations)
        made = registry.made_between(log.chain.log_key, position + 1, final)
        times = {number: node.block(number) for number in {one.block for one in made}}
        found = []
        for one in made:
            block = times[one.block]
            subject = _POOL.fullmatch(one.subject)
            if block is not None and (subject is not None or one.subject == "log"):
                at = format_instant(datetime.fromtimestamp(block.time, UTC))
                found.append(_occurrence(one, log.attestations, at, pool=subject[1] if subject else None))
        return found, final

    def _final_block(self, log: LogRow) -> int:
        from ledger.chain.finality import Finality

        assert log.chain is not None
        node = self._node()
        block = node.final_block(Finality.parse(log.chain.finality), node.latest())
        return -1 if block is None else block.number


def _occurrence(one: Made, contract: bytes, at: str, *, pool: str | None) -> Occurrence:
    data = {
        "subject": one.subject,
        "index": one.index,
        "signer": f"0x{one.signer.hex()}",
        "verdict": str(one.verdict),
        "scope": one.scope,
        "size": one.size,
        "root": one.root.hex(),
        "rules_version": one.rules_version,
        "evidence": one.evidence.hex(),
        "block_number": one.block,
        "block_time": at,
        "contract": f"0x{contract.hex()}",
    }
    return Occurrence(type="attestation.made", at=at, key=f"{one.subject}:{one.index}", data=data, pool=pool)
