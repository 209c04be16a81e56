"""OpenAPI: an example for each operation, each of its schema; every answer documented; pages from here only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from api import openapi, problems, schemas
from api.app import create_app
from ledger.domain.events import read_submission
from ledger.settings import Settings
from tests.api.conftest import Site

MODELS = openapi.models_of(schemas)


#: What is served without a key: what everybody must be able to compare, and what operators watch.
PUBLIC = {
    "POST /v1/verify",
    "GET /v1/trust",
    "GET /v1/evidence/{size}",
    "GET /v1/checkpoints",
    "GET /v1/checkpoints/latest",
    "GET /v1/checkpoints/{size}",
    "GET /v1/registers",
    "GET /v1/registers/{size}",
    "GET /v1/anchors",
    "GET /v1/anchors/{size}",
    "GET /v1/proofs/inclusion",
    "GET /v1/proofs/consistency",
    "GET /log/{path}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /problems/{code}",
}


@pytest.fixture(scope="module")
def document(still_site: Site) -> dict[str, Any]:
    app = still_site.client.app
    assert isinstance(app, FastAPI)
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if "requestBody" in operation:
        for media_type, content in operation["requestBody"]["content"].items():
            yield "body", media_type, content
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            yield status, media_type, content


def test_every_example_is_of_its_schema(document: dict[str, Any]) -> None:
    checked = set()
    for name, operation in operations(document):
        for where, media_type, content in contents(operation):
            reference = content["schema"].get("$ref", "")
            if media_type == "text/event-stream":
                assert content["example"].keys() == content["schema"]["properties"].keys()
                data = content["schema"]["properties"]["data"]["contentSchema"]["$ref"].rpartition("/")[2]
                MODELS[data].model_validate_json(content["example"]["data"])
                continue
            if not reference:
                assert content["schema"] in ({"type": "string"}, {"type": "string", "format": "binary"}), name
                continue
            model = reference.removeprefix("#/components/schemas/")
            assert model in document["components"]["schemas"], (name, where, media_type)
            MODELS[model].model_validate_json(json.dumps(content["example"]))
            checked.add(model)
    assert checked == set(openapi.examples())


def test_every_operation_has_an_example_a_summary_and_a_description(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        shown = any(
            "example" in content for where, _, content in contents(operation) if where.startswith("2")
        )
        assert shown or "204" in operation["responses"], name
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                assert parameter["schema"].get("examples") or parameter.get("examples"), (
                    name,
                    parameter["name"],
                )


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    known = document["components"]["schemas"]
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert found <= set(known)
    assert "HTTPValidationError" not in known
    assert set(MODELS) <= set(known)


def test_errors_are_problems_and_nothing_else(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, media_type, content in contents(operation):
            if status.startswith(("4", "5")):
                assert media_type == problems.MEDIA_TYPE, (name, status)
                assert content["schema"]["$ref"].endswith("/Problem"), (name, status)
                assert content["example"]["status"] == int(status), (name, status)
        assert "500" in operation["responses"], name


def test_whoever_reads_a_body_tells_what_may_be_wrong_with_it(document: dict[str, Any]) -> None:
    """No JSON or cut off, too slow, too large, of another type, of another form."""
    for name, operation in operations(document):
        if "requestBody" in operation:
            assert {"400", "408", "413", "415", "422"} <= operation["responses"].keys(), name


def test_a_key_is_asked_for_where_parties_are_told_apart(document: dict[str, Any]) -> None:
    keyed = {
        name for name, operation in operations(document) if operation.get("security") == [{"api_key": []}]
    }
    assert {name for name, _ in operations(document)} - keyed == PUBLIC
    for name, operation in operations(document):
        for status in ("401", "403"):
            asked = name in keyed or {"api_key": []} in operation.get("security", [])
            assert (status in operation["responses"]) == asked, name


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_the_event_of_the_example_is_one() -> None:
    read_submission(json.dumps(openapi.examples()["Event"]), party="fenqile")


def test_the_document_is_served_and_no_page_that_loads_from_elsewhere(still_site: Site) -> None:
    answer = still_site.client.get("/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert still_site.client.get(path).status_code == 404


def test_every_answer_is_of_its_schema(small_site: Site) -> None:
    """The documents of a run, against the models: what the service says is what it documents."""
    from tests.api.make_examples import documents

    for name, found in documents(small_site).items():
        MODELS[name].model_validate_json(json.dumps(found))


def test_the_app_is_made_from_settings_and_a_ledger_alone(still_site: Site) -> None:
    assert create_app(Settings(), ledger=still_site.ledger).openapi()["info"]["title"] == "Poolproof"


def test_the_page_has_every_operation_and_loads_nothing_from_elsewhere(
    still_site: Site, document: dict[str, Any]
) -> None:
    page = still_site.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for _, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page.text
    assert "<script" not in page.text
    assert "`" not in re.sub(r"<pre.*?</pre>", "", page.text, flags=re.DOTALL), "names are set as code"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in loaded)
    [stylesheet] = [one for one in loaded if one.endswith(".css")]
    assert still_site.client.get(stylesheet).status_code == 200
