"""Findings as pages list them: words for what is hidden, links for what may be opened, all of them by their kinds."""

from __future__ import annotations

import re

import pytest

from api.portal.models import findings
from api.portal.words import Words
from ledger import audits
from ledger.access import Caller, Scope
from ledger.audit.findings import Evidence, Finding
from ledger.reading import Reader
from ledger.store import logs, records, subjects
from tests.portal.conftest import Portal
from tests.portal.site import Book
from tests.portal.test_audits import get

STRANGER = Caller(party="nobody", roles=frozenset({"investor"}), scopes=frozenset({Scope.READ}))
OVERSEER = Caller(party="platform", roles=frozenset({"servicer"}), scopes=frozenset({Scope.READ}))


@pytest.fixture(scope="module")
def book(portal: Portal) -> Book:
    return portal.book


def finding(code: str, subject: str, *indexes: int, **facts: str | int) -> Finding:
    marks = tuple(Evidence(index, "00" * 32) for index in indexes)
    return Finding(code=code, subject=subject, evidence=marks, facts=facts)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "The same borrower, principal and payout day as L9 (entry 4), one that you may not see."),
        ("zh", "与 L9（条目 4），您无权查看的一项的借款人、本金及放款日相同。"),
    ],
)
def test_words_stand_for_what_is_hidden(book: Book, language: str, says: str) -> None:
    found = finding("duplicate.loan", "loan:L1", others=f"L9 (entry 4), {audits.HIDDEN}")
    with book.ledger.store.read() as connection:
        reader = Reader(connection, logs.get(connection, book.ledger.origin), OVERSEER)
        words = Words("zh" if language == "zh" else "en")
        [shown] = findings.shown(reader, [found], words)
        own = finding("duplicate.loan", "loan:L1", others="spelled *** by its party")
        [kept] = findings.shown(reader, [own], words)
    assert shown.says == says
    assert "spelled *** by its party" in kept.says


def test_records_are_links_for_those_who_may_open_them(book: Book) -> None:
    with book.ledger.store.read() as connection:
        log = logs.get(connection, book.ledger.origin)
        row = next(records.between(connection, log.id, 300, log.size))
        subject = subjects.by_id(connection, [row.subject_id])[row.subject_id].name
        found = finding("duplicate.loan", subject, row.index, row.index, log.size, others="x")
        for caller, opened in ((OVERSEER, True), (STRANGER, False)):
            [shown] = findings.shown(Reader(connection, log, caller), [found], Words("en"))
            assert [(one.index, one.opened) for one in shown.evidence] == [
                (row.index, opened),
                (log.size, False),
            ]


def test_findings_are_told_by_their_kinds() -> None:
    found = [
        finding("duplicate.loan", "loan:L1", others="L2"),
        finding("pledge.ended", "loan:L2"),
        finding("duplicate.loan", "loan:L2", others="L1"),
        finding("life.corrected", "loan:L1", type="fee.charged", reason="late"),
    ]
    kinds = findings.kinds(found[:1] + found[2:], Words("en"))
    assert [(one.code, one.count, one.severity) for one in kinds] == [
        ("duplicate.loan", 2, "warning"),
        ("life.corrected", 1, "info"),
    ]
    assert kinds[0].says.endswith("as L2.")


def test_a_run_is_read_kind_by_kind_and_page_by_page(portal: Portal) -> None:
    ledger = portal.book.ledger
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        run = audits.latest(connection, log, "WAREHOUSE-B")
        assert run is not None
        found = audits.findings(connection, log, run.id, view=None)
    address = f"/audits/{run.id}"
    whole = get(portal, address).text
    assert set(re.findall(r"\?code=([a-z_.]+)#findings", whole)) == {one.code for one in found}
    code = found[-1].code
    of_code = get(portal, f"{address}?code={code}").text
    listed = of_code[of_code.index('id="findings"') :]
    says = {one.text() for one in found if one.code == code}
    assert set(re.findall(r"</span></td><td>([^<]+)</td>", listed)) <= says
    assert listed.count("/records/") >= min(len(says), 50)
    beyond = get(portal, f"{address}?code={code}&first=9999").text
    assert f"No finding of the kind {code}" in beyond
    assert get(portal, f"{address}?code=%3Cb%3E").status_code == 422
    assert get(portal, f"{address}?first=-1").status_code == 422
