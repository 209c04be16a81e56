"""docs/api.md tells of every endpoint, every error code and every metric, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI

from api import bodies, intake, problems
from api.metrics import Metrics
from ledger.settings import Settings
from tests.api.conftest import Site

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_every_endpoint_is_told_of(still_site: Site) -> None:
    app = still_site.client.app
    assert isinstance(app, FastAPI)
    table = PAGE.read_text().split("## Keys")[0]
    for path in app.openapi()["paths"]:
        told = re.sub(r"\{\w+\}", "{}", path.replace("/log/{path}", "/log/<origin>/…"))
        assert told in re.sub(r"\{\w+\}", "{}", table), path


def test_the_codes_are_those_of_the_service() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert told == [(code, str(kind.status), kind.title) for code, kind in problems.KINDS.items()]


def test_the_metrics_are_those_of_the_service() -> None:
    told = set(re.findall(r"`(poolproof_\w+?)(?:\{[\w,]+\})?` \|", PAGE.read_text()))
    known = set()
    for family in Metrics().registry.collect():
        known.add(family.name + ("_total" if family.type == "counter" else ""))
    assert told == known


def test_the_limits_are_those_of_the_service() -> None:
    page = PAGE.read_text()
    assert Settings().max_request_bytes == 16 * 1024 * 1024
    assert "(16 MiB)" in page
    assert intake.CAPACITY == 2_000
    assert "two thousand" in page
    assert intake.MAX_BATCHES == 8
    assert "eight batches" in page
    assert bodies.BODY_SECONDS == 30
    assert "30 seconds" in page
