"""Answers that are not signed documents: plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi.responses import Response


def as_json(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document as the body of an answer, with a newline at its end for those who read it in a terminal."""
    return Response(msgspec.json.encode(document) + b"\n", status, headers, media_type="application/json")
