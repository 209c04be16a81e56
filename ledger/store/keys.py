"""API keys: a bearer secret of a party, shown once, stored as a hash, limited, revocable.

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
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, or_, select, update

from ledger.errors import NotFoundError, UnauthorisedError
from ledger.store.tables import api_keys, parties

if TYPE_CHECKING:
    from ledger.store.engine import ReadConnection, WriteConnection

PREFIX: Final = "poolproof"
_TOKEN = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([0-9a-f]{{64}})", re.ASCII)
#: Compared with when the id is unknown, so that an unknown id takes as long as a wrong secret.
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a key may be used for and how.

    ``scopes`` in the words of :class:`ledger.access.Scope`; ``expires`` is a time of the ledger's form; ``networks``
    are the CIDRs that a request may come from; ``certificate`` is the SHA-256 of the client certificate that it must be
    made with, ``signing_key`` the Ed25519 key that must sign it. What is None or empty is not asked for.
    """

    scopes: frozenset[str]
    expires: str | None = None
    networks: tuple[str, ...] = ()
    certificate: bytes | None = None
    signing_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as stored: ``id`` names it in lists and logs; the secret cannot be read back."""

    id: str
    log_id: int
    party: str
    created: str
    revoked: str | None = None
    last_used: str | None = None
    bounds: Bounds = field(default_factory=lambda: Bounds(scopes=frozenset()))

    def in_force(self, now: str) -> bool:
        """Whether it was neither ended nor has run out at ``now``."""
        return self.revoked is None and (self.bounds.expires is None or now < self.bounds.expires)


_NAMES: Final = (
    "id", "log_id", "party", "created", "revoked", "last_used", "scopes", "expires", "networks", "certificate",
    "signing_key",
)  # fmt: skip
_COLUMNS = [api_keys.c[name] for name in _NAMES]


def create(connection: WriteConnection, log_id: int, party: str, *, created: str, bounds: Bounds) -> str:
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
        "scopes": _joined(bounds.scopes),
        "expires": bounds.expires,
        "networks": ",".join(bounds.networks) or None,
        "certificate": bounds.certificate,
        "signing_key": bounds.signing_key,
    }
    connection.execute(insert(api_keys).values(values))
    return f"{PREFIX}_{key_id}_{secret}"


def authenticate(connection: ReadConnection, log_id: int, token: str, *, now: str) -> ApiKey:
    """Whose token this is. Raises :class:`UnauthorisedError`, the same for every cause."""
    match = _TOKEN.fullmatch(token)
    row = None
    if match is not None:
        where = (api_keys.c.id == match[1]) & (api_keys.c.log_id == log_id)
        row = connection.execute(select(*_COLUMNS, api_keys.c.secret_hash).where(where)).one_or_none()
    stored = bytes(row.secret_hash) if row is not None else _NO_HASH
    same = hmac.compare_digest(stored, _hash(match[2] if match else ""))
    key = None if row is None else _key(row)
    if key is None or not same or not key.in_force(now):
        raise UnauthorisedError("no valid API key")
    return key


def note_use(connection: WriteConnection, key_id: str, *, now: str, unless_after: str) -> None:
    """Keep when a key was used last; nothing is written if that is kept to be after ``unless_after``."""
    stale = or_(api_keys.c.last_used.is_(None), api_keys.c.last_used <= unless_after)
    connection.execute(update(api_keys).where(api_keys.c.id == key_id, stale).values(last_used=now))


def revoke(connection: WriteConnection, log_id: int, key_id: str, *, revoked: str) -> ApiKey:
    """End a key; ending it again changes nothing. Raises :class:`NotFoundError`."""
    here = (api_keys.c.id == key_id) & (api_keys.c.log_id == log_id)
    connection.execute(update(api_keys).where(here, api_keys.c.revoked.is_(None)).values(revoked=revoked))
    return get(connection, log_id, key_id)


def get(connection: ReadConnection, log_id: int, key_id: str) -> ApiKey:
    """A key by its id, ended or not. Raises :class:`NotFoundError`."""
    where = (api_keys.c.id == key_id) & (api_keys.c.log_id == log_id)
    row = connection.execute(select(*_COLUMNS).where(where)).one_or_none()
    if row is None:
        raise NotFoundError(f"no API key {key_id!r} of this log")
    return _key(row)


def list_keys(connection: ReadConnection, log_id: int) -> list[ApiKey]:
    """Every key of the log, by party and age, revoked ones too."""
    statement = select(*_COLUMNS).where(api_keys.c.log_id == log_id)
    rows = connection.execute(statement.order_by(api_keys.c.party, api_keys.c.created, api_keys.c.id))
    return [_key(row) for row in rows]


def _key(row: Any) -> ApiKey:
    bounds = Bounds(
        scopes=frozenset(filter(None, row.scopes.split(","))),
        expires=row.expires,
        networks=tuple(filter(None, (row.networks or "").split(","))),
        certificate=None if row.certificate is None else bytes(row.certificate),
        signing_key=None if row.signing_key is None else bytes(row.signing_key),
    )
    return ApiKey(
        id=row.id, log_id=row.log_id, party=row.party, created=row.created, revoked=row.revoked,
        last_used=row.last_used, bounds=bounds,
    )  # fmt: skip


def _joined(scopes: Iterable[str]) -> str:
    return ",".join(sorted(scopes))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
