"""What parties were granted, who signs in for them, their sessions, and who read what of which loan."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from ledger.errors import NotFoundError
from ledger.store.tables import (
    access_log,
    api_keys,
    encumbrances,
    grants,
    parties,
    people,
    records,
    request_nonces,
    sessions,
    subjects,
)

if TYPE_CHECKING:
    from ledger.store.engine import ReadConnection, WriteConnection


# -- grants ------------------------------------------------------------------------------------------------


def granted(connection: ReadConnection, log_id: int, party: str) -> frozenset[str]:
    """What a party was granted."""
    statement = select(grants.c.target).where(grants.c.log_id == log_id, grants.c.party == party)
    return frozenset(connection.execute(statement).scalars())


def all_grants(connection: ReadConnection, log_id: int) -> list[tuple[str, str, str]]:
    """(party, target, since when) of every grant of the log, in this order."""
    columns = (grants.c.party, grants.c.target, grants.c.given)
    rows = connection.execute(select(*columns).where(grants.c.log_id == log_id).order_by(*columns))
    return [(row.party, row.target, row.given) for row in rows]


def grant(connection: WriteConnection, log_id: int, party: str, target: str, *, given: str) -> bool:
    """Grant it; False where it stood already. Raises :class:`NotFoundError` for an unknown party."""
    _known_party(connection, log_id, party)
    if target in granted(connection, log_id, party):
        return False
    connection.execute(insert(grants).values(log_id=log_id, party=party, target=target, given=given))
    return True


def withdraw(connection: WriteConnection, log_id: int, party: str, target: str) -> bool:
    """Take a grant back; False where there was none."""
    here = (grants.c.log_id == log_id) & (grants.c.party == party) & (grants.c.target == target)
    return connection.execute(delete(grants).where(here)).rowcount > 0


def _known_party(connection: ReadConnection, log_id: int, party: str) -> None:
    known = select(parties.c.name).where(parties.c.log_id == log_id, parties.c.name == party)
    if connection.execute(known).one_or_none() is None:
        raise NotFoundError(f"no party {party!r} in this log")


# -- what is a party's -------------------------------------------------------------------------------------


def pools_held(connection: ReadConnection, log_id: int, party: str) -> list[str]:
    """Names, without ``pool:``, of the pools in which a party holds or held a share of a claim."""
    # From one pool straight to the next in the index: a holder has a row there for each of a million claims.
    least = select(func.min(encumbrances.c.pool_id).label("id")).where(
        encumbrances.c.log_id == log_id, encumbrances.c.holder == party
    )
    held = least.cte("held", recursive=True)
    following = least.where(encumbrances.c.pool_id > held.c.id).correlate(held).scalar_subquery()
    held = held.union_all(select(following).where(held.c.id.is_not(None)))
    rows = connection.execute(select(subjects.c.name).join(held, held.c.id == subjects.c.id)).scalars()
    return sorted(name.removeprefix("pool:") for name in rows)


def spoke_of(connection: ReadConnection, subject_id: int, party: str) -> bool:
    """Whether a party has posted a record about a subject."""
    where = (records.c.subject_id == subject_id) & (records.c.party == party)
    return connection.execute(select(records.c.index).where(where).limit(1)).one_or_none() is not None


# -- people ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in through the identity provider; ``subject`` is the provider's stable name of them."""

    subject: str
    name: str
    party: str
    scopes: frozenset[str]
    added: str


def put_person(connection: WriteConnection, log_id: int, person: Person) -> None:
    """Let a person sign in for a party, or change for which. Raises :class:`NotFoundError` for an unknown party."""
    _known_party(connection, log_id, person.party)
    remove_person(connection, log_id, person.subject)
    connection.execute(
        insert(people).values(
            log_id=log_id, subject=person.subject, name=person.name, party=person.party,
            scopes=",".join(sorted(person.scopes)), added=person.added,
        )
    )  # fmt: skip


def remove_person(connection: WriteConnection, log_id: int, subject: str) -> bool:
    """No longer let a person sign in, and end their sessions; False where there was none."""
    connection.execute(delete(sessions).where(sessions.c.log_id == log_id, sessions.c.person == subject))
    where = (people.c.log_id == log_id) & (people.c.subject == subject)
    return connection.execute(delete(people).where(where)).rowcount > 0


def person(connection: ReadConnection, log_id: int, subject: str) -> Person | None:
    """A person by the provider's name of them."""
    where = (people.c.log_id == log_id) & (people.c.subject == subject)
    row = connection.execute(select(people).where(where)).one_or_none()
    return None if row is None else _person(row)


