"""Pools: the leaves of their seals, and the figures that pages show of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from ledger.store.tables.base import metadata

# The leaves of recorded seals, so that a proof needs no other claim and outlives the records of any.
seal_chunks = Table(
    "seal_chunks",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("seal", LargeBinary(32), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("first", LargeBinary(32), nullable=False),  # key of its first leaf
    Column("node", LargeBinary(72), nullable=False),  # hash and sums of its subtree
    Column("leaves", LargeBinary, nullable=False),  # up to 256 × 100, keys ascending
)

# What pages show of a pool, worked out once for a published size; made again whenever it is gone.
pool_snapshots = Table(
    "pool_snapshots",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("pool_id", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("made", String(32), nullable=False),  # or begun, while there is no document
    Column("took_ms", BigInteger, nullable=False),  # how long the pass took: what paces the next one
    Column(
        "document", LargeBinary
    ),  # JSON, figures only, nothing of a single loan; null while it is worked out
)
