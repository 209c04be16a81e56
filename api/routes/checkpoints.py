"""What the log has published, and its way on chain: checkpoints, registers, anchors. For everybody."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, paging, schemas
from api.answers import as_json
from api.routes.paths import PublishedSize
from api.services import Here, Services
from ledger import published
from ledger.errors import NotFoundError
from ledger.proofs.canonical import b64encode
from ledger.proofs.documents import chain_text
from ledger.proofs.entries import RegisterEntry
from ledger.store import anchors, logs, outbox, trees
from ledger.store.anchors import AnchorRow
from ledger.store.trees import CheckpointRow, RegisterRow

router = APIRouter(tags=["log"])

_LIST = ("invalid_request", "unavailable")
_ONE = ("not_found", "invalid_request", "unavailable")
_CHECKPOINTS, _REGISTERS, _ANCHORS = "checkpoints", "registers", "anchors"


@router.get(
    "/v1/checkpoints",
    operation_id="checkpoints",
    summary="Published checkpoints",
    responses=openapi.responses(
        {200: openapi.answer(schemas.CheckpointPage, "Checkpoints by their size.")}, *_LIST
    ),
)
def checkpoint_list(here: Here, asked: paging.Asked) -> Response:
    """Every size that was published, the smallest first."""
    first = asked.after(_CHECKPOINTS, int)
    with here.ledger.store.read() as connection:
        log = logs.get(connection, here.ledger.origin)
        rows = trees.checkpoints_from(connection, log.id, first or 0, limit=asked.limit + 1)
    return asked.page(_CHECKPOINTS, rows, position=_size, shown=lambda row: _checkpoint(here, row))


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
    return _answer_checkpoint(here, None)


@router.get(
    "/v1/checkpoints/{size}",
    operation_id="checkpoint",
    summary="A checkpoint",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Checkpoint, "Size, root and the signed note.")}, *_ONE
    ),
)
def checkpoint(here: Here, size: PublishedSize) -> Response:
    """The checkpoint of a published size, as it was signed."""
    return _answer_checkpoint(here, size)


@router.get(
    "/v1/registers",
    operation_id="registers",
    summary="Registers",
    responses=openapi.responses(
        {200: openapi.answer(schemas.RegisterPage, "Registers by their size.")}, *_LIST
    ),
)
def register_list(here: Here, asked: paging.Asked) -> Response:
    """The register at the end of each published tree: its root and how many claims and pools it holds."""
    first = asked.after(_REGISTERS, int)
    with here.ledger.store.read() as connection:
        log = logs.get(connection, here.ledger.origin)
        rows = trees.registers_between(connection, log.id, first or 0, log.published, limit=asked.limit + 1)
    return asked.page(_REGISTERS, rows, position=lambda row: row.index + 1, shown=_register)


@router.get(
    "/v1/registers/{size}",
    operation_id="register",
    summary="A register",
    responses=openapi.responses({200: openapi.answer(schemas.Register, "Its root and count.")}, *_ONE),
)
def register(here: Here, size: PublishedSize) -> Response:
    """The register at the end of a published tree."""
    with here.ledger.store.read() as connection:
        row = published.register(connection, logs.get(connection, here.ledger.origin), size)
    return as_json(_register(row))


@router.get(
    "/v1/anchors",
    operation_id="anchors",
    summary="Anchors",
    responses=openapi.responses({200: openapi.answer(schemas.AnchorPage, "Anchors by their size.")}, *_LIST),
)
def anchor_list(here: Here, asked: paging.Asked) -> Response:
    """Every size that goes on chain, and how far it is."""
    first = asked.after(_ANCHORS, int)
    with here.ledger.store.read() as connection:
        log = logs.get(connection, here.ledger.origin)
        rows = anchors.listed(connection, log.id, after=first or 0, limit=asked.limit + 1)
        proven = anchors.with_evidence(connection, log.id, [row.size for row in rows])
    return asked.page(
        _ANCHORS,
        rows,
        position=lambda row: row.size,
        shown=lambda row: _anchor(row, evidence=row.size in proven),
    )


@router.get(
    "/v1/anchors/{size}",
    operation_id="anchor",
    summary="An anchor",
    responses=openapi.responses(
        {200: openapi.answer(schemas.AnchorDetail, "Its state, block and transactions.")}, *_ONE
    ),
)
def anchor(here: Here, size: PublishedSize) -> Response:
    """How far a size is on its way on chain, with every transaction that was signed for it."""
    with here.ledger.store.read() as connection:
        log = logs.get(connection, here.ledger.origin)
        row = anchors.get(connection, log.id, size)
        if row is None:
            raise NotFoundError(f"no anchor of size {size}")
        proven = anchors.with_evidence(connection, log.id, [size])
        signed = outbox.transactions(connection, anchors.job(log.id, size))
    transactions = [{"hash": chain_text(one.hash), "nonce": one.nonce, "sent": one.sent} for one in signed]
    return as_json(_anchor(row, evidence=bool(proven)) | {"transactions": transactions})


def _answer_checkpoint(here: Services, size: int | None) -> Response:
    with here.ledger.store.read() as connection:
        row = published.checkpoint(connection, logs.get(connection, here.ledger.origin), size)
    return as_json(_checkpoint(here, row), headers={"Cache-Control": "no-cache"})


def _size(row: CheckpointRow) -> int:
    return row.size


def _checkpoint(here: Services, row: CheckpointRow) -> dict[str, Any]:
    return {
        "origin": here.ledger.origin,
        "size": row.size,
        "root": b64encode(bytes(row.root)),
        "note": bytes(row.note).decode(),
        "published": row.published,
    }


def _register(row: RegisterRow) -> dict[str, Any]:
    entry = RegisterEntry(index=row.index, count=row.count, root=bytes(row.root)).encode()
    return {
        "size": row.index + 1,
        "index": row.index,
        "count": row.count,
        "root": bytes(row.root).hex(),
        "entry": b64encode(entry),
    }


def _anchor(row: AnchorRow, *, evidence: bool) -> dict[str, Any]:
    return {
        "size": row.size,
        "root": row.root.hex(),
        "state": row.state,
        "planned": row.planned,
        "block_number": row.block_number,
        "block_hash": None if row.block_hash is None else chain_text(row.block_hash),
        "block_time": row.block_time,
        "evidence": f"/v1/evidence/{row.size}" if evidence else None,
    }
