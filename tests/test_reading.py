"""What one caller is shown: events, claims and loans that are its own to see, and no name of another lender."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from ledger import access
from ledger.domain.calendar import parse_instant
from ledger.errors import NotFoundError, RefusedError, UnauthorisedError
from ledger.reading import Holding, Reader, past_day
from ledger.store import logs
from tests.api.book import ROLES, make_book
from tests.api.conftest import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_book(tmp_path_factory.mktemp("book"))
    yield site
    site.ledger.store.close()


@contextmanager
def read(site: Site, party: str) -> Iterator[Reader]:
    with site.ledger.store.read() as connection:
        log = logs.get(connection, site.ledger.origin)
        yield Reader(connection, log, access.caller(connection, log.id, party, ["read"]))


OVERSEEING = {"fenqile", "collector", "keeper", "checker", "watch"}
SEES_L1 = OVERSEEING | {"bank", "fund", "insider"}


@pytest.mark.parametrize("party", ROLES)
def test_an_event_is_seen_with_its_subject(site: Site, party: str) -> None:
    events = {
        "d-L1": SEES_L1,
        "d-L2": OVERSEEING | {"other"},
        "d-L4": OVERSEEING | {"cash"},
        "c-P1-L1-1": SEES_L1,
        "p-P3": OVERSEEING,
    }
    with read(site, party) as reader:
        for event_id, seen_by in events.items():
            if party in seen_by:
                assert reader.event(event_id, "fenqile").event_id == event_id
            else:
                with pytest.raises(NotFoundError) as caught:
                    reader.event(event_id, "fenqile")
                assert str(caught.value) == f"no event {event_id!r} of party 'fenqile'"
        with pytest.raises(NotFoundError, match=f"no event 'none' of party '{party}'"):
            reader.event("none")


def test_ones_own_event_is_seen_whatever_it_is_about(site: Site) -> None:
    with read(site, "cash") as reader:
        row = reader.event("r-L4-1")
        assert (row.party, reader.subject_of(row)) == ("cash", "loan:L4")


def test_private_fields_are_opened_to_whom_they_were_granted(site: Site) -> None:
    opened = set()
    for party in SEES_L1:
        with read(site, party) as reader:
            if reader.opens(reader.event("o-L1", "fenqile")):
                opened.add(party)
    assert opened == {"fenqile", "insider"}
    with read(site, "insider") as reader:
        assert reader.opens(
            reader.event("c-P1-L1-1", "fenqile")
        )  # private:P1 opens the pool's own records too
        assert not reader.opens(reader.event("c-P1-L1-1", "fenqile")._replace(subject_id=_pool(reader, "P2")))


def _pool(reader: Reader, name: str) -> int:
    from ledger.store import subjects

    return subjects.by_name(reader.connection, reader.log.id, [f"pool:{name}"])[f"pool:{name}"].id


def test_another_lender_is_told_by_its_share_only(site: Site) -> None:
    own, others = (
        Holding(pool="P1", holder="bank", share=400_000),
        Holding(pool="P2", holder="other", share=300_000),
    )
    hidden = {"share": 300_000}
    expected = {
        "bank": (own, Holding(pool=None, holder=None, **hidden)),
        "fund": (own, Holding(pool=None, holder=None, **hidden)),
        "other": (Holding(pool=None, holder=None, share=400_000), others),
        "keeper": (own, others),
    }
    for party, holdings in expected.items():
        with read(site, party) as reader:
            for name in ("L3/c1", "03" * 32):
                place = reader.place(name)
                assert place.holdings == holdings, party
                assert (place.loan, place.claim, place.free, place.version) == ("L3", "c1", 300_000, 2)


def test_a_proof_that_would_name_another_lender_is_not_for_everyone(site: Site) -> None:
    for party, claim in (("bank", "L1/c1"), ("keeper", "L3/c1"), ("other", "L2/c1")):
        with read(site, party) as reader:
            reader.check_told(claim)
    for party in ("bank", "other", "fund"):
        with read(site, party) as reader, pytest.raises(UnauthorisedError, match="would name holders"):
            reader.check_told("L3/c1")


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("L2/c1", "no loan 'L2' in this log"),
        ("L9/c1", "no loan 'L9' in this log"),
        ("L1/c9", "no claim 'c9' of a loan 'L1' in this log"),
        ("02" * 32, f"no claim with the asset key {'02' * 32} in this log"),
        ("ff" * 32, f"no claim with the asset key {'ff' * 32} in this log"),
        ("L1", "no claim with the asset key L1 in this log"),
    ],
)
def test_a_claim_of_another_is_not_there(site: Site, claim: str, reason: str) -> None:
    with read(site, "bank") as reader, pytest.raises(NotFoundError) as caught:
        reader.place(claim)
    assert str(caught.value) == reason


def test_the_records_of_a_loan(site: Site) -> None:
    with read(site, "bank") as reader:
        assert [row.event_id for row in reader.records_of("L1")] == ["o-L1", "d-L1"]
        with pytest.raises(NotFoundError, match="no loan 'L2' in this log"):
            reader.records_of("L2")


def test_a_day_that_has_not_come_is_refused(site: Site) -> None:
    log, now = site.ledger.row(), parse_instant("2026-11-21T23:30:00.000000Z")
    assert past_day(log, None, "as_of", now=now) is None
    assert past_day(log, "2026-11-22", "as_of", now=now) == date(2026, 11, 22)
    with pytest.raises(RefusedError, match="as_of: 2026-11-23 has not come: the log's day is 2026-11-22"):
        past_day(log, "2026-11-23", "as_of", now=now)
