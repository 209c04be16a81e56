"""The page of the OpenAPI document, for whoever integrates."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from api import reference
from api.portal import assets

router = APIRouter(include_in_schema=False)

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


@router.get("/docs")
async def page(request: Request) -> Response:
    """Every operation with its parameters, answers and examples; loads nothing from elsewhere and runs nothing."""
    state = request.app.state
    if not hasattr(state, "reference_page"):
        document = request.app.openapi()
        state.reference_page = await run_in_threadpool(
            reference.page, document, stylesheet=assets.address("portal.css"), icon=assets.address("mark.svg")
        )
    return HTMLResponse(state.reference_page, headers=_HEADERS)
