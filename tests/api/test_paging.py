"""Cursors: each leads on in its own list, and any other is refused before it reaches the store."""

from __future__ import annotations

import base64
import json

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from api import paging
from tests.api.conftest import Site


def cursor(*value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20) | st.integers(0, 2**53 - 1))
def test_a_cursor_leads_back_to_its_position(position: str | int) -> None:
    assert paging.after(cursor("list", position), "list", type(position)) == position


def test_no_cursor_is_the_first_page() -> None:
    assert paging.after(None, "list", str) is None


BAD = [
    "",
    "x",
    "%%%",
    "é",
    cursor("list", 1)[:-1],
    cursor("list", 1) + "=",
    cursor("list", 1) + "A",
    cursor("other", 1),
    cursor("list", "1"),
    cursor("list", -1),
    cursor("list", 2**53),
    cursor("list", 10**30),
    cursor("list", 1.0),
    cursor("list", True),
    cursor("list", None),
    cursor("list"),
    cursor("list", 1, 2),
    base64.urlsafe_b64encode(b'["list", 1]').rstrip(b"=").decode(),
]


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_cursor_of_this_list_is_refused(bad: str) -> None:
    with pytest.raises(RequestValidationError):
        paging.after(bad, "list", int)


@pytest.mark.parametrize("position", ["a\0b", "a\nb", "\ud800", 3])
def test_a_position_that_no_database_can_compare_with_is_refused(position: object) -> None:
    with pytest.raises(RequestValidationError):
        paging.after(cursor("list", position), "list", str)


def test_a_cursor_of_another_list_is_422_with_a_pointer(still_site: Site) -> None:
    answer = still_site.get(f"/v1/pools?cursor={cursor('pool.loans:P1', 'L1')}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"
    for limit in ("0", "1001", "x"):
        assert still_site.get(f"/v1/pools?limit={limit}").status_code == 422
