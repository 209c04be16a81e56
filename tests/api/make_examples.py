"""Writes ``api/examples.json``: the documents that OpenAPI shows, taken from a small run of the service.

``python -m tests.api.make_examples`` makes them again, after a change of a document's form. Subjects' secrets are
random, so digests differ from run to run; ``test_openapi.py`` holds what is committed to the schemas. The
evidence and the anchored verdict are set in form only, for a run that needs no chain.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.attestations import Told
from ledger import snapshots
from ledger.access import Scope, signer_target
from ledger.audits import KIND as AUDIT
from ledger.audits import Auditor
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.attestation_registry import Attested
from ledger.chain.keystore import devnet_account
from ledger.jobs import Runner
from ledger.proofs.evidence import Evidence
from ledger.proofs.receipt import ChainBinding
from ledger.store import access, anchors, outbox
from ledger.store.logs import ChainRow, LogRow
from ledger.webhooks.endpoints import Endpoints
from ledger.webhooks.guard import Guard
from tests.api.conftest import (
    LOG,
    ORIGIN,
    Site,
    disbursed,
    make_site,
    ndjson,
    new_key,
    operate,
    originated,
    pledged,
    pool,
    repaid,
    taped,
)
from tests.databases import sqlite_in

CHAIN = ChainRow(
    chain_id=31337,
    genesis=bytes.fromhex("0b" * 32),
    contract=bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3"),
    code_hash=bytes.fromhex("c0" * 32),
    log_key=bytes.fromhex("1d" * 32),
    finality="tag:finalized",
    grade="devnet",
    max_anchor_age=604_800,
)


def administration(site: Site) -> dict[str, Any]:
    """What an operator's key answers."""
    operate(site, "fenqile")
    headers = site.auth("fenqile operator")
    asked = {"scopes": ["read", "write"], "days": 90, "networks": ["10.2.0.0/16"]}
    made = site.client.post("/v1/keys", json=asked, headers=headers).json()
    made["token"] = f"poolproof_{made['key']['id']}_{'0123456789abcdef' * 4}"  # an example is no secret
    ask = site.client.get
    return {
        "NewKeyRequest": asked,
        "NewKey": made,
        "Key": ask(f"/v1/keys/{made['key']['id']}", headers=headers).json(),
        "KeyPage": ask("/v1/keys?limit=2", headers=headers).json(),
        "Grant": site.client.put("/v1/grants/fund/pool:2026-1", headers=headers).json(),
        "GrantPage": ask("/v1/grants", headers=headers).json(),
        "AccessPage": ask("/v1/reads?limit=3", headers=headers).json(),
    }


