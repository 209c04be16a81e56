"""Files that parties exchange with the log: the plan, each content seen under each name, the days told to partners."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from ledger.store.tables.base import metadata

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
