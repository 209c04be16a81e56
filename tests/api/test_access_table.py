"""Role × route × verdict over every operation of the API, and every id of another tenant on every route that takes one.

An operation that is in no row fails the first test: whoever adds one says here who may call it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from api import openapi
from ledger import snapshots
from ledger.access import Scope
from ledger.store import relays
from ledger.store.relays import RelayRow
from ledger.webhooks.endpoints import Endpoints
from ledger.webhooks.guard import Guard
from tests.api.book import ROLES, make_book
from tests.api.conftest import NDJSON, ORIGIN, Site, ndjson, new_key, operate, originated
from tests.api.make_examples import perform

EVERYONE: Final = frozenset(ROLES)
OVERSEEING: Final = frozenset({"fenqile", "collector", "keeper", "checker", "watch"})
#: Who sees P1 and its loans: its lender, those who were granted it, and whoever oversees the log.
P1: Final = OVERSEEING | {"bank", "fund", "insider"}
NOBODY: Final[frozenset[str]] = frozenset()


class Row(NamedTuple):
    """A request to an operation; ``good`` is the answer to ``by``, ``bad`` to the other roles."""

    operation: str
    path: str
    scope: str | None
    by: frozenset[str] = EVERYONE
    good: int = 200
    bad: int = 404
    body: Any = None


def url(path: str) -> str:
    return f"/v1/{path}"


#: What a row's body is made of anew for each caller, so that no request is another's repetition.
EVENT: Final = "an event"
#: Of its form, and signed by nobody.
SIGNED: Final = openapi.examples()["SignedAttestation"]
#: A body that is a form with a file.
TAPE: Final = "a tape"
TOTALS: Final = {"file": ("totals.csv", b"name,currency,amount\nbalance,CNY,16800.00\n")}
ORDER: Final = {"url": "https://hooks.example/poolproof", "types": ["pool.sealed"]}

TABLE: Final = [
    Row("post_events", url("events"), "write", frozenset({"fenqile", "collector"}), 201, 422, EVENT),
    Row("event_state", url("events/d-L1?party=fenqile"), "read", P1),
    Row("acceptance", url("events/d-L1/acceptance?party=fenqile"), "read", P1),
    Row("receipt", url("events/d-L1/receipt?party=fenqile"), "read", P1),
    Row("loan", url("loans/L1"), "read", P1),
    Row("loan_receipts", url("loans/L1/receipts"), "read", P1),
    Row("claim", url("claims/L1/c1"), "read", P1),
    Row("pools", url("pools"), "read"),
    Row("pool_summary", url("pools/P1"), "read", P1),
    Row("pool_loans", url("pools/P1/loans"), "read", P1),
    Row("pool_receipts", url("pools/P1/receipts"), "read", P1),
    Row("pool_seals", url("pools/P1/seals"), "read", P1),
    Row("pool_attestations", url("pools/P1/attestations"), "read", P1),
    # Whoever sees the pool is told that this log has no contract to relay to.
    Row("relay_attestation", url("pools/P1/attestations"), "attest", P1, 409, body=SIGNED),
    Row("relayed_attestation", url("pools/P1/attestations/{relay}"), "read", frozenset({"bank"})),
    Row("pool_analytics", url("pools/P1/analytics"), "read", P1),
    Row("pool_findings", url("pools/P1/findings"), "read", P1),
    Row("pool_breaks", url("pools/P1/breaks"), "read", P1),
    Row("pool_tapes", url("pools/P1/tapes"), "read", P1),
    Row("post_tape", url("pools/P1/tapes?private=true"), "read", P1, body=TAPE),
    Row("prove_presence", url("proofs/presence/L1/c1"), "read", P1),
    Row("prove_absence", url(f"proofs/absence/{'ff' * 32}"), "read"),
    Row("prove_seal", url("proofs/seal/P1/L1/c1"), "read", P1),
    Row("mirror_registers", url("mirror/registers"), "audit"),
    Row("mirror_register_pages", url("mirror/registers/17/pages"), "audit"),
    Row("mirror_pool", url("mirror/pools/P1?size=17"), "audit", P1),
    Row("mirror_records", url("mirror/pools/P1/records?size=17&start=0&stop=17"), "audit", P1),
    Row("mirror_claims", url("mirror/pools/P1/claims?size=17"), "audit", P1),
    Row("mirror_settlements", url("mirror/pools/P1/settlements?size=17&start=0&stop=17"), "audit", P1),
    Row("start_audit", url("audits"), "audit", P1, 202, body={"pool": "P1"}),
    Row("audits", url("audits"), "read"),
    Row("compare_audits", url("audits/compare?first={run}&second={run}"), "read", P1),
    Row("audit", url("audits/{run}"), "read", P1),
    Row("audit_events", url("audits/{run}/events"), "read", P1),
    Row("audit_report", url("audits/{run}/report"), "read", P1),
    Row("job", url("jobs/{run}"), "read", frozenset({"bank"})),
    Row("job_report", url("jobs/{batch}/report"), "read", frozenset({"fenqile"}), 409),
    Row("job_reconciliation", url("jobs/{tape}/reconciliation"), "read", frozenset({"bank"}), 409),
    Row("parties", url("parties"), "read"),
    Row("keys", url("keys"), "admin"),
    Row("make_key", url("keys"), "admin", EVERYONE, 201, 404, {"scopes": ["admin"]}),
    Row("key", url("keys/{own key}"), "admin"),
    Row("revoke_key", url("keys/{own key}"), "admin"),
    Row("grants", url("grants"), "admin"),
    Row("give_grant", url("grants/fund/pool:P1"), "admin", NOBODY, bad=403),
    Row("withdraw_grant", url("grants/fund/pool:P1"), "admin", NOBODY, bad=403),
    Row("reads", url("reads"), "admin"),
    Row("webhooks", url("webhooks"), "admin"),
    Row("add_webhook", url("webhooks"), "admin", EVERYONE, 201, 404, ORDER),
    Row("webhook", url("webhooks/{own hook}"), "admin"),
    Row("change_webhook", url("webhooks/{own hook}"), "admin", body={"enabled": True}),
    Row("rotate_webhook", url("webhooks/{own hook}/rotate"), "admin"),
    Row("test_webhook", url("webhooks/{own hook}/test"), "admin", good=202),
    Row("deliveries", url("webhooks/{own hook}/deliveries"), "admin"),
    Row("replay_delivery", url("webhooks/{own hook}/deliveries/999999/replay"), "admin", NOBODY),
    Row("remove_webhook", url("webhooks/{own hook}"), "admin", good=204),
    Row("verify", url("verify"), None, body={}),
    Row("trust_root", url("trust"), None),
    Row("evidence", url("evidence/17"), None, good=404),
    Row("checkpoints", url("checkpoints"), None),
    Row("latest_checkpoint", url("checkpoints/latest"), None),
    Row("checkpoint", url("checkpoints/17"), None),
    Row("registers", url("registers"), None),
    Row("register", url("registers/17"), None),
    Row("anchors", url("anchors"), None),
    Row("anchor", url("anchors/3"), None, good=404),
    Row("prove_inclusion", url("proofs/inclusion?index=0"), None),
    Row("prove_consistency", url("proofs/consistency?first=17"), None),
    Row("log_resource", f"/log/{ORIGIN}/checkpoint", None),
    Row("health", "/healthz", None),
    Row("readiness", "/readyz", None),
    Row("metrics", "/metrics", None),
    Row("problem_page", "/problems/taken", None),
]

#: Ids of one tenant and of none, on every route that takes one, as the bank asks for them.
FOREIGN: Final = [
    ("event_state", url("events/{}?party=fenqile"), "d-L2", "d-L9"),
    ("acceptance", url("events/{}/acceptance?party=fenqile"), "d-L2", "d-L9"),
    ("receipt", url("events/{}/receipt?party=fenqile"), "d-L2", "d-L9"),
    ("loan", url("loans/{}"), "L2", "L9"),
    ("loan_receipts", url("loans/{}/receipts"), "L2", "L9"),
    ("claim", url("claims/{}/c1"), "L2", "L9"),
    ("claim", url("claims/{}"), "02" * 32, "fe" * 32),
    ("pool_summary", url("pools/{}"), "P2", "P9"),
    ("pool_loans", url("pools/{}/loans"), "P2", "P9"),
    ("pool_receipts", url("pools/{}/receipts"), "P2", "P9"),
    ("pool_seals", url("pools/{}/seals"), "P2", "P9"),
    ("pool_attestations", url("pools/{}/attestations"), "P2", "P9"),
    ("relay_attestation", url("pools/{}/attestations"), "P2", "P9"),
    ("relayed_attestation", url("pools/{}/attestations/" + "5d" * 32), "P2", "P9"),
    ("relayed_attestation", url("pools/P1/attestations/{}"), "{other relay}", "5d" * 32),
    ("pool_analytics", url("pools/{}/analytics"), "P2", "P9"),
    ("pool_findings", url("pools/{}/findings"), "P2", "P9"),
    ("pool_breaks", url("pools/{}/breaks"), "P2", "P9"),
    ("pool_tapes", url("pools/{}/tapes"), "P2", "P9"),
    ("post_tape", url("pools/{}/tapes"), "P2", "P9"),
    ("post_tape", url("pools/{}/tapes?private=true"), "P2", "P9"),
    ("prove_presence", url("proofs/presence/{}/c1"), "L2", "L9"),
    ("prove_presence", url("proofs/presence/{}"), "02" * 32, "fe" * 32),
    ("prove_seal", url("proofs/seal/P1/{}/c1"), "L2", "L9"),
    ("prove_seal", url("proofs/seal/{}/L1/c1"), "P2", "P9"),
    ("mirror_pool", url("mirror/pools/{}?size=17"), "P2", "P9"),
    ("mirror_records", url("mirror/pools/{}/records?size=17&start=0&stop=17"), "P2", "P9"),
    ("mirror_claims", url("mirror/pools/{}/claims?size=17"), "P2", "P9"),
    ("mirror_settlements", url("mirror/pools/{}/settlements?size=17&start=0&stop=17"), "P2", "P9"),
    ("compare_audits", url("audits/compare?first={}&second={run}"), "{other run}", "audit_" + "0" * 24),
    ("audit", url("audits/{}"), "{other run}", "audit_" + "0" * 24),
    ("audit_events", url("audits/{}/events"), "{other run}", "audit_" + "0" * 24),
    ("audit_report", url("audits/{}/report"), "{other run}", "audit_" + "0" * 24),
    ("job", url("jobs/{}"), "{other run}", "audit_" + "0" * 24),
    ("job", url("jobs/{}"), "{batch}", "events_" + "0" * 24),
    ("job_report", url("jobs/{}/report"), "{batch}", "events_" + "0" * 24),
    ("job_reconciliation", url("jobs/{}/reconciliation"), "{other tape}", "tape_" + "0" * 24),
    ("key", url("keys/{}"), "{other key}", "0123456789abcdef"),
    ("revoke_key", url("keys/{}"), "{other key}", "0123456789abcdef"),
    ("webhook", url("webhooks/{}"), "{other hook}", "hook_0123456789abcdef"),
    ("change_webhook", url("webhooks/{}"), "{other hook}", "hook_0123456789abcdef"),
    ("remove_webhook", url("webhooks/{}"), "{other hook}", "hook_0123456789abcdef"),
    ("rotate_webhook", url("webhooks/{}/rotate"), "{other hook}", "hook_0123456789abcdef"),
    ("test_webhook", url("webhooks/{}/test"), "{other hook}", "hook_0123456789abcdef"),
    ("deliveries", url("webhooks/{}/deliveries"), "{other hook}", "hook_0123456789abcdef"),
    ("replay_delivery", url("webhooks/{}/deliveries/1/replay"), "{other hook}", "hook_0123456789abcdef"),
]
#: What is in their paths is nobody's: sizes and entries that are published, asset keys that only who lends against a
#: claim knows, and what operators alone may name.
OF_NOBODY: Final = frozenset(
    {
        "evidence", "checkpoint", "register", "anchor", "log_resource", "problem_page", "mirror_register_pages",
        "prove_absence", "give_grant", "withdraw_grant",
    }
)  # fmt: skip


@dataclass
class Stage:
    """The book, with a key of all scopes for each party, and keys that lack one scope."""

    site: Site
    methods: dict[str, str]
    paths: dict[str, str]
    posted: int = 0
    hooks: dict[str, str] = field(default_factory=dict)
    #: ``run`` is bank's finished audit of P1, ``other run`` other's audit of P2, ``batch`` a batch of fenqile's,
    #: ``tape`` a file of bank's about P1 and ``other tape`` one of other's about P2
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, operation: str, path: str, token: str | None, body: Any = None, party: str = "") -> Any:
        """One request; ``{own key}`` and ``{own hook}`` in its path are made anew."""
        if "{own key}" in path:
            path = path.replace("{own key}", new_key(self.site.ledger, party, "read").split("_")[1])
        if "{own hook}" in path:
            path = path.replace("{own hook}", self.hook(party, keep=operation != "remove_webhook"))
        for name, identifier in self.ids.items():
            path = path.replace(f"{{{name}}}", identifier)
        if body is EVENT:
            self.posted += 1
            body = originated(f"N{self.posted}")
        headers = {"X-Request-Id": "the-same-for-all"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is TAPE:
            order = {"form": "totals", "cut_off": "2026-11-21"}
            return self.site.client.post(path, headers=headers, data=order, files=TOTALS)
        return self.site.client.request(self.methods[operation], path, headers=headers, json=body)

    def hook(self, party: str, *, keep: bool = True) -> str:
        """A webhook of a party: the one that is kept, or another that may be removed."""
        if keep and party in self.hooks:
            return self.hooks[party]
        services: Any = self.site.client.app.state.services  # type: ignore[attr-defined]
        identifier: str = services.webhooks.add(party, ORDER["url"], []).endpoint.id
        if keep:
            self.hooks[party] = identifier
        return identifier


def _jobs(site: Site) -> dict[str, str]:
    def audit(pool: str, party: str) -> str:
        started = site.client.post("/v1/audits", json={"pool": pool}, headers=site.auth(party))
        identifier: str = started.json()["id"]
        return identifier

    run = perform(site, audit("P1", "bank"))
    snapshots.take(site.ledger, "P1", size=19, trust=site.ledger.trust_root())
    headers = site.auth() | {"Content-Type": NDJSON, "Prefer": "respond-async"}
    batch = site.client.post("/v1/events", content=ndjson(originated("B1")), headers=headers)
    relayed = {"relay": _relay(site, "bank", "b1" * 32), "other relay": _relay(site, "insider", "b2" * 32)}

    def tape(pool: str, party: str) -> str:
        order = {"form": "totals", "cut_off": "2026-11-21"}
        later = site.auth(party) | {"Prefer": "respond-async"}
        sent = site.client.post(f"/v1/pools/{pool}/tapes", data=order, files=TOTALS, headers=later)
        identifier: str = sent.json()["id"]
        return identifier

    return relayed | {
        "run": run, "other run": audit("P2", "other"), "batch": batch.json()["id"],
        "tape": tape("P1", "bank"), "other tape": tape("P2", "other"),
    }  # fmt: skip


def _relay(site: Site, party: str, digest: str) -> str:
    """An attestation about P1 that a party handed in."""
    row = RelayRow(
        digest=bytes.fromhex(digest), pool="P1", party=party, signer=bytes(20), number=0, file=b"", state="waiting",
        asked="2026-11-21T00:00:00.000000Z", account=None, nonce=None, attempts=0, problem=None,
        transaction_hash=None, block_number=None, block_hash=None, block_time=None,
    )  # fmt: skip
    with site.ledger.store.write() as connection:
        assert relays.add(connection, site.ledger.row().id, row)
    return digest


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    site = make_book(tmp_path_factory.mktemp("table"))
    app = site.client.app
    assert isinstance(app, FastAPI)
    guard = Guard(resolver=lambda _host, _port: ["93.184.216.34"])
    ledger = site.ledger
    hooks = Endpoints(ledger.store, ORIGIN, vault=ledger.vault, guard=guard, clock=ledger.clock)
    app.state.services = replace(app.state.services, webhooks=hooks)
    for party in ROLES:
        site.tokens[party] = new_key(ledger, party, *Scope)
    operations = {
        one["operationId"]: (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method, one in methods.items()
    }
    with site.client:
        yield Stage(
            site,
            {name: method for name, (method, _) in operations.items()},
            {name: path for name, (_, path) in operations.items()},
            ids=_jobs(site),
        )
    ledger.store.close()


def test_every_operation_is_in_the_table(stage: Stage) -> None:
    assert {row.operation for row in TABLE} == set(stage.methods)
    with_ids = {name for name, path in stage.paths.items() if "{" in path}
    assert {name for name, *_ in FOREIGN} | OF_NOBODY == with_ids | {"compare_audits"}
    assert not OF_NOBODY & {name for name, *_ in FOREIGN}


@pytest.mark.parametrize("row", TABLE, ids=[row.operation for row in TABLE])
def test_who_may_do_what(stage: Stage, row: Row) -> None:
    for party in ROLES:
        answer = stage.ask(row.operation, row.path, stage.site.tokens[party], row.body, party)
        expected = row.good if party in row.by else row.bad
        assert answer.status_code == expected, (party, answer.text)


KEYED: Final = [row for row in TABLE if row.scope is not None]


@pytest.mark.parametrize("row", KEYED, ids=[row.operation for row in KEYED])
def test_without_the_scope_it_is_403_and_without_a_key_401(stage: Stage, row: Row) -> None:
    others = [one.value for one in Scope if one.value != row.scope]
    token = new_key(stage.site.ledger, "fenqile", *others)
    refused = stage.ask(row.operation, row.path, token, row.body, "fenqile")
    assert (refused.status_code, refused.json()["code"]) == (403, "unauthorised"), refused.text
    assert stage.ask(row.operation, row.path, None, row.body, "fenqile").status_code == 401


PUBLIC: Final = [row for row in TABLE if row.scope is None]


@pytest.mark.parametrize("row", PUBLIC, ids=[row.operation for row in PUBLIC])
def test_what_is_public_takes_no_key(stage: Stage, row: Row) -> None:
    assert stage.ask(row.operation, row.path, None, row.body).status_code == row.good


@pytest.mark.parametrize(("operation", "path", "theirs", "none"), FOREIGN)
def test_an_id_of_another_tenant_is_not_there(
    stage: Stage, operation: str, path: str, theirs: str, none: str
) -> None:
    """The very bytes of an unknown one, but for the id itself; and what it names is still there."""
    if theirs == "{other key}":
        theirs = stage.site.tokens["other"].split("_")[1]
    elif theirs == "{other hook}":
        theirs = stage.hook("other")
    theirs = stage.ids.get(theirs.strip("{}"), theirs)
    body = {"change_webhook": {"enabled": True}, "relay_attestation": SIGNED}.get(operation)
    answers = []
    for name in (theirs, none):
        answer = stage.ask(operation, path.replace("{}", name), stage.site.tokens["bank"], body)
        assert answer.status_code == 404, answer.text
        answers.append(answer.content.replace(quote(name).encode(), b"THE ID"))
    assert answers[0] == answers[1]
    assert json.loads(answers[0])["code"] == "not_found"


def test_an_operator_may_care_for_grants(stage: Stage) -> None:
    operate(stage.site, "collector")
    token = stage.site.tokens["collector operator"]
    for operation, status in (("give_grant", 200), ("withdraw_grant", 204)):
        assert stage.ask(operation, url("grants/guard/pool:P3"), token).status_code == status
