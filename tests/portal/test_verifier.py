"""The verifier in the browser is the Python verifier: the same steps, words and refusals, on every vector."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ledger.errors import MalformedError, PoolproofError, VerificationError
from ledger.proofs import amounts
from ledger.proofs.trust import TrustRoot, WitnessPolicy
from ledger.proofs.verify import verify_claim_proof, verify_file
from tests import samples as s
from tests.portal.conftest import ROOT, TRUST, VECTORS
from tests.proofs.test_verify_claim import PLEDGED, RELEASED, SOLD, ClaimLog

KINDS = ("receipts", "claim_proofs", "seal_proofs", "acceptances")
#: Runs the page's own modules over files; a refusal is told as `{code, step, reason}`.
RUN = """async ([trust, files, earlier]) => {
  const { parseTrust } = await import("/verify/trust.js");
  const { verifyFile, verdictJson } = await import("/verify/verify.js");
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const root = await parseTrust(bytes(trust));
  const results = [];
  for (const file of files) {
    try {
      const given = earlier === null ? {} : { earlier: bytes(earlier) };
      results.push(verdictJson(await verifyFile(root, bytes(file), given)));
    } catch (error) {
      results.push({ code: error.code ?? String(error), step: error.step ?? null, reason: error.reason ?? null });
    }
  }
  return results;
}"""


@pytest.fixture(scope="module")
def modules(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{address}/verify")
    yield page
    page.close()


def in_browser(page: Page, files: list[bytes], trust: bytes = TRUST[1].encode(), earlier: Any = None) -> Any:
    from base64 import b64encode

    def packed(data: bytes) -> str:
        return b64encode(data).decode()

    older = None if earlier is None else packed(earlier)
    return page.evaluate(RUN, [packed(trust), [packed(file) for file in files], older])


def in_python(data: bytes, trust: TrustRoot = s.TRUST) -> dict[str, Any]:
    try:
        return verify_file(trust, data).to_json()
    except VerificationError as error:
        return {"code": error.code, "step": error.step, "reason": error.reason}
    except PoolproofError as error:
        return {"code": error.code, "step": None, "reason": getattr(error, "reason", None)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_vector_has_the_verdict_of_python(modules: Page, kind: str) -> None:
    files = [case["file"].encode() for case in VECTORS[kind]]
    for case, data, shown in zip(VECTORS[kind], files, in_browser(modules, files), strict=True):
        expected = in_python(data)
        if expected.get("code") == "malformed":  # each parser says in its own words what it stumbled over
            expected["reason"] = shown["reason"]
        assert shown == expected, case["case"]
        assert shown.get("verified", False) is case["good"], case["case"]


def test_the_committed_receipt_of_a_real_devnet_verifies(modules: Page) -> None:
    folder = ROOT / "tests/vectors/evidence"
    trust, receipt = (folder / "trust.json").read_bytes(), (folder / "sample.receipt.json").read_bytes()
    (shown,) = in_browser(modules, [receipt], trust)
    assert shown == in_python(receipt, TrustRoot.parse(trust))
    assert shown["level"] == "published"


def test_keys_count_at_the_sizes_that_the_trust_root_says(modules: Page) -> None:
    """One key in two spans, and keys that are too young or too old for a tree of size 8."""
    receipt = next(case["file"].encode() for case in VECTORS["receipts"] if case["case"] == "plain")
    (log,), (service,) = s.TRUST.log_keys, s.TRUST.service_keys
    levels = []
    for changes in (
        {"log_keys": (replace(log, last=3), replace(log, first=5))},
        {"log_keys": (replace(log, first=5), replace(log, last=3))},
        {"log_keys": (replace(log, last=7), replace(log, first=9))},
        {"service_keys": (replace(service, last=8),)},
        {"service_keys": (replace(service, first=9),)},
        {"service_keys": (replace(service, last=7), replace(service, first=8))},
        {"parties": ()},
        {"chain": None},
        {"witnesses": WitnessPolicy()},
    ):
        trust = replace(s.TRUST, **changes)
        (shown,) = in_browser(modules, [receipt], trust.encode())
        assert shown == in_python(receipt, trust)
        levels.append(shown.get("level"))
    published = "published"
    assert levels == [published, published, None, published, None, None, published, None, published]


def test_a_hundred_edited_receipts_are_refused_at_the_step_of_python(modules: Page) -> None:
    dice = random.Random(4)
    good = [case["file"].encode() for case in VECTORS["receipts"] if case["good"]]
    edited = [_edited(dice, dice.choice(good)) for _ in range(100)]
    assert not set(edited) & set(good)
    results = in_browser(modules, edited)
    steps = set()
    for data, shown in zip(edited, results, strict=True):
        expected = in_python(data)
        assert "verified" not in shown
        assert (shown["code"], shown["step"]) == (expected["code"], expected["step"]), data
        steps.add(shown["step"])
    assert {None, "service_signature", "checkpoint", "trust_root"} <= steps


def _edited(dice: random.Random, data: bytes) -> bytes:
    """One small change: a character, a digit, a bit, a piece left out or twice."""
    at = dice.randrange(len(data) - 1)
    kind = dice.randrange(5)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + 1 :]
    if kind == 2:
        return data[:at] + data[at : at + 1] + data[at:]
    places = [
        place for place, byte in enumerate(data) if chr(byte) in ("0123456789" if kind == 3 else "abcdefAQgw")
    ]
    at = dice.choice(places)
    others = b"123456789" if kind == 3 else b"abcdefAQgw"
    return data[:at] + bytes([dice.choice([one for one in others if one != data[at]])]) + data[at + 1 :]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.0}',
        '{"a":1e2}',
        '{"a":-0}',
        '{"a":9007199254740992}',
        '{"a":1,"a":1}',
        '{"b":1,"a":1}',
        '{"A":1}',
        '{"__proto__":1}',
        '{"a": 1}',
        '{"a":"\\u0061"}',
        '{"a":"\\/"}',
        '{"a":"\\ud800"}',
        '{"a":"e\u0301"}',
        '{"a":"\x7f\\u007f"}',
        '{"a":NaN}',
        "[" * 65 + "]" * 65,
        "",
        "\ufeff{}",
    ],
)
def test_another_spelling_is_refused(modules: Page, text: str) -> None:
    run = """async (text) => {
      const { decodeFile } = await import("/verify/canonical.js");
      try { decodeFile(new TextEncoder().encode(text + "\\n"), "file"); return "read"; }
      catch (error) { return error.code; }
    }"""
    assert modules.evaluate(run, text) == "malformed"
    from ledger.proofs import canonical

    with pytest.raises(MalformedError):
        canonical.decode_file(text.encode() + b"\n", what="file")


def test_canonical_vectors_are_read_and_printed(modules: Page) -> None:
    vectors = json.loads((ROOT / "tests/vectors/canonical.json").read_bytes())
    run = """async (texts) => {
      const { decodeCanonical, canonicalText } = await import("/verify/canonical.js");
      return texts.map((text) => {
        try { return canonicalText(decodeCanonical(text)); } catch (error) { return error.code; }
      });
    }"""
    good = [case["bytes"] for case in vectors["values"]]
    assert modules.evaluate(run, good) == good
    others = [case["text"] for case in vectors["bad"] + vectors["other_spellings"]]
    assert set(modules.evaluate(run, others)) == {"malformed"}


def test_the_currencies_are_those_of_the_ledger(modules: Page) -> None:
    run = """async () => Object.fromEntries((await import("/verify/seal.js")).MINOR_DIGITS)"""
    assert modules.evaluate(run) == amounts.MINOR_DIGITS


@pytest.mark.parametrize(
    ("before", "after"), [(None, SOLD), ((), SOLD), (RELEASED, SOLD), (RELEASED, PLEDGED), (SOLD, None)]
)
def test_a_claims_history_must_have_grown(modules: Page, before: Any, after: Any) -> None:
    log = ClaimLog()
    earlier, later = log.at(before), log.at(after)
    (shown,) = in_browser(modules, [later], earlier=earlier)
    try:
        expected = verify_claim_proof(s.TRUST, later, earlier=earlier).to_json()
    except VerificationError as error:
        expected = {"code": error.code, "step": error.step, "reason": error.reason}
    assert shown == expected
    assert shown.get("verified", False) is (after == SOLD)


def test_every_sentence_has_both_languages(modules: Page) -> None:
    run = """async () => {
      const { WORDS } = await import("/verify/words.js");
      const { TEXTS } = await import("/verify/texts.js");
      return Object.entries({ ...WORDS, ...TEXTS });
    }"""
    for key, (english, chinese) in modules.evaluate(run):
        assert english, key
        assert chinese, key
        places = ("{" + one.split("}")[0] + "}" for one in english.split("{")[1:])
        assert all(place in chinese for place in places), key
        assert chinese == english == "{text}" or any("\u4e00" <= one <= "\u9fff" for one in chinese), key
