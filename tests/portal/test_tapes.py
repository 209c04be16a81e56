"""Tapes and breaks in the portal: a file laid beside the records, recorded, and its breaks closed by both sides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.sessions import COOKIE
from ledger import reconciling
from ledger.jobs import Runner
from ledger.reconciling import Desk
from tests.api.conftest import new_key
from tests.portal.conftest import Portal
from tests.tapes.mappings import BALANCES

POOL = "/pools/HOSTILE"
TAPE = "loan,as of,balance\nHOSTILE-1,2026-09-30,{}\n"


def get(portal: Portal, address: str, kind: str = "partner") -> Any:
    headers = {"Accept": "text/html", "Cookie": f"{COOKIE}={portal.book.cookies[kind]}"}
    return portal.book.client.get(address, headers=headers)


def post(
    portal: Portal, address: str, kind: str, *, token: str | None = None, given: Any = None, **sent: Any
) -> Any:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', get(portal, f"{POOL}/tapes", kind).text)
    form = {"form_token": (found[1] if found else "") if token is None else token, **sent.pop("data", {})}
    headers = {
        "Accept": "text/html",
        "Cookie": f"{COOKIE}={portal.book.cookies[kind]}",
        "Sec-Fetch-Site": "same-origin",
    }
    return portal.book.client.post(
        address, data=form, headers=headers | (given or {}), follow_redirects=False, **sent
    )  # fmt: skip


def send(
    portal: Portal, balance: str, kind: str = "platform", do: str = "record", *, given: Any = None,
    token: str | None = None, pool: str = POOL, **fields: str,
) -> Any:  # fmt: skip
    # A browser sends the fields that nobody filled in, too.
    data = {"form": "csv", "cut_off": "", "balances": "loan", "do": do, **fields}
    files = {"file": ("t.csv", TAPE.format(balance).encode()), "mapping": ("t.toml", BALANCES.encode())}
    return post(portal, f"{pool}/tapes", kind, data=data, files=files, given=given, token=token)


def size(portal: Portal) -> int:
    return portal.book.ledger.row().size


def test_to_compare_only_stores_nothing(portal: Portal) -> None:
    before = size(portal)
    answer = send(portal, "950.00", "partner", "compare")
    assert answer.status_code == 200
    assert "Nothing was stored" in answer.text
    assert "−50.00" in answer.text
    assert size(portal) == before


def test_a_file_is_recorded_and_its_breaks_are_closed_by_both_sides(portal: Portal) -> None:
    before = size(portal)
    answer = send(portal, "980.00", balances="held")
    assert answer.status_code == 200
    assert "Recorded: files 1, new breaks 1." in answer.text
    [name] = set(re.findall(r'id="(b-[0-9a-f]{24})"', answer.text))
    assert size(portal) == before + 2

    def close(kind: str, note: str = "the export ran too early") -> Any:
        data = {"resolution": "file_wrong", "note": note}
        return post(portal, f"{POOL}/breaks/{name}/close", kind, data=data)

    refused = close("platform", "  ")
    assert (refused.status_code, "say in words how it ends" in refused.text) == (422, True)
    assert close("platform").status_code == 303
    shown = get(portal, f"{POOL}/tapes", "platform").text
    assert "platform says" in shown
    assert re.search(r"<dt>Waits for</dt><dd>[^<]*fund-b", shown)
    assert f"/breaks/{name}/close" not in shown, "one's own word is said once"
    assert f"/breaks/{name}/close" in get(portal, f"{POOL}/tapes").text
    assert close("partner", "seen and agreed").status_code == 303
    assert f'id="{name}"' not in get(portal, f"{POOL}/tapes").text
    assert "closed by both sides" in get(portal, f"{POOL}/tapes").text


@pytest.mark.parametrize("given", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_no_other_site_sends_a_file(portal: Portal, given: dict[str, str]) -> None:
    before = size(portal)
    assert send(portal, "970.00", given=given).status_code == 403
    assert send(portal, "970.00", token="0" * 64).status_code == 403
    closing = {"resolution": "timing", "note": "x"}
    assert (
        post(portal, f"{POOL}/breaks/b-1/close", "partner", data=closing, token="1" * 64).status_code == 403
    )
    assert size(portal) == before


def test_who_may_not_write_compares_and_changes_nothing(portal: Portal) -> None:
    services: Any = portal.book.client.app.state.services  # type: ignore[attr-defined]
    key = new_key(portal.book.ledger, "fund-b", "read", "audit")
    portal.book.cookies["looker"] = services.sessions.begin(services.keys.look_up(key).caller)
    page, before = get(portal, f"{POOL}/tapes", "looker").text, size(portal)
    assert 'value="record"' not in page
    assert "/close" not in page
    assert "Recording takes a key that may write" in page
    assert send(portal, "960.00", "looker").status_code == 403
    closing = {"resolution": "timing", "note": "x"}
    assert post(portal, f"{POOL}/breaks/b-1/close", "looker", data=closing).status_code == 403
    assert send(portal, "960.00", "looker", "compare").status_code == 200
    assert size(portal) == before
    assert send(portal, "960.00", "investor", "compare").status_code == 404
    assert post(portal, f"{POOL}/breaks/b-1/close", "investor", data=closing).status_code == 404
    assert post(portal, f"{POOL}/breaks/b-9/close", "partner", data=closing).status_code == 404


def test_what_is_wrong_with_a_file_is_said_on_the_page(portal: Portal) -> None:
    for answer, says in (
        (send(portal, "many"), "line 2: balance"),
        (send(portal, "1.00", form="totals"), "takes none"),
        (send(portal, "1.00", since="yesterday"), "since"),
    ):
        assert answer.status_code == 422
        assert says in answer.text
        assert "Nothing was compared or recorded." in answer.text
        assert "Mend what is named here" in answer.text


def test_a_large_file_is_a_job_that_is_watched(portal: Portal) -> None:
    later = {"Prefer": "respond-async"}
    assert "compares on your own machine" in send(portal, "1.00", do="compare", given=later).text
    answer = send(portal, "1000.00", given=later)
    assert answer.status_code == 303
    place = answer.headers["location"]
    waiting = get(portal, place, "platform")
    assert (f'hx-get="{place}"' in waiting.text, "waits" in waiting.text) == (True, True)
    assert get(portal, place, "partner").status_code == 404
    ledger = portal.book.ledger
    runner = Runner(ledger.store, ledger.origin, {reconciling.KIND: Desk(ledger).perform}, clock=ledger.clock)
    while runner.step():
        pass
    ended = get(portal, place, "platform")
    assert "hx-trigger" not in ended.text
    assert "Recorded: files 1, new breaks 0." in ended.text


def without_script(browser: Browser, portal: Portal, kind: str, **options: Any) -> Page:
    context = browser.new_context(java_script_enabled=False, **options)
    context.add_cookies(portal.cookies(kind))
    return context.new_page()


def test_it_works_without_a_script(browser: Browser, portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TAPE.format("990.00").replace("2026-09-30", "2026-10-01"))
    (tmp_path / "t.toml").write_text(BALANCES)
    page = without_script(browser, portal, "partner", locale="en-GB", viewport={"width": 390, "height": 900})
    page.goto(f"{portal.address}{POOL}")
    page.get_by_role("link", name="Tapes and breaks to work on").click()
    card = page.locator("section:has(#send)").bounding_box()
    for field in ("#file", "#mapping", "#cut_off", "#balances"):
        box = page.locator(field).bounding_box()
        assert card is not None
        assert box is not None
        assert box["x"] + box["width"] <= card["x"] + card["width"], (
            f"{field} stands out of its card on a phone"
        )
    page.set_input_files("#file", tmp_path / "t.csv")
    page.set_input_files("#mapping", tmp_path / "t.toml")
    page.get_by_role("button", name="Compare only").click()
    expect(page.get_by_role("status")).to_contain_text("Breaks in this file: 1")
    expect(page.get_by_role("status")).to_contain_text("Nothing was stored")
    page.context.close()
