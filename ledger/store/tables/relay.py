"""Signed attestations that parties handed in to be put on chain, and every transaction signed for one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from ledger.store.tables.base import metadata
from ledger.store.tables.outbox import job_columns, transaction_columns

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
    Column("asked", String(32), nullable=False),
    *job_columns(),  # waiting, sent, mined, final, failed
    Column("transaction_hash", LargeBinary(32)),  # the one that is in a block; null where it was not ours
    Index("ix_relays_log_id_state", "log_id", "state"),
    Index("ix_relays_log_id_party_asked", "log_id", "party", "asked"),
    Index("ix_relays_log_id_pool", "log_id", "pool"),
)

relay_transactions = Table(
    "relay_transactions",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    *transaction_columns(),
)
