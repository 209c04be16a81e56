"""Schema versions, by alembic; ``upgrade`` brings a database to the newest one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ledger.store.engine import Store


def configuration() -> Config:
    """Alembic's settings: where the versions lie."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def newest() -> str | None:
    """The revision that this version of the code works with."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def current(store: Store) -> str | None:
    """The revision of the database; None for an empty one."""
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store) -> None:
    """Bring the database to the newest revision; nothing to do costs one query."""
    if current(store) == newest():
        return
    config = configuration()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
