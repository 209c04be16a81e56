"""What is no event, of the wrong form, too large or of another media type is refused, and nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import JSON, NDJSON, Site, ndjson, new_key, originated, refused

MALFORMED = {
    "broken JSON": b'{"id": "x"',
    "no object": b"[1, 2]",
    "nothing": b"",
    "not UTF-8": b'{"id": "\xff"}',
    "duplicate key": json.dumps(originated("L9")).encode().replace(b'"id"', b'"id": "first", "id"', 1),
    "deep nesting": b'{"data":' + b"[" * 100_000,
    "no type": b'{"id":"x","subject":"loan:L9","effective":"2026-11-20","data":{}}',
    "two events": json.dumps(originated("L9")).encode() * 2,
    "not NFC": json.dumps(originated("L9") | {"id": "e\u0301"}, ensure_ascii=False).encode(),
    "NaN": json.dumps(originated("L9")).encode().replace(b'"instalments": 12', b'"instalments": NaN'),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_event_is_refused(still_site: Site, body: bytes) -> None:
    is_json = body in (MALFORMED["no object"], MALFORMED["no type"])
    problem = refused(still_site.post(body), 422 if is_json else 400)
    assert problem["code"] == ("refused" if is_json else "malformed")
    assert still_site.ledger.status().size == 0


@pytest.mark.parametrize("body", [b"{", b'{"id": 1,', b"nul", b'{"id": 1, "type": nul}', b"\xff"])
def test_what_is_no_json_is_400_wherever_it_is_sent(still_site: Site, body: bytes) -> None:
    """And JSON of another form is 422."""
    token = new_key(still_site.ledger, "fenqile", "write", "audit", "admin")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    for path in ("/v1/events", "/v1/audits", "/v1/keys", "/v1/webhooks"):
        answer = still_site.client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), path
        assert still_site.client.post(path, content=b'{"x": 1}', headers=headers).status_code == 422, path


def test_a_broken_line_of_a_batch_is_400_with_its_number(still_site: Site) -> None:
    body = ndjson(originated("L1"), b"{broken", originated("L2", effective="2026-02-31"))
    problem = refused(still_site.post_batch(body), 400)
    assert (problem["code"], problem["line"]) == ("malformed", 2)
    report = still_site.post_batch(body.replace(b"L1", b"L\xcc\x88"), "report").json()
    told = [(one["line"], one["code"], one["status"]) for one in report["rejected"]]
    assert told == [(1, "refused", 422), (2, "malformed", 400), (3, "refused", 422)]
    assert still_site.ledger.status().size == 0


def changed(**data: Any) -> dict[str, Any]:
    event = originated("L9")
    return event | {"data": event["data"] | data}


WRONG_FORM = {
    "float as money": (changed(principal=12000.5), "data.principal"),
    "number as money": (changed(principal=12000), "data.principal"),
    "few digits": (changed(principal="12000.0"), "data.principal"),
    "plus sign": (changed(principal="+12000.00"), "data.principal"),
    "leading zero": (changed(principal="012000.00"), "data.principal"),
    "negative zero": (changed(principal="-0.00"), "data.principal"),
    "exponent": (changed(principal="1.2e4"), "data.principal"),
    "huge": (changed(principal="9" * 60 + ".00"), "data.principal"),
    "huge integer": (changed(instalments=10**30), None),
    "other digits": (changed(principal="１２０００.00"), "data.principal"),
    "unknown currency": (changed(currency="XYZ"), None),
    "unknown member": (changed(colour="red"), "data.colour"),
    "unknown envelope member": (originated("L9", colour="red"), "colour"),
    "unknown type": (originated("L9", type="loan.imagined"), "type"),
    "ill-formed id": (originated("L9", id="a b"), "id"),
    "path as id": (originated("L9", id="../../etc/passwd"), "id"),
    "ill-formed subject": (originated("L9", subject="loan:a/b"), "subject"),
    "shares beyond the whole": (
        changed(
            claims=[
                {"claim": "a", "creditor": "x", "share": 600_000},
                {"claim": "b", "creditor": "y", "share": 600_000},
            ]
        ),
        None,
    ),
    "no such day": (originated("L9", effective="2026-02-30"), "effective"),
}


@pytest.mark.parametrize(("event", "field"), WRONG_FORM.values(), ids=WRONG_FORM.keys())
def test_wrong_form_is_refused_at_its_field(
    still_site: Site, event: dict[str, Any], field: str | None
) -> None:
    problem = refused(still_site.post(event), 422)
    if field is not None:
        assert problem["field"].startswith(field)
    assert problem["rule"]
    assert still_site.ledger.status().size == 0


def test_a_large_event_is_refused_before_it_is_read(still_site: Site) -> None:
    body = json.dumps(changed(product="x" * 10_000_000)).encode()
    problem = refused(still_site.post(body), 413)
    assert problem["code"] == "too_large"


def test_a_large_line_is_refused_with_its_number(small_site: Site) -> None:
    body = ndjson(originated("L1"), changed(product="x" * 2_000_000))
    assert refused(small_site.post_batch(body), 422)["line"] == 2
    assert small_site.post_batch(body, "report").json()["counts"] == {
        "accepted": 1,
        "repeated": 0,
        "rejected": 1,
    }


def test_a_body_that_grows_beyond_the_cap_is_cut_off(still_site: Site) -> None:
    def chunks() -> Any:
        for _ in range(40):
            yield b" " * 1_000_000

    headers = {"Content-Type": NDJSON} | still_site.auth()
    answer = still_site.client.post("/v1/events", content=chunks(), headers=headers)
    refused(answer, 413)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": ""},
        {"Content-Type": JSON, "Content-Encoding": "gzip"},
    ],
)
def test_other_media_types_are_refused(still_site: Site, headers: dict[str, str]) -> None:
    answer = still_site.client.post("/v1/events", content=b"{}", headers=headers | still_site.auth())
    refused(answer, 415)
    assert answer.headers["accept-post"] == "application/json, application/x-ndjson"
