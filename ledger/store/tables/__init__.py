"""Every table of the ledger, in SQLAlchemy Core; the migrations in ``migrations/`` create exactly these.

Rows that carry ``log_id`` belong to one log. Hashes are raw bytes (32), money never appears in a column:
amounts live in record bytes and in folded states only. Times are the record's own RFC 3339 strings.

Each module declares the tables of one noun, and a new table stands here too: ``metadata`` knows what was imported.
"""

from ledger.store.tables.access import (
    access_log,
    api_keys,
    grants,
    idempotent_answers,
    people,
    request_nonces,
    sessions,
)
from ledger.store.tables.anchor import anchor_transactions, anchors
from ledger.store.tables.base import metadata
from ledger.store.tables.claim import claims, encumbrances
from ledger.store.tables.exchange import exchange_days, exchange_files, exchanges
from ledger.store.tables.job import audits, job_parts, jobs
from ledger.store.tables.log import logs, parties, trust_roots, verifier_keys
from ledger.store.tables.pool import pool_snapshots, seal_chunks
from ledger.store.tables.record import batches, disclosures, receipts, records, subjects
from ledger.store.tables.relay import relay_transactions, relays
from ledger.store.tables.tree import checkpoints, register_pages, registers, tiles
from ledger.store.tables.webhook import (
    webhook_cursors,
    webhook_deliveries,
    webhook_endpoints,
    webhook_messages,
)

__all__ = [
    "access_log",
    "anchor_transactions",
    "anchors",
    "api_keys",
    "audits",
    "batches",
    "checkpoints",
    "claims",
    "disclosures",
    "encumbrances",
    "exchange_days",
    "exchange_files",
    "exchanges",
    "grants",
    "idempotent_answers",
    "job_parts",
    "jobs",
    "logs",
    "metadata",
    "parties",
    "people",
    "pool_snapshots",
    "receipts",
    "records",
    "register_pages",
    "registers",
    "relay_transactions",
    "relays",
    "request_nonces",
    "seal_chunks",
    "sessions",
    "subjects",
    "tiles",
    "trust_roots",
    "verifier_keys",
    "webhook_cursors",
    "webhook_deliveries",
    "webhook_endpoints",
    "webhook_messages",
]
