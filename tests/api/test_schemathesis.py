"""What schemathesis makes of the OpenAPI document, sent with a key of each role: no fault of ours, no status and no
answer that the document does not have, and nothing accepted that the document forbids.

Two kinds of requests, each with data as the document has it and with data that it forbids:

- *coverage*: the bounds of each schema, one after the other, the same on each run. Each is sent with one role's key,
  which is the next one each time; in the wide run with each.
- *drawn*: from the whole of each schema, by Hypothesis from a fixed seed. To draw one costs many times what it costs to
  send it, so each is sent with the key of every role.

Half of the requests that the document allows are given names that the book has.

Every fault of an operation is gathered, each once, and told together: nothing is shrunk, since the first example says
enough. The wide run is marked slow; ``SCHEMATHESIS_DRAWN`` sets how many requests of either kind it draws for each
operation. No network: the service is called in this process.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.conftest import Site
from tests.api.contract_book import KNOWN, contract_book

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    allow_header_conformance,
]
#: Operations that answer any file with a verdict: nothing is refused there for what it says.
TAKES_ANYTHING: Final = {"POST /v1/verify"}
DRAWN = int(os.environ.get("SCHEMATHESIS_DRAWN", "25"))


@schemathesis.serializer("application/x-ndjson")
def _lines(_context: Any, value: Any) -> bytes:
    """What schemathesis cannot know: a batch is text that says itself where its lines end."""
    return value.encode("utf-8", "backslashreplace") if isinstance(value, str) else json.dumps(value).encode()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = contract_book(tmp_path_factory.mktemp("schema"))
    yield site
    site.ledger.store.close()


@pytest.fixture(scope="module")
def operations(book: Site) -> list[Any]:
    """The operations of the document; those that take something away come last, and leave the others their names."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", book.client.app)
    # The key is ours to send; what happens without one is told by the tests of who may do what.
    schema.config.generation.update(with_security_parameters=False)
    found = [result.ok() for result in schema.get_all_operations()]
    return sorted(found, key=lambda one: one.method.lower() == "delete")


@dataclass
class Survey:
    """What was sent and what came of it."""

    site: Site
    client: Any
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def send(self, case: Any, callers: Sequence[str]) -> None:
        """Send one request in the name of each of these callers."""
        label = case.operation.label
        # A batch whose faults are reported line by line is taken, too, whatever its lines are.
        anything = label in TAKES_ANYTHING or (case.query or {}).get("on_error") == "report"
        without = [negative_data_rejection] if anything else []
        for caller in callers:
            response = case.call(session=self.client, headers=self.site.auth(caller))
            self.statuses[label, response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS, excluded_checks=without)
            except FailureGroup as group:
                for failure in group.exceptions:
                    assert isinstance(failure, Failure)
                    place = (label, failure.title, response.status_code)
                    self.faults.setdefault(place, f"as {caller}: {group}")

    def coverage(self, operation: Any, rounds: Iterator[Sequence[str]]) -> None:
        """The bounds of an operation's schema, each sent with the callers of the next round."""
        schema = operation.schema
        cases = schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=operation),
        )
        for number, case in enumerate(cases):
            if case.meta.generation.mode.is_positive and number % 2 == 0:
                give_names(case, number // 2)
            self.send(case, next(rounds))

    def drawn(self, operation: Any, mode: GenerationMode, callers: Sequence[str], examples: int) -> None:
        """Requests from the whole of an operation's schema."""

        @settings(
            max_examples=examples,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans(), pick=st.integers(0, 11))
        def draw(case: Any, known: bool, pick: int) -> None:
            if known and mode is GenerationMode.POSITIVE:
                give_names(case, pick)
            self.send(case, callers)

        # Where a document forbids nothing, nothing forbidden can be drawn.
        with suppress(Unsatisfiable):
            draw()

    def told(self) -> str:
        """The faults, each with its first example."""
        return "\n\n".join(f"{place}\n{example}" for place, example in sorted(self.faults.items()))


def give_names(case: Any, pick: int) -> None:
    """Put names that the book has into a request."""
    for values in (case.path_parameters, case.query):
        for name in set(values or ()) & set(KNOWN):
            values[name] = KNOWN[name][pick % len(KNOWN[name])]


@pytest.fixture
def survey(book: Site) -> Iterator[Survey]:
    with asgi.get_client(book.client.app) as client:
        client.trust_env = False  # no proxy is on the way, and to look for one takes a tenth of the time
        yield Survey(book, client)


@pytest.mark.timeout(900)
def test_the_bounds_of_each_operation(book: Site, operations: list[Any], survey: Survey) -> None:
    rounds = cycle([[caller] for caller in sorted(book.tokens)])
    for operation in operations:
        survey.coverage(operation, rounds)
    assert not survey.faults, survey.told()
    answered = {label for label, status in survey.statuses if status < 300}
    assert 2 * len(answered) > len(operations), sorted({one.label for one in operations} - answered)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_requests_to_each_operation_by_each_role(
    book: Site, operations: list[Any], survey: Survey
) -> None:
    callers = sorted(book.tokens)
    for operation in operations:
        survey.coverage(operation, cycle([callers]))
        for mode in GenerationMode:
            survey.drawn(operation, mode, callers, DRAWN)
    assert not survey.faults, survey.told()
    answered = {label for label, status in survey.statuses if status < 300}
    # Some need a contract on a chain, or a body that nobody draws: a signed attestation, a form of a tape.
    assert 5 * len(answered) > 4 * len(operations), sorted({one.label for one in operations} - answered)
