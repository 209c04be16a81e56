"""How a route shows a page: ``render(request, "pool.html", viewer, **model)``.

A page gets its values from a model (``models/``) and its words from ``texts/``; a template decides neither. What every
template knows beside its model::

    t(key, **facts)  count(key, n)  term(section, value)     words in the reader's language
    | amount  | percent  | number  | hexes  | code            how values are written
    asset(file)                                               where a file of static/ is served
    viewer, navigation, here, zone, now, language             who reads, and where

Everything that is not marked as markup is escaped. The policy lets a page load and run what this server has under
``/assets/`` and nothing else, and no text can become a script or a style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request

from api.portal import assets, charts, formats
from api.portal.viewer import Viewer
from api.portal.words import LANGUAGES, TAGS, Language, Words
from ledger.access import Scope

if TYPE_CHECKING:
    from api.services import Services
    from ledger.access import Caller
    from ledger.log import Ledger

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"Content-Security-Policy": POLICY, "Vary": "Cookie, Accept-Language"}


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: its word is ``nav.<name>``, ``paths`` are the beginnings of addresses in it.

    ``oversight`` is for those who see the whole log, ``scope`` for those whose key has it; ``public`` is for everybody.
    """

    name: str
    address: str
    paths: tuple[str, ...] = ()
    oversight: bool = False
    public: bool = False
    scope: Scope = Scope.READ


NAVIGATION: Final = (
    Place("overview", "/"),
    Place("pools", "/pools", ("/pools", "/loans")),
    Place("audits", "/audits", ("/audits",)),
    Place("explorer", "/explorer", ("/explorer", "/records")),
    Place("verify", "/verify", public=True),
    Place("admin", "/admin", ("/admin",), scope=Scope.ADMIN),
)


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the way to a page; the last has no address."""

    text: str
    address: str | None = None


def render(
    request: Request, template: str, viewer: Viewer, *, status: int = 200, **model: Any
) -> HTMLResponse:
    """The page that ``template`` makes of ``model``."""
    services: Services = request.app.state.services
    content = (
        environment(viewer.language)
        .get_template(template)
        .render(
            viewer=viewer,
            navigation=_navigation(viewer, request.url.path),
            here=_here(request),
            zone=_zone(services.ledger),
            origin=services.ledger.origin,
            now=datetime.now(UTC),
            **model,
        )
    )
    return HTMLResponse(content, status, headers=HEADERS)


@lru_cache(maxsize=8)
def _zone(ledger: Ledger) -> str:
    """The time zone of the log, which never changes."""
    return ledger.row().zone


def _navigation(viewer: Viewer, path: str) -> list[tuple[Place, bool]]:
    shown = [place for place in NAVIGATION if place.public or _for(place, viewer.caller)]
    return [
        (place, path == place.address or any(path.startswith(start) for start in place.paths))
        for place in shown
    ]


def _for(place: Place, caller: Caller | None) -> bool:
    """Whether a place is for a caller."""
    if caller is None or place.scope not in caller.scopes:
        return False
    return caller.oversees or not place.oversight


def _here(request: Request) -> str:
    """The address of this page within the site, for links back to it."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


@cache
def environment(language: Language) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=PackageLoader("api.portal", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = Words(language)
    made.globals.update(
        t=words.t,
        count=words.count,
        term=words.term,
        language=language,
        language_tag=TAGS[language],
        languages=LANGUAGES,
        asset=assets.address,
        instant=formats.instant,
        age=partial(formats.age, words=words),
        with_query=with_query,
        at_second=lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat(),
        day_of=lambda text: text[:10],
        bar=charts.bar,
        ppm=lambda share: Decimal(share) / 1_000_000,
    )
    made.filters.update(
        amount=formats.amount,
        percent=formats.percent,
        number=formats.number,
        bound=formats.bound,
        ether=formats.ether,
        hexes=formats.hexes,
        segment=partial(quote, safe=""),
        code=formats.code,
    )
    return made


def with_query(path: str, query: Mapping[str, str], **changes: str | None) -> str:
    """An address with these parameters; those that are empty are left out."""
    merged = {name: value for name, value in {**query, **changes}.items() if value}
    return path + (f"?{urlencode(merged)}" if merged else "")
