"""Verification by the server, for those who trust it that far."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import bodies, openapi, schemas
from api.answers import as_json
from api.services import MAX_FILE_BYTES, Here, Services, trust_root
from ledger.errors import (
    ConfigurationError,
    MalformedError,
    PoolproofError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs import acceptance, claimproof, receipt, sealproof
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import Level
from ledger.proofs.verify import verify_file

router = APIRouter(tags=["verification"])

_TYPES: Final = (
    "application/json",
    receipt.MEDIA_TYPE,
    claimproof.MEDIA_TYPE,
    sealproof.MEDIA_TYPE,
    acceptance.MEDIA_TYPE,
)
#: What the answer says about itself.
OWN_TRUST: Final = (
    "verified with this server's own trust root and view of the chain; compare the fingerprint with the one"
    " in your funding agreement, or verify with your own `poolproof verify --trust`"
)


@router.post(
    "/v1/verify",
    operation_id="verify",
    summary="Verify a receipt, a claim or seal proof, or an acceptance",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Verification, "The verdict, whichever it is.")},
        "malformed",
        "timeout",
        "too_large",
        "unsupported_media_type",
        "invalid_request",
        "too_many_requests",
        "unavailable",
    ),
    openapi_extra=openapi.body(
        {"application/json": (schemas.Receipt, openapi.examples()["Receipt"])},
        "The file as it was received, byte for byte.",
    ),
)
async def verify(
    request: Request,
    here: Here,
    require: Annotated[
        Literal["published", "cosigned", "anchored", "final"] | None,
        Query(description="The least level; one that cannot be shown makes the verdict `undetermined`."),
    ] = None,
) -> Response:
    """Verify a file with this server's own trust root and view of the chain, which the answer says again."""
    # Before anything is read: an address that asks too often costs no more than its head.
    here.limits.count_open(here.peers.counted(request))
    bodies.media_type(request, *_TYPES)
    data = await bodies.read(request, MAX_FILE_BYTES)
    level = None if require is None else Level.parse(require)
    verdict = await run_in_threadpool(_verdict, here, data, level)
    return as_json(verdict)


def _verdict(here: Services, data: bytes, require: Level | None) -> dict[str, Any]:
    trust = trust_root(here.ledger)
    try:
        shown = verify_file(trust, data, anchors=here.anchors(trust), require=require).to_json()
    except VerificationError as error:
        return _document(trust, "invalid", failed=_failure(error.step, error, error.reason, error.evidence))
    except MalformedError as error:
        return _document(trust, "invalid", failed=_failure("form", error, str(error)))
    except (UndeterminedError, UnavailableError, ConfigurationError) as error:
        # A node that is of another chain is this server's fault, and leaves the file's verdict open.
        return _document(trust, "undetermined", failed=_failure("", error, str(error)))
    members = (
        "kind",
        "level",
        "levels",
        "steps",
        "not_checked",
        "warnings",
        "size",
        "root",
        "index",
        "record",
    )
    return _document(trust, "valid", **{name: shown[name] for name in members})


def _failure(
    step: str, error: PoolproofError, reason: str, evidence: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"step": step, "code": error.code, "reason": reason, "evidence": evidence or {}}


def _document(trust: TrustRoot, verdict: str, **members: Any) -> dict[str, Any]:
    grade = trust.chain.grade if trust.chain else None
    used = {"source": "server", "fingerprint": trust.fingerprint, "grade": grade, "note": OWN_TRUST}
    nothing: dict[str, Any] = {
        "kind": None,
        "level": None,
        "levels": [],
        "failed": None,
        "steps": [],
        "not_checked": [],
        "warnings": [],
    }
    return {"verdict": verdict, "trust": used, **nothing, **members}
