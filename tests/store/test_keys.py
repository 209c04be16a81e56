"""API keys: shown once, stored as a hash, revocable, of one party of one log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from ledger.errors import NotFoundError, UnauthorisedError
from ledger.store import Store, keys, logs
from ledger.store.logs import PartyRow
from ledger.store.tables import api_keys, metadata

NOW, LATER = "2026-11-21T08:00:00.000000Z", "2026-11-22T08:00:00.000000Z"
BOUNDS = keys.Bounds(scopes=frozenset({"read", "write"}))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    metadata.create_all(store.engine)
    with store.write() as connection:
        for origin in ("a.example/log", "b.example/log"):
            log_id = logs.create(connection, origin=origin, zone="UTC", day_cut="00:00")
            logs.put_party(connection, log_id, PartyRow("fenqile", ("originator",), ()))
    yield store
    store.close()


def make(store: Store, log_id: int = 1) -> str:
    with store.write() as connection:
        return keys.create(connection, log_id, "fenqile", created=NOW, bounds=BOUNDS)


def check(store: Store, token: str, log_id: int = 1) -> keys.ApiKey:
    with store.read() as connection:
        return keys.authenticate(connection, log_id, token, now=LATER)


def test_a_key_tells_its_party(store: Store) -> None:
    token = make(store)
    assert re.fullmatch("poolproof_[0-9a-f]{16}_[0-9a-f]{64}", token)
    found = check(store, token)
    assert (found.party, found.created, found.revoked) == ("fenqile", NOW, None)
    assert found.id == token.split("_")[1]


def test_the_secret_is_not_stored(store: Store) -> None:
    secret = make(store).split("_")[2]
    with store.read() as connection:
        row = connection.execute(select(api_keys)).one()
    assert secret not in repr(tuple(row))
    assert bytes.fromhex(secret) not in row.secret_hash


def test_keys_are_of_one_log(store: Store) -> None:
    token = make(store)
    with pytest.raises(UnauthorisedError):
        check(store, token, log_id=2)


def test_every_other_token_is_refused_alike(store: Store) -> None:
    token = make(store)
    prefix, key_id, secret = token.split("_")
    others = [
        "",
        token + "0",
        token[:-1],
        token.upper(),
        token + "\n",
        f"{prefix}_{'0' * 16}_{secret}",
        f"{prefix}_{key_id}_{'0' * 64}",
        f"{prefix}_{key_id}_{secret[:-1]}{'0' if secret[-1] != '0' else '1'}",
        f"{prefix}_{key_id}' OR 1=1_{secret}",
    ]
    messages = set()
    for other in others:
        with pytest.raises(UnauthorisedError) as caught:
            check(store, other)
        messages.add(str(caught.value))
    assert messages == {"no valid API key"}


def test_a_revoked_key_is_over(store: Store) -> None:
    token, other = make(store), make(store)
    key_id = check(store, token).id
    with store.write() as connection:
        assert keys.revoke(connection, 1, key_id, revoked=NOW).revoked == NOW
        assert keys.revoke(connection, 1, key_id, revoked=LATER).revoked == NOW
    with pytest.raises(UnauthorisedError):
        check(store, token)
    assert check(store, other)
    with store.read() as connection:
        assert {one.id: one.revoked for one in keys.list_keys(connection, 1)} == {
            key_id: NOW,
            check(store, other).id: None,
        }


def test_only_a_known_party_gets_a_key_and_only_a_known_key_ends(store: Store) -> None:
    with pytest.raises(NotFoundError), store.write() as connection:
        keys.create(connection, 1, "nobody", created=NOW, bounds=BOUNDS)
    make(store, log_id=2)
    with store.read() as connection:
        foreign = keys.list_keys(connection, 2)[0].id
    with pytest.raises(NotFoundError), store.write() as connection:
        keys.revoke(connection, 1, foreign, revoked=NOW)


def test_limits_are_kept_and_time_ends_a_key(store: Store) -> None:
    bounds = keys.Bounds(
        scopes=frozenset({"audit", "read"}),
        expires=LATER,
        networks=("10.0.0.0/8", "2001:db8::/32"),
        certificate=bytes(32),
        signing_key=bytes(range(32)),
    )
    with store.write() as connection:
        token = keys.create(connection, 1, "fenqile", created=NOW, bounds=bounds)
    with store.read() as connection:
        found = keys.authenticate(connection, 1, token, now="2026-11-22T07:59:59.999999Z")
        assert found.bounds == bounds
        with pytest.raises(UnauthorisedError):
            keys.authenticate(connection, 1, token, now=LATER)
