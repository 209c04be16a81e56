"""The page: a visitor gives files and reads what came of it, by mouse or keyboard, in two languages, online and not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.portal import verify_page
from ledger.proofs.verify import verify_file
from tests import samples
from tests.portal.conftest import ROOT, TRUST, VECTORS, Opener, give, vector

RECEIPT = ("repayment.receipt.json", vector("receipts", "plain"))
EDITED = ("edited.receipt.json", RECEIPT[1].replace("207.10", "217.45"))


@pytest.fixture(params=["served", "one file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The page as the service sends it, and as the one file that it offers, opened from the disk."""
    if request.param == "served":
        return f"{request.getfixturevalue('address')}/verify"
    path = tmp_path / "verify.html"
    path.write_text(verify_page.single_file(), encoding="utf-8")
    return path.as_uri()


def outcomes(page: Page) -> list[str | None]:
    cards = page.locator("#verdicts article")
    expect(cards.first).to_be_visible()
    found: list[str | None] = cards.evaluate_all("cards => cards.map((card) => card.dataset.outcome)")
    return found


def test_a_good_receipt_and_an_edited_one(open_page: Opener, url: str) -> None:
    page = open_page(url)
    expect(page.locator("#status")).to_have_text("Nothing to show yet: give a trust root and a file.")
    give(page, RECEIPT, EDITED)
    expect(page.locator("#status")).to_have_text("2 file(s) wait for the trust root.")
    give(page, TRUST)
    expect(page.locator("#status")).to_have_text("1 verified, 1 refused, 0 undecided.")
    assert outcomes(page) == ["valid", "invalid"]
    good, bad = page.locator("article").all()
    expect(good.locator("h3")).to_contain_text("Genuine")
    expect(good.locator(".levels .shown")).to_have_text(["✓published: shown"])
    expect(bad.locator("h3")).to_have_text("Refused: the step “service_signature” failed.")
    expect(bad.locator(".reason")).to_contain_text("the signature does not verify under")
    assert [item.get_attribute("data-step") for item in bad.locator(".steps > li").all()] == [
        "form",
        "trust_root",
        "checkpoint",
        "service_signature",
    ]


def test_each_step_shows_its_bytes(open_page: Opener, url: str) -> None:
    page = open_page(url)
    give(page, TRUST, RECEIPT)
    record = page.locator('li[data-step="record"]')
    expect(record.locator("pre").first).to_be_hidden()
    record.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(record.locator("pre").first).to_have_text(json.loads(RECEIPT[1])["record"])
    inclusion = page.locator('li[data-step="inclusion"]')
    inclusion.locator("summary").click()
    ways = inclusion.locator("pre").all_inner_texts()
    assert ways[1].rstrip().endswith(ways[2])  # the way ends in the root


