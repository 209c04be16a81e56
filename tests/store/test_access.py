"""Grants, people, sessions, nonces and the list of reads, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ledger.errors import NotFoundError
from ledger.store import Store, access, keys, logs, subjects
from ledger.store.access import Person, Read, Session
from ledger.store.logs import PartyRow
from ledger.store.subjects import EncumbranceRow, SubjectRow
from ledger.store.tables import metadata

NOW, LATER = "2026-11-21T08:00:00.000000Z", "2026-11-22T08:00:00.000000Z"
READ = frozenset({"read"})
Opener = Callable[[str], Store]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    metadata.create_all(store.engine)
    with store.write() as connection:
        log_id = logs.create(connection, origin="a.example/log", zone="UTC", day_cut="00:00")
        logs.put_party(connection, log_id, PartyRow("bank", ("funding_partner",), ()))
    yield store
    store.close()


def test_a_grant_stands_until_it_is_withdrawn(store: Store) -> None:
    with store.write() as connection:
        assert access.grant(connection, 1, "bank", "pool:p", given=NOW)
        assert not access.grant(connection, 1, "bank", "pool:p", given=LATER)
        assert access.granted(connection, 1, "bank") == {"pool:p"}
        assert access.all_grants(connection, 1) == [("bank", "pool:p", NOW)]
        assert access.withdraw(connection, 1, "bank", "pool:p")
        assert not access.withdraw(connection, 1, "bank", "pool:p")
        assert access.granted(connection, 1, "bank") == frozenset()
        with pytest.raises(NotFoundError):
            access.grant(connection, 1, "nobody", "log", given=NOW)


def begin(store: Store, **members: object) -> str:
    values = {
        "party": "bank",
        "scopes": READ,
        "key_id": None,
        "person": None,
        "created": NOW,
        "expires": LATER,
    }
    with store.write() as connection:
        return access.begin_session(connection, 1, Session(**(values | members)))  # type: ignore[arg-type]


def find(store: Store, token: str, now: str = NOW) -> Session | None:
    with store.read() as connection:
        return access.session(connection, 1, token, now=now)


def test_a_session_ends_by_time_and_by_sign_out(store: Store) -> None:
    token, other = begin(store), begin(store)
    found = find(store, token)
    assert found is not None
    assert (found.party, found.scopes) == ("bank", READ)
    assert find(store, token, LATER) is None
    with store.write() as connection:
        access.end_session(connection, token)
    assert find(store, token) is None
    assert find(store, other)


def test_a_session_ends_with_the_key_that_began_it(store: Store) -> None:
    with store.write() as connection:
        made = keys.create(connection, 1, "bank", created=NOW, bounds=keys.Bounds(scopes=READ))
    key_id = made.split("_")[1]
    token = begin(store, key_id=key_id)
    assert find(store, token)
    with store.write() as connection:
        keys.revoke(connection, 1, key_id, revoked=NOW)
    assert find(store, token) is None


def test_a_session_ends_with_the_person_who_began_it(store: Store) -> None:
    person = Person(subject="248289761001", name="Wang Fang", party="bank", scopes=READ, added=NOW)
    with store.write() as connection:
        access.put_person(connection, 1, person)
        assert access.all_people(connection, 1) == [person]
    token = begin(store, person="248289761001")
    assert find(store, token)
    with store.write() as connection:
        assert access.remove_person(connection, 1, "248289761001")
        assert not access.remove_person(connection, 1, "248289761001")
    assert find(store, token) is None


def test_a_nonce_is_used_once_a_key(store: Store) -> None:
    with store.write() as connection:
        assert access.use_nonce(connection, "k", "n" * 16, now=100, expires=400)
        assert not access.use_nonce(connection, "k", "n" * 16, now=400, expires=700)
        assert access.use_nonce(connection, "other", "n" * 16, now=100, expires=400)
        # Once its time is over the request itself is refused, so the nonce need not be kept.
        assert access.use_nonce(connection, "k", "n" * 16, now=401, expires=700)


def test_reads_are_listed_newest_first(store: Store) -> None:
    with store.write() as connection:
        for at, subject in ((NOW, "loan:a"), (NOW, "loan:b"), (LATER, "loan:a")):
            access.note_read(
                connection, 1, Read(at=at, party="bank", who="k", subject=subject, what="timeline")
            )
    with store.read() as connection:
        everything = access.reads(connection, 1, limit=10)
        assert [(one.at, one.subject) for one in everything] == [
            (LATER, "loan:a"),
            (NOW, "loan:b"),
            (NOW, "loan:a"),
        ]
        assert [one.at for one in access.reads(connection, 1, subject="loan:a", limit=10)] == [LATER, NOW]
        assert access.reads(connection, 1, before=everything[1].id, limit=1) == [everything[2]]
        assert access.reads(connection, 1, party="fund", limit=10) == []


def pledge(store: Store, claims: dict[str, int], *, holder: str) -> None:
    """Rows as pledges leave them: so many claims of each pool are this holder's."""
    with store.write() as connection:
        begun = len(subjects.all_rows(connection, 1))
        for number, (pool, count) in enumerate(claims.items(), start=begun + 1):
            row = SubjectRow(number, f"pool:{pool}", 1, bytes(32), 0, b"", b"")
            subjects.put(connection, 1, [row], [])
            keys = [number.to_bytes(16, "big") + claim.to_bytes(16, "big") for claim in range(count)]
            steps = [EncumbranceRow(key, 1, 0, number, holder, 1, b"", bytes(32)) for key in keys]
            subjects.add_encumbrances(connection, 1, steps)


def test_the_pools_of_a_holder(store: Store) -> None:
    pledge(store, {"b": 3, "a": 2, "c": 1}, holder="bank")
    pledge(store, {"d": 1}, holder="fund")
    with store.read() as connection:
        assert access.pools_held(connection, 1, "bank") == ["a", "b", "c"]
        assert access.pools_held(connection, 1, "fund") == ["d"]
        assert access.pools_held(connection, 1, "nobody") == []
        assert access.pools_held(connection, 2, "bank") == []


def test_how_many_claims_a_holder_has_does_not_matter(fresh_sqlite: str, open_store: Opener) -> None:
    """SQLite counts the steps that it takes: not one for each claim."""
    store = open_store(fresh_sqlite)
    with store.write() as connection:
        logs.create(connection, origin="a.example/log", zone="UTC", day_cut="00:00")
    pledge(store, {"a": 2_000, "b": 2_000}, holder="bank")
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with store.read() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, 1)
        assert access.pools_held(connection, 1, "bank") == ["a", "b"]
        driver.set_progress_handler(None, 0)
    assert 0 < steps < 1_000
