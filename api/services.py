"""What the routes work with: opened once by the composition root, found on ``app.state.services``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Final

from fastapi import Depends, Request

from api.attestations import Attestations
from api.chain_account import AccountWatch
from api.eventstream import Streams
from api.intake import Gate, Intake
from api.keyring import KeyRing
from api.limits import Limits
from api.metrics import Metrics
from api.oidc import Provider
from api.peers import Peers
from api.sessions import Sessions
from api.tiles import Tiles
from ledger.log import Ledger
from ledger.mirror.accounts import Accounts
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.store import logs
from ledger.webhooks.endpoints import Endpoints

#: Where the verify route learns which roots the contract holds; None where no chain can be asked.
Anchors = Callable[[TrustRoot], AnchorSource | None]

#: Receipts hold one record of at most 1 MiB, escaped in a string; claim proofs grow with a claim's history.
MAX_FILE_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One log and what this process has around it. ``max_batch_bytes`` is the largest NDJSON body
    that is answered at once, with at most ``max_batch_lines``; ``max_upload_bytes`` the largest that becomes a job;
    ``attestations_per_day`` what a party may have relayed; ``anchor_within`` the time by which acceptances promise an
    anchor; ``mirrored`` remembers which accounts go with pools that are being mirrored.
    """

    ledger: Ledger
    keys: KeyRing
    sessions: Sessions
    peers: Peers
    provider: Provider | None
    intake: Intake
    batches: Gate
    metrics: Metrics
    tiles: Tiles
    webhooks: Endpoints
    anchors: Anchors
    attestations: Attestations
    attestations_per_day: int
    account: AccountWatch
    streams: Streams
    limits: Limits
    max_batch_bytes: int
    log_public: bool
    max_batch_lines: int
    max_upload_bytes: int
    anchor_within: timedelta
    mirrored: Accounts = field(default_factory=Accounts)


def trust_root(ledger: Ledger) -> TrustRoot:
    """The trust root as it was issued last, whose fingerprint the contract carries; before that, as it would be."""
    with ledger.store.read() as connection:
        issued = logs.latest_trust_root(connection, ledger.row().id)
    return ledger.trust_root() if issued is None else _parsed(bytes(issued))


@lru_cache(maxsize=4)
def _parsed(document: bytes) -> TrustRoot:
    return TrustRoot.parse(document)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Here = Annotated[Services, Depends(_services)]
