"""The OpenAPI document as a page, made here and loading nothing but the portal's stylesheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.portal import formats

#: Longer examples are cut: the page shows the form, `/openapi.json` has all of it.
_MOST = 4_000


def page(document: dict[str, Any], *, stylesheet: str, icon: str) -> str:
    """Every operation with its parameters, bodies, answers and examples."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["code"] = formats.code
    template = environment.get_template("reference.html")
    operations = list(_operations(document))
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in operations:
        groups.setdefault(one["tag"], []).append(one)
    return template.render(
        info=document["info"], operations=operations, groups=groups, stylesheet=stylesheet, icon=icon
    )


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield {
                "id": one["operationId"],
                "tag": one["tags"][0],
                "method": method.upper(),
                "path": path,
                "summary": one["summary"],
                "description": one["description"],
                "keyed": "security" in one,
                "parameters": [{"description": "", "required": False} | p for p in one.get("parameters", [])],
                "bodies": _contents(one.get("requestBody", {})),
                "answers": [
                    {"status": status, "description": answer["description"], "contents": _contents(answer)}
                    for status, answer in sorted(one["responses"].items())
                ],
            }


def _contents(described: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (media_type, _shown(content.get("example", "")))
        for media_type, content in described.get("content", {}).items()
    ]


def _shown(example: Any) -> str:
    text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=1)
    return text if len(text) <= _MOST else text[:_MOST] + "\n…"
