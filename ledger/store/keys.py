"""API keys: a bearer secret of a party, shown once, stored as a hash, revocable.

::

    poolproof_<id>_<secret>      id: 16 hex digits, names the key; secret: 64 hex digits, 256 random bits

The fixed prefix lets scanners find a key that leaked into a repository. SHA-256 of the secret is what is
stored: a random secret of 256 bits needs no slow hash, and every request pays for the one there is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update

from ledger.errors import NotFoundError, UnauthorisedError
from ledger.store.tables import api_keys, parties

if TYPE_CHECKING:
    from ledger.store.engine import ReadConnection, WriteConnection

PREFIX: Final = "poolproof"
_TOKEN = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([0-9a-f]{{64}})", re.ASCII)
#: Compared with when the id is unknown, so that an unknown id takes as long as a wrong secret.
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as stored: ``id`` names it in lists and logs; the secret cannot be read back."""

    id: str
    log_id: int
    party: str
    created: str
    revoked: str | None


_COLUMNS = [api_keys.c[name] for name in ("id", "log_id", "party", "created", "revoked")]


def create(connection: WriteConnection, log_id: int, party: str, *, created: str) -> str:
    """A new key of ``party``; returns the token, which is not kept.

    Raises :class:`NotFoundError` for a party that the log does not have.
    """
    known = select(parties.c.name).where(parties.c.log_id == log_id, parties.c.name == party)
    if connection.execute(known).one_or_none() is None:
        raise NotFoundError(f"no party {party!r} in this log; add it before giving it a key")
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    values = {
        "id": key_id,
        "log_id": log_id,
        "party": party,
        "secret_hash": _hash(secret),
        "created": created,
    }
    connection.execute(insert(api_keys).values(values))
    return f"{PREFIX}_{key_id}_{secret}"


def authenticate(connection: ReadConnection, log_id: int, token: str) -> ApiKey:
    """Whose token this is. Raises :class:`UnauthorisedError`, the same for every cause."""
    match = _TOKEN.fullmatch(token)
    row = None
    if match is not None:
        where = (api_keys.c.id == match[1]) & (api_keys.c.log_id == log_id)
        row = connection.execute(select(*_COLUMNS, api_keys.c.secret_hash).where(where)).one_or_none()
    stored = bytes(row.secret_hash) if row is not None else _NO_HASH
    same = hmac.compare_digest(stored, _hash(match[2] if match else ""))
    if row is None or not same or row.revoked is not None:
        raise UnauthorisedError("no valid API key")
    return ApiKey(id=row.id, log_id=row.log_id, party=row.party, created=row.created, revoked=None)


def revoke(connection: WriteConnection, log_id: int, key_id: str, *, revoked: str) -> ApiKey:
    """End a key; ending it again changes nothing. Raises :class:`NotFoundError`."""
    here = (api_keys.c.id == key_id) & (api_keys.c.log_id == log_id)
    connection.execute(update(api_keys).where(here, api_keys.c.revoked.is_(None)).values(revoked=revoked))
    row = connection.execute(select(*_COLUMNS).where(here)).one_or_none()
    if row is None:
        raise NotFoundError(f"no API key {key_id!r} of this log")
    return ApiKey(**row._asdict())


def list_keys(connection: ReadConnection, log_id: int) -> list[ApiKey]:
    """Every key of the log, by party and age, revoked ones too."""
    statement = select(*_COLUMNS).where(api_keys.c.log_id == log_id)
    rows = connection.execute(statement.order_by(api_keys.c.party, api_keys.c.created, api_keys.c.id))
    return [ApiKey(**row._asdict()) for row in rows]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
