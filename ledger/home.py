"""The composition root of command line, worker and API: settings in, opened parts out.

A home is a directory::

    .poolproof/
      config.toml        settings that `init` wrote (origin, rpc_url); the environment goes before them
      ledger.db          the embedded database, unless POOLPROOF_DATABASE_URL names another
      kek-backup.json    fingerprint of the key-encryption key whose backup was read back, and when
      keys/              mode 0700
        kek              key-encryption key: without it private fields cannot be opened again
        log.key          signs checkpoints; only `worker`, `serve` and `anchor` need it
        service.key      signs acceptances and receipts
        owner.json       encrypted keystore: opens the log on chain, changes its trust root
        anchorer.json    encrypted keystore: sends anchors
      devnet/            state, log and process id of a local chain

Every part is opened when it is first asked for, so that a command pays only for what it uses.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.errors import ConfigurationError
from ledger.settings import CONFIG_NAME, Settings

if TYPE_CHECKING:
    from ledger.log import Ledger
    from ledger.proofs.note import Signer
    from ledger.store import Store
    from ledger.vault import Vault

_PRIVATE = 0o700


class Home:
    """The parts of one ledger, opened lazily. Use it as a context manager or call :meth:`close`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.path: Path = settings.home

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what was opened."""
        if "store" in self.__dict__:
            self.store.close()

    # -- files ---------------------------------------------------------------------------------------------

    @property
    def kek_file(self) -> Path:
        """The key-encryption key."""
        return self.settings.keys / "kek"

    @property
    def log_key_file(self) -> Path:
        """The checkpoint key."""
        return self.settings.keys / "log.key"

    @property
    def service_key_file(self) -> Path:
        """The key of acceptances and receipts."""
        return self.settings.keys / "service.key"

    @property
    def owner_file(self) -> Path:
        """The keystore that opens the log on chain."""
        return self.settings.keys / "owner.json"

    @property
    def anchorer_file(self) -> Path:
        """The keystore that sends anchors."""
        return self.settings.keys / "anchorer.json"

    @property
    def devnet_dir(self) -> Path:
        """Where a local chain keeps its state."""
        return self.path / "devnet"

    @property
    def backup_file(self) -> Path:
        """The note that a backup of the key-encryption key was read back."""
        return self.path / "kek-backup.json"

    def make_directory(self) -> None:
        """Create the home, readable by its owner only."""
        self.path.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)

    def write_config(self, **values: str) -> None:
        """Set these settings in config.toml, keeping the others; the file is replaced whole."""
        import tomllib

        file = self.settings.config_file
        try:
            standing: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            standing = {}
        # A JSON string of printable text is a TOML basic string.
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in sorted({**standing, **values}.items())]
        fresh = file.with_name(CONFIG_NAME + ".new")
        fresh.write_text(
            "# Written by `poolproof init`; `poolproof config` explains every setting.\n" + "".join(lines)
        )
        fresh.replace(file)

    # -- the ledger ----------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The log's name; raises :class:`ConfigurationError` before `init`."""
        if self.settings.origin is None:
            raise ConfigurationError(f"no log in {self.path}; make one with `poolproof init --origin NAME`")
        return self.settings.origin

    @cached_property
    def store(self) -> Store:
        """The database."""
        from ledger.store import Store

        url = self.settings.database
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        return Store(url)

    @cached_property
    def vault(self) -> Vault:
        """Opens subjects' secrets."""
        from ledger.vault import Vault

        return Vault.load(self.kek_file)

    @cached_property
    def service(self) -> Signer:
        """The key of acceptances and receipts."""
        from ledger.vault import load_signer

        return load_signer(self.service_key_file)

    @cached_property
    def signer(self) -> Signer | None:
        """The checkpoint key; None in a process that does not hold it."""
        from ledger.vault import load_signer

        return load_signer(self.log_key_file) if self.log_key_file.exists() else None

    @cached_property
    def ledger(self) -> Ledger:
        """The log, opened with the keys that this home holds."""
        from ledger.log import Ledger

        return Ledger(
            self.store,
            self.origin,
            vault=self.vault,
            service=self.service,
            signer=self.signer,
            anchor_within=self.anchor_within,
        )

    @property
    def anchor_within(self) -> timedelta:
        """What acceptances promise."""
        return timedelta(seconds=self.settings.anchor_within_seconds)

    # -- the backup of the key-encryption key --------------------------------------------------------------

    def confirm_backup(self, copy: Path) -> str:
        """Read the copy of the key-encryption key, made first where there is none; returns the fingerprint.

        Raises :class:`ConfigurationError` if the copy lies in the keys' own directory or is another key.
        """
        from ledger.vault import Vault, write_private

        if copy.resolve().parent == self.settings.keys.resolve():
            raise ConfigurationError(
                f"{copy}: a backup in the directory of the key itself would be lost with it"
            )
        if not copy.exists():
            write_private(copy, self.kek_file.read_text(encoding="ascii"))
        if Vault.load(copy).fingerprint != self.vault.fingerprint:
            raise ConfigurationError(
                f"{copy}: not a copy of {self.kek_file} (fingerprint {self.vault.fingerprint})"
            )
        note = {
            "fingerprint": self.vault.fingerprint,
            "confirmed": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.backup_file.write_text(json.dumps(note) + "\n")
        return self.vault.fingerprint

    def confirmed_backup(self) -> dict[str, str] | None:
        """Fingerprint and time of the backup that was confirmed last; None if never."""
        try:
            note = json.loads(self.backup_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.backup_file}: {error}") from error
        return {"fingerprint": str(note["fingerprint"]), "confirmed": str(note["confirmed"])}
