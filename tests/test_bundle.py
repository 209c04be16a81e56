"""All receipts of a pool in one file: those that a caller may have, each as it would be handed out alone."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import bundle
from ledger.access import LOG, Caller
from ledger.errors import NotFoundError
from ledger.proofs.receipt import Receipt
from ledger.proofs.verify import verify_receipt
from ledger.store import access, anchors, logs, records
from tests.api.book import SECRET, make_book
from tests.api.conftest import Site, originated, repaid

PATH = "/v1/pools/P1/receipts"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("book"))
    with site.client:
        yield site
    site.ledger.store.close()


def lines(book: Site, party: str, query: str = "") -> list[bytes]:
    answer = book.get(PATH + query, party)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return list(answer.content.splitlines(keepends=True))


def test_every_line_is_the_receipt_that_the_caller_would_get_alone(book: Site) -> None:
    trust = book.ledger.trust_root()
    for party in ("bank", "fund", "insider", "fenqile", "checker"):
        found = lines(book, party)
        shown = [Receipt.parse(line) for line in found]
        assert [one.index for one in shown] == sorted({one.index for one in shown})
        for line, one in zip(found, shown, strict=True):
            record = verify_receipt(trust, line).record
            assert record is not None
            alone = book.get(f"/v1/events/{record.id}/receipt?party={record.party}", party)
            assert alone.content == line, (party, one.index)


def test_it_has_the_pool_and_its_loans_and_nothing_else(book: Site) -> None:
    with book.ledger.store.read() as connection:
        log_id = logs.get(connection, book.ledger.origin).id
        subjects = set()
        for line in lines(book, "bank"):
            row = records.at(connection, log_id, Receipt.parse(line).index)
            assert row is not None
            subjects.add(row.event_id)
    assert subjects == {"o-L1", "d-L1", "o-L3", "d-L3", "p-P1", "c-P1-L1-1", "c-P1-L3-1"} | {
        one for one in subjects if "seal" in one.lower()
    }
    assert len(subjects) == 8


def test_private_fields_are_opened_for_those_who_may_have_them(book: Site) -> None:
    def opened(party: str) -> bool:
        return SECRET.encode() in b"".join(lines(book, party))

    assert [party for party in ("bank", "fund", "insider", "checker", "fenqile") if opened(party)] == [
        "insider",
        "fenqile",
    ]


def test_a_pool_that_one_does_not_see_is_not_there(book: Site) -> None:
    assert book.get("/v1/pools/P2/receipts", "bank").status_code == 404
    assert book.get("/v1/pools/P9/receipts", "bank").status_code == 404
    nobody = Caller(party="nobody", roles=frozenset(), scopes=frozenset())
    with pytest.raises(NotFoundError, match="no pool 'P1'"):
        next(bundle.receipts(book.ledger, nobody, "P1"))


def test_it_goes_on_from_an_index(book: Site) -> None:
    every = lines(book, "bank")
    third = Receipt.parse(every[2]).index
    assert lines(book, "bank", f"?since={third}") == every[2:]
    assert lines(book, "bank", f"?since={third + 1}") == every[3:]
    assert lines(book, "bank", "?since=9999") == []


def test_it_is_made_page_by_page(book: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"".join(lines(book, "bank"))
    monkeypatch.setattr(bundle, "PAGE", 3)
    overseer = Caller(party="", roles=frozenset(), scopes=frozenset(), grants=frozenset({LOG}))
    pieces = list(bundle.receipts(book.ledger, overseer, "P1"))
    assert [piece.count(b"\n") for piece in pieces] == [3, 3, 2]
    assert b"".join(pieces) == whole


def test_it_is_compressed_saved_and_noted(book: Site) -> None:
    plain = book.client.get(PATH, headers=book.auth("bank") | {"Accept-Encoding": "identity"})
    assert plain.headers["content-disposition"] == 'attachment; filename="P1.receipts.ndjson"'
    with book.client.stream("GET", PATH, headers=book.auth("bank") | {"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = b"".join(answer.iter_raw())
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 2
    head = book.client.head(PATH, headers=book.auth("bank"))
    assert (head.status_code, head.content) == (200, b"")
    with book.ledger.store.read() as connection:
        log_id = logs.get(connection, book.ledger.origin).id
        reads = access.reads(connection, log_id, subject="pool:P1", limit=1)
    assert (reads[0].party, reads[0].what) == ("bank", "receipts")


def test_what_is_not_anchored_asks_for_one_anchor_and_not_for_one_of_every_size(tmp_path: Path) -> None:
    site = make_book(tmp_path)
    for number in range(1, 6):
        site.post(repaid("L1", number))
        site.ledger.publish()
    newest, _ = site.ledger.latest_checkpoint() or (0, b"")
    assert len(lines(site, "bank")) == 13
    with site.ledger.store.read() as connection:
        wanted = anchors.listed(connection, site.ledger.row().id)
    assert [row.size for row in wanted] == [newest]
    # What is issued stays: the same bytes when more was published, anchored or not.
    before = lines(site, "bank")
    site.post(originated("L9"))
    site.ledger.publish()
    assert lines(site, "bank") == before
    site.ledger.store.close()


def test_an_erased_record_has_no_receipt(book: Site) -> None:
    with book.ledger.store.read() as connection:
        log_id = logs.get(connection, book.ledger.origin).id
        row = records.at(connection, log_id, 6)
    assert row is not None
    assert book.ledger.receipts([(row._replace(index=999_999, record=None), True)]) == []
