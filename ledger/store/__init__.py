"""The only SQL of Poolproof: tables, queries by noun, migrations; SQLite and PostgreSQL.

Every query takes the connection it runs on; the type of the connection says whether it may write.
"""

from ledger.store.engine import ReadConnection, Store, WriteConnection, shared_time

__all__ = ["ReadConnection", "Store", "WriteConnection", "shared_time"]
