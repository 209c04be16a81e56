"""What a caller would rather have, of what there is."""

from __future__ import annotations

import pytest

from api.accept import best

OFFERED = ("text/plain", "text/html", "application/json")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/*", "text/plain"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("Application/JSON ; q=0.5, text/plain;q=0.4", "application/json"),
        ("application/*, text/*;q=0.5", "application/json"),
        ("text/html;q=0, */*", "text/plain"),
        ("text/plain;q=0, */*", "text/html"),
        ("text/html;level=1;q=0.7, application/json;q=0.6", "text/html"),
        ("image/png", "text/plain"),
        ("text/html;q=x, application/json;q=0.1", "application/json"),
        ("application/json;q=9, text/html", "text/html"),
        (",,;,", "text/plain"),
    ],
)
def test_what_is_liked_best(header: str, chosen: str) -> None:
    assert best(header, OFFERED) == chosen
