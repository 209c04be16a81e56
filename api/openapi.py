"""What OpenAPI says about each operation: its answers, an example of each, and the problems it can end in."""

from __future__ import annotations

import inspect
import json
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import problems

_REF = "#/components/schemas/"


@cache
def examples() -> dict[str, Any]:
    """Documents of a real run by schema name; ``tests/api`` holds them to the schemas."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
    return loaded


def answer(model: type[BaseModel], description: str, media_type: str = "application/json") -> dict[str, Any]:
    """A documented answer with its schema and example."""
    name = model.__name__
    content = {"schema": {"$ref": _REF + name}, "example": examples()[name]}
    return {"description": description, "content": {media_type: content}}


def text(description: str, media_type: str, example: str) -> dict[str, Any]:
    """A documented answer that is no JSON."""
    content = {"schema": {"type": "string"}, "example": example}
    return {"description": description, "content": {media_type: content}}


def either(*answers: dict[str, Any]) -> dict[str, Any]:
    """One documented answer in several forms, described as the first."""
    content = {media_type: form for one in answers for media_type, form in one["content"].items()}
    return {"description": answers[0]["description"], "content": content}


def event_stream(description: str, model: type[BaseModel], *names: str) -> dict[str, Any]:
    """A documented stream of server-sent events, whose data is a JSON document; the schema is that of one event."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": _REF + model.__name__},
    }
    properties = {"id": {"type": "string"}, "event": {"type": "string", "enum": list(names)}, "data": data}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    shown = {"id": "9", "event": names[-1], "data": json.dumps(examples()[model.__name__])}
    return {
        "description": description,
        "content": {"text/event-stream": {"schema": schema, "example": shown}},
    }


def body(content: dict[str, tuple[type[BaseModel] | None, Any]], description: str) -> dict[str, Any]:
    """The request body of an operation that reads it itself, by media type."""
    described: dict[str, Any] = {}
    for media_type, (model, example) in content.items():
        schema = {"type": "string"} if model is None else {"$ref": _REF + model.__name__}
        described[media_type] = {"schema": schema, "example": example}
    return {"requestBody": {"required": True, "description": description, "content": described}}


def responses(answers: dict[int | str, dict[str, Any]], *codes: str) -> dict[int | str, dict[str, Any]]:
    """The answers of an operation, and the problems that it can end in besides a fault of the service."""
    by_status = dict(answers)
    # Whoever shows a key may show it too often.
    limited = ("too_many_requests",) if "unauthenticated" in codes else ()
    for code in (*codes, *limited, "internal"):
        kind = problems.KINDS[code]
        shown = examples()["Problem"] if code == "taken" else problems.body(code, kind.meaning)
        content = {"schema": {"$ref": _REF + "Problem"}, "example": shown}
        first = by_status.setdefault(
            kind.status, {"description": kind.title, "content": {problems.MEDIA_TYPE: content}}
        )
        if first["description"] != kind.title:
            first["description"] += f"; {kind.title}"
    return by_status


def models_of(package: ModuleType) -> dict[str, type[BaseModel]]:
    """The models that a package and its modules define, by name."""
    modules = [import_module(f"{package.__name__}.{one.name}") for one in iter_modules(package.__path__)]
    return {
        name: model
        for module in (package, *modules)
        for name, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel) and model.__module__ == module.__name__
    }


def schemas_of(package: ModuleType) -> dict[str, Any]:
    """JSON Schema of every model of a package, as components of OpenAPI."""
    wanted = [(model, "serialization") for model in models_of(package).values()]
    _, document = models_json_schema(wanted, ref_template=_REF + "{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = document["$defs"]
    return definitions


def correct(method: str, operation: dict[str, Any]) -> None:
    """Undo what FastAPI does to every operation, and tell of what :mod:`api.conditional` does to reading ones.

    It drops members that are null from examples, and adds a 422 of its own shape wherever there is a parameter.
    """
    _tell_of_304(method, operation["responses"])
    described = [operation.get("requestBody", {})]
    described += [answer for status, answer in operation["responses"].items() if status < "4"]
    for content in (content for one in described for content in one.get("content", {}).values()):
        name = content["schema"].get("$ref", "").removeprefix(_REF)
        if name:
            content["example"] = examples()[name]
    default = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
    if default.get("schema", {}).get("$ref") == _REF + "HTTPValidationError":
        del operation["responses"]["422"]


def _tell_of_304(method: str, responses: dict[str, Any]) -> None:
    streamed = "text/event-stream" in responses.get("200", {}).get("content", {})
    if method == "get" and "200" in responses and not streamed:
        responses["200"]["headers"] = {"ETag": {"schema": {"type": "string"}}}
        responses["304"] = {"description": "`If-None-Match` names the `ETag` that it has: nothing is sent"}
