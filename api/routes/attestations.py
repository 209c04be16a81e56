"""Attestations about a pool: what stands on chain, and signed ones handed in for the ledger's account to put there."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import attestations, bodies, openapi, reads, schemas
from api.answers import as_json
from api.auth import Attester, Reader
from api.routes.paths import PoolName
from api.services import Here
from ledger import relay
from ledger.access import Caller, signer_target
from ledger.errors import NotFoundError
from ledger.proofs import canonical
from ledger.store import relays
from ledger.store.relays import RelayRow

router = APIRouter(tags=["attestations"])

_JSON: Final = "application/json"
_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")
#: Of those that the caller handed in.
_MOST_RELAYS: Final = 20
Signer = Annotated[
    str | None,
    Query(
        pattern=r"^0x[0-9a-f]{40}$",
        description="Only those of this signer, and the number that the next one has.",
    ),
]
RelayId = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{64}$", description="The attestation's EIP-712 digest.", examples=["5d" * 32]),
]


@router.get(
    "/v1/pools/{pool}/attestations",
    operation_id="pool_attestations",
    summary="What stands on chain about a pool",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Attestations, "The newest first, as the contract holds them.")},
        *_FAILURES,
    ),
)
def pool_attestations(here: Here, caller: Reader, pool: PoolName, *, signer: Signer = None) -> Response:
    """Who acknowledged, checked or disputed an audit of the pool, as the node of this server tells. Anybody may attest:
    count only signers whose addresses their owners gave you. `contract` is null where the log has no registry.
    """
    address = None if signer is None else bytes.fromhex(signer[2:])
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        background = attestations.Background.of(reader.connection, reader.log, pool, caller)
        own = relays.of_pool(reader.connection, reader.log.id, pool, caller.party, most=_MOST_RELAYS)
    log = reader.log
    found = here.attestations.newest(log, f"pool:{pool}", signer=address, since=background.since)
    number = None if address is None or found is None else here.attestations.next_number(log, address)
    if address is not None:
        with here.ledger.store.read() as connection:
            number = attestations.next_number(connection, log, address, number)
    there = found is not None and log.chain is not None and log.attestations is not None
    now = here.ledger.clock()
    document = {
        "chain_id": log.chain.chain_id if there and log.chain else None,
        "contract": f"0x{log.attestations.hex()}" if there and log.attestations else None,
        "log": f"0x{log.chain.log_key.hex()}" if there and log.chain else None,
        "next_nonce": number,
        "items": [background.shown(one, now=now) for one in found or ()],
        "relays": attestations.relayed(own),
    }
    return as_json(document)


@router.post(
    "/v1/pools/{pool}/attestations",
    operation_id="relay_attestation",
    summary="Hand in a signed attestation",
    status_code=202,
    responses=openapi.responses(
        {
            202: openapi.answer(schemas.Relay, "It is taken; `Location` tells how far it has come."),
            200: openapi.answer(schemas.Relay, "It was handed in before, and this is what became of it."),
        },
        *_FAILURES,
        "timeout",
        "malformed",
        "too_large",
        "unsupported_media_type",
        "refused",
        "undetermined",
    ),
    openapi_extra=openapi.body(
        {_JSON: (schemas.SignedAttestation, openapi.examples()["SignedAttestation"])},
        "The file that `poolproof attest -o` writes.",
    ),
)
async def relay_attestation(request: Request, here: Here, caller: Attester, pool: PoolName) -> Response:
    """Have the ledger's own account put an attestation on chain, so that its signer needs none with money. The signer
    must be an address of the caller's party (grant `signer:0x…`). The same attestation is put on chain once, however
    often it is sent: 202 while it is on its way, 200 once it has ended.
    """
    order = await bodies.read_document(request, schemas.SignedAttestation)
    row = await run_in_threadpool(_take, here, caller, pool, order.model_dump(mode="json"))
    under_way = row.state in ("waiting", "sent")
    headers = {"Location": f"/v1/pools/{pool}/attestations/{row.digest.hex()}"}
    return as_json(attestations.relay(row), status=202 if under_way else 200, headers=headers)


def _take(here: Here, caller: Caller, pool: str, document: dict[str, Any]) -> RelayRow:
    from ledger.chain.attestation import (
        SignedAttestation,
    )  # of this route alone, and it brings the chain's library

    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
    signed = SignedAttestation.parse(canonical.encode_file(document))
    row, _ = relay.take(
        here.ledger.store, here.ledger.origin, caller, pool, signed, now=here.ledger.clock(),
        per_day=here.attestations_per_day,
    )  # fmt: skip
    return row


@router.get(
    "/v1/pools/{pool}/attestations/{digest}",
    operation_id="relayed_attestation",
    summary="How far an attestation has come",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Relay, "Its state, and once it is in a block the transaction.")},
        *_FAILURES,
    ),
)
def relayed_attestation(here: Here, caller: Reader, pool: PoolName, digest: RelayId) -> Response:
    """An attestation that the caller's party handed in, or that is signed by an address of its own."""
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        row = relays.get(reader.connection, reader.log.id, bytes.fromhex(digest))
    own = row is not None and (row.party == caller.party or signer_target(row.signer) in caller.grants)
    if row is None or row.pool != pool or not own:
        raise NotFoundError(f"no attestation {digest!r} was handed in by {caller.party!r}")
    return as_json(attestations.relay(row))