def documents(site: Site) -> dict[str, Any]:
    site.ledger.bind_chain(CHAIN)
    event = repaid("L1", private={"borrower": "13800000000"})
    for one in (originated("L1"), disbursed("L1", "aa" * 32), pool("2026-1"), pledged("2026-1", "L1")):
        assert site.post(one).status_code == 201
    acceptance = site.post(event).json()
    taken = site.post(pledged("2026-1", "L1", n=2))
    future = repaid("L1", 2, effective="2027-01-01")
    report = site.post_batch(ndjson(event, repaid("L1", 3), future), "report").json()
    site.ledger.publish()
    receipt = site.get(f"/v1/events/{event['id']}/receipt")
    size, root = site.ledger.latest_checkpoint() or (0, b"")
    evidence = Evidence(
        origin=ORIGIN,
        chain=ChainBinding(chain_id=CHAIN.chain_id, contract=CHAIN.contract, log_id=CHAIN.log_key),
        size=size,
        root=root,
        block_number=42,
        block_hash=bytes.fromhex("b1" * 32),
        header=b"\xf9 an RLP header",
        account_proof=(b"\xf8 a trie node",),
        storage_key=bytes.fromhex("5e" * 32),
        storage_proof=(b"\xf8 a trie node",),
        checkpoint=site.ledger.checkpoint().decode(),
    )
    site.ledger.seal_pool("2026-1", party="fenqile", as_of="2026-11-21")
    site.ledger.publish()
    verdict = site.client.post(
        "/v1/verify", content=receipt.content, headers={"Content-Type": "application/json"}
    )
    for one in taped("2026-1"):
        assert site.post(one).status_code == 201
    size = site.ledger.status().published
    snapshots.take(site.ledger, "2026-1", size=size, trust=site.ledger.trust_root())
    order = {"pool": "2026-1", "as_of": "2026-11-21"}
    asked = site.client.post("/v1/audits", json=order, headers=site.auth())
    audit = perform(site, asked.json()["id"])
    other = perform(site, site.client.post("/v1/audits", json=order, headers=site.auth()).json()["id"])
    job = site.client.post(
        "/v1/events", content=ndjson(repaid("L1", 4)), headers={
            "Content-Type": "application/x-ndjson", "Prefer": "respond-async", **site.auth(),
        },
    )  # fmt: skip
    found = webhooks(site) | {
        "Event": event,
        "Acceptance": acceptance,
        "BatchReport": report,
        "EventState": site.get(f"/v1/events/{event['id']}").json(),
        "Receipt": receipt.json(),
        "Loan": site.get("/v1/loans/L1").json(),
        "LoanRecordPage": site.get("/v1/loans/L1/receipts?limit=2").json(),
        "Claim": site.get("/v1/claims/L1/c1").json(),
        "ClaimProof": site.get("/v1/proofs/presence/L1/c1").json(),
        "SealProof": site.get("/v1/proofs/seal/2026-1/L1/c1").json(),
        "InclusionProof": site.get("/v1/proofs/inclusion?index=4").json(),
        "ConsistencyProof": site.get("/v1/proofs/consistency?first=7").json(),
        "CheckpointPage": site.get("/v1/checkpoints").json(),
        "Register": site.get("/v1/registers/7").json(),
        "RegisterPage": site.get("/v1/registers").json(),
        "AnchorPage": site.get("/v1/anchors").json(),
        "AnchorDetail": site.get("/v1/anchors/7").json(),
        "PartyPage": site.get("/v1/parties").json(),
        **administration(site),
        "PoolPage": site.get("/v1/pools").json(),
        "PoolSummary": site.get("/v1/pools/2026-1").json(),
        "LoanPage": site.get("/v1/pools/2026-1/loans").json(),
        "Analytics": site.get("/v1/pools/2026-1/analytics").json(),
        "FindingPage": site.get("/v1/pools/2026-1/findings").json(),
        "BreakPage": site.get("/v1/pools/2026-1/breaks").json(),
        "TapeUpload": TAPE,
        "Reconciliation": reconciled(site),
        "TapePage": site.get("/v1/pools/2026-1/tapes").json(),
        "SealPage": site.get("/v1/pools/2026-1/seals").json(),
        **attested(site),
        "AuditOrder": order,
        "Audit": site.get(f"/v1/audits/{audit}").json(),
        "AuditPage": site.get("/v1/audits?limit=1").json(),
        "AuditComparison": site.get(f"/v1/audits/compare?first={audit}&second={other}").json(),
        "AuditReport": site.get(f"/v1/audits/{audit}/report").json(),
        "Job": job.json(),
        "Checkpoint": site.get("/v1/checkpoints/latest").json(),
        "TrustRoot": site.get("/v1/trust").json(),
        "Evidence": json.loads(evidence.encode()),
        "Verification": verdict.json(),
        "Health": site.get("/healthz").json(),
        "Readiness": site.get("/readyz").json(),
        "Problem": taken.json(),
        "ProblemKind": site.client.get("/problems/taken", headers={"Accept": "application/json"}).json(),
    }
    assert LOG.verifier.name == ORIGIN
    return found


#: What an auditor has said on chain.
SPOKEN = Attested(
    index=0, signer=bytes.fromhex("70997970c51812dc3a010c7d01b50e0d17dc79c8"), verdict=Verdict.CHECKED,
    scope="tape of July, 40 loans drawn", size=12, root=bytes.fromhex("5d" * 32), rules_version=1,
    evidence=bytes.fromhex("e4" * 32), time=1_795_305_600,
)  # fmt: skip


class Spoken:
    """A node that has what an auditor has said, and nothing else."""

    def newest(self, _log: LogRow, _subject: str, **_: Any) -> list[Told]:
        return [Told(SPOKEN, 4_711)]

    def next_number(self, _log: LogRow, _signer: bytes) -> int:
        return 1


