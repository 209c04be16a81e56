"""Webhooks: who wants to hear of what, what there was to tell, and what became of telling it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import Id, metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("types", String, nullable=False),  # comma separated, sorted; empty: all
    Column("created", String(32), nullable=False),
    Column("secret", LargeBinary, nullable=False),  # wrapped by the key-encryption key
    Column("old_secret", LargeBinary),  # the one before, also signed with until old_until
    Column("old_until", String(32)),
    Column("disabled", String(32)),  # since when; null while messages go out
    Column("reason", String),  # why it is disabled
    Index("ix_webhook_endpoints_log_id_party", "log_id", "party"),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("id", String(64), primary_key=True),  # made from what happened: the same again is the same message
    Column("type", String(64), nullable=False),
    Column("time", String(32), nullable=False),  # when it happened
    Column("pool", String(64)),  # for those who may see this pool
    Column("party", String(64)),  # for this party only
    Column("payload", LargeBinary, nullable=False),  # the body as it is sent
    Column("spread", String(32)),  # when its deliveries were made; null before
    Index("ix_webhook_messages_log_id_spread", "log_id", "spread"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("endpoint", String(32), nullable=False),
    Column("message", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # waiting, delivered, failed, withheld
    Column("attempts", Integer, nullable=False),  # made or under way; an attempt compares and sets it
    Column(
        "due", String(32)
    ),  # of the next attempt, or when the one under way counts as lost; null at the end
    Column("attempted", String(32)),  # when the last attempt ended
    Column("status", Integer),  # its HTTP status
    Column("error", String),  # why there was none, in words
    Index("ix_webhook_deliveries_endpoint_id", "endpoint", "id"),
    Index("ix_webhook_deliveries_log_id_state_due", "log_id", "state", "due"),
    Index("ix_webhook_deliveries_log_id_message", "log_id", "message"),
)

# How far each source of messages was looked through.
webhook_cursors = Table(
    "webhook_cursors",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
