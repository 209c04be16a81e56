"""The anchor in the browser, by an evidence file and by a node: the same verdicts as in Python."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.chain.reader import ChainReader
from ledger.chain.sources import OnlineAnchors
from ledger.chain.stateproof import EvidenceAnchors
from ledger.errors import PoolproofError
from ledger.proofs.evidence import Evidence
from ledger.proofs.trust import PinnedBlock, TrustRoot
from ledger.proofs.verdict import AnchorSource
from ledger.proofs.verify import verify_receipt
from tests.chain.anchored import FOLDER, Anchored, anchor_sample
from tests.portal.conftest import Opener, give

#: A receipt under evidence or a node, as the page asks for it.
RUN = """async ([trust, receipt, evidences, blocks, node]) => {
  const { parseTrust } = await import("/verify/trust.js");
  const { verifyFile, verdictJson } = await import("/verify/verify.js");
  const { parseEvidence, EvidenceAnchors } = await import("/verify/evidence.js");
  const { NodeAnchors } = await import("/verify/node.js");
  const { unhex } = await import("/verify/bytes.js");
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const root = await parseTrust(bytes(trust));
  const hashes = blocks.map((one) => unhex(one));
  const results = [];
  for (const evidence of evidences) {
    try {
      const anchors = node
        ? new NodeAnchors(node, root)
        : new EvidenceAnchors(parseEvidence(bytes(evidence)), root, hashes);
      results.push(verdictJson(await verifyFile(root, bytes(receipt), { anchors })));
    } catch (error) {
      const { code = String(error), step = null, reason = error.message } = error;
      results.push({ code, step, reason });
    }
  }
  return results;
}"""
SAMPLE = Anchored.load()
BLOCK = SAMPLE.evidence.block_hash
RECEIPT = SAMPLE.receipt.encode()


@pytest.fixture(scope="module")
def modules(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{address}/verify")
    yield page
    page.close()


def in_browser(
    page: Page,
    evidences: list[bytes],
    *,
    trust: TrustRoot = SAMPLE.trust,
    receipt: bytes = RECEIPT,
    blocks: tuple[bytes, ...] = (BLOCK,),
    node: str | None = None,
) -> Any:
    def packed(data: bytes) -> str:
        return b64encode(data).decode()

    arguments = [packed(trust.encode()), packed(receipt), [packed(one) for one in evidences]]
    return page.evaluate(RUN, [*arguments, [one.hex() for one in blocks], node])


def in_python(source: Any, trust: TrustRoot = SAMPLE.trust, receipt: bytes = RECEIPT) -> dict[str, Any]:
    try:
        anchors: AnchorSource = source()
        return verify_receipt(trust, receipt, anchors=anchors).to_json()
    except PoolproofError as error:
        step = getattr(error, "step", None)
        return {"code": error.code, "step": step, "reason": getattr(error, "reason", str(error))}


def by_evidence(data: bytes, trust: TrustRoot = SAMPLE.trust, blocks: tuple[bytes, ...] = (BLOCK,)) -> Any:
    return in_python(lambda: EvidenceAnchors(Evidence.parse(data), trust, blocks), trust)


def test_evidence_shows_final_where_the_block_is_known(modules: Page) -> None:
    data = SAMPLE.evidence.encode()
    (shown,) = in_browser(modules, [data])
    assert shown == by_evidence(data)
    assert shown["level"] == "final"
    (unknown,) = in_browser(modules, [data], blocks=())
    assert unknown == by_evidence(data, blocks=())
    assert unknown["level"] == "published"
    for number in (SAMPLE.evidence.block_number, 1):
        pinned = replace(SAMPLE.trust, pinned_blocks=(PinnedBlock(number=number, hash=BLOCK),))
        (shown,) = in_browser(modules, [data], trust=pinned, blocks=())
        assert shown == by_evidence(data, pinned, ())


def test_evidence_of_something_else_is_refused(modules: Page) -> None:
    good = SAMPLE.evidence
    assert SAMPLE.trust.chain is not None
    chain = replace(SAMPLE.trust.chain, code_hash=bytes(32))
    changed = [
        replace(good, size=good.size + 1),
        replace(good, root=bytes(32)),
        replace(good, block_number=good.block_number + 1),
        replace(good, block_hash=bytes(32)),
        replace(good, header=good.header[:-1]),
        replace(good, storage_key=bytes(32)),
        replace(good, account_proof=good.account_proof[:-1]),
        replace(good, account_proof=(*good.account_proof, good.account_proof[0])),
        replace(good, storage_proof=()),
        replace(good, storage_proof=good.account_proof),
        replace(good, cosignatures=("— somebody.example AAAAAAAAAA==\n",)),
        replace(good, chain=replace(good.chain, chain_id=1)),
    ]
    for evidence in changed:
        data = evidence.encode()
        (shown,) = in_browser(modules, [data])
        assert shown == by_evidence(data)
    trust = replace(SAMPLE.trust, chain=chain)
    (shown,) = in_browser(modules, [good.encode()], trust=trust)
    assert shown == by_evidence(good.encode(), trust)
    assert shown["step"] == "anchor"


def test_edited_evidence_is_refused_as_in_python(modules: Page) -> None:
    dice = random.Random(6)
    document = SAMPLE.evidence.encode()
    edited = []
    while len(edited) < 60:
        at = dice.randrange(len(document))
        byte = dice.choice(b"0123456789abcdefABCDEFghij+/=")
        if byte != document[at]:
            edited.append(document[:at] + bytes([byte]) + document[at + 1 :])
    for data, shown in zip(edited, in_browser(modules, edited), strict=True):
        expected = by_evidence(data)
        assert (shown.get("code"), shown.get("step")) == (expected.get("code"), expected.get("step")), data
        assert "verified" not in shown


@pytest.mark.devnet
def test_a_node_is_asked_as_in_python(modules: Page, open_page: Opener, address: str, tmp_path: Path) -> None:
    with devnet.running(tmp_path / "devnet") as chain:
        sample = anchor_sample(chain.url)
        assert sample.trust.chain is not None
        receipt = sample.receipt.encode()
        client = ChainClient(chain.url).at(sample.trust.chain.contract, sample.trust.chain.log_id)
        account = devnet_account(client.chain_id())
        page = open_page(f"{address}/verify?node={chain.url}#{chain.url}")
        run = {"receipt": receipt, "node": chain.url}

        def same(trust: TrustRoot) -> dict[str, Any]:
            (shown,) = in_browser(page, [b""], trust=trust, **run)
            expected = in_python(lambda: OnlineAnchors(ChainReader(chain.url), trust), trust, receipt)
            assert shown == expected
            return dict(shown)

        assert same(sample.trust)["step"] == "trust_root"  # the contract carries another fingerprint
        client.set_trust_root(account, bytes.fromhex(sample.trust.fingerprint))
        assert same(sample.trust)["level"] == "final"
        for change in (
            {"chain_id": 1},
            {"genesis": bytes(32)},
            {"code_hash": bytes(32)},
            {"contract": bytes(20)},
            {"log_id": bytes(32)},
        ):
            trust = replace(sample.trust, chain=replace(sample.trust.chain, **change))
            assert "verified" not in same(trust)

        give(page, ("trust.json", sample.trust.encode()), ("r.json", receipt))
        expect(page.locator("h3")).to_contain_text("on a chain of grade devnet")
        expect(page.locator(".levels .shown")).to_have_count(3)


def test_the_page_takes_evidence_with_its_block(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    files = [
        (path.name, path.read_bytes())
        for path in (FOLDER / "trust.json", FOLDER / "sample.receipt.json", FOLDER / "anchor-6.evidence.json")
    ]
    give(page, *files)
    cards = page.locator("article")
    expect(cards.nth(1)).to_contain_text("look it up where you trust")
    page.get_by_label("Hash of the block that the evidence speaks of").fill(f"0x{BLOCK.hex()}")
    expect(cards.nth(0).locator("h3")).to_contain_text("finally, on a chain of grade devnet")
    expect(cards.nth(1).locator("h3")).to_contain_text("the contract held the log's root in this block")
    assert json.loads(files[1][1])["media_type"]
    page.get_by_label("Hash of the block that the evidence speaks of").fill("0x12")
    expect(page.locator("#block-hint")).to_have_text("A block hash has 64 digits, 0 to 9 and a to f.")


def test_a_node_is_named_to_the_server_by_its_host_only(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    field = page.get_by_label("Address of a node (JSON-RPC)")
    field.fill("http://node.example/")
    page.get_by_role("button", name="Use this node").click()
    expect(page.locator("#node-hint")).to_contain_text("Give an https:// address")
    field.fill("https://node.example/v3/secret?key=1")
    with page.expect_request(lambda request: request.is_navigation_request()) as navigated:
        page.get_by_role("button", name="Use this node").click()
    assert "secret" not in navigated.value.url.split("#")[0]
    expect(page.locator("#node-hint")).to_have_text("Asks the node https://node.example.")
    policy = page.request.get(f"{address}/verify?node=https://node.example").headers[
        "content-security-policy"
    ]
    assert "connect-src 'self' https://node.example;" in policy
    for bad in ("https://node.example; script-src *", "http://node.example", "https://a.example/", "*"):
        assert page.request.get(f"{address}/verify", params={"node": bad}).status == 422