def attested(site: Site) -> dict[str, Any]:
    """The answers where a registry is bound, an auditor has attested, and hands the next one in."""
    app: Any = site.client.app
    before, ledger = app.state.services, site.ledger
    app.state.services = replace(before, attestations=Spoken())
    contract = bytes.fromhex("e7f1725e7734ce288f8367e1bb143e90bb3f0512")
    ledger.bind_attestations(contract)
    signer, log_id = devnet_account(CHAIN.chain_id, 1), ledger.row().id
    checkpoint = ledger.latest_checkpoint()
    assert checkpoint is not None
    with ledger.store.write() as connection:
        anchors.want(connection, log_id, *checkpoint)
        outbox.move(connection, anchors.job(log_id, checkpoint[0]), "mined", block_number=4_700)
        access.grant(
            connection, log_id, "fenqile", signer_target(signer.address), given="2026-11-21T00:00:00.000000Z"
        )
    one = Attestation(
        log=CHAIN.log_key, size=checkpoint[0], root=checkpoint[1], subject="pool:2026-1",
        scope="audit as of 2026-11-21", rules_version=1, evidence=bytes.fromhex("e5" * 32), verdict=Verdict.CHECKED,
        signer=signer.address, nonce=1, deadline=int(ledger.clock().timestamp()) + 30 * 86_400,
    )  # fmt: skip
    signature = signer.sign_typed(one.typed_data(chain_id=CHAIN.chain_id, contract=contract))
    signed = SignedAttestation(
        chain_id=CHAIN.chain_id, contract=contract, attestation=one, signature=signature
    )
    token = {"Authorization": f"Bearer {new_key(ledger, 'fenqile')}"}
    path = "/v1/pools/2026-1/attestations"
    relay = site.client.post(path, json=json.loads(signed.encode()), headers=token)
    assert relay.status_code == 202, relay.text
    found = site.client.get(f"{path}?signer=0x{signer.address.hex()}", headers=token)
    app.state.services = before
    return {
        "SignedAttestation": json.loads(signed.encode()),
        "Relay": relay.json(),
        "Attestations": found.json(),
    }


#: A general ledger's totals, which know of one payment less than the records.
TAPE = {
    "file": "name,currency,amount\nbalance,CNY,11800.00\ncollected.interest,CNY,14.20\n",
    "form": "totals", "cut_off": "2026-11-21",
}  # fmt: skip


def reconciled(site: Site) -> dict[str, Any]:
    """The answer to them."""
    fields = {name: value for name, value in TAPE.items() if name != "file"}
    sent = {"file": ("ledger.csv", TAPE["file"].encode())}
    answer = site.client.post("/v1/pools/2026-1/tapes", data=fields, files=sent, headers=site.auth())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def webhooks(site: Site) -> dict[str, Any]:
    """A webhook of the bank, with what was sent to it."""
    order = {"url": "https://hooks.bank.example/poolproof", "types": ["pool.sealed", "break.opened"]}
    change = {"enabled": True}
    app: Any = site.client.app
    guard = Guard(resolver=lambda _host, _port: ["93.184.216.34"])
    ledger = site.ledger
    endpoints = Endpoints(ledger.store, ORIGIN, vault=ledger.vault, guard=guard, clock=ledger.clock)
    app.state.services = replace(app.state.services, webhooks=endpoints)
    key = {"Authorization": f"Bearer {new_key(ledger, 'bank', *Scope)}"}
    made = site.client.post("/v1/webhooks", json=order, headers=key).json()
    path = f"/v1/webhooks/{made['id']}"
    site.client.post(f"{path}/test", headers=key)
    return {
        "WebhookOrder": order,
        "WebhookChange": change,
        "WebhookSecret": made,
        "Webhook": site.client.patch(path, json=change, headers=key).json(),
        "WebhookPage": site.client.get("/v1/webhooks", headers=key).json(),
        "Delivery": site.client.post(f"{path}/test", headers=key).json(),
        "DeliveryPage": site.client.get(f"{path}/deliveries", headers=key).json(),
    }


def perform(site: Site, audit_id: str) -> str:
    """What a worker does."""
    auditor = Auditor(site.ledger)
    runner = Runner(site.ledger.store, ORIGIN, {AUDIT: auditor.perform}, clock=site.ledger.clock)
    assert runner.step()
    return audit_id


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        site = make_site(sqlite_in(Path(directory)))
        with site.client:
            found = documents(site)
        site.ledger.store.close()
    target = Path(sys.modules["api"].__path__[0]) / "examples.json"
    target.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
