"""Checkpoints on their way to the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from ledger.store.tables.base import metadata
from ledger.store.tables.outbox import job_columns, transaction_columns

anchors = Table(
    "anchors",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("prev_size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("planned", String(32)),  # when; null where a receipt asked for it and not the policy
    *job_columns(),  # planned, sent, mined, final, superseded
    # The evidence file, once final; null where the chain gives no state proofs.
    Column("evidence", LargeBinary),
    Index("ix_anchors_log_id_state", "log_id", "state"),
)

anchor_transactions = Table(
    "anchor_transactions",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    *transaction_columns(),
    Column("prev_size", BigInteger, nullable=False),  # the head that it takes the contract to have
)
