"""A pool's attestations on its page, from a real contract: who says what, of which size, and whose address that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import expect

from api.attestations import OnChain
from api.sessions import COOKIE
from ledger.access import signer_target
from ledger.anchors import Anchorer
from ledger.chain import devnet
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.attestation_registry import AttestationRegistry
from ledger.chain.client import ChainClient
from ledger.chain.keystore import ChainAccount, devnet_account
from ledger.store import access
from ledger.store.logs import ChainRow
from tests.api.conftest import ORIGIN, Site, disbursed, make_site, new_key, originated, pledged, pool
from tests.api.test_log import serving
from tests.databases import sqlite_in
from tests.portal.conftest import ROOT, Opener
from tests.portal.site import HOSTILE
from tests.relaying import new_signer

pytestmark = pytest.mark.devnet

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")


@dataclass
class Attested:
    """The portal over a pool of which three have spoken: the bank twice, before its seal and after, and a stranger."""

    site: Site
    address: str
    bank: ChainAccount
    stranger: ChainAccount
    cookies: list[Any]


@pytest.fixture(scope="module")
def attested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attested]:
    folder = tmp_path_factory.mktemp("attested")
    with devnet.running(folder / "devnet") as chain:
        site = make_site(sqlite_in(folder), rpc_url=chain.url)
        site.clock.now = site.clock.now.replace(year=2026)
        node, owner = ChainClient(chain.url), devnet_account(31337)
        contract = node.deploy(owner).open_log(
            owner, origin=ORIGIN, anchorer=owner.address, max_growth=1_000, trust_root=b"\x07" * 32
        )
        site.ledger.bind_chain(_binding(contract))
        registry = AttestationRegistry.deploy(node, owner, anchors=contract.contract)
        site.ledger.bind_attestations(registry.contract)
        for one in (originated("L1"), disbursed("L1", "aa" * 32), pool("W1"), pledged("W1", "L1")):
            assert site.post(one).status_code == 201
        bank, stranger = new_signer(), new_signer()
        _speak(site, node, registry, bank, Verdict.CHECKED, "every loan of the pool")
        _speak(site, node, registry, stranger, Verdict.DISPUTED, HOSTILE)
        site.ledger.seal_pool("W1", party="fenqile", as_of="2026-11-21")
        _speak(site, node, registry, bank, Verdict.ACKNOWLEDGED, "")
        with site.ledger.store.write() as connection:
            log_id, target = site.ledger.row().id, signer_target(bank.address)
            access.grant(connection, log_id, "bank", target, given="2026-11-21T00:00:00.000000Z")
        services: Any = site.client.app.state.services  # type: ignore[attr-defined]  # a Starlette application
        session = services.sessions.begin(services.keys.look_up(new_key(site.ledger, "bank")).caller)
        with site.client, serving(site) as address:
            cookie = {
                "name": COOKIE, "value": session, "url": address, "httpOnly": True, "sameSite": "Lax",
            }  # fmt: skip
            yield Attested(site, address, bank, stranger, [cookie])
        node.close()
        site.ledger.store.close()


def _binding(contract: ChainClient) -> ChainRow:
    return ChainRow(
        chain_id=31337, genesis=contract.genesis(), contract=contract.contract, code_hash=contract.code_hash(),
        log_key=contract.log_key, finality="instant", grade="devnet", max_anchor_age=604_800,
    )  # fmt: skip


def _speak(
    site: Site, node: ChainClient, registry: AttestationRegistry, signer: ChainAccount, verdict: Verdict, scope: str
) -> None:  # fmt: skip
    """Publish what is new, anchor it, and have the signer attest to that size."""
    site.ledger.publish()
    size, root = site.ledger.latest_checkpoint() or (0, b"")
    log = site.ledger.row()
    assert log.chain is not None
    Anchorer(site.ledger.store, ORIGIN, node, devnet_account(31337)).run_until(size)
    one = Attestation(
        log=log.chain.log_key, size=size, root=root, subject="pool:W1", scope=scope, rules_version=1,
        evidence=b"\x0e" * 32, verdict=verdict, signer=signer.address, nonce=registry.nonce_of(signer.address),
        deadline=node.latest().time + 3_600,
    )  # fmt: skip
    signature = signer.sign_typed(one.typed_data(chain_id=31337, contract=registry.contract))
    signed = SignedAttestation(
        chain_id=31337, contract=registry.contract, attestation=one, signature=signature
    )
    registry.relay(devnet_account(31337, 3), signed)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en-GB", ("acknowledged", "disputed", "checked", "covers it", "before it")),
        ("zh-CN", ("已知悉", "有异议", "已核验", "已涵盖", "早于封存")),
    ],
)
def test_the_pools_page_shows_who_says_what(
    attested: Attested, open_page: Opener, language: str, words: tuple[str, ...]
) -> None:
    page = open_page(
        attested.address + "/pools/W1",
        language=language,
        width=390,
        cookies=attested.cookies,
        bypass_csp=True,
    )
    rows = page.locator("#attestations-card tbody tr")
    expect(rows).to_have_count(3)
    acknowledged, disputed, checked, covers, before = words
    for row, verdict, seal in ((0, acknowledged, covers), (1, disputed, before), (2, checked, before)):
        expect(rows.nth(row)).to_contain_text(verdict)
        expect(rows.nth(row)).to_contain_text(seal)
    # The newest first; whose address it is stands only beside those that the operator has named.
    for row in (0, 2):
        expect(rows.nth(row).locator("th")).to_contain_text("bank")
        expect(rows.nth(row).locator("code").first).to_have_attribute(
            "title", f"0x{attested.bank.address.hex()}"
        )
    expect(rows.nth(1).locator("th")).not_to_contain_text("bank")
    expect(rows.nth(1)).to_contain_text("<script>document.title='taken'</script>")
    expect(rows.nth(2)).to_contain_text("every loan of the pool")
    expect(rows.nth(2).locator("time + .soft")).not_to_be_empty()
    assert page.title() != "taken"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(AXE)
    found = page.evaluate("axe.run('#attestations-card')")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_api_tells_the_same(attested: Attested) -> None:
    told = attested.site.get("/v1/pools/W1/attestations", "bank").json()
    newest, dispute, oldest = told["items"]
    assert [one["current_seal"] for one in told["items"]] == [True, False, False]
    assert [one["parties"] for one in told["items"]] == [["bank"], [], ["bank"]]
    assert 0 < oldest["block_number"] < dispute["block_number"] < newest["block_number"]
    assert (dispute["verdict"], dispute["scope"]) == ("disputed", HOSTILE)
    signer = f"0x{attested.bank.address.hex()}"
    mine = attested.site.get(f"/v1/pools/W1/attestations?signer={signer}", "bank").json()
    assert (len(mine["items"]), mine["next_nonce"]) == (2, 2)
    # Who does not oversee the log is not told of other parties' addresses.
    assert attested.site.get("/v1/pools/W1/attestations", "fund").status_code == 404
    assert attested.site.get("/v1/pools/W1/attestations").json()["items"][0]["parties"] == ["bank"]


def test_a_chain_that_does_not_answer_takes_nothing_else_from_the_page(
    attested: Attested, monkeypatch: pytest.MonkeyPatch
) -> None:
    state: Any = attested.site.client.app.state  # type: ignore[attr-defined]  # a Starlette application
    away = replace(state.services, attestations=OnChain("http://127.0.0.1:1"))
    monkeypatch.setitem(state._state, "services", away)
    cookie = {"Cookie": f"{COOKIE}={attested.cookies[0]['value']}", "Accept": "text/html"}
    client = attested.site.client
    part = client.get("/pools/W1/attestations", headers=cookie | {"HX-Request": "true"})
    assert part.status_code == 200
    assert "The chain does not answer" in part.text
    assert "<html" not in part.text
    assert client.get("/pools/W1", headers=cookie).status_code == 200
    assert attested.site.get("/v1/pools/W1/attestations", "bank").status_code == 503
