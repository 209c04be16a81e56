"""What a verifier needs beside the file: the trust root, and the evidence of anchors."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api import openapi, schemas, services
from api.services import Here
from ledger.errors import NotFoundError
from ledger.proofs import evidence, trust
from ledger.store import anchors

router = APIRouter(tags=["verification"])


@router.get(
    "/v1/trust",
    operation_id="trust_root",
    summary="The trust root",
    responses=openapi.responses(
        {200: openapi.answer(schemas.TrustRoot, "The file `trust.json`, verbatim.", trust.MEDIA_TYPE)},
        "unavailable",
    ),
)
def trust_root(here: Here) -> Response:
    """`trust.json` as this server has it. Whoever can change it decides what verifies: compare its SHA-256,
    which is in `ETag`, with the fingerprint in the contract and in your funding agreement before you use it.
    """
    root = services.trust_root(here.ledger)
    headers = {"Cache-Control": "no-cache", "ETag": f'"{root.fingerprint}"'}
    return Response(root.encode(), headers=headers, media_type=trust.MEDIA_TYPE)


@router.get(
    "/v1/evidence/{size}",
    operation_id="evidence",
    summary="The evidence of an anchor",
    responses=openapi.responses(
        {
            200: openapi.answer(
                schemas.Evidence, "The file `anchor-<size>.evidence.json`, verbatim.", evidence.MEDIA_TYPE
            )
        },
        "not_found",
        "invalid_request",
        "unavailable",
    ),
)
def anchor_evidence(here: Here, size: Annotated[int, Path(ge=1, le=2**53 - 1, examples=[12])]) -> Response:
    """The state proof of the anchor of this size, stored once the anchor was final. It proves itself against
    one block hash, which you take from the chain or from your trust root, not from here.
    """
    with here.ledger.store.read() as connection:
        document = anchors.evidence(connection, here.ledger.row().id, size)
    if document is None:
        raise NotFoundError(f"no evidence of size {size}: not anchored, or not final yet")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(document, headers=headers, media_type=evidence.MEDIA_TYPE)
