"""Work that outlasts the request that asked for it, and the audits that are such work."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from ledger.store.tables.base import metadata

# Work that outlasts the request that asked for it; ledger.jobs takes it under a lease.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64)),  # who asked for it; null where the log's own plan did
    Column("kind", String(16), nullable=False),  # audit, events
    Column("request", String, nullable=False),  # what is asked for, in JSON
    Column("state", String(16), nullable=False),  # receiving, queued, running, done, failed
    Column("stage", String(64), nullable=False),  # what is done now
    Column("done", BigInteger, nullable=False),  # of that
    Column("of", BigInteger, nullable=False),
    # How often any of this changed: numbers what watchers are sent.
    Column("changes", BigInteger, nullable=False),
    Column("created", String(32), nullable=False),
    Column("started", String(32)),  # when it was taken last
    Column("ended", String(32)),
    Column("attempts", Integer, nullable=False),  # times taken and not given back
    Column("taken", String(32)),  # token of whoever works on it; all that they write compares it
    Column("lease", String(32)),  # until when it is theirs
    Column("secret", LargeBinary),  # of what was handed in, wrapped; null once that is gone
    Column("result", String),  # JSON; null before the end
    Column("problem", String),  # JSON: why it failed or has to wait
    Index("ix_jobs_log_id_state_created", "log_id", "state", "created"),
    Index("ix_jobs_log_id_party_created", "log_id", "party", "created"),
)

# What was handed in with a job (sealed under its secret), and what came of it, in pieces.
job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("name", String(8), primary_key=True),  # body, outcome
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

# Runs of the audit of a pool; how far one has come says its job, which has the same id.
audits = Table(
    "audits",
    metadata,
    Column("id", ForeignKey("jobs.id"), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("pool", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    # What it found; null before it ended.
    Column("size", BigInteger),
    Column("summary", String),  # JSON
    Column("report", LargeBinary),  # the report's file, compressed by zlib
    Index("ix_audits_log_id_pool_created", "log_id", "pool", "created"),
)