def all_people(connection: ReadConnection, log_id: int) -> list[Person]:
    """Everybody who may sign in, by party and name."""
    statement = select(people).where(people.c.log_id == log_id).order_by(people.c.party, people.c.name)
    return [_person(row) for row in connection.execute(statement)]


def _person(row: Any) -> Person:
    scopes = frozenset(filter(None, row.scopes.split(",")))
    return Person(subject=row.subject, name=row.name, party=row.party, scopes=scopes, added=row.added)


# -- sessions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of the portal: for which party, with which scopes, by which key or person.

    ``networks`` and ``certificate`` are those that its key is bound to, as they stand with the key.
    """

    party: str
    scopes: frozenset[str]
    key_id: str | None
    person: str | None
    created: str
    expires: str
    networks: tuple[str, ...] = ()
    certificate: bytes | None = None


def begin_session(connection: WriteConnection, log_id: int, session: Session) -> str:
    """Keep a session; returns its token, which is not kept. Sessions that ran out go."""
    connection.execute(delete(sessions).where(sessions.c.expires < session.created))
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            token_hash=_hash(token), log_id=log_id, party=session.party, scopes=",".join(sorted(session.scopes)),
            key_id=session.key_id, person=session.person, created=session.created, expires=session.expires,
        )
    )  # fmt: skip
    return token


def session(connection: ReadConnection, log_id: int, token: str, *, now: str) -> Session | None:
    """The session of a token that has not run out; none once the key or the person that began it is ended."""
    statement = (
        select(sessions, people.c.subject, api_keys.c.networks, api_keys.c.certificate)
        .join(api_keys, api_keys.c.id == sessions.c.key_id, isouter=True)
        .join(
            people,
            (people.c.log_id == sessions.c.log_id) & (people.c.subject == sessions.c.person),
            isouter=True,
        )
        .where(
            sessions.c.token_hash == _hash(token),
            sessions.c.log_id == log_id,
            sessions.c.expires > now,
            api_keys.c.revoked.is_(None),
            or_(api_keys.c.expires.is_(None), api_keys.c.expires > now),
        )
    )
    row = connection.execute(statement).one_or_none()
    if row is None or (row.person is not None and row.subject is None):
        return None
    return Session(
        party=row.party, scopes=frozenset(filter(None, row.scopes.split(","))), key_id=row.key_id,
        person=row.person, created=row.created, expires=row.expires,
        networks=tuple(filter(None, (row.networks or "").split(","))),
        certificate=None if row.certificate is None else bytes(row.certificate),
    )  # fmt: skip


def end_session(connection: WriteConnection, token: str) -> None:
    """End a session; ending it again changes nothing."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


# -- nonces of signed requests -----------------------------------------------------------------------------


def use_nonce(connection: WriteConnection, key_id: str, nonce: str, *, now: int, expires: int) -> bool:
    """Whether a key uses this nonce for the first time; it is kept until ``expires`` (seconds since 1970)."""
    connection.execute(delete(request_nonces).where(request_nonces.c.expires < now))
    try:
        with connection.begin_nested():
            connection.execute(insert(request_nonces).values(key_id=key_id, nonce=nonce, expires=expires))
    except IntegrityError:
        return False
    return True


# -- the access log ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Somebody's look at a subject; ``who`` is a key's id or a person, ``what`` the kind of read."""

    id: int = 0
    at: str
    party: str
    who: str
    subject: str
    what: str


def note_read(connection: WriteConnection, log_id: int, read: Read) -> None:
    """Keep that somebody read something of a subject."""
    values = {name: getattr(read, name) for name in ("at", "party", "who", "subject", "what")}
    connection.execute(insert(access_log).values(log_id=log_id, **values))


def reads(
    connection: ReadConnection,
    log_id: int,
    *,
    subject: str | None = None,
    party: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Read]:
    """The newest reads first, of one subject or by one party where given, with an id below ``before``."""
    statement = select(access_log).where(access_log.c.log_id == log_id)
    if subject is not None:
        statement = statement.where(access_log.c.subject == subject)
    if party is not None:
        statement = statement.where(access_log.c.party == party)
    if before is not None:
        statement = statement.where(access_log.c.id < before)
    rows = connection.execute(statement.order_by(access_log.c.id.desc()).limit(limit))
    return [
        Read(id=row.id, at=row.at, party=row.party, who=row.who, subject=row.subject, what=row.what)
        for row in rows
    ]
