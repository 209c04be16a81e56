"""Proofs: of the published tree, of a claim's place in its register, and of a claim's place in a pool's seal."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api import openapi, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import MAX_SIZE, ClaimName, PoolName, Size
from api.services import Here
from ledger import published
from ledger.errors import NotFoundError
from ledger.proofs import claimproof, sealproof
from ledger.proofs.canonical import b64encode
from ledger.proofs.claimproof import ClaimProof
from ledger.store import logs

router = APIRouter(tags=["proofs"])

_PUBLIC = ("not_found", "invalid_request", "unavailable")
_FAILURES = ("unauthenticated", "unauthorised", *_PUBLIC)


@router.get(
    "/v1/proofs/inclusion",
    operation_id="prove_inclusion",
    summary="That an entry is in a published tree",
    responses=openapi.responses(
        {200: openapi.answer(schemas.InclusionProof, "The entry's hash and its path to the root.")}, *_PUBLIC
    ),
)
def inclusion(
    here: Here,
    index: Annotated[int, Query(ge=0, le=MAX_SIZE, description="Of the entry, from 0.", examples=[4])],
    *,
    size: Size = None,
) -> Response:
    """An RFC 9162 inclusion proof, as any client of the log could make it from the tiles. It opens nothing."""
    with here.ledger.store.read() as connection:
        proof = published.inclusion(connection, logs.get(connection, here.ledger.origin), index, size)
    return as_json(
        {
            "origin": here.ledger.origin,
            "index": proof.index,
            "size": proof.checkpoint.size,
            "leaf": b64encode(proof.leaf),
            "proof": [b64encode(one) for one in proof.proof],
            "checkpoint": bytes(proof.checkpoint.note).decode(),
        }
    )


@router.get(
    "/v1/proofs/consistency",
    operation_id="prove_consistency",
    summary="That a published tree extends an earlier one",
    responses=openapi.responses(
        {200: openapi.answer(schemas.ConsistencyProof, "The proof and both signed checkpoints.")}, *_PUBLIC
    ),
)
def consistency(
    here: Here,
    first: Annotated[int, Query(ge=1, le=MAX_SIZE, description="The earlier size.", examples=[6])],
    *,
    second: Size = None,
) -> Response:
    """An RFC 9162 consistency proof between two published sizes."""
    with here.ledger.store.read() as connection:
        proof = published.consistency(connection, logs.get(connection, here.ledger.origin), first, second)
    return as_json(
        {
            "origin": here.ledger.origin,
            "first": proof.first.size,
            "second": proof.second.size,
            "proof": [b64encode(one) for one in proof.proof],
            "first_checkpoint": bytes(proof.first.note).decode(),
            "second_checkpoint": bytes(proof.second.note).decode(),
        }
    )


@router.get(
    "/v1/proofs/presence/{claim:path}",
    operation_id="prove_presence",
    summary="Who holds a claim",
    responses=openapi.responses(
        {200: openapi.answer(schemas.ClaimProof, "The claim proof, signed.", claimproof.MEDIA_TYPE)},
        *_FAILURES,
    ),
)
def presence(here: Here, caller: Reader, claim: ClaimName, *, size: Size = None) -> Response:
    """A claim's place in the register of a published size, with all changes of it: who holds it, if anybody. 403 where
    that would name a holder in a pool that the caller does not see.
    """
    with reads.reading(here, caller) as reader:
        reader.check_told(claim)
        loan = reader.place(claim).loan
    document = here.ledger.prove_claim(claim, size=size)
    reads.note(here, reader, subject=f"loan:{loan}", what="presence proof")
    proof = ClaimProof.parse(document)
    if not proof.presence:
        raise NotFoundError(
            f"the register of size {_size_of(proof)} holds nothing under this claim's asset key yet"
        )
    return Response(document, media_type=claimproof.MEDIA_TYPE)


@router.get(
    "/v1/proofs/absence/{asset_key}",
    operation_id="prove_absence",
    summary="That the register holds nothing under an asset key",
    responses=openapi.responses(
        {200: openapi.answer(schemas.ClaimProof, "The claim proof, signed.", claimproof.MEDIA_TYPE)},
        *_FAILURES,
    ),
)
def absence(
    here: Here,
    _caller: Reader,
    asset_key: Annotated[
        str,
        Path(pattern="^[0-9a-f]{64}$", description="64 hex digits.", examples=["ff" * 32]),
    ],
    *,
    size: Size = None,
) -> Response:
    """For whoever is asked to lend against a claim and knows its asset key: nobody has brought it to this log yet. 404
    where somebody has; who, and who holds it, is for those who see the claim.
    """
    with here.ledger.store.read() as connection:
        at = published.checkpoint(connection, logs.get(connection, here.ledger.origin), size).size
    held = NotFoundError(f"the register of size {at} holds something under this asset key")
    try:
        document = here.ledger.prove_claim(asset_key, size=at)
    except NotFoundError:  # of an erased loan, whose name is not for everyone
        raise held from None
    if ClaimProof.parse(document).presence:
        raise held
    return Response(document, media_type=claimproof.MEDIA_TYPE)


@router.get(
    "/v1/proofs/seal/{pool}/{claim:path}",
    operation_id="prove_seal",
    summary="A claim's place in a pool's seal",
    responses=openapi.responses(
        {200: openapi.answer(schemas.SealProof, "The seal proof, signed.", sealproof.MEDIA_TYPE)}, *_FAILURES
    ),
)
def seal(here: Here, caller: Reader, pool: PoolName, claim: ClaimName, *, size: Size = None) -> Response:
    """Its share and amounts, and that they are in the sums of the seal that the register of a published size holds."""
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        loan = reader.place(claim).loan
    document = here.ledger.prove_seal(pool, claim, size=size)
    reads.note(here, reader, subject=f"loan:{loan}", what="seal proof")
    return Response(document, media_type=sealproof.MEDIA_TYPE)


def _size_of(proof: ClaimProof) -> str:
    return proof.checkpoint.splitlines()[1]
