"""The log's own row: its clock, its head, its place on chain, its keys and its parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, select, update

from ledger.errors import IntegrityError, NotFoundError, UnavailableError
from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import logs, parties, trust_roots, verifier_keys

#: When to ask again where a log went away: an operator is about to point this process at the other database.
MOVED_RETRY_SECONDS: Final = 60
#: Nearly every use of the database begins with one of these two: built once, they cost a third.
_LOG: Final = select(logs).where(logs.c.origin == bindparam("origin"))
_LOCKED_LOG: Final = _LOG.with_for_update()
_CHAIN_BYTES: Final = {"genesis": 32, "contract": 20, "code_hash": 32, "log_key": 32}
_CHAIN_NUMBERS: Final = ("chain_id", "max_anchor_age")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRow:
    """Where a log is anchored: chain, contract and the log's key in it, with the policy that verifiers apply."""

    chain_id: int
    genesis: bytes
    contract: bytes
    code_hash: bytes
    log_key: bytes
    finality: str
    grade: str
    max_anchor_age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """The state of a log between two transactions; see :data:`ledger.store.tables.logs` for the members."""

    id: int
    origin: str
    zone: str
    day_cut: str
    size: int
    published: int
    posted: str
    register_page: int
    next_page: int
    next_subject: int
    chain: ChainRow | None
    #: the AttestationRegistry's address
    attestations: bytes | None
    #: the database that the log is moved to
    successor: str | None
    #: when it began to go on there
    moved: str | None

    @property
    def closed(self) -> bool:
        """Whether it goes on in another database, or is on its way there: here nothing is added any more."""
        return self.successor is not None or self.moved is not None


@dataclass(frozen=True, slots=True)
class PartyRow:
    name: str
    roles: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyRow:
    kind: str
    key: str
    valid_from: int
    valid_to: int | None


def create(connection: WriteConnection, *, origin: str, zone: str, day_cut: str) -> int:
    """A new, empty log; returns its id."""
    statement = insert(logs).values(
        origin=origin,
        zone=zone,
        day_cut=day_cut,
        size=0,
        published=0,
        posted="",
        register_page=0,
        next_page=1,
        next_subject=1,
    )
    return int(connection.execute(statement.returning(logs.c.id)).scalar_one())


def origins(connection: ReadConnection) -> list[str]:
    return list(connection.execute(select(logs.c.origin).order_by(logs.c.id)).scalars())


def get(connection: ReadConnection, origin: str) -> LogRow:
    """The log of this origin. Raises :class:`NotFoundError`; :class:`IntegrityError` where its chain is damaged."""
    return _row(connection.execute(_LOG, {"origin": origin}).one_or_none(), origin)


def lock(connection: WriteConnection, origin: str) -> LogRow:
    """The same, held by this transaction: the one sequencer of the log until it ends.

    Raises :class:`UnavailableError` where the log is closed: elsewhere it goes on, and two heads would be a fork.
    """
    log = _row(connection.execute(_LOCKED_LOG, {"origin": origin}).one_or_none(), origin)
    if log.closed:
        raise UnavailableError(f"{origin} {_where(log)}", retry_after=MOVED_RETRY_SECONDS)
    return log


def _where(log: LogRow) -> str:
    """Where a closed log goes on, in words."""
    if log.moved is None:
        return (
            f"is being moved to {log.successor}: `poolproof copy --to` that database goes on with it,"
            " with `--give-up` the log is opened here again"
        )
    there = f" ({log.successor})" if log.successor else ""
    return (
        f"goes on in another database{there} since {log.moved}; here it can be read, and nothing is appended"
    )


def close(connection: WriteConnection, *, successor: str, moved: str | None) -> None:
    """Say of every log of this database where it goes on since ``moved``, or will once it stands there whole."""
    connection.execute(update(logs).values(successor=successor, moved=moved))


def reopen(connection: WriteConnection) -> None:
    """Say of every log of this database that it goes on here."""
    connection.execute(update(logs).values(successor=None, moved=None))


def advance(connection: WriteConnection, log_id: int, **values: Any) -> None:
    """Move the head: any of size, published, posted, register_page, next_page, next_subject."""
    connection.execute(update(logs).where(logs.c.id == log_id).values(**values))


