"""Parties, their keys and grants, and who read what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Count, Document, Hex32, Instant, Name

Scope = Literal["admin", "attest", "audit", "read", "write"]
KeyId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Party(Document):
    """A party of the log: its roles, and the verifier keys of its statements."""

    name: Name
    roles: list[str]
    keys: list[str]


class PartyPage(Document):
    """Parties by name."""

    items: list[Party]
    next: str | None


class Key(Document):
    """An API key; its secret cannot be read back. What is null or empty is not asked of a request."""

    id: KeyId
    party: Name
    scopes: list[Scope]
    created: Instant
    expires: Instant | None
    revoked: Instant | None
    last_used: Instant | None
    networks: list[str]
    certificate: Hex32 | None
    signing_key: Hex32 | None


class KeyPage(Document):
    """Keys by party and id."""

    items: list[Key]
    next: str | None


class NewKeyRequest(Document):
    """A key to be made: for the caller's own party where none is named, and bound as the caller's own where it is not
    said otherwise. ``signed_by`` is a verifier key of `poolproof party keygen`.
    """

    party: Name | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)]
    days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    networks: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = None
    signed_by: Annotated[str, Field(max_length=512)] | None = None


class NewKey(Document):
    """The new key and its token, which is shown this once."""

    key: Key
    token: Annotated[str, Field(pattern="^poolproof_[0-9a-f]{16}_[0-9a-f]{64}$")]


class Grant(Document):
    """What a party was granted: ``log``, ``operator``, ``private``, ``pool:NAME``, ``private:NAME`` or
    ``signer:0x…``.
    """

    party: Name
    target: str
    given: Instant


class GrantPage(Document):
    """Grants by party and target."""

    items: list[Grant]
    next: str | None


class Read(Document):
    """Somebody's look at a loan or a pool: ``who`` is a key's id or a person, ``what`` the kind of read."""

    id: Count
    at: Instant
    party: Name
    who: str
    subject: str
    what: str


class AccessPage(Document):
    """Reads, the newest first."""

    items: list[Read]
    next: str | None
