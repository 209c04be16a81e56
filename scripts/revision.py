"""Write the next migration: what ``ledger.store.tables`` has and the newest revision has not.

python scripts/revision.py "add webhooks"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from ledger.store import Store, migrations


def main(message: str) -> None:
    """Compare a database at the newest revision with the tables, and write the difference down."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'empty.db'}")
        if migrations.newest() is not None:
            migrations.upgrade(store)
        config = migrations.configuration()
        number = len(list((Path(migrations.__file__).parent / "versions").glob("*.py"))) + 1
        with store.write() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        store.close()


if __name__ == "__main__":
    main(sys.argv[1])
