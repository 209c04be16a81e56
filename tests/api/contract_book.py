"""The book of all roles with one thing of each kind that the document has a name for, and these names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ledger import audits, uploads
from ledger.access import Scope
from ledger.jobs import Runner
from tests.api.book import ROLES, make_book
from tests.api.conftest import NDJSON, ORIGIN, Site, new_key, operate, originated, repaid, taped

#: Names of the book by the parameter that takes them, so that a good part of the requests finds something.
#: :func:`contract_book` adds those that are drawn when a thing is made.
KNOWN: Final[dict[str, list[Any]]] = {
    "loan": ["L1", "L3"],
    "claim": ["L1/c1", "L3/c1"],
    "asset_key": ["01" * 32, "09" * 32],
    "pool": ["P1", "P2"],
    "event_id": ["d-L1", "o-L1"],
    "party": ["fenqile", "fund"],
    "target": ["pool:P1", "log"],
    "size": [17, 19],
    "index": [0, 16],
    "start": [0, 5],
    "stop": [17, 19],
    "as_of": ["2026-11-21", "2026-11-20"],
    "code": ["taken", "internal"],
    "path": [f"{ORIGIN}/checkpoint", f"{ORIGIN}/tile/0/000.p/17", f"{ORIGIN}/tile/entries/000.p/3"],
}


def contract_book(directory: Path) -> Site:
    """The book, with audits, a batch that was worked off and one that waits, webhooks, keys to end, tapes, breaks."""
    site = make_book(directory, rate_per_key=0, webhook_networks="127.0.0.0/8")
    ledger = site.ledger
    for party in (*ROLES, "desk"):
        if party == "desk":
            ledger.add_party(party, ["servicer"])
            operate(site, party)
        site.tokens[party] = new_key(ledger, party, *Scope)
    del site.tokens["desk operator"]
    for event in taped("P1"):
        assert site.post(event).status_code == 201
    ledger.publish()
    KNOWN["audit_id"] = KNOWN["first"] = [_made(site, "/v1/audits", {"pool": "P1"}, "bank") for _ in range(2)]
    KNOWN["second"] = KNOWN["audit_id"][::-1]
    KNOWN["job_id"] = [_batch(site, originated("L7"), {"id": "bad"}), _batch(site, repaid("L1"))]
    handlers = {
        audits.KIND: audits.Auditor(ledger).perform,
        uploads.KIND: uploads.Intake(ledger, batch=1_000).perform,
    }
    for _ in range(3):
        assert Runner(ledger.store, ledger.origin, handlers, clock=ledger.clock).step()
    spare = [new_key(ledger, party) for party in ("bank", "fenqile", "desk")]
    KNOWN["key_id"] = [token.split("_")[1] for token in spare]
    hooks = {"url": "https://127.0.0.1/in", "types": ["pool.sealed"]}
    KNOWN["webhook_id"] = [_made(site, "/v1/webhooks", hooks, party) for party in ("bank", "bank", "desk")]
    tried = f"/v1/webhooks/{KNOWN['webhook_id'][0]}/test"
    KNOWN["delivery_id"] = [_made(site, tried, None, "bank")]
    ledger.publish()
    return site


def _made(site: Site, path: str, document: dict[str, Any] | None, party: str) -> Any:
    body = b"" if document is None else json.dumps(document).encode()
    headers = site.auth(party) | {"Content-Type": "application/json"}
    answer = site.client.post(path, content=body, headers=headers)
    assert answer.status_code in (201, 202), answer.text
    return answer.json()["id"]


def _batch(site: Site, *events: dict[str, Any]) -> str:
    headers = site.auth() | {"Content-Type": NDJSON, "Prefer": "respond-async"}
    body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    answer = site.client.post("/v1/events?on_error=report", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["id"]
    return name
