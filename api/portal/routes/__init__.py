"""The routes of pages, a file for each part of the portal. Pages are no part of the HTTP interface, so they are not in
its description.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api.portal.routes import admin, audits, explorer, frame, home, loans, pools, search, sign_in, tapes

#: What the service includes.
ROUTERS: Final[tuple[APIRouter, ...]] = (
    frame.router,
    sign_in.router,
    home.router,
    pools.router,
    tapes.router,
    audits.router,
    loans.router,
    search.router,
    explorer.router,
    admin.router,
)
