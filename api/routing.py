"""Which route answers a path, and how it comes by its arguments: FastAPI's declarations, worked off with less work.

FastAPI asks each route in turn whether its pattern fits. Of the hundred and some routes of this service the last was
found after 0.4 ms of CPU, more than all the rest of a small answer. A :class:`Table` asks only the routes that begin
with the same words as the path, in the order in which they were declared, so that the one that is found is the same.

For each request FastAPI also opens what dependencies might have to close, looks at every parameter's type again, and
keeps what several dependencies might share. Ours close and share nothing: a :class:`Call` reads once how a route is
called, and then calls it. What it cannot do it refuses when the service starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from starlette.types import Receive, Scope, Send

#: Words of a path that are looked at: `/v1/events`; behind them at most a dozen routes are left.
_WORDS: Final = 2
_Key = tuple[str, ...]


class Call:
    """How a function is called for a request: with the answers of its dependencies, the request, and its parameters."""

    def __init__(self, declared: Dependant) -> None:
        assert declared.call is not None
        self._function = declared.call
        self._waits = iscoroutinefunction(declared.call) or iscoroutinefunction(
            getattr(declared.call, "__call__", None)  # noqa: B004 - a dependency may be an object
        )
        self._dependencies = [(str(one.name), Call(one)) for one in declared.dependencies]
        self._request = declared.request_param_name
        self._path, self._query = declared.path_params, declared.query_params
        self._headers = declared.header_params
        #: What the parameters of query and headers are where none is given: the common case costs no look at each.
        self._without_query, self._without_headers = _defaults(self._query), _defaults(self._headers)
        if declared.body_params or declared.cookie_params or declared.background_tasks_param_name:
            raise TypeError(
                f"{self._function}: a route reads bodies and cookies itself, and begins its own tasks"
            )
        for _, one in self._dependencies:
            if not one._waits:
                raise TypeError(
                    f"{one._function}: a dependency is a coroutine; a thread for each would cost more"
                )

    async def answer(self, request: Request) -> Any:
        """What the function answers; one that is no coroutine runs in a thread."""
        arguments = await self._arguments(request)
        if self._waits:
            return await self._function(**arguments)
        return await run_in_threadpool(self._function, **arguments)

    async def _arguments(self, request: Request) -> dict[str, Any]:
        """The arguments for one request. Raises :class:`RequestValidationError`, and what a dependency raises."""
        found: dict[str, Any] = {}
        for name, one in self._dependencies:
            found[name] = await one.answer(request)
        if self._request is not None:
            found[self._request] = request
        errors: list[Any] = []
        if self._path:
            _read(self._path, request.path_params, found, errors)
        if self._without_query is not None and not request.scope["query_string"]:
            found |= self._without_query
        else:
            _read(self._query, request.query_params, found, errors)
        headers = request.headers
        if self._without_headers is not None and not any(one.alias in headers for one in self._headers):
            found |= self._without_headers
        else:
            _read(self._headers, headers, found, errors)
        if errors:
            raise RequestValidationError(errors)
        return found


class Table(BaseRoute):
    """Stands for all ``routes`` and answers every path: by the route that it belongs to, or with 404 or 405."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self.routes = tuple(routes)
        self._calls = {id(route): Call(route.dependant) for route in self.routes}
        beginnings = [(_beginning(route.path), route) for route in self.routes]
        #: What may answer a path that begins with these words, those with a parameter in their place too.
        self._under: dict[_Key, list[APIRoute]] = {
            key: [route for words, route in beginnings if words == key[: len(words)]]
            for key in {(), *(words[:length] for words, _ in beginnings for length in (1, 2))}
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The route of this path and method; with ``Match.PARTIAL`` one of the path alone."""
        if scope["type"] != "http":
            return Match.NONE, {}
        partial: Scope | None = None
        for route in self.under(scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, found
            if match is Match.PARTIAL and partial is None:
                partial = found
        return (Match.FULL, {"route": None}) if partial is None else (Match.PARTIAL, partial)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route that :meth:`matches` found."""
        route: APIRoute | None = scope["route"]
        if route is None:
            raise HTTPException(404)
        if scope["method"] not in (route.methods or ()):
            raise HTTPException(405, headers={"Allow": self._allowed(scope)})
        response = await self._calls[id(route)].answer(Request(scope, receive, send))
        await response(scope, receive, send)

    def under(self, path: str) -> list[APIRoute]:
        """The routes that may be a path's, in their order."""
        words = tuple(path.split("/", _WORDS + 1)[1 : _WORDS + 1])
        while words not in self._under:
            words = words[:-1]
        return self._under[words]

    def _allowed(self, scope: Scope) -> str:
        """The methods of a path, of which several routes may answer one each."""
        here = (route for route in self.under(scope["path"]) if route.matches(scope)[0] is not Match.NONE)
        methods = {method for route in here for method in route.methods or ()}
        # HEAD is answered wherever GET is (api.conditional).
        return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _defaults(fields: Sequence[Any]) -> dict[str, Any] | None:
    """The values of parameters that are not given; None where one must be."""
    if any(field.field_info.is_required() for field in fields):
        return None
    return {field.name: field.get_default() for field in fields}


def _read(fields: Sequence[Any], given: Mapping[str, Any], found: dict[str, Any], errors: list[Any]) -> None:
    """Add the values of these parameters to ``found``, or what is wrong with them to ``errors``."""
    values, wrong = request_params_to_args(fields, given)
    found |= values
    errors += wrong


def _beginning(path: str) -> _Key:
    """The first words of a route's path, up to its first parameter."""
    words: list[str] = []
    for word in path.split("/")[1 : _WORDS + 1]:
        if "{" in word:
            break
        words.append(word)
    return tuple(words)
