"""The columns that the outboxes share: of a job that must get into a block, and of a transaction signed for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String


def job_columns() -> list[Column[Any]]:
    """How far a job is; the words of its states are its own table's."""
    return [
        Column("state", String(16), nullable=False),
        Column("account", LargeBinary(20)),  # who pays, and whose nonce is pinned
        Column("nonce", BigInteger),
        Column(
            "attempts", Integer, nullable=False
        ),  # transactions stored so far; a sender compares and sets it
        Column("problem", String),  # why it does not go on, in words; null while all is well
        Column("block_number", BigInteger),
        Column("block_hash", LargeBinary(32)),
        Column("block_time", BigInteger),
    ]


def transaction_columns() -> list[Column[Any]]:
    """One attempt; beside these stands the key of its job."""
    return [
        Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1
        Column("hash", LargeBinary(32), nullable=False),
        Column("nonce", BigInteger, nullable=False),
        Column("gas", BigInteger, nullable=False),
        Column(
            "max_fee", String(80), nullable=False
        ),  # wei per gas; the gas price where there is no fee market
        Column("priority_fee", String(80), nullable=False),
        Column("raw", LargeBinary, nullable=False),  # stored before it is broadcast
        Column("stored", String(32), nullable=False),
        Column("sent", String(32)),  # first accepted by a node
    ]
