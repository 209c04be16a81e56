"""Records, what they are about, what they disclose, and the documents signed over them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint

from ledger.store.tables.base import Id, metadata

subjects = Table(
    "subjects",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    # In the order of its bytes, as on SQLite: whatever the database's language, its index then answers which subjects
    # are of a kind.
    Column("name", String(128).with_variant(String(128, collation="C"), "postgresql"), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("head", LargeBinary(32)),
    Column("last_index", BigInteger, nullable=False),
    Column("secret", LargeBinary),  # wrapped by the key-encryption key; null once erased
    Column("state", LargeBinary, nullable=False),  # folded state of a loan or pool, ledger.domain's encoding
    UniqueConstraint("log_id", "name"),
    # A subject changes with each of its records. With room in its page the new row goes beside the old one, and no
    # index has to learn of it: half of what the change costs PostgreSQL.
    postgresql_with={"fillfactor": 60},
)

records = Table(
    "records",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("party", String(64), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("record", LargeBinary),  # canonical bytes; null once erased
    UniqueConstraint("log_id", "party", "event_id"),
    Index("ix_records_subject_id_seq", "subject_id", "seq"),
    sqlite_with_rowid=False,
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM under a key of the subject's secret
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("posted", String(32), nullable=False),
    Column("anchor_by", String(32), nullable=False),
    Column("key", String(255), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("receipt", LargeBinary, nullable=False),  # the file, verbatim; issued once, never re-made
    # The same without its disclosures, for readers who may not have them; null until one asks
    Column("bare", LargeBinary),
)
