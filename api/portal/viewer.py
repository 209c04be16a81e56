"""Who looks at a page, in which language and which colours.

Language and theme are the reader's choice, kept in cookies that say nothing else; before a choice the browser's
preferences decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

from fastapi import Depends, Request

from api.auth import unauthenticated
from api.portal.words import LANGUAGES, Language
from api.services import Services
from api.sessions import Visitor
from ledger.access import Caller, Scope
from ledger.errors import UnauthorisedError

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)
LANGUAGE_COOKIE: Final = "poolproof_language"
THEME_COOKIE: Final = "poolproof_theme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """How the reader wants to read."""

    language: Language = "en"
    theme: Theme = "auto"

    @classmethod
    def of(cls, request: Request) -> Preferences:
        """Those of the cookies, else of the browser."""
        language, theme = (request.cookies.get(name, "") for name in (LANGUAGE_COOKIE, THEME_COOKIE))
        asked = request.headers.get("accept-language", "")
        return cls(
            language=next((one for one in LANGUAGES if one == language), preferred(asked)),
            theme=next((one for one in THEMES if one == theme), "auto"),
        )


def preferred(header: str) -> Language:
    """The language of an ``Accept-Language`` header that pages are written in, by its weights; English for none."""
    best: tuple[float, Language] = (0.0, "en")
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            if name == language and quality > best[0]:
                best = (quality, language)
    return best[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at a page; ``visitor`` is None for one who has not signed in."""

    preferences: Preferences
    visitor: Visitor | None = None

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.preferences.language

    @property
    def theme(self) -> Theme:
        """Its colours."""
        return self.preferences.theme

    @property
    def caller(self) -> Caller | None:
        """The party for which it looks."""
        return None if self.visitor is None else self.visitor.caller

    @property
    def form_token(self) -> str:
        """What a form that changes something carries; empty for one who has not signed in."""
        return "" if self.visitor is None else self.visitor.form_token


class Reader(Viewer):
    """A viewer who has signed in and may read."""

    @property
    def caller(self) -> Caller:
        """The party for which it reads."""
        assert self.visitor is not None, "made by signed_in alone"
        return self.visitor.caller


async def anyone(request: Request) -> Viewer:
    """Whoever asks, signed in or not."""
    here: Services = request.app.state.services
    return Viewer(preferences=Preferences.of(request), visitor=await here.sessions.visitor(request))


async def signed_in(request: Request) -> Reader:
    """Who has signed in; answers 401, which becomes the sign-in page, and 403 where its key is not for reading."""
    found = await anyone(request)
    if found.visitor is None:
        raise unauthenticated()
    if Scope.READ not in found.visitor.caller.scopes:
        raise UnauthorisedError("this key is not for reading; `poolproof party key` makes keys")
    return Reader(preferences=found.preferences, visitor=found.visitor)


Anyone = Annotated[Viewer, Depends(anyone)]
SignedIn = Annotated[Reader, Depends(signed_in)]
