"""Sessions of the portal: a cookie for a signed-in visitor, and what keeps others from acting in their name.

The cookie's token is random, kept as a hash in the store, HttpOnly and SameSite=Lax; it ends with its time, with
sign-out, and with the key or the person that began it. A form that changes something carries
:attr:`Visitor.form_token`, which pages of other sites cannot read, and browsers say from where it was sent.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi.concurrency import run_in_threadpool

from ledger import access
from ledger.domain.calendar import format_instant
from ledger.errors import UnauthorisedError
from ledger.settings import networks
from ledger.store import access as stored
from ledger.store.access import Session

if TYPE_CHECKING:
    from fastapi import Request, Response

    from api.peers import Peers
    from ledger.access import Caller
    from ledger.log import Ledger

COOKIE: Final = "poolproof_session"
#: The name of the form field, and of the header of requests that scripts of our pages make.
FORM_FIELD: Final = "form_token"
FORM_HEADER: Final = "x-form-token"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page, and the token of their session."""

    caller: Caller
    token: str

    @property
    def form_token(self) -> str:
        """What a form of ours carries; of this session only."""
        return hmac.new(self.token.encode(), b"poolproof/form/v1", hashlib.sha256).hexdigest()


class Sessions:
    """Begins, finds and ends sessions; ``lifetime`` is counted from the sign-in, whatever happens in it."""

    def __init__(self, ledger: Ledger, peers: Peers, *, lifetime: timedelta) -> None:
        self._ledger = ledger
        self._log_id = ledger.row().id
        self._peers = peers
        self._lifetime = lifetime

    def begin(self, caller: Caller) -> str:
        """Begin a session of a caller; returns the token for :meth:`set_cookie`."""
        now = self._ledger.clock()
        session = Session(
            party=caller.party,
            scopes=frozenset(scope.value for scope in caller.scopes),
            key_id=caller.key_id,
            person=caller.person,
            created=format_instant(now),
            expires=format_instant(now + self._lifetime),
        )
        with self._ledger.store.write() as connection:
            return stored.begin_session(connection, self._log_id, session)

    async def visitor(self, request: Request) -> Visitor | None:
        """Whose session the request's cookie is of; None without one in force.

        A key that is bound to networks or a certificate binds the sessions that it begins: a cookie that was taken
        away is worth nothing elsewhere.
        """
        token = request.cookies.get(COOKIE)
        found = None if not token else await run_in_threadpool(self._find, token)
        if found is None:
            return None
        session, visitor = found
        where = networks(",".join(session.networks), "networks")
        return visitor if self._peers.allowed(request, where, session.certificate) else None

    def end(self, visitor: Visitor) -> None:
        """End a session."""
        with self._ledger.store.write() as connection:
            stored.end_session(connection, visitor.token)

    def set_cookie(self, request: Request, response: Response, token: str) -> None:
        """Give the visitor their token."""
        response.set_cookie(
            COOKIE, token, max_age=int(self._lifetime.total_seconds()), path="/", httponly=True, samesite="lax",
            secure=self._peers.secure(request),
        )  # fmt: skip

    def clear_cookie(self, request: Request, response: Response) -> None:
        """Take it back."""
        response.delete_cookie(
            COOKIE, path="/", httponly=True, samesite="lax", secure=self._peers.secure(request)
        )

    def _find(self, token: str) -> tuple[Session, Visitor] | None:
        now = format_instant(self._ledger.clock())
        with self._ledger.store.read() as connection:
            found = stored.session(connection, self._log_id, token, now=now)
            if found is None:
                return None
            caller = access.caller(
                connection, self._log_id, found.party, found.scopes, key_id=found.key_id, person=found.person
            )
        return found, Visitor(caller, token)


def check_form(request: Request, visitor: Visitor, given: str | None) -> None:
    """Raise :class:`UnauthorisedError` unless one of our pages, in this session, sends this request."""
    check_origin(request)
    if not hmac.compare_digest((given or "").encode(), visitor.form_token.encode()):
        raise UnauthorisedError(f"{FORM_FIELD}: this form is of another session; load the page again")


def check_origin(request: Request) -> None:
    """Raise :class:`UnauthorisedError` unless the browser says that a page of this site sends the request."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = (
        site == "same-origin" if site else origin and urlsplit(origin).netloc == request.headers.get("host")
    )
    if not same:
        raise UnauthorisedError("this request does not come from a page of this site")
