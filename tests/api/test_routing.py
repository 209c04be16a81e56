"""The table of routes finds what asking one route after the other finds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match

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
    return APIRoute(path, lambda: None, methods=list(methods or ["GET"]))


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
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
