"""Every table of the ledger, in SQLAlchemy Core; the migrations in ``migrations/`` create exactly these.

Rows that carry ``log_id`` belong to one log. Hashes are raw bytes (32), money never appears in a column:
amounts live in record bytes and in folded states only. Times are the record's own RFC 3339 strings.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite only auto-increments INTEGER primary keys.
_Id = BigInteger().with_variant(Integer, "sqlite")

logs = Table(
    "logs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("origin", String(255), nullable=False, unique=True),
    Column("zone", String(64), nullable=False),
    Column("day_cut", String(5), nullable=False),
    # The sequencer's head: locked for every append and publish.
    Column("size", BigInteger, nullable=False),  # entries in the tree, registers included
    Column("published", BigInteger, nullable=False),  # size of the newest checkpoint, 0 before the first
    Column("posted", String(32), nullable=False),  # the ledger's clock, never going back
    Column("register_page", BigInteger, nullable=False),  # root page of the newest register, 0 when empty
    Column("next_page", BigInteger, nullable=False),  # next id in register_pages
    Column("next_subject", BigInteger, nullable=False),  # next id in subjects
    # Where it is anchored; null until deployed and opened.
    Column("chain_id", BigInteger),
    Column("genesis", LargeBinary(32)),
    Column("contract", LargeBinary(20)),
    Column("code_hash", LargeBinary(32)),
    Column("log_key", LargeBinary(32)),  # the contract's log id
    Column("finality", String(32)),
    Column("grade", String(16)),
    Column("max_anchor_age", BigInteger),
    # The AttestationRegistry over that contract; null where there is none.
    Column("attestations", LargeBinary(20)),
    # The database that it is moved to, without a password, and when it began to go on there; both null where it is
    # alive. With a successor and no time the move is under way.
    Column("successor", String),
    Column("moved", String(32)),
)

verifier_keys = Table(
    "verifier_keys",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # log, service, witness
    Column("key", String(512), primary_key=True),  # verifier key in signed-note form
    Column("valid_from", BigInteger, nullable=False),  # first size or index it may sign
    Column("valid_to", BigInteger),  # last one, null while in use
)

trust_roots = Table(
    "trust_roots",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("document", LargeBinary, nullable=False),  # trust.json, verbatim
    Column("issued", String(32), nullable=False),
)

parties = Table(
    "parties",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("roles", String(255), nullable=False),  # comma separated, sorted
    Column("keys", String, nullable=False),  # verifier keys (signed-note form), one a line
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created", String(32), nullable=False),
    Column("revoked", String(32)),
    Column("scopes", String(64), nullable=False),  # comma separated, sorted
    Column("expires", String(32)),
    Column("last_used", String(32)),  # to the minute
    # What a request must show besides the secret; null where nothing is asked.
    Column("networks", String),  # CIDRs that it may come from, comma separated
    Column("certificate", LargeBinary(32)),  # SHA-256 of the client certificate (DER)
    Column("signing_key", LargeBinary(32)),  # Ed25519 public key that signs each request
)

# What a party may see beyond what its role and its claims give; the forms are in ledger.access.
grants = Table(
    "grants",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("target", String(80), primary_key=True),
    Column("given", String(32), nullable=False),
)

# People who sign in through an identity provider, each for one party.
people = Table(
    "people",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("subject", String(255), primary_key=True),  # the provider's own, stable name of the person
    Column("name", String(255), nullable=False),  # how pages greet them
    Column("party", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("added", String(32), nullable=False),
)

# Sessions of the portal; a session's token is in the visitor's cookie only.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("party", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("key_id", String(32)),  # of the key that signed in: ended with it
    Column("person", String(255)),  # of the person who did: ended with them
    Column("created", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
)

# Nonces of signed requests, kept while their timestamp would still be accepted.
request_nonces = Table(
    "request_nonces",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False),  # seconds since 1970
    Index("ix_request_nonces_expires", "expires"),
)

# Who looked at what of which loan: the list that a data-protection officer asks for.
access_log = Table(
    "access_log",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("party", String(64), nullable=False),
    Column("who", String(255), nullable=False),  # the key's id, or the person
    Column("subject", String(128), nullable=False),  # as in subjects.name
    Column("what", String(32), nullable=False),  # the kind of read
    Index("ix_access_log_log_id_subject", "log_id", "subject"),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("head", LargeBinary(32)),
    Column("last_index", BigInteger, nullable=False),
    Column("secret", LargeBinary),  # wrapped by the key-encryption key; null once erased
    Column("state", LargeBinary, nullable=False),  # folded state of a loan or pool, ledger.domain's encoding
    UniqueConstraint("log_id", "name"),
)

records = Table(
    "records",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("party", String(64), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("record", LargeBinary),  # canonical bytes; null once erased
    UniqueConstraint("log_id", "party", "event_id"),
    Index("ix_records_subject_id_seq", "subject_id", "seq"),
    sqlite_with_rowid=False,
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM under a key of the subject's secret
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("posted", String(32), nullable=False),
    Column("anchor_by", String(32), nullable=False),
    Column("key", String(255), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("asset_key", LargeBinary(32), primary_key=True),
    Column("subject_id", BigInteger, nullable=False),  # the loan
    Column("name", String(64), nullable=False),
    Column("index", BigInteger, nullable=False),  # the record that brought the asset key
    Column("version", BigInteger, nullable=False),
    Column("history", LargeBinary(32), nullable=False),
    Column("holders", LargeBinary, nullable=False),  # the n × (holder, share) part of the encumbrance
    Index("ix_claims_subject_id", "subject_id"),
    sqlite_with_rowid=False,
)

encumbrances = Table(
    "encumbrances",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("asset_key", LargeBinary(32), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, nullable=False),  # the record that made this version
    Column("pool_id", BigInteger, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("change", Integer, nullable=False),  # ppm taken (positive) or given back (negative)
    Column("holders", LargeBinary, nullable=False),  # after it
    Column("history", LargeBinary(32), nullable=False),  # after it
    Index("ix_encumbrances_log_id_index", "log_id", "index"),
    Index("ix_encumbrances_pool_id", "pool_id"),
    Index("ix_encumbrances_log_id_holder_pool_id", "log_id", "holder", "pool_id"),
    sqlite_with_rowid=False,
)

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

receipts = Table(
    "receipts",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("receipt", LargeBinary, nullable=False),  # the file, verbatim; issued once, never re-made
    # The same without its disclosures, for readers who may not have them; null until one asks
    Column("bare", LargeBinary),
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

# Webhooks: who wants to hear of what, what there was to tell, and what became of telling it.
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
    Column("id", _Id, primary_key=True),
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

# Files that parties exchange with the log: the plan, each content seen under each name, and the dates told to partners.
exchanges = Table(
    "exchanges",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("place", String, nullable=False),  # the directory or URL, as given
    Column("plan", String, nullable=False),  # exchange.toml, verbatim
    Column("ran", String(32), nullable=False),  # when the directory was last gone through
    Column("scanned", BigInteger, nullable=False),  # records below it are in the partners' files
)

exchange_files = Table(
    "exchange_files",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("sha256", LargeBinary(32), primary_key=True),  # 32 zero bytes where there is nothing to hash
    Column("state", String(16), nullable=False),  # ledger.exchange.states.State
    Column("tag", String, nullable=False),  # of the objects seen last; another one: look again
    Column("detail", String, nullable=False),  # what is wrong, in words; empty where nothing is
    Column("arrived", String(32), nullable=False),  # when its flag was written
    Column("begun", BigInteger, nullable=False),  # size of the log when its taking-in began
    Column("rows", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

exchange_days = Table(
    "exchange_days",
    metadata,
    Column("log_id", ForeignKey("logs.id"), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("before", BigInteger, nullable=False),  # records below it are in the partners' files of this date
    Column("closed", BigInteger),  # the same of the servicer's newest close; null before
)

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

# Answers to requests with an Idempotency-Key; a request under way has none yet.
idempotent_answers = Table(
    "idempotent_answers",
    metadata,
    Column("place", LargeBinary(32), primary_key=True),  # digest of party, API key, method, path and its key
    Column("log_id", ForeignKey("logs.id"), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # of the body
    Column("begun", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("status", Integer),
    Column("secret", LargeBinary),  # wrapped; answers may show a secret once
    Column("answer", LargeBinary),  # headers and body, sealed under it
    Index("ix_idempotent_answers_expires", "expires"),
)
