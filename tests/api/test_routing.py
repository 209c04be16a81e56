"""The table of routes finds what asking one route after the other finds, and calls as was declared."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Annotated

import pytest
from fastapi import Body, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match

from api.routes.health import health
from api.routing import Table
from tests.api.conftest import Site


def one_after_the_other(
    routes: Iterable[APIRoute], scope: dict[str, object]
) -> tuple[Match, APIRoute | None]:
    """What FastAPI would do."""
    partial = None
    for route in routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return match, route
        if match is Match.PARTIAL and partial is None:
            partial = route
    return (Match.FULL, None) if partial is None else (Match.PARTIAL, partial)


def asked(method: str, path: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


def route(path: str, *methods: str) -> APIRoute:
    return APIRoute(path, health, methods=list(methods or ["GET"]))


#: Words that meet each other: literal, parameter in the middle of a word, parameter of many words, the root.
ROUTES = [
    route(path, *methods.split())
    for path, methods in [
        ("/", "GET"), ("/{page}", "GET"), ("/v1/events", "POST"), ("/v1/events/{event}", "GET"),
        ("/v1/events/newest", "GET"), ("/v1/{noun}", "DELETE"), ("/v1/{noun}/{name}", "GET PUT"), ("/v1/events", "GET"),
        ("/{a}/events/{b}", "GET"), ("/log/{path:path}", "GET"), ("/v1", "GET"), ("/v1/claims/{a}/{b}.json", "GET"),
    ]
]  # fmt: skip
WORDS = ["", "v1", "events", "newest", "log", "claims", "a", "b.json", "{event}", "v1x", "%2F", "événement"]


@given(
    words=st.lists(st.sampled_from(WORDS), max_size=5),
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH"]),
    ends=st.sampled_from(["", "/"]),
)
def test_the_table_finds_the_same_route(words: list[str], method: str, ends: str) -> None:
    scope = asked(method, "/" + "/".join(words) + ends)
    match, found = Table(ROUTES).matches(scope)
    expected, by = one_after_the_other(ROUTES, scope)
    assert (match, found["route"]) == (expected, by)


def table_of(site: Site) -> Table:
    app = site.client.app
    assert isinstance(app, FastAPI)
    [table] = [one for one in app.router.routes if isinstance(one, Table)]
    return table


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_route_of_the_service_is_found(still_site: Site, method: str) -> None:
    table = table_of(still_site)
    routes = table.routes
    assert len(routes) > 100
    for one in routes:
        path = one.path_format.replace("{", "").replace("}", "")
        scope = asked(method, path)
        match, found = table.matches(scope)
        assert (match, found["route"]) == one_after_the_other(routes, scope)


def test_of_a_path_few_routes_are_asked(still_site: Site) -> None:
    table = table_of(still_site)
    assert len(table.under("/v1/events/e1/receipt")) <= 8
    assert max(len(table.under(one.path)) for one in table.routes) <= 20


def test_a_path_of_no_route_is_not_found(still_site: Site) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/events/", "//v1/events", "/v1/events/a/b/c"):
        answer = still_site.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = still_site.client.delete("/v1/events/e1", headers=still_site.auth())
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


# -- how a route comes by its arguments --------------------------------------------------------------------


def service(endpoint: Callable[..., object]) -> TestClient:
    """A service of one route, behind a table."""
    app = FastAPI()
    app.router.routes.append(Table([APIRoute("/things/{thing}", endpoint)]))
    return TestClient(app)


async def _length(request: Request, thing: str) -> int:
    return len(thing) + len(request.headers.getlist("x-more"))


async def _twice(length: Annotated[int, Depends(_length)]) -> int:
    return 2 * length


Thing = Annotated[str, Path(pattern="^[a-z]+$")]
Twice = Annotated[int, Depends(_twice)]
Limit = Annotated[int, Query(ge=1)]
IfNone = Annotated[str | None, Header()]


async def coroutine(thing: Thing, twice: Twice, *, limit: Limit = 7, if_none: IfNone = None) -> Response:
    return JSONResponse([thing, twice, limit, if_none])


def plain(thing: Thing, twice: Twice, *, limit: Limit = 7, if_none: IfNone = None) -> Response:
    with pytest.raises(RuntimeError):  # in a thread of its own, no event loop waits for it
        asyncio.get_running_loop()
    return JSONResponse([thing, twice, limit, if_none])


@pytest.mark.parametrize("endpoint", [coroutine, plain])
def test_arguments_are_what_was_declared(endpoint: Callable[..., object]) -> None:
    client = service(endpoint)
    assert client.get("/things/abc").json() == ["abc", 6, 7, None]
    assert client.get("/things/abc?limit=2&other=3").json() == ["abc", 6, 2, None]
    assert client.get("/things/abc?other=3").json() == ["abc", 6, 7, None]
    assert client.get("/things/abc", headers={"If-None": "x", "X-More": "1"}).json() == ["abc", 8, 7, "x"]


def test_every_parameter_that_is_wrong_is_told() -> None:
    answer = service(coroutine).get("/things/A?limit=0")
    assert answer.status_code == 422
    assert [one["loc"] for one in answer.json()["detail"]] == [["path", "thing"], ["query", "limit"]]

    async def needed(thing: Thing, limit: Limit, if_none: Annotated[str, Header()]) -> Response:
        return JSONResponse([thing, limit, if_none])

    client = service(needed)
    assert [one["loc"] for one in client.get("/things/a").json()["detail"]] == [
        ["query", "limit"],
        ["header", "if-none"],
    ]
    assert client.get("/things/a?limit=1", headers={"If-None": "x"}).json() == ["a", 1, "x"]


def test_what_a_route_cannot_have_is_refused_when_the_service_starts() -> None:
    def dependency() -> int:
        return 1

    def with_a_thread(one: Annotated[int, Depends(dependency)]) -> Response:
        return JSONResponse(one)

    def with_a_body(one: Annotated[dict[str, int], Body()]) -> Response:
        return JSONResponse(one)

    for endpoint, reason in ((with_a_thread, "a dependency is a coroutine"), (with_a_body, "reads bodies")):
        with pytest.raises(TypeError, match=reason):
            Table([APIRoute("/", endpoint)])
