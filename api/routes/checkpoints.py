"""Checkpoints: what the log has published."""

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, schemas
from api.answers import as_json
from api.services import Here
from ledger.proofs.canonical import b64encode

router = APIRouter(tags=["log"])


@router.get(
    "/v1/checkpoints/latest",
    operation_id="latest_checkpoint",
    summary="The newest checkpoint",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Checkpoint, "Size, root and the signed note.")},
        "not_found",
        "unavailable",
    ),
)
def latest_checkpoint(here: Here) -> Response:
    """The newest published checkpoint. Its note also stands under `/log/…/checkpoint`, for tlog clients."""
    newest = here.ledger.latest_checkpoint()
    size, root = newest or (None, b"")
    # A size of None raises the ledger's own "none is published yet".
    note = here.ledger.checkpoint(size)
    document = {"origin": here.ledger.origin, "size": size, "root": b64encode(root), "note": note.decode()}
    return as_json(document, headers={"Cache-Control": "no-cache"})