def test_the_verdicts_are_saved_as_the_command_line_prints_them(open_page: Opener, url: str) -> None:
    page = open_page(url)
    give(page, TRUST, RECEIPT, EDITED)
    assert outcomes(page) == ["valid", "invalid"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    good, bad = json.loads(Path(download.value.path()).read_bytes())
    expected = verify_file(samples.TRUST, RECEIPT[1].encode()).to_json()
    assert good == {"file": RECEIPT[0]} | expected
    assert (bad["file"], bad["verified"], bad["step"]) == (EDITED[0], False, "service_signature")


def test_every_kind_of_file(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    kinds = ("receipts", "claim_proofs", "seal_proofs", "acceptances")
    good = [(f"{kind}-{at}.json", case) for kind in kinds for at, case in enumerate(VECTORS[kind])]
    give(page, TRUST, *((name, case["file"]) for name, case in good))
    assert outcomes(page) == ["valid" if case["good"] else "invalid" for _, case in good]


def test_what_is_no_such_file(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    evidence = (ROOT / "tests/vectors/evidence/anchor-6.evidence.json").read_bytes()
    markup = '<img src=x onerror="alert(1)">'
    give(
        page, TRUST, ("a.json", "{}\n"), ("b.json", b"\xff\xfe"), (f"{markup}.json", ""), ("e.json", evidence)
    )
    assert outcomes(page) == ["invalid", "invalid", "invalid", "invalid"]
    assert page.locator("img").count() == 0
    give(page, ("trust.json", TRUST[1].replace('"threshold":2', '"threshold":9')))
    expect(page.locator("#problem")).to_contain_text("asks for more witnesses than it names")


def test_the_fingerprint_is_compared(open_page: Opener, url: str) -> None:
    page = open_page(url)
    give(page, TRUST)
    fingerprint = VECTORS["trust"]["fingerprint"]
    expect(page.locator("#fingerprint-value")).to_have_text(fingerprint)
    field = page.get_by_label("Compare with the fingerprint in your agreement")
    for given, said in (
        (f" 0x{fingerprint.upper()} ", "It is the same."),
        ("0" * 64, "It is another one"),
        (fingerprint[:-1], "A fingerprint has 64 digits"),
        ("", "Paste its 64 digits"),
    ):
        field.fill(given)
        expect(page.locator("#compared")).to_contain_text(said)


def test_two_proofs_of_one_claim_are_compared(open_page: Opener, address: str) -> None:
    from tests.proofs.test_verify_claim import PLEDGED, SOLD, ClaimLog

    log = ClaimLog()
    older, newer = log.at(SOLD), log.at(PLEDGED)
    page = open_page(f"{address}/verify")
    give(page, TRUST, ("newer.json", newer), ("older.json", older))
    assert outcomes(page) == ["invalid", "valid"]
    expect(page.locator("article").first.locator(".reason")).to_contain_text("went back")


def test_the_servers_own_trust_root(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    page.get_by_role("button", name="Use the one that this server offers").click()
    expect(page.locator("#trust")).to_contain_text("compare the fingerprint before you rely on it")
    give(page, RECEIPT)
    assert outcomes(page) == ["invalid"]  # it is of another log's keys
    page.get_by_role("button", name="Remove the files").click()
    expect(page.locator("article")).to_have_count(0)


def test_chinese_by_the_browser_and_by_choice(open_page: Opener, url: str) -> None:
    page = open_page(url, language="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    give(page, TRUST, RECEIPT)
    expect(page.locator("h3")).to_contain_text("真实")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h3")).to_contain_text("Genuine")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() == "Verify a Poolproof file"


def test_a_file_is_dropped(open_page: Opener, url: str) -> None:
    page = open_page(url)
    drop = """([trust, receipt]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([trust], "trust.json"));
      transfer.items.add(new File([receipt], "r.json"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, [TRUST[1], RECEIPT[1]])
    assert outcomes(page) == ["valid"]


def test_print_opens_every_step(open_page: Opener, address: str) -> None:
    page = open_page(f"{address}/verify")
    give(page, TRUST, RECEIPT)
    assert outcomes(page) == ["valid"]
    assert len(page.pdf()) > 10_000  # the browser prints it
    assert page.locator("article details:not([open])").count() == 0


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en-GB", "light", 390), ("en-GB", "dark", 1280), ("zh-CN", "light", 1280), ("zh-CN", "dark", 390)],
)
def test_it_is_accessible_and_fits(
    open_page: Opener, address: str, language: str, scheme: str, width: int
) -> None:
    page = open_page(f"{address}/verify", language=language, scheme=scheme, width=width)
    give(page, TRUST, RECEIPT, EDITED, ("c.json", vector("claim_proofs", "pledged")), ("d.json", "{}"))
    assert outcomes(page) == ["valid", "invalid", "valid", "invalid"]
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found] == []


def test_the_policy_lets_nothing_else_in(address: str, open_page: Opener) -> None:
    page = open_page("about:blank")
    answer = page.goto(f"{address}/verify")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert page.request.get(f"{address}/verify/nothing.js").status == 404


def test_the_file_to_keep_is_offered_and_complete(open_page: Opener, address: str, tmp_path: Path) -> None:
    page = open_page(f"{address}/verify")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this page as one file").click()
    path = tmp_path / "kept.html"
    download.value.save_as(path)
    markup = path.read_text("utf-8")
    assert markup == verify_page.single_file()
    assert not re.findall(
        r'(?:src|href)="(?!data:|#)[^"]*"', markup.replace('href="/verify/verify.html"', "")
    )
    assert "connect-src" not in markup  # nothing at all, by default-src 'none'


def test_the_markup_says_what_the_script_says(open_page: Opener, address: str) -> None:
    """Who reads the page before the script has run, or without it, reads the same."""
    page = open_page(f"{address}/verify")
    markup = page.request.get(f"{address}/verify").text()
    run = """(markup) => {
      const read = new DOMParser().parseFromString(markup, "text/html");
      return [...read.querySelectorAll("[data-text]")].map((node) => node.textContent);
    }"""
    # Another page: this one's policy forbids to make markup from strings.
    before = open_page("about:blank").evaluate(run, markup)
    assert page.locator("[data-text]").all_text_contents() == before


def test_every_module_is_joined() -> None:
    modules = [name for name in verify_page.assets() if name.endswith(".js")]
    joined = verify_page.single_file()
    for name in modules:
        first = verify_page.assets()[name][0].decode().splitlines()[0]
        assert first in joined, name


def test_all_receipts_of_a_pool_in_one_file(open_page: Opener, url: str) -> None:
    page = open_page(url)
    give(page, TRUST, ("pool.receipts.ndjson", RECEIPT[1] + EDITED[1] + RECEIPT[1]))
    expect(page.locator("#status")).to_have_text("2 verified, 1 refused, 0 undecided.")
    assert outcomes(page) == ["valid", "invalid", "valid"]
    expect(page.locator("article .file bdi").nth(1)).to_have_text("pool.receipts.ndjson:2")
    page.get_by_role("button", name="Remove the files").click()
    # Of many those that fail are shown first, and the rest are counted; what is saved has all of them.
    give(page, ("many.ndjson", RECEIPT[1] * 210 + EDITED[1]))
    expect(page.locator("#status")).to_have_text("210 verified, 1 refused, 0 undecided.", timeout=60_000)
    assert outcomes(page)[:2] == ["invalid", "valid"]
    expect(page.locator("#verdicts article")).to_have_count(200)
    expect(page.locator("#hidden")).to_contain_text("11 more are not shown")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    saved = json.loads(Path(download.value.path()).read_bytes())
    assert [one["verified"] for one in saved] == [True] * 210 + [False]
    assert saved[-1]["file"] == "many.ndjson:211"
