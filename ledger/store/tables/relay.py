"""Signed attestations that parties handed in to be put on chain, and every transaction signed for one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import metadata

# Signed attestations that parties handed in to be put on chain; one digest is one attestation, however often it comes.
relays = Table(
    "relays",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),  # what its signature is over (EIP-712)
    Column("pool", String(64), nullable=False),
    Column("party", String(64), nullable=False),  # who handed it in
    Column("signer", LargeBinary(20), nullable=False),
    Column("number", BigInteger, nullable=False),  # the signer's nonce in the contract
    Column("file", LargeBinary, nullable=False),  # the signed attestation, canonical
    Column("state", String(16), nullable=False),  # waiting, sent, mined, final, failed
    Column("asked", String(32), nullable=False),
    Column("account", LargeBinary(20)),  # who pays, and whose nonce is pinned
    Column("nonce", BigInteger),
    Column(
        "attempts", Integer, nullable=False
    ),  # transactions stored so far; the outbox compares and sets it
    Column("problem", String),  # why it does not go on, or has failed, in words
    Column("transaction_hash", LargeBinary(32)),  # the one that is in a block; null where it was not ours
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary(32)),
    Column("block_time", BigInteger),
    Index("ix_relays_log_id_state", "log_id", "state"),
    Index("ix_relays_log_id_party_asked", "log_id", "party", "asked"),
    Index("ix_relays_log_id_pool", "log_id", "pool"),
)

relay_transactions = Table(
    "relay_transactions",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("hash", LargeBinary(32), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", String(80), nullable=False),  # as in anchor_transactions
    Column("priority_fee", String(80), nullable=False),
    Column("raw", LargeBinary, nullable=False),  # stored before it is broadcast
    Column("stored", String(32), nullable=False),
    Column("sent", String(32)),  # first accepted by a node
)