def bind(connection: WriteConnection, log_id: int, chain: ChainRow) -> None:
    """Say where the log is anchored."""
    values = {name: getattr(chain, name) for name in ChainRow.__slots__}
    connection.execute(update(logs).where(logs.c.id == log_id).values(**values))


def bind_attestations(connection: WriteConnection, log_id: int, contract: bytes) -> None:
    """Say at which contract attestations about the log stand."""
    connection.execute(update(logs).where(logs.c.id == log_id).values(attestations=contract))


def put_party(connection: WriteConnection, log_id: int, party: PartyRow) -> None:
    """Add a party, or give it new roles and keys."""
    values = {"roles": ",".join(sorted(party.roles)), "keys": "\n".join(party.keys)}
    here = (parties.c.log_id == log_id) & (parties.c.name == party.name)
    if connection.execute(update(parties).where(here).values(**values)).rowcount == 0:
        connection.execute(insert(parties).values(log_id=log_id, name=party.name, **values))


def list_parties(connection: ReadConnection, log_id: int) -> list[PartyRow]:
    rows = connection.execute(select(parties).where(parties.c.log_id == log_id).order_by(parties.c.name))
    return [
        PartyRow(
            row.name, tuple(filter(None, row.roles.split(","))), tuple(filter(None, row.keys.split("\n")))
        )
        for row in rows
    ]


def put_key(connection: WriteConnection, log_id: int, key: KeyRow) -> None:
    """A verifier key, valid from a size on."""
    connection.execute(
        insert(verifier_keys).values(
            log_id=log_id, kind=key.kind, key=key.key, valid_from=key.valid_from, valid_to=key.valid_to
        )
    )


def list_keys(connection: ReadConnection, log_id: int) -> list[KeyRow]:
    where = verifier_keys.c.log_id == log_id
    rows = connection.execute(
        select(verifier_keys)
        .where(where)
        .order_by(verifier_keys.c.kind, verifier_keys.c.valid_from, verifier_keys.c.key)
    )
    return [KeyRow(row.kind, row.key, row.valid_from, row.valid_to) for row in rows]


def latest_trust_root(connection: ReadConnection, log_id: int) -> bytes | None:
    """The newest issued ``trust.json``, verbatim."""
    statement = (
        select(trust_roots.c.document)
        .where(trust_roots.c.log_id == log_id)
        .order_by(trust_roots.c.number.desc())
        .limit(1)
    )
    document: bytes | None = connection.execute(statement).scalar_one_or_none()
    return document


def trust_roots_of(connection: ReadConnection, log_id: int) -> list[tuple[int, bytes, bytes]]:
    """(number, fingerprint, document) of each issued ``trust.json``, oldest first."""
    columns = (trust_roots.c.number, trust_roots.c.fingerprint, trust_roots.c.document)
    statement = select(*columns).where(trust_roots.c.log_id == log_id).order_by(trust_roots.c.number)
    return [
        (number, bytes(fingerprint), bytes(document))
        for number, fingerprint, document in connection.execute(statement)
    ]


def put_trust_root(
    connection: WriteConnection, log_id: int, *, fingerprint: bytes, document: bytes, issued: str
) -> None:
    number = connection.execute(
        select(func.count()).select_from(trust_roots).where(trust_roots.c.log_id == log_id)
    ).scalar_one()
    connection.execute(
        insert(trust_roots).values(
            log_id=log_id, number=number, fingerprint=fingerprint, document=document, issued=issued
        )
    )


def _row(row: Row[Any] | None, origin: str) -> LogRow:
    if row is None:
        raise NotFoundError(
            f"no log with origin {origin!r} in this database; `poolproof init --origin {origin}` makes one"
        )
    names = ChainRow.__slots__
    if row.contract is not None:
        for name in names:
            if not _fits(name, getattr(row, name)):
                raise IntegrityError(
                    f"the database is damaged: logs.{name} of {origin} is not what names a chain"
                )
    chain = ChainRow(**{name: getattr(row, name) for name in names}) if row.contract is not None else None
    return LogRow(**{name: getattr(row, name) for name in LogRow.__slots__ if name != "chain"}, chain=chain)


def _fits(name: str, value: object) -> bool:
    """Whether a member of the chain is of its type and length: SQLite keeps whatever stands there."""
    length = _CHAIN_BYTES.get(name)
    if length is not None:
        return isinstance(value, bytes) and len(value) == length
    return isinstance(value, int if name in _CHAIN_NUMBERS else str)
