"""Checkpoints on their way to the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import metadata

anchors = Table(
    "anchors",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("prev_size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),  # planned, sent, mined, final, superseded
    Column("planned", String(32)),  # when; null where a receipt asked for it and not the policy
    Column("account", LargeBinary(20)),  # whose nonce is pinned
    Column("nonce", BigInteger),
    Column(
        "attempts", Integer, nullable=False
    ),  # transactions stored so far; the outbox compares and sets it
    Column("problem", String),  # why it does not go on, in words; null while all is well
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary(32)),
    Column("block_time", BigInteger),
    Column(
        "evidence", LargeBinary
    ),  # the evidence file, once final; null where the chain gives no state proofs
    Index("ix_anchors_log_id_state", "log_id", "state"),
)

anchor_transactions = Table(
    "anchor_transactions",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("hash", LargeBinary(32), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("prev_size", BigInteger, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column(
        "max_fee", String(80), nullable=False
    ),  # wei per gas; the gas price where the chain has no fee market
    Column("priority_fee", String(80), nullable=False),
    Column("raw", LargeBinary, nullable=False),  # stored before it is broadcast
    Column("stored", String(32), nullable=False),
    Column("sent", String(32)),  # first accepted by a node
)
