"""Who may come in: API keys, people, sessions and grants; and what is remembered of their requests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import Id, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created", String(32), nullable=False),
    Column("revoked", String(32)),
    Column("scopes", String(64), nullable=False),  # comma separated, sorted
    Column("expires", String(32)),
    Column("last_used", String(32)),  # to the minute
    # What a request must show besides the secret; null where nothing is asked.
    Column("networks", String),  # CIDRs that it may come from, comma separated
    Column("certificate", LargeBinary(32)),  # SHA-256 of the client certificate (DER)
    Column("signing_key", LargeBinary(32)),  # Ed25519 public key that signs each request
)

# What a party may see beyond what its role and its claims give; the forms are in ledger.access.
grants = Table(
    "grants",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("target", String(80), primary_key=True),
    Column("given", String(32), nullable=False),
)

# People who sign in through an identity provider, each for one party.
people = Table(
    "people",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("subject", String(255), primary_key=True),  # the provider's own, stable name of the person
    Column("name", String(255), nullable=False),  # how pages greet them
    Column("party", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("added", String(32), nullable=False),
)

# Sessions of the portal; a session's token is in the visitor's cookie only.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("key_id", String(32)),  # of the key that signed in: ended with it
    Column("person", String(255)),  # of the person who did: ended with them
    Column("created", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
)

# Nonces of signed requests, kept while their timestamp would still be accepted.
request_nonces = Table(
    "request_nonces",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False),  # seconds since 1970
    Index("ix_request_nonces_expires", "expires"),
)

# Answers to requests with an Idempotency-Key; a request under way has none yet.
idempotent_answers = Table(
    "idempotent_answers",
    metadata,
    Column("place", LargeBinary(32), primary_key=True),  # digest of party, API key, method, path and its key
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # of the body
    Column("begun", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("status", Integer),
    Column("secret", LargeBinary),  # wrapped; answers may show a secret once
    Column("answer", LargeBinary),  # headers and body, sealed under it
    Index("ix_idempotent_answers_expires", "expires"),
)

# Who looked at what of which loan: the list that a data-protection officer asks for.
access_log = Table(
    "access_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("party", String(64), nullable=False),
    Column("who", String(255), nullable=False),  # the key's id, or the person
    Column("subject", String(128), nullable=False),  # as in subjects.name
    Column("what", String(32), nullable=False),  # the kind of read
    Index("ix_access_log_log_id_subject", "log_id", "subject"),
)
