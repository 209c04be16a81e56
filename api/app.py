"""The composition root of the HTTP service: settings and a ledger in, an ASGI application out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api import openapi, outcomes, problems, schemas
from api.attestations import OnChain
from api.chain_account import AccountWatch
from api.conditional import Conditional
from api.eventstream import Streams
from api.frame import Frame
from api.intake import Gate, Intake
from api.keyring import KeyRing
from api.limits import Limits
from api.metrics import Metrics
from api.oidc import Provider
from api.peers import Peers
from api.portal import routes as portal_routes
from api.portal.problem_page import or_page
from api.routes import (
    attestations,
    audits,
    checkpoints,
    claims,
    events,
    figures,
    health,
    jobs,
    keys,
    loans,
    log,
    mirror,
    parties,
    pools,
    problem_pages,
    proofs,
    receipts,
    reference,
    tapes,
    trust,
    verify,
    verify_page,
    webhooks,
)
from api.services import Services
from api.sessions import Sessions
from api.tiles import Tiles
from ledger.errors import PoolproofError
from ledger.webhooks.endpoints import endpoints_of

if TYPE_CHECKING:
    from api.services import Anchors
    from ledger.log import Ledger
    from ledger.proofs.trust import TrustRoot
    from ledger.proofs.verdict import AnchorSource
    from ledger.settings import Settings

#: A path is held against one route after another: those that are asked most often stand first.
_ROUTERS: Final = (
    health,
    log,
    receipts,
    events,
    jobs,
    loans,
    claims,
    pools,
    attestations,
    figures,
    tapes,
    parties,
    keys,
    proofs,
    audits,
    mirror,
    verify,
    trust,
    checkpoints,
    reference,
    verify_page,
    problem_pages,
    webhooks,
)
_DESCRIPTION: Final = (
    "Events of consumer-loan pools in, acceptances and receipts out; the log itself as tlog-tiles. "
    "Errors are RFC 9457 problems. What is promised to stay is written in docs/api.md."
)


def create_app(settings: Settings, *, ledger: Ledger, anchors: Anchors | None = None) -> FastAPI:
    """The service over one log. The caller opens the ledger and closes it after the service has stopped.

    ``anchors`` says where verification learns the contract's roots; by default it is the chain node of
    ``settings.rpc_url``, if there is one.
    """
    metrics = Metrics()
    peers = Peers(settings.proxies)
    services = Services(
        ledger=ledger,
        keys=KeyRing(ledger),
        sessions=Sessions(ledger, peers, lifetime=timedelta(seconds=settings.session_seconds)),
        peers=peers,
        provider=Provider.of(settings),
        intake=Intake(partial(outcomes.append, ledger)),
        batches=Gate(),
        metrics=metrics,
        tiles=Tiles(ledger),
        webhooks=endpoints_of(ledger, networks=settings.receiving_networks),
        anchors=anchors or chain_anchors(settings),
        attestations=OnChain(settings.rpc_url),
        attestations_per_day=settings.attestations_per_day,
        account=AccountWatch(ledger, settings.rpc_url, anchor_seconds=settings.anchor_seconds),
        streams=Streams(),
        limits=Limits(
            per_key=settings.rate_per_key, failures=settings.rate_failures, open_work=settings.rate_open
        ),
        max_batch_bytes=settings.max_request_bytes,
        log_public=settings.log_readers == "everyone",
        max_batch_lines=settings.max_request_events,
        max_upload_bytes=settings.max_upload_bytes,
        anchor_within=timedelta(seconds=settings.anchor_within_seconds),
    )
    app = FastAPI(
        title="Poolproof",
        version=version("poolproof"),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        # FastAPI's own pages load their scripts from elsewhere; /docs is a page of our own.
        docs_url=None,
        redoc_url=None,
        # A path has one spelling; the other is 404, not a redirect that loses a body.
        redirect_slashes=False,
        # Each route says the media types of its answers; a default would document one more.
        default_response_class=Response,
        # Numbers are api.metrics'; to look for exporters at each request costs more than the smallest answer.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    app.add_middleware(Conditional)
    app.add_middleware(Frame, metrics=metrics)  # the outermost
    app.add_exception_handler(PoolproofError, or_page(problems.on_ledger_error))
    app.add_exception_handler(HTTPException, or_page(problems.on_http_error))
    app.add_exception_handler(RequestValidationError, or_page(problems.on_invalid_request))
    for router in (*(module.router for module in _ROUTERS), *portal_routes.ROUTERS):
        app.include_router(router)
    _describe(app)
    return app


def chain_anchors(settings: Settings) -> Anchors:
    """Anchors as the node of ``settings.rpc_url`` tells them; opened when first asked for."""
    opened: dict[str, AnchorSource] = {}

    def anchors(trust: TrustRoot) -> AnchorSource | None:
        if settings.rpc_url is None or trust.chain is None:
            return None
        if trust.fingerprint not in opened:
            # Only a service that is asked to verify pays for what asking a node needs.
            from ledger.chain.reader import ChainReader
            from ledger.chain.sources import OnlineAnchors

            opened.clear()
            opened[trust.fingerprint] = OnlineAnchors(ChainReader(settings.rpc_url), trust)
        return opened[trust.fingerprint]

    return anchors


def _describe(app: FastAPI) -> None:
    """Complete OpenAPI with the schemas of documents that go out as signed bytes."""
    generate: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                components.pop(name, None)
            components.update(openapi.schemas_of(schemas))
            for operations in document["paths"].values():
                for method, operation in operations.items():
                    openapi.correct(method, operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way FastAPI documents to extend it
