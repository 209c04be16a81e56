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
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'empty.db'}")
        migrations.upgrade(store) if any(Path(migrations.__file__).parent.glob("versions/*.py")) else None
        config = migrations._config()
        with store.write() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True)


if __name__ == "__main__":
    main(sys.argv[1])
