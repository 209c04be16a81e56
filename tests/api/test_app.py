"""What holds for all routes of the service."""

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from api import app
from api.portal import routes as portal_routes

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant


def beneath(declared: "Dependant") -> Iterator["Dependant"]:
    for one in declared.dependencies:
        yield one
        yield from beneath(one)


def test_no_dependency_takes_a_thread() -> None:
    """FastAPI runs one that is no coroutine in a thread, which costs more than most of them do."""
    routers = [*(module.router for module in app._ROUTERS), *portal_routes.ROUTERS]
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    assert len(routes) > 100
    for route in routes:
        for one in beneath(route.dependant):
            called = getattr(one.call, "__call__", None)  # noqa: B004 - a dependency may be an object
            assert iscoroutinefunction(one.call) or iscoroutinefunction(called), (route.path, one.call)
