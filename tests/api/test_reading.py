"""Loans, claims, pools and events over HTTP: what each caller is shown, page by page, and the note of each read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from api import schemas
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import verify_receipt
from ledger.store import access
from tests.api.book import SECRET, make_book
from tests.api.conftest import Site


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("book"))
    with site.client:
        yield site
    site.ledger.store.close()


def test_a_loan_is_told_on_both_clocks(book: Site) -> None:
    told = book.get("/v1/loans/L1", "bank").json()
    assert (told["status"], told["principal"], told["as_of"]) == ("active", "12000.00", "2026-11-22")
    assert [(one["id"], one["effective"], one["posted"][:10]) for one in told["events"]] == [
        ("o-L1", "2026-11-20", "2026-11-21"),
        ("d-L1", "2026-11-20", "2026-11-21"),
    ]
    earlier = book.get("/v1/loans/L1?as_of=2026-11-20&below=5", "bank").json()
    assert (earlier["as_of"], earlier["principal"], earlier["size"]) == ("2026-11-20", "12000.00", 5)
    assert SECRET not in json.dumps(told, ensure_ascii=False)


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("as_of=2026-11-23", "refused", "as_of"),
        ("as_of=2026-02-30", "refused", "as_of"),
        ("as_of=today", "invalid_request", "/query/as_of"),
        ("below=0", "invalid_request", "/query/below"),
        (f"below={2**53}", "invalid_request", "/query/below"),
    ],
)
def test_a_day_or_size_that_cannot_be_is_422(book: Site, query: str, code: str, named: str) -> None:
    answer = book.get(f"/v1/loans/L1?{query}", "bank")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert named in answer.json()["detail"]


def test_the_receipts_of_a_loan_are_linked(book: Site) -> None:
    first = book.get("/v1/loans/L1/receipts?limit=1", "bank")
    [record] = first.json()["items"]
    assert record["event"] == "/v1/events/o-L1?party=fenqile"
    assert book.get(record["event"], "bank").json()["digest"] == record["digest"]
    assert Receipt.parse(book.get(record["receipt"], "bank").content).index == record["index"]
    second = book.get(f"/v1/loans/L1/receipts?limit=1&cursor={first.json()['next']}", "bank")
    assert [one["id"] for one in second.json()["items"]] == ["d-L1"]
    assert second.json()["next"] is None
    assert "link" not in second.headers


def test_a_record_that_is_not_published_has_no_receipt_yet(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = make_book(tmp_path_factory.mktemp("pending"))
    with site.client:
        from tests.api.conftest import repaid

        assert site.post(repaid("L1")).status_code == 201
        *_, last = site.get("/v1/loans/L1/receipts").json()["items"]
        assert (last["published"], last["receipt"]) == (False, None)
        assert site.get("/v1/events/r-L1-1/receipt").status_code == 404
    site.ledger.store.close()


def test_a_receipt_opens_private_fields_to_those_who_may_have_them(book: Site) -> None:
    """Two kinds of receipt of one record, each the same bytes for each of its readers, both of them valid."""
    kinds = {}
    for party in ("bank", "checker", "fund", "keeper", "fenqile", "insider", "bank"):
        answer = book.get("/v1/events/o-L1/receipt?party=fenqile", party)
        assert answer.status_code == 200, party
        verify_receipt(book.ledger.trust_root(), answer.content)
        kinds.setdefault(SECRET in answer.text, {})[party] = answer.content
    assert set(kinds[True]) == {"fenqile", "insider"}
    assert set(kinds[False]) == {"bank", "checker", "fund", "keeper"}
    opened, bare = (set(kinds[kind].values()) for kind in (True, False))
    assert len(opened) == len(bare) == 1
    with_fields, without = (Receipt.parse(one) for [one] in (opened, bare))
    assert without.disclosures == ()
    assert (with_fields.record, with_fields.proof, with_fields.checkpoint) == (
        without.record,
        without.proof,
        without.checkpoint,
    )


def test_a_receipt_without_private_fields_is_one_for_all(book: Site) -> None:
    path = "/v1/events/d-L1/receipt?party=fenqile"
    assert book.get(path, "bank").content == book.get(path, "fenqile").content
    with book.ledger.store.read() as connection:
        from ledger.store import trees

        stored = trees.receipt(connection, book.ledger.row().id, 4)
    assert stored is not None
    assert stored.bare is None


def test_what_another_holds_is_told_without_its_name(book: Site) -> None:
    claim = book.get("/v1/claims/L3/c1", "bank")
    assert claim.json()["holdings"] == [
        {"pool": "P1", "holder": "bank", "share": 400_000},
        {"pool": None, "holder": None, "share": 300_000},
    ]
    assert "other" not in claim.text
    assert "P2" not in claim.text
    assert book.get(f"/v1/claims/{'03' * 32}", "bank").content == claim.content
    assert book.get("/v1/claims/L3%2Fc1", "bank").content == claim.content


def test_pools_come_page_by_page(book: Site) -> None:
    assert [one["pool"] for one in book.get("/v1/pools", "bank").json()["items"]] == ["P1"]
    first = book.get("/v1/pools?limit=2")
    assert [one["pool"] for one in first.json()["items"]] == ["P1", "P2"]
    assert first.headers["link"] == f'</v1/pools?limit=2&cursor={first.json()["next"]}>; rel="next"'
    rest = book.get(first.headers["link"].partition("<")[2].partition(">")[0]).json()
    assert ([one["pool"] for one in rest["items"]], rest["next"]) == (["P3"], None)


def test_the_loans_and_the_seal_of_a_pool(book: Site) -> None:
    loans = book.get("/v1/pools/P1/loans", "fund").json()["items"]
    assert [(one["loan"], one["held"]) for one in loans] == [("L1", "12000.00"), ("L3", "4800.00")]
    [seal] = book.get("/v1/pools/P1/seals", "fund").json()["items"]
    assert (seal["count"], seal["receivable"], seal["as_of"]) == (2, "16800.00", "2026-11-21")
    assert book.get("/v1/pools/P2/seals").json() == {"items": [], "next": None}


def test_reads_are_in_the_access_log(book: Site) -> None:
    ledger, log_id = book.ledger, book.ledger.row().id

    def noted(path: str, party: str) -> list[tuple[str, str]]:
        with ledger.store.read() as connection:
            before = {one.id for one in access.reads(connection, log_id, limit=1_000)}
        book.get(path, party)
        with ledger.store.read() as connection:
            new = [one for one in access.reads(connection, log_id, limit=1_000) if one.id not in before]
        assert all(one.party == party and one.who in book.tokens[party] for one in new)
        return [(one.subject, one.what) for one in new]

    assert noted("/v1/loans/L1", "bank") == [("loan:L1", "timeline")]
    assert noted("/v1/loans/L1/receipts", "bank") == [("loan:L1", "receipts")]
    assert noted("/v1/claims/L3/c1", "bank") == [("loan:L3", "claim")]
    assert noted("/v1/pools/P1/loans", "bank") == [("pool:P1", "loans")]
    assert noted("/v1/events/o-L1/receipt?party=fenqile", "bank") == [("loan:L1", "receipt")]
    assert noted("/v1/events/o-L1/receipt?party=fenqile", "insider") == [
        ("loan:L1", "receipt with private fields")
    ]
    assert noted("/v1/events/o-L1/receipt", "fenqile") == []  # what it has stated itself
    assert noted("/v1/loans/L2", "bank") == []
    assert noted("/v1/pools", "bank") == []


def test_the_loans_of_a_pool_are_filtered(book: Site) -> None:
    def asked(query: str, party: str = "bank") -> list[str]:
        answer = book.get(f"/v1/pools/P1/loans{query}", party)
        assert answer.status_code == 200, answer.text
        document = schemas.LoanPage.model_validate_json(answer.content)
        assert document.next is None
        return [one.loan for one in document.items]

    assert asked("") == ["L1", "L3"]
    assert asked("?status=active&holder=bank") == ["L1", "L3"]
    assert asked("?status=settled") == []
    assert asked("?bucket=M1") == []
    assert asked("?bucket=undetermined&status=active") + asked("?bucket=current") == ["L1", "L3"]
    plain = book.get("/v1/pools/P1/loans", "bank").json()
    assert (plain["as_of"], {one["bucket"] for one in plain["items"]}) == (None, {None})
    assert [one["shares"] for one in plain["items"]] == [{"c1": 1_000_000}, {"c1": 400_000}]
    aged = book.get("/v1/pools/P1/loans?bucket=current", "bank").json()
    assert aged["as_of"] == "2026-11-22"
    assert all((one["bucket"], one["days_past_due"]) == ("current", 0) for one in aged["items"])


def test_filtered_loans_go_on_by_cursor(book: Site) -> None:
    first = book.get("/v1/pools/P1/loans?status=active&limit=1", "bank")
    assert [one["loan"] for one in first.json()["items"]] == ["L1"]
    rest = book.get(first.headers["link"].partition(">")[0].removeprefix("<"), "bank").json()
    assert ([one["loan"] for one in rest["items"]], rest["next"]) == (["L3"], None)
    for other in ("?", "?status=settled&", "?status=active&holder=bank&"):
        mixed = book.get(f"/v1/pools/P1/loans{other}cursor={first.json()['next']}", "bank")
        assert (mixed.status_code, "not a cursor of this list" in mixed.text) == (422, True)


@pytest.mark.parametrize(
    ("query", "named", "words"),
    [
        ("status=lost", "status", "'originated', 'active', 'settled', 'charged_off' or 'cancelled'"),
        ("bucket=M7", "bucket", "current, M1, M2, M3, M3+, undetermined"),
        ("bucket=late", "bucket", "current"),
        ("holder=other", "holder", "bank"),
        ("min_days_past_due=-1", "min_days_past_due", "greater than or equal to 0"),
        ("min_days_past_due=soon", "min_days_past_due", "integer"),
    ],
)
def test_a_filter_by_what_there_is_not_names_what_there_is(
    book: Site, query: str, named: str, words: str
) -> None:
    answer = book.get(f"/v1/pools/P1/loans?{query}", "bank")
    assert answer.status_code == 422
    assert named in answer.text
    assert words in answer.text


def test_a_page_of_filtered_loans_is_bounded(book: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.loanlist.MOST_EXAMINED", 1)
    first = book.get("/v1/pools/P1/loans?status=settled", "bank").json()
    assert (first["items"], first["next"] is None) == ([], False)
    second = book.get(f"/v1/pools/P1/loans?status=settled&cursor={first['next']}", "bank").json()
    assert (second["items"], second["next"]) == ([], None)
