"""Pages that manage keys, grants, people and webhooks. Whatever changes something comes from a form of this session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from api import sessions
from api.portal.forms import read_form
from api.portal.models import admin
from api.portal.pages import Crumb, render
from api.portal.viewer import Reader, SignedIn
from api.portal.words import Words
from api.services import Here, Services
from ledger import access
from ledger.access import Scope
from ledger.domain.calendar import format_instant
from ledger.errors import NotFoundError, PoolproofError, RefusedError, UnauthorisedError
from ledger.settings import networks
from ledger.store import access as stored
from ledger.store import keys, logs
from ledger.store.keys import Bounds
from ledger.webhooks.kinds import KINDS

router = APIRouter(include_in_schema=False)

ADMIN: Final = "/admin"
_MAX_DAYS: Final = 3_650
WebhookId = Annotated[str, Path(pattern="^hook_[0-9a-f]{16}$")]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


async def _manager(viewer: SignedIn) -> Reader:
    if Scope.ADMIN not in viewer.caller.scopes:
        raise UnauthorisedError("this key is not for admin; `poolproof party key` makes keys")
    return viewer


Manager = Annotated[Reader, Depends(_manager)]


@router.get(ADMIN)
def page(request: Request, here: Here, viewer: Manager) -> Response:
    """Keys and webhooks; and for an operator parties, grants and people."""
    return _page(request, here, viewer)


@router.post(f"{ADMIN}/{{action}}")
async def act(request: Request, here: Here, viewer: Manager, action: str) -> Response:
    """One change, and the page again: with what must be shown once, or with why it was refused."""
    form = await _form(request, viewer)
    work = _ACTIONS.get(action)
    if work is None:
        raise NotFoundError("no such action")
    if work in _FOR_OPERATORS and not viewer.caller.operates:
        raise UnauthorisedError("only an operator of the log does this")
    try:
        shown = await run_in_threadpool(work, here, viewer, form)
    except PoolproofError as error:
        if isinstance(error, UnauthorisedError):
            raise
        return _page(request, here, viewer, problem=str(error), status=422)
    return RedirectResponse(ADMIN, 303) if shown is None else _page(request, here, viewer, shown=shown)


@router.get(f"{ADMIN}/reads")
def read_list(
    request: Request,
    here: Here,
    viewer: Manager,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    loan: Annotated[str, Query(pattern=r"^[A-Za-z0-9._:-]{0,64}$")] = "",
) -> Response:
    """Who read what of which loan."""
    found = admin.reads(here.ledger, viewer.caller, before=before, loan=loan)
    return render(request, "reads.html", viewer, page=found, loan=loan, crumbs=_crumbs(viewer, "admin.reads"))


@router.get(f"{ADMIN}/webhooks/{{webhook_id}}")
def webhook_page(request: Request, here: Here, viewer: Manager, webhook_id: WebhookId) -> Response:
    """A webhook, and what was sent to it."""
    return _webhook(request, here, viewer, webhook_id)


@router.post(f"{ADMIN}/webhooks/{{webhook_id}}/{{action}}")
async def change_webhook(
    request: Request, here: Here, viewer: Manager, webhook_id: WebhookId, action: str
) -> Response:
    """Enable, disable, try out, give a new secret, remove, or send a message once more."""
    form = await _form(request, viewer)
    whose = _whose(viewer)
    hooks = here.webhooks
    try:
        if action == "remove":
            await run_in_threadpool(lambda: hooks.remove(webhook_id, party=whose))
            return RedirectResponse(ADMIN, 303)
        if action == "rotate":
            made = await run_in_threadpool(lambda: hooks.rotate(webhook_id, party=whose))
            return _webhook(request, here, viewer, webhook_id, secret=made.secret)
        if action in {"enable", "disable"}:
            await run_in_threadpool(lambda: hooks.change(webhook_id, party=whose, enabled=action == "enable"))
        elif action == "ping":
            await run_in_threadpool(lambda: hooks.ping(webhook_id, party=whose))
        elif action == "replay" and form.get("delivery", "").isdecimal():
            await run_in_threadpool(lambda: hooks.replay(webhook_id, int(form["delivery"]), party=whose))
        else:
            raise NotFoundError("no such action")
    except RefusedError as error:
        return _webhook(request, here, viewer, webhook_id, problem=str(error), status=422)
    return RedirectResponse(f"{ADMIN}/webhooks/{webhook_id}", 303)


# -- actions -----------------------------------------------------------------------------------------------

#: What is shown this once: the key of its text, and the secret.
Shown = tuple[str, str] | None


def _make_key(here: Services, viewer: Reader, form: dict[str, str]) -> Shown:
    now, caller = here.ledger.clock(), viewer.caller
    party = form.get("party") or caller.party
    if party != caller.party and not caller.operates:
        raise UnauthorisedError(f"you manage the keys of {caller.party}")
    scopes = access.parse_scopes(scope for scope in Scope if form.get(f"scope_{scope}"))
    if not scopes:
        raise RefusedError("scope", "a key is for something: choose at least one")
    days = _days(form.get("days", ""))
    wanted = Bounds(
        scopes=frozenset(one.value for one in scopes),
        expires=None if days is None else format_instant(now + timedelta(days=days)),
        networks=tuple(str(one) for one in networks(form.get("networks", ""), "networks")),
    )
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        own = Bounds(scopes=frozenset(one.value for one in caller.scopes))
        if caller.key_id is not None:
            own = keys.get(connection, log_id, caller.key_id).bounds
        allowed = access.delegated(own, wanted)
        token = keys.create(connection, log_id, party, created=format_instant(now), bounds=allowed)
    return "admin.key_made", token


def _revoke_key(here: Services, viewer: Reader, form: dict[str, str]) -> Shown:
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        found = keys.get(connection, log_id, form.get("key", ""))
        if not viewer.caller.operates and found.party != viewer.caller.party:
            raise NotFoundError(f"no API key {found.id!r} of this log")
        keys.revoke(connection, log_id, found.id, revoked=format_instant(here.ledger.clock()))
    return None


def _grant(here: Services, _viewer: Reader, form: dict[str, str]) -> Shown:
    target = access.check_target(form.get("target", "").strip())
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        stored.grant(
            connection, log_id, form.get("party", ""), target, given=format_instant(here.ledger.clock())
        )
    return None


def _withdraw(here: Services, _viewer: Reader, form: dict[str, str]) -> Shown:
    with here.ledger.store.write() as connection:
        log_id = logs.get(connection, here.ledger.origin).id
        stored.withdraw(connection, log_id, form.get("party", ""), form.get("target", ""))
    return None


def _let_in(here: Services, _viewer: Reader, form: dict[str, str]) -> Shown:
    subject, name = form.get("subject", "").strip(), form.get("name", "").strip()
    if not subject or not name:
        raise RefusedError("subject", "both the person's `sub` at the provider and a name are needed")
    added = format_instant(here.ledger.clock())
    person = stored.Person(
        subject=subject,
        name=name,
        party=form.get("party", ""),
        scopes=frozenset({"read", "audit"}),
        added=added,
    )
    with here.ledger.store.write() as connection:
        stored.put_person(connection, logs.get(connection, here.ledger.origin).id, person)
    return None


def _dismiss(here: Services, _viewer: Reader, form: dict[str, str]) -> Shown:
    with here.ledger.store.write() as connection:
        stored.remove_person(connection, logs.get(connection, here.ledger.origin).id, form.get("subject", ""))
    return None


def _add_webhook(here: Services, viewer: Reader, form: dict[str, str]) -> Shown:
    types = [kind for kind in KINDS if form.get(f"type_{kind}")]
    made = here.webhooks.add(viewer.caller.party, form.get("url", "").strip(), types)
    return "admin.webhook_made", made.secret


_ACTIONS: Final[dict[str, Callable[[Services, Reader, dict[str, str]], Shown]]] = {
    "make-key": _make_key,
    "revoke-key": _revoke_key,
    "grant": _grant,
    "withdraw": _withdraw,
    "let-in": _let_in,
    "dismiss": _dismiss,
    "add-webhook": _add_webhook,
}
_FOR_OPERATORS: Final = frozenset({_grant, _withdraw, _let_in, _dismiss})


# -- pages -------------------------------------------------------------------------------------------------


def _page(
    request: Request, here: Services, viewer: Reader, *,
    shown: Shown = None, problem: str | None = None, status: int = 200,
) -> Response:  # fmt: skip
    return render(
        request, "admin.html", viewer, status=status, page=admin.administration(here.ledger, viewer.caller),
        webhooks=here.webhooks.list(_whose(viewer)), kinds=tuple(KINDS), scopes=tuple(Scope), shown=shown,
        problem=problem,
    )  # fmt: skip


def _webhook(request: Request, here: Services, viewer: Reader, webhook_id: str, **told: Any) -> Response:
    whose = _whose(viewer)
    row = here.webhooks.get(webhook_id, party=whose)
    sent = here.webhooks.deliveries(webhook_id, party=whose)
    values: dict[str, Any] = {"secret": None, "problem": None, "status": 200} | told
    return render(
        request, "webhook.html", viewer, row=row, sent=sent, crumbs=_crumbs(viewer, "admin.webhook"), **values
    )


async def _form(request: Request, viewer: Reader) -> dict[str, str]:
    """The form, once it is shown to be ours."""
    form = await read_form(request)
    assert viewer.visitor is not None
    sessions.check_form(request, viewer.visitor, form.get(sessions.FORM_FIELD))
    return form


def _whose(viewer: Reader) -> str | None:
    """The party that a webhook must be of; None: any."""
    return None if viewer.caller.operates else viewer.caller.party


def _days(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text[:5]) <= _MAX_DAYS:
        raise RefusedError("days", f"from 1 to {_MAX_DAYS}")
    return int(text)


def _crumbs(viewer: Reader, key: str) -> tuple[Crumb, ...]:
    words = Words(viewer.language)
    return (Crumb(words.t("nav.admin"), ADMIN), Crumb(words.t(key)))
