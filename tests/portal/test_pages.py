"""Every page, opened by a reader in both languages and at both widths: no message, no violation, no barrier."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.portal.models import pools
from ledger import audits
from ledger.errors import NotFoundError, RefusedError, TooManyError, UnauthorisedError, UnavailableError
from ledger.store import logs, records, subjects, trees
from tests.portal.conftest import ROOT, Opener, Portal
from tests.portal.site import HOSTILE

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")
#: (who looks, address). ``{loan}`` and ``{record}`` are of the partner's pool.
PAGES: list[tuple[str | None, str]] = [
    ("partner", "/"),
    ("investor", "/"),
    ("platform", "/"),
    ("partner", "/pools"),
    ("partner", "/pools/WAREHOUSE-B"),
    ("partner", "/pools/WAREHOUSE-B/loans"),
    ("partner", "/pools/WAREHOUSE-B/loans?status=cancelled"),
    ("partner", "/pools/WAREHOUSE-B/tapes"),
    ("partner", "/pools/HOSTILE"),
    ("partner", "/pools/HOSTILE/tapes"),
    ("partner", "/loans/{loan}"),
    ("partner", "/loans/HOSTILE-1"),
    ("partner", "/records/{record}"),
    ("partner", "/search?q=nothing"),
    ("partner", "/search?q=HOSTIL"),
    ("partner", "/problems/refused"),
    (None, "/problems/unavailable"),
    (None, "/sign-in"),
    ("partner", "/audits"),
    ("partner", "/audits?pool=WAREHOUSE-B"),
    ("partner", "/audits/{audit}"),
    ("partner", "/audits/{audit}?code=life.settled&first=50"),
    ("partner", "/audits/compare?first={audit}&second={audit}"),
    ("partner", "/explorer"),
    ("partner", "/explorer/checkpoints/{size}"),
    ("partner", "/explorer/consistency?first={older}&second={size}"),
    ("partner", "/explorer/entries?first={record}"),
    ("platform", "/admin"),
    ("platform", "/admin/reads"),
    ("investor", "/pools/ABS-1"),
    ("investor", "/pools/ABS-1/attestations"),
]


#: Between them they have every part that pages are made of, the first four most. What takes long is asked of these;
#: of all by `make slow`.
TELLING = (
    "/pools/WAREHOUSE-B", "/pools/WAREHOUSE-B/tapes", "/loans/{loan}", "/records/{record}", "/audits/{audit}",
    "/explorer", "/admin", "/sign-in",
)  # fmt: skip

#: What every page has: one language, one heading, no script or image in its content, and tables whose heads say what
#: they head. Asked for at once, since each question costs a round trip to the browser.
FORM = """(() => {
  const count = (what) => document.querySelectorAll(what).length;
  return {
    lang: document.documentElement.lang,
    headings: count("h1"),
    foreign: count("main script, main img"),
    unscoped: count("th:not([scope])"),
    nameless: [...document.querySelectorAll("th")].filter((head) => !head.textContent.trim()).length,
    taken: document.title === "taken",
  };
})()"""


@pytest.fixture(scope="session")
def places(portal: Portal) -> dict[str, Any]:
    ledger = portal.book.ledger
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        pool = subjects.by_name(connection, log.id, ["pool:WAREHOUSE-B"])["pool:WAREHOUSE-B"]
        [first, *_] = subjects.loans_held(connection, log.id, pool.id, after="", prefix="loan:L", limit=1)
        loan = subjects.by_id(connection, [first])[first]
        record = records.of_subject(connection, first)[2]
        older, size = [one.size for one in trees.checkpoints_from(connection, log.id)][-2:]
        run = audits.latest(connection, log, "WAREHOUSE-B")
    assert run is not None
    return {
        "audit": run.id,
        "older": older,
        "size": size,
        "loan": loan.name.removeprefix("loan:"),
        "record": record.index,
    }


def by_reader(places: dict[str, Any], only: Collection[str] | None = None) -> dict[str | None, list[str]]:
    """The addresses of all pages, or of these only, by who looks; None has not signed in."""
    found: dict[str | None, list[str]] = {}
    for kind, address in PAGES:
        if only is None or address in only:
            found.setdefault(kind, []).append(address.format_map(places))
    return found


def looked_at(open_page: Opener, portal: Portal, kind: str | None, address: str, **options: Any) -> Page:
    cookies = [] if kind is None else portal.cookies(kind)
    return open_page(portal.address + address, cookies=cookies, **options)


@pytest.mark.parametrize(("language", "tag"), [("en-GB", "en"), ("zh-CN", "zh-Hans")])
def test_pages_say_nothing_to_the_console_and_fit(
    open_page: Opener, portal: Portal, places: dict[str, Any], language: str, tag: str
) -> None:
    telling = {address.format_map(places) for address in TELLING}
    for kind, addresses in by_reader(places).items():
        page = looked_at(open_page, portal, kind, "/", language=language)
        for address in addresses:
            if language != "en-GB" and address not in telling:
                continue
            if address != "/":
                page.goto(portal.address + address)
            assert page.evaluate(FORM) == {
                "lang": tag, "headings": 1, "foreign": 0, "unscoped": 0, "nameless": 0, "taken": False,
            }, address  # fmt: skip
            for width in (390, 768, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("language", "width", "scheme"), [("en-GB", 1280, "light"), ("zh-CN", 390, "dark")])
def test_pages_have_no_barriers(
    open_page: Opener, portal: Portal, places: dict[str, Any], language: str, width: int, scheme: str, *, every: bool
) -> None:  # fmt: skip
    found = {}
    options: dict[str, Any] = {"language": language, "width": width, "scheme": scheme, "bypass_csp": True}
    telling = TELLING if scheme == "light" else TELLING[:4]
    for kind, addresses in by_reader(places, None if every else telling).items():
        page = looked_at(open_page, portal, kind, "/", **options)
        for address in addresses:
            if address != "/":
                page.goto(portal.address + address)
            page.add_script_tag(content=AXE)
            found[kind, address] = grave(page)
    assert {address: said for address, said in found.items() if said} == {}


def test_the_reference_of_the_api_fits_a_phone(open_page: Opener, portal: Portal) -> None:
    page = open_page(portal.address + "/docs", width=390)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0


@pytest.mark.slow
def test_the_reference_of_the_api_has_no_barriers(open_page: Opener, portal: Portal) -> None:
    page = open_page(portal.address + "/docs", width=390, scheme="dark", bypass_csp=True)
    page.add_script_tag(content=AXE)
    assert grave(page) == []


@pytest.mark.parametrize(
    ("error", "heading", "wait"),
    [
        (NotFoundError("no pool 'P'"), "Not here", ""),
        (UnauthorisedError("this key is not for reading"), "Not for this role", ""),
        (TooManyError("this key asks too often", retry_after=7), "Too much at once", "7 seconds"),
        (UnavailableError("the database is away", retry_after=1), "Not available now", "1 second"),
        (RuntimeError("broken"), "A fault of this service", ""),
        (RefusedError("as_of", "is no day"), "That did not work", ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_pages_of_errors_say_what_to_do_and_have_no_barriers(
    browser: Browser,
    portal: Portal,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    heading: str,
    wait: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(pools, "listed", fail)
    # Not by ``open_page``: a browser tells its console of every answer that is an error.
    with browser.new_context(viewport={"width": 390, "height": 900}, bypass_csp=True) as context:
        context.add_cookies(portal.cookies("partner"))
        page = context.new_page()
        page.goto(portal.address + "/pools")
        expect(page.locator("h1")).to_have_text(heading)
        expect(page.locator("main")).to_contain_text(wait)
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0
        page.add_script_tag(content=AXE)
        assert grave(page) == []
        page.locator('main a[href^="/problems/"]').click()
        expect(page.locator("main table [aria-current]")).to_have_count(1)


def grave(page: Page) -> list[tuple[str, list[Any]]]:
    """What keeps some readers out, seriously or wholly."""
    result = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],"
        " resultTypes: ['violations']})"
    )
    return [
        (one["id"], [node["target"] for node in one["nodes"]][:5])
        for one in result["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def test_text_of_the_ledger_stays_text(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/HOSTILE")
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    page = looked_at(open_page, portal, "partner", "/loans/HOSTILE-1")
    expect(page.locator(".timeline")).to_contain_text(HOSTILE)
    page = looked_at(open_page, portal, "partner", "/pools/HOSTILE/tapes")
    expect(page.locator(".plain-list").last).to_contain_text(HOSTILE)
    page = looked_at(open_page, portal, "partner", f"/search?q={HOSTILE}")
    expect(page.locator(".empty strong")).to_contain_text(HOSTILE)


def test_what_stands_on_chain_is_loaded_by_itself(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/WAREHOUSE-B")
    expect(page.locator("#attestations-card h2")).to_have_text("Attestations")
    expect(page.locator("#attestations-card .empty strong")).to_have_text("No attestations to ask for")


def test_values_show_under_the_pointer(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/WAREHOUSE-B")
    chart = page.locator(".chart").first
    chart.locator("svg.wide .hit").nth(2).hover()
    tip = chart.locator(".tip")
    expect(tip.locator("b")).to_have_text("2026-06")
    shown = tip.locator("span span").nth(1).inner_text()
    chart.get_by_text("Values as a table").click()
    expect(chart.locator("tbody tr").nth(2).locator("td")).to_have_text(shown)
    expect(tip).to_have_count(0)


def test_the_readers_choices_are_kept(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools?x=1", width=390)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert page.url.endswith("/pools?x=1")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 18)"


def test_the_keyboard_reaches_content_and_search(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("WAREHOUSE-B")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Warehouse of fund B")


def test_a_table_that_is_wider_than_its_place_says_so_and_is_in_reach(
    open_page: Opener, portal: Portal
) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/WAREHOUSE-B/loans", width=390)
    table, name = page.locator(".table"), page.locator(".table tbody th").first
    expect(table).to_have_attribute("data-more", "end")
    expect(table).to_have_attribute("tabindex", "0")
    table.evaluate("box => { box.scrollLeft = 40; }")
    expect(table).to_have_attribute("data-more", "both")
    assert name.evaluate("cell => cell.getBoundingClientRect().left") == table.evaluate(
        "box => box.getBoundingClientRect().left"
    ), "the row keeps its name"
    table.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    expect(table).to_have_attribute("data-more", "start")
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(table).not_to_have_attribute("data-more", re.compile("."))
    expect(table).not_to_have_attribute("tabindex", re.compile("."))


def test_the_place_in_the_navigation_is_in_sight(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "platform", "/admin", width=320)
    expect(page.locator(".nav [aria-current]")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_is_seen(open_page: Opener, portal: Portal, scheme: str) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/WAREHOUSE-B/loans", scheme=scheme)
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        name, style, width = page.evaluate(
            "(({localName}, {outlineStyle, outlineWidth}) => [localName, outlineStyle, parseFloat(outlineWidth)])"
            "(document.activeElement, getComputedStyle(document.activeElement))"
        )
        assert (style, width) == ("solid", 2), name
        seen.add(name)
    assert {"a", "input", "select", "button", "summary"} <= seen


def test_paper_shows_the_values_and_none_of_the_buttons(open_page: Opener, portal: Portal) -> None:
    page = looked_at(open_page, portal, "partner", "/pools/WAREHOUSE-B", scheme="dark")
    rests = page.locator("details[data-paper]")
    expect(rests).not_to_have_attribute("open", re.compile(""))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(rests).to_have_attribute("open", "")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".on-paper")).to_contain_text("Printed for fund-b")
    for hidden in (".nav-box", ".top-end", ".actions"):
        expect(page.locator(hidden).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
