"""Schema versions, by alembic; ``upgrade`` brings a database to the newest one.

Alembic is imported where it works: it would be a fifth of the time that every command takes to start.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.store.engine import Store
from ledger.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config


def configuration() -> Config:
    """Alembic's settings: where the versions lie."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@cache
def newest() -> str | None:
    """The revision that this version of the code works with; read from its files once, since health is asked often."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(configuration()).get_current_head()


def current(store: Store) -> str | None:
    """The revision of the database; None for an empty one."""
    from alembic.runtime.migration import MigrationContext

    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store) -> None:
    """Bring the database to the newest revision; nothing to do costs one query."""
    from alembic import command

    if current(store) == newest():
        return
    config = configuration()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def create(store: Store) -> None:
    """Make the tables in an empty database that is derived anew each time and never upgraded."""
    with store.write() as connection:
        metadata.create_all(connection)
