"""One error shape, over every endpoint and every way to go wrong."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import structlog.testing
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from api import problems, schemas
from api.schemas import Problem
from ledger import errors
from ledger.errors import PoolproofError, UnavailableError
from ledger.settings import Settings
from tests.api.conftest import ORIGIN, PROBLEM, Site

#: A request to each endpoint that cannot succeed, and the status that it ends with.
WRONG = [
    ("GET", "/v1/events/none", 404),
    ("GET", "/v1/events/none/acceptance", 404),
    ("GET", "/v1/events/none/receipt", 404),
    ("GET", "/v1/events/" + "x" * 65, 422),
    ("GET", "/v1/events/a%00b", 422),
    ("GET", "/v1/loans/none", 404),
    ("GET", "/v1/loans/a%2Fb", 404),
    ("GET", "/v1/loans/none/receipts", 404),
    ("GET", "/v1/claims/none/c1", 404),
    ("GET", "/v1/claims/" + "ff" * 32, 404),
    ("GET", "/v1/claims/none", 422),
    ("GET", "/v1/pools?limit=0", 422),
    ("GET", "/v1/pools?cursor=x", 422),
    ("GET", "/v1/pools/none", 404),
    ("GET", "/v1/pools/none/loans", 404),
    ("GET", "/v1/pools/none/receipts", 404),
    ("GET", "/v1/pools/none/receipts?since=-1", 422),
    ("GET", "/v1/pools/none/seals", 404),
    ("GET", "/v1/pools/none/attestations", 404),
    ("GET", "/v1/pools/none/attestations?signer=0x07", 422),
    ("POST", "/v1/pools/none/attestations", 415),
    ("GET", "/v1/pools/none/attestations/" + "5d" * 32, 404),
    ("GET", "/v1/pools/none/attestations/5d", 422),
    ("GET", "/v1/pools/none/analytics", 404),
    ("GET", "/v1/pools/none/findings", 404),
    ("GET", "/v1/pools/none/breaks", 404),
    ("GET", "/v1/pools/none/breaks?as_of=2999-01-01", 422),
    ("GET", "/v1/pools/none/tapes", 404),
    ("GET", "/v1/pools/%E6%B1%A0", 422),
    ("GET", "/v1/mirror/registers?after=-1", 422),
    ("GET", "/v1/mirror/registers/7/pages", 404),
    ("GET", "/v1/mirror/pools/none?size=7", 404),
    ("GET", "/v1/mirror/pools/none/records?size=7&start=0&stop=7", 404),
    ("GET", "/v1/mirror/pools/none/claims?size=7", 404),
    ("GET", "/v1/mirror/pools/none/settlements?size=7&start=0&stop=7", 404),
    ("GET", "/v1/proofs/inclusion", 422),
    ("GET", "/v1/proofs/inclusion?index=0", 404),
    ("GET", "/v1/proofs/consistency?first=1", 404),
    ("GET", "/v1/proofs/presence/none/c1", 404),
    ("GET", "/v1/proofs/absence/" + "ff" * 32, 404),
    ("GET", "/v1/proofs/seal/none/L1/c1", 404),
    ("GET", "/v1/checkpoints?limit=x", 422),
    ("GET", "/v1/checkpoints/7", 404),
    ("GET", "/v1/registers?limit=x", 422),
    ("GET", "/v1/registers/7", 404),
    ("GET", "/v1/anchors?limit=x", 422),
    ("GET", "/v1/anchors/7", 404),
    ("GET", "/v1/parties?limit=0", 422),
    ("GET", "/v1/keys", 403),
    ("POST", "/v1/keys", 403),
    ("GET", "/v1/keys/0123456789abcdef", 403),
    ("DELETE", "/v1/keys/0123456789abcdef", 403),
    ("GET", "/v1/grants", 403),
    ("PUT", "/v1/grants/bank/log", 403),
    ("DELETE", "/v1/grants/bank/log", 403),
    ("GET", "/v1/reads", 403),
    ("POST", "/v1/events", 415),
    ("POST", "/v1/events?on_error=ignore", 422),
    ("GET", "/v1/webhooks", 403),
    ("GET", "/v1/webhooks/hook_0000000000000000", 403),
    ("POST", "/v1/webhooks/hook_0000000000000000/rotate", 403),
    ("POST", "/v1/webhooks/hook_0000000000000000/test", 403),
    ("GET", "/v1/webhooks/hook_0000000000000000/deliveries", 403),
    ("POST", "/v1/webhooks/hook_0000000000000000/deliveries/1/replay", 403),
    ("PUT", "/v1/webhooks", 405),
    ("GET", "/v1/jobs/events_" + "0" * 24, 404),
    ("GET", "/v1/jobs/events_1", 422),
    ("GET", "/v1/jobs/events_" + "0" * 24 + "/report", 404),
    ("GET", "/v1/jobs/tape_" + "0" * 24 + "/reconciliation", 404),
    ("GET", "/v1/jobs/events_" + "0" * 24 + "/reconciliation", 422),
    ("POST", "/v1/pools/none/tapes", 404),
    ("POST", "/v1/pools/none/tapes?private=perhaps", 422),
    ("POST", "/v1/audits", 415),
    ("GET", "/v1/audits?pool=none", 404),
    ("GET", "/v1/audits/audit_" + "0" * 24, 404),
    ("GET", "/v1/audits/audit_" + "0" * 24 + "/events", 404),
    ("GET", "/v1/audits/audit_" + "0" * 24 + "/report", 404),
    ("GET", "/v1/audits/compare?first=audit_" + "0" * 24, 422),
    ("POST", "/v1/verify", 415),
    ("POST", "/v1/verify?require=certain", 422),
    ("GET", "/v1/evidence/7", 404),
    ("GET", "/v1/evidence/0", 422),
    ("GET", "/v1/evidence/seven", 422),
    ("GET", "/v1/evidence/" + "9" * 400, 422),
    ("GET", "/v1/checkpoints/latest", 404),
    ("GET", f"/log/{ORIGIN}/checkpoint", 404),
    ("GET", f"/log/{ORIGIN}/tile/0/000", 404),
    ("GET", "/log/other.example/log/checkpoint", 404),
    ("GET", "/problems/none", 404),
    ("GET", "/nowhere", 404),
    ("GET", "/v1/trust/", 404),
    ("DELETE", "/v1/events", 405),
    ("POST", "/v1/trust", 405),
    ("PUT", "/healthz", 405),
    ("POST", "/readyz", 405),
    ("POST", "/metrics", 405),
    ("TRACE", "/v1/verify", 405),
]


def check(answer: Any, status: int) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    assert problem.type == f"/problems/{problem.code}"
    assert problem.title == problems.KINDS[problem.code].title
    assert problem.detail
    assert problem.instance == f"urn:poolproof:request:{answer.headers['x-request-id']}"
    return problem


@pytest.mark.parametrize(("method", "path", "status"), WRONG)
def test_every_error_has_the_one_shape(still_site: Site, method: str, path: str, status: int) -> None:
    check(still_site.client.request(method, path, headers=still_site.auth()), status)


def test_every_endpoint_is_tried(still_site: Site) -> None:
    app = still_site.client.app
    assert isinstance(app, FastAPI)
    for path in app.openapi()["paths"]:
        if path in {"/healthz", "/readyz", "/metrics", "/v1/trust"}:
            continue  # they have no wrong request but a wrong method, which stands above
        pattern = re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(path)) + r"(\?.*)?")
        assert any(pattern.fullmatch(tried) for _, tried, _ in WRONG), path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/events", "POST"),
        ("PATCH", "/v1/keys", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/keys/0123456789abcdef", "DELETE, GET, HEAD"),
        ("PUT", "/v1/webhooks/hook_0123456789abcdef", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/pools", "GET, HEAD"),
    ],
)
def test_405_says_what_is_allowed(still_site: Site, method: str, path: str, allowed: str) -> None:
    """All methods of the resource, whichever of its routes was asked; a page says it as well as a problem."""
    for accept in ("application/json", "text/html"):
        answer = still_site.client.request(method, path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_422_points_at_each_parameter(still_site: Site) -> None:
    problem = check(still_site.client.post("/v1/events?on_error=ignore", headers=still_site.auth()), 422)
    assert problem.code == "invalid_request"
    assert problem.errors is not None
    assert problem.errors[0].pointer == "/query/on_error"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("a secret of the house"), 500),
        (errors.IntegrityError("tile 0/1 is missing"), 500),
        (errors.ConfigurationError("/etc/poolproof/kek"), 500),
        (errors.VerificationError("bad root", step="inclusion"), 500),
        (errors.UnavailableError("host 10.0.0.5", retry_after=9), 503),
        (errors.UndeterminedError("no anchor yet"), 409),
        (errors.MalformedError("thing", "is bent"), 400),
        (errors.UnauthorisedError("not yours"), 403),
    ],
)
def test_what_the_ledger_raises_becomes_a_problem(
    still_site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(still_site.ledger, "acceptance", fail)
    with structlog.testing.capture_logs() as logged:
        answer = still_site.get("/v1/events/e/acceptance")
    problem = check(answer, status)
    assert [entry["request_id"] for entry in logged] == [answer.headers["x-request-id"]] * (status >= 500)
    if status >= 500:
        assert str(error) not in answer.text
        assert "10.0.0.5" not in answer.text
    if status == 503:
        assert answer.headers["retry-after"] == "9"
    assert problem.code == {500: "internal", 503: "unavailable"}.get(status, problem.code)


def test_every_error_class_has_a_code_or_is_a_fault_of_ours() -> None:
    faults = {
        "IntegrityError",
        "ConfigurationError",
        "VerificationError",
        "InconsistencyError",
        "PoolproofError",
    }
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, PoolproofError) and name not in faults:
            assert kind.code in problems.KINDS, name


def test_every_code_has_its_page(still_site: Site) -> None:
    for code, kind in problems.KINDS.items():
        page = still_site.client.get(f"/problems/{code}")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        assert page.text.startswith(
            f"{kind.title}\n\ncode: {code}\nstatus: {kind.status}\n\n{kind.meaning}\n"
        )


def test_a_program_reads_what_a_problem_means(still_site: Site) -> None:
    for code, kind in problems.KINDS.items():
        answer = still_site.client.get(f"/problems/{code}", headers={"Accept": "application/json"})
        found = schemas.ProblemKind.model_validate(answer.json())
        assert (found.type, found.code, found.status) == (f"/problems/{code}", code, kind.status)
        assert (found.title, found.meaning) == (kind.title, kind.meaning)
        assert answer.headers["vary"] == "Accept"


def test_a_reader_gets_a_page_whether_signed_in_or_not_and_without_a_store(
    still_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(code: str, language: str = "en") -> Any:
        headers = {"Accept": "text/html", "Accept-Language": language, "Cookie": "poolproof_session=x.y"}
        return still_site.client.get(f"/problems/{code}", headers=headers)

    for code, kind in problems.KINDS.items():
        page = get(code)
        assert f"<h1>{kind.title}<" in page.text
        assert page.headers["vary"] == "Cookie, Accept-Language, Accept"
        assert page.text.count('aria-current="page"') == 1
    assert "<h1>已拒绝<" in get("refused", "zh").text
    assert get("nothing").status_code == 404

    def away(*_: object) -> None:
        raise UnavailableError("postgresql://10.0.0.5 does not answer", retry_after=9)

    monkeypatch.setattr(still_site.client.app.state.services.sessions, "visitor", away)  # type: ignore[attr-defined]
    assert get("unavailable").status_code == 200


def test_every_status_is_of_a_kind_that_says_so() -> None:
    for status, code in problems._STATUS_CODES.items():
        assert problems.KINDS[code].status == status


def test_a_status_that_nobody_foresaw_keeps_the_shape(
    still_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def teapot(*_: object, **__: object) -> None:
        raise HTTPException(418, "short and stout")

    monkeypatch.setattr(still_site.ledger, "acceptance", teapot)
    assert still_site.get("/v1/events/e/acceptance").headers["content-type"] == PROBLEM


def test_a_request_id_is_kept_if_it_can_go_into_a_log(still_site: Site) -> None:
    ask = still_site.client.get
    assert ask("/healthz", headers={"X-Request-Id": "trace-4711.a"}).headers["x-request-id"] == "trace-4711.a"
    for bad in ("short", "x" * 65, "two words", "new%0aline", "<script>alert(1)</script>"):
        given = ask("/healthz", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{24}", given)


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/openapi.json", "/v1/trust", "/problems/taken"])
def test_every_answer_carries_the_security_headers(still_site: Site, path: str) -> None:
    headers = still_site.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert "cache-control" in headers
    assert "server" not in headers


def test_nothing_of_the_request_is_reflected_as_markup(still_site: Site) -> None:
    answer = still_site.client.get("/v1/pools/<script>alert(1)</script>", headers=still_site.auth())
    assert answer.headers["content-type"] == PROBLEM


def test_settings_limit_the_batch(fresh_sqlite: str) -> None:
    from tests.api.conftest import make_site

    assert Settings().max_request_bytes == 16 * 1024 * 1024
    site = make_site(fresh_sqlite, max_request_bytes=2048, max_upload_bytes=2048)
    with site.client:
        check(site.post_batch(b" " * 2049), 413)
        assert site.post_batch(b"\n").status_code == 400
    site.ledger.store.close()
