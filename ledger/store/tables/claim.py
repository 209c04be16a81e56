"""Claims and who holds shares of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import metadata

claims = Table(
    "claims",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("asset_key", LargeBinary(32), primary_key=True),
    Column("subject_id", BigInteger, nullable=False),  # the loan
    Column("name", String(64), nullable=False),
    Column("index", BigInteger, nullable=False),  # the record that brought the asset key
    Column("version", BigInteger, nullable=False),
    Column("history", LargeBinary(32), nullable=False),
    Column("holders", LargeBinary, nullable=False),  # the n × (holder, share) part of the encumbrance
    Index("ix_claims_subject_id", "subject_id"),
    sqlite_with_rowid=False,
)

encumbrances = Table(
    "encumbrances",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("asset_key", LargeBinary(32), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, nullable=False),  # the record that made this version
    Column("pool_id", BigInteger, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("change", Integer, nullable=False),  # ppm taken (positive) or given back (negative)
    Column("holders", LargeBinary, nullable=False),  # after it
    Column("history", LargeBinary(32), nullable=False),  # after it
    Index("ix_encumbrances_log_id_index", "log_id", "index"),
    Index("ix_encumbrances_pool_id", "pool_id"),
    Index("ix_encumbrances_log_id_holder_pool_id", "log_id", "holder", "pool_id"),
    sqlite_with_rowid=False,
)
