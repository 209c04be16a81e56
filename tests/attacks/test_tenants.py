"""Another lender's pools, loans, records and runs: on every page and in every document, they are not there."""

from __future__ import annotations

import re

import pytest

from ledger.audit import reportfile
from ledger.audits import HIDDEN
from tests.api.conftest import Site
from tests.attacks.conftest import HTML, audited, cookie_of, portal_routes, same

#: Of each name in a path of the portal: what is bank's, and what nobody has.
FOREIGN = {"pool": ("P1", "P9"), "loan": ("L1", "L9")}
#: Paths whose parameter names something public: sizes and indexes of the published tree, files of the page.
PUBLIC = {"size", "first", "second", "file", "path", "name", "digest"}


def parameters(path: str) -> list[str]:
    return re.findall(r"{(\w+)(?::\w+)?}", path)


def with_names() -> list[str]:
    return [path for path in portal_routes("GET") if set(parameters(path)) & FOREIGN.keys()]


def test_every_parameter_of_the_portal_is_known() -> None:
    used = {name for path in portal_routes("GET") for name in parameters(path)}
    assert used <= FOREIGN.keys() | PUBLIC | {"index", "audit_id", "run", "party", "key_id", "webhook_id"}


@pytest.mark.parametrize("path", with_names())
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_a_page_about_anothers_is_as_one_about_nothing(book: Site, path: str, accept: str) -> None:
    headers = cookie_of(book, book.tokens["other"]) | {"Accept": accept}
    [name] = [one for one in parameters(path) if one in FOREIGN]
    foreign, unknown = FOREIGN[name]
    answers = [
        book.client.get(path.replace(f"{{{name}}}", one), headers=headers) for one in (foreign, unknown)
    ]
    same(*answers, (foreign, unknown))


def test_a_record_of_anothers_is_as_one_that_is_not_there(book: Site) -> None:
    headers = cookie_of(book, book.tokens["other"]) | HTML
    foreign, unknown = book.get("/v1/events/o-L1").json()["index"], 99
    answers = [book.client.get(f"/records/{one}", headers=headers) for one in (foreign, unknown)]
    assert [one.status_code for one in answers] == [404, 404]
    texts = [
        re.sub(rf"no record at index {index}|records%2F{index}|/records/{index}", "", one.text).replace(
            one.headers["x-request-id"], ""
        )
        for one, index in zip(answers, (foreign, unknown), strict=True)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("asked", ["P2", "L2", "o-L2", "02" * 32, "d-L2", "c-P2-L2-1"])
def test_search_finds_nothing_of_anothers(book: Site, asked: str) -> None:
    headers = cookie_of(book, book.tokens["bank"]) | HTML
    answer = book.client.get("/search", params={"q": asked}, headers=headers)
    assert answer.status_code == 200
    assert re.search(r'href="/(pools|loans|records)/[^"]', answer.text) is None


@pytest.mark.parametrize(
    "page",
    ["/", "/pools", "/pools/P1", "/pools/P1/loans", "/loans/L1", "/loans/L3", "/explorer", "/search?q=L"],
)
def test_no_page_names_what_its_reader_does_not_see(book: Site, page: str) -> None:
    """L3 is shared with another lender: that it is may be told, with whom and through which pool not."""
    headers = cookie_of(book, book.tokens["bank"]) | HTML
    answer = book.client.get(page, headers=headers)
    assert answer.status_code == 200
    text = re.sub(r"\s+", " ", answer.text)
    assert not re.search(r"\b(P2|L2)\b", text), re.findall(r".{60}\b(?:P2|L2)\b.{40}", text)
    assert not re.search(r">\s*other\s*<", text), re.findall(r".{60}>\s*other\s*<.{40}", text)


# -- audits: they see every record, their readers do not ---------------------------------------------------------


@pytest.mark.parametrize("reader", ["bank", "fund", "insider"])
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_report_names_no_loan_that_its_reader_does_not_see(book: Site, reader: str, form: str) -> None:
    run = book.get("/v1/audits?pool=P1", reader).json()["items"][0]["id"]
    text = book.get(f"/v1/audits/{run}/report?format={form}", reader).text
    assert HIDDEN in text
    assert "L6" not in text
    assert "L6" in book.get(f"/v1/audits/{run}/report?format={form}", "checker").text


def test_a_report_of_which_nothing_is_hidden_keeps_its_digest(book: Site) -> None:
    run = book.get("/v1/audits?pool=P1", "checker").json()["items"][0]
    digests = {
        party: reportfile.digest(reportfile.decode(book.get(f"/v1/audits/{run['id']}/report", party).content))
        for party in ("checker", "fenqile", "watch", "bank")
    }
    whole = run["result"]["sha256"]
    assert [digests[one] == whole for one in ("checker", "fenqile", "watch", "bank")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_comparison_and_the_portals_copy_are_cut_too(book: Site) -> None:
    first = book.get("/v1/audits?pool=P1", "bank").json()["items"][0]["id"]
    second = audited(book, "P1", "bank")
    answer = book.get(f"/v1/audits/compare?first={first}&second={second}", "bank")
    assert answer.status_code == 200
    assert HIDDEN in [one["facts"].get("others") for one in answer.json()["standing"]]
    assert "L6" not in answer.text
    headers = cookie_of(book, book.tokens["bank"])
    report = book.client.get("/pools/P1/audit.report.json", headers=headers)
    assert report.status_code == 200
    assert "L6" not in report.text


def test_pages_and_lists_of_findings_are_cut_too(book: Site) -> None:
    first = book.get("/v1/audits?pool=P1", "bank").json()["items"][0]["id"]
    second = audited(book, "P1", "bank")
    listed = book.get("/v1/pools/P1/findings", "bank")
    assert HIDDEN in listed.text
    assert "L6" not in listed.text
    assert "L6" in book.get("/v1/pools/P1/findings", "checker").text
    headers = cookie_of(book, book.tokens["bank"]) | HTML
    for page in ("/pools/P1", f"/audits/{second}", f"/audits/compare?first={first}&second={second}"):
        answer = book.client.get(page, headers=headers)
        assert answer.status_code == 200
        assert "one that you may not see" in answer.text, page
        assert "L6" not in answer.text, page


def test_a_run_of_anothers_pool_cannot_be_watched(book: Site) -> None:
    run = book.get("/v1/audits?pool=P1", "bank").json()["items"][0]["id"]
    unknown = "audit_" + "0" * 24
    for path in ("/v1/audits/{}", "/v1/audits/{}/events", "/v1/audits/{}/report"):
        same(book.get(path.format(run), "other"), book.get(path.format(unknown), "other"), (run, unknown))
    headers = cookie_of(book, book.tokens["other"])
    answer = book.client.get(f"/v1/audits/{run}/events", headers=headers)
    assert answer.status_code == 404, "nor with a session of the portal"
