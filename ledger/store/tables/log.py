"""A log: its row, its keys, its parties, and the trust roots that it issued."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from ledger.store.tables.base import Id, metadata

logs = Table(
    "logs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("origin", String(255), nullable=False, unique=True),
    Column("zone", String(64), nullable=False),
    Column("day_cut", String(5), nullable=False),
    # The sequencer's head: locked for every append and publish.
    Column("size", BigInteger, nullable=False),  # entries in the tree, registers included
    Column("published", BigInteger, nullable=False),  # size of the newest checkpoint, 0 before the first
    Column("posted", String(32), nullable=False),  # the ledger's clock, never going back
    Column("register_page", BigInteger, nullable=False),  # root page of the newest register, 0 when empty
    Column("next_page", BigInteger, nullable=False),  # next id in register_pages
    Column("next_subject", BigInteger, nullable=False),  # next id in subjects
    # Where it is anchored; null until deployed and opened.
    Column("chain_id", BigInteger),
    Column("genesis", LargeBinary(32)),
    Column("contract", LargeBinary(20)),
    Column("code_hash", LargeBinary(32)),
    Column("log_key", LargeBinary(32)),  # the contract's log id
    Column("finality", String(32)),
    Column("grade", String(16)),
    Column("max_anchor_age", BigInteger),
    # The AttestationRegistry over that contract; null where there is none.
    Column("attestations", LargeBinary(20)),
    # The database that it is moved to, without a password, and when it began to go on there; both null where it is
    # alive. With a successor and no time the move is under way.
    Column("successor", String),
    Column("moved", String(32)),
)

verifier_keys = Table(
    "verifier_keys",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # log, service, witness
    Column("key", String(512), primary_key=True),  # verifier key in signed-note form
    Column("valid_from", BigInteger, nullable=False),  # first size or index it may sign
    Column("valid_to", BigInteger),  # last one, null while in use
)

trust_roots = Table(
    "trust_roots",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("document", LargeBinary, nullable=False),  # trust.json, verbatim
    Column("issued", String(32), nullable=False),
)

parties = Table(
    "parties",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("roles", String(255), nullable=False),  # comma separated, sorted
    Column("keys", String, nullable=False),  # verifier keys (signed-note form), one a line
)
