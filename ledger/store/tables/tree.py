"""The tree as tiles, the register as pages, and the checkpoints that sign both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, SmallInteger, String, Table

from ledger.store.tables.base import metadata

tiles = Table(
    "tiles",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),  # up to 256 × 32; the right edge grows in place
)

registers = Table(
    "registers",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),  # its own leaf; the size is index + 1
    Column("count", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("page", BigInteger, nullable=False),
)

register_pages = Table(
    "register_pages",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("page", LargeBinary, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", LargeBinary, nullable=False),  # the signed note, verbatim
    Column("published", String(32), nullable=False),
)
