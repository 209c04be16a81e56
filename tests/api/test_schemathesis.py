"""What schemathesis makes of the OpenAPI document, sent with a key of each role: no fault of ours, no status and no
answer that the document does not have.

A few requests to each operation; the wide run, each role apart, is marked slow. No network: the service is called in
this process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ledger.access import Scope
from tests.api.book import ROLES, make_book
from tests.api.conftest import Site, new_key

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Names of the book, so that a good part of the requests finds something.
KNOWN: Final = {
    "loan": ["L1", "L3"],
    "claim": ["L1/c1", "L3/c1", "01" * 32],
    "pool": ["P1", "P2"],
    "event_id": ["d-L1", "o-L1"],
    "party": ["fenqile", "fund"],
    "size": [17, 19],
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("schema"))
    for party in ROLES:
        site.tokens[party] = new_key(site.ledger, party, *Scope)
    yield site
    site.ledger.store.close()


@pytest.fixture(scope="module")
def operations(book: Site) -> dict[str, Any]:
    """The operations of the document, by their ids."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", book.client.app)
    found = (result.ok() for result in schema.get_all_operations())
    return {one.definition.raw["operationId"]: one for one in found}


def attack(book: Site, operation: Any, parties: st.SearchStrategy[str], examples: int) -> Counter[int]:
    """Send what the document allows, some of it with names that there are, as one of these parties; the statuses."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), party=parties, known=st.booleans(), pick=st.integers(0, 5))
    def send(case: Any, party: str, known: bool, pick: int) -> None:
        for values in (case.path_parameters, case.query) if known else ():
            for name in set(values or ()) & set(KNOWN):
                values[name] = KNOWN[name][pick % len(KNOWN[name])]
        headers = {"Authorization": f"Bearer {book.tokens[party]}"}
        response = case.call(session=client, headers=headers)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    with asgi.get_client(book.client.app) as client:
        send()
    return statuses


def test_a_few_requests_to_each_operation(book: Site, operations: dict[str, Any]) -> None:
    statuses: Counter[int] = Counter()
    for operation in operations.values():
        statuses += attack(book, operation, st.sampled_from(sorted(ROLES)), 3)
    assert {200, 201, 404, 422} <= statuses.keys()
    assert 2 * statuses[200] > len(operations)  # not only refusals are looked at


@pytest.mark.slow
@pytest.mark.parametrize("party", sorted(ROLES))
def test_many_requests_to_each_operation_by_each_role(
    book: Site, operations: dict[str, Any], party: str
) -> None:
    for operation in operations.values():
        attack(book, operation, st.just(party), 40)
