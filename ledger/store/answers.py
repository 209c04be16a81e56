"""First answers to requests that carry a key of their own, so that the same request again is answered the same."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.engine import WriteConnection
from ledger.store.tables import idempotent_answers as answers


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """See :data:`ledger.store.tables.idempotent_answers`."""

    digest: bytes
    begun: str
    status: int | None
    secret: bytes | None
    answer: bytes | None


def begin(
    connection: WriteConnection, log_id: int, place: bytes, *, digest: bytes, now: str, expires: str
) -> AnswerRow | None:
    """Begin to answer a request; the row that stands where somebody began before. Rows that ran out go."""
    connection.execute(delete(answers).where(answers.c.expires < now))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(answers).values(
        place=place, log_id=log_id, digest=digest, begun=now, expires=expires
    )
    added = connection.execute(statement.on_conflict_do_nothing().returning(answers.c.begun))
    if added.one_or_none() is not None:
        return None
    columns = [answers.c[name] for name in AnswerRow.__slots__]
    row = connection.execute(select(*columns).where(answers.c.place == place)).one()
    return AnswerRow(**row._mapping)


def take_over(connection: WriteConnection, place: bytes, *, begun: str, now: str, expires: str) -> bool:
    """Begin anew what was begun at that time; False where another one did so before."""
    at = (answers.c.place == place) & (answers.c.begun == begun) & answers.c.status.is_(None)
    done = connection.execute(update(answers).where(at).values(begun=now, expires=expires))
    return done.rowcount == 1


def settle(connection: WriteConnection, place: bytes, *, status: int, secret: bytes, answer: bytes) -> None:
    """Keep the answer, sealed."""
    values = {"status": status, "secret": secret, "answer": answer}
    connection.execute(update(answers).where(answers.c.place == place).values(values))


def release(connection: WriteConnection, place: bytes) -> None:
    """Nothing came of it: the request may be made anew."""
    connection.execute(delete(answers).where(answers.c.place == place))
