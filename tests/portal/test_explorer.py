"""What the log's pages show, against what the ledger has; and what a search by a hash finds."""

from __future__ import annotations

from typing import Any

import pytest

from api.portal.models import explorer, search
from ledger.access import Caller, Scope, View
from ledger.errors import NotFoundError
from ledger.proofs import merkle
from ledger.store import anchors, logs, records, trees
from tests.portal.site import Book

OVERSEER = Caller(party="platform", roles=frozenset({"servicer"}), scopes=frozenset({Scope.READ}))
STRANGER = Caller(party="nobody", roles=frozenset({"investor"}), scopes=frozenset({Scope.READ}))


@pytest.fixture(scope="module")
def book(portal: Any) -> Book:
    found: Book = portal.book
    return found


def test_checkpoints_are_listed_from_the_newest_on(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = book.ledger.checkpoint_sizes()
    assert [one.size for one in explorer.log_page(book.ledger, before=None).rows] == sizes[::-1]
    monkeypatch.setattr(explorer, "PAGE", 3)
    page = explorer.log_page(book.ledger, before=None)
    shown = list(page.rows)
    while page.next is not None:
        page = explorer.log_page(book.ledger, before=page.next)
        shown += page.rows
    assert [one.size for one in shown] == sizes[::-1]
    assert page.total == len(sizes)


class UndoneError(Exception):
    """Raised so that what a test wrote into the shared book is not kept."""


def test_a_checkpoint_without_an_anchor_stands_under_a_later_one(book: Book) -> None:
    sizes = book.ledger.checkpoint_sizes()
    assert {one.covered_by for one in explorer.log_page(book.ledger, before=None).rows} == {None}
    found = []
    with pytest.raises(UndoneError), book.ledger.store.write() as connection:
        log = logs.get(connection, book.ledger.origin)
        anchors.want(connection, log.id, sizes[2], book.ledger.root_of(sizes[2]))
        for size in sizes[1:4]:
            checkpoint = trees.checkpoint(connection, log.id, size)
            assert checkpoint is not None
            found.append(explorer.row_of(connection, log, checkpoint).covered_by)
        raise UndoneError
    assert found == [sizes[2], sizes[2], None]


def test_a_checkpoint_is_shown_as_it_was_signed(book: Book) -> None:
    sizes = book.ledger.checkpoint_sizes()
    page = explorer.checkpoint_page(book.ledger, sizes[1])
    assert page.note.encode() == book.ledger.checkpoint(sizes[1])
    assert (page.previous, page.following) == (sizes[0], sizes[2])
    assert page.signers == (book.ledger.origin,)
    with pytest.raises(NotFoundError):
        explorer.checkpoint_page(book.ledger, sizes[1] + 1)


def test_the_proof_between_two_sizes_holds(book: Book) -> None:
    small, *_, great = book.ledger.checkpoint_sizes()
    found = explorer.consistency(book.ledger, great, small)
    assert (found.first, found.second) == (small, great)
    proof = [bytes.fromhex(one) for one in found.proof]
    merkle.verify_consistency(small, great, book.ledger.root_of(small), book.ledger.root_of(great), proof)


def test_every_entry_is_listed_once_and_opened_to_those_who_see_it(book: Book) -> None:
    size = book.ledger.status().size
    listed: list[explorer.Entry] = []
    first: int | None = 0
    while first is not None:
        page = explorer.entries_page(book.ledger, STRANGER, first=first)
        listed += page.rows
        first = page.next
    assert [one.index for one in listed] == list(range(size))
    assert {one.index + 1 for one in listed if one.kind == "register"} == set(book.ledger.checkpoint_sizes())
    assert not any(one.seen for one in listed if one.kind == "record")
    assert all(one.seen for one in explorer.entries_page(book.ledger, OVERSEER, first=0).rows)
    with pytest.raises(NotFoundError):
        explorer.entries_page(book.ledger, OVERSEER, first=size)


def places(book: Book, caller: Caller, text: str) -> list[str]:
    return [one.address for one in search.find(book.ledger, caller, text)]


def test_a_hash_is_found_whatever_it_is_of(book: Book) -> None:
    with book.ledger.store.read() as connection:
        log = logs.get(connection, book.ledger.origin)
        row = next(records.between(connection, log.id, 300, log.size))
        register = trees.register_at(connection, log.id, book.ledger.checkpoint_sizes()[2] - 1)
    assert register is not None
    size = register.index + 1
    place = [f"/explorer/checkpoints/{size}"]
    assert places(book, STRANGER, book.ledger.root_of(size).hex()) == place
    assert places(book, STRANGER, "0x" + bytes(register.root).hex()) == place
    digest = bytes(row.digest).hex()
    assert places(book, OVERSEER, digest) == [f"/records/{row.index}"]
    assert places(book, STRANGER, digest) == [f"/explorer/entries?first={row.index}"]
    assert places(book, OVERSEER, "0" * 64) == []


def test_names_are_completed_from_what_one_sees(book: Book) -> None:
    def begin(caller: Caller, text: str) -> list[tuple[str, str]]:
        return [(one.kind, one.name) for one in search.beginning(book.ledger, caller, text)]

    partner = Caller(party="fund-b", roles=frozenset({"funding_partner"}), scopes=frozenset({Scope.READ}))
    assert begin(OVERSEER, "WAREHOUSE") == [("pool", "WAREHOUSE-A"), ("pool", "WAREHOUSE-B")]
    assert begin(partner, "pool:WAREHOUSE") == [("pool", "WAREHOUSE-B")]
    assert begin(partner, "HOSTILE") == [("pool", "HOSTILE"), ("loan", "HOSTILE-1")]
    loans = begin(partner, "L0000")
    assert 0 < len(loans) <= search.MAX_SUGGESTED
    assert [name for _, name in loans] == sorted({name for _, name in loans})
    with book.ledger.store.read() as connection:
        view = View(connection, logs.get(connection, book.ledger.origin), partner)
        assert all(view.sees_loan(name) for _, name in loans)
    assert begin(STRANGER, "L0000") == begin(STRANGER, "WAREHOUSE") == []
    for odd in ("L0", "", "L00%", "L0000_", "%%%", "loan:L", " "):
        assert begin(partner, odd) == []
