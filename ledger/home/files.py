"""The directory of one ledger: where each file lies, and those that are written by hand of the command line.

A home is a directory::

    .poolproof/
      config.toml        settings that `init` wrote (origin, rpc_url); the environment goes before them
      ledger.db          the embedded database, unless POOLPROOF_DATABASE_URL names another
      erasures.jsonl     which loans were erased, to erase them again from a backup that is put back
      kek-backup.json    fingerprint of the key-encryption key whose backup was read back, and when
      keys/              mode 0700
        kek              key-encryption key: without it private fields cannot be opened again
        log.key          signs checkpoints; only `worker`, `serve`, `anchor` and `publish` need it
        service.key      signs acceptances and receipts
        owner.json       encrypted keystore: opens the log on chain, changes its trust root
        anchorer.json    encrypted keystore: sends anchors
      devnet/            state, log and process id of a local chain
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import ConfigurationError

if TYPE_CHECKING:
    from ledger.erasure import Journal

#: A home and what `init` makes in it is its owner's alone.
PRIVATE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFiles:
    """The files of a home; none of them need exist. ``keys`` may lie elsewhere, ``config`` may be named otherwise."""

    path: Path
    keys: Path
    config: Path

    def make_directory(self) -> None:
        """Create the home, readable by its owner only."""
        self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)

    # -- keys ----------------------------------------------------------------------------------------------

    @property
    def kek(self) -> Path:
        """The key-encryption key."""
        return self.keys / "kek"

    @property
    def log_key(self) -> Path:
        """The checkpoint key."""
        return self.keys / "log.key"

    @property
    def service_key(self) -> Path:
        """The key of acceptances and receipts."""
        return self.keys / "service.key"

    @property
    def owner(self) -> Path:
        """The keystore that opens the log on chain."""
        return self.keys / "owner.json"

    @property
    def anchorer(self) -> Path:
        """The keystore that sends anchors."""
        return self.keys / "anchorer.json"

    # -- state ---------------------------------------------------------------------------------------------

    @property
    def devnet(self) -> Path:
        """Where a local chain keeps its state."""
        return self.path / "devnet"

    @property
    def erasures(self) -> Journal:
        """The erasures of this home, which an older backup of the database does not know."""
        from ledger.erasure import Journal

        return Journal(self.path / "erasures.jsonl")

    def write_config(self, **values: str) -> None:
        """Set these settings in config.toml, keeping the others; the file is replaced whole."""
        import tomllib

        try:
            standing: dict[str, Any] = tomllib.loads(self.config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            standing = {}
        # A JSON string is a TOML basic string, as long as nothing is written as a surrogate pair.
        lines = [
            f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
            for name, value in sorted({**standing, **values}.items())
        ]
        fresh = self.config.with_name(self.config.name + ".new")
        fresh.touch(mode=0o600)  # an endpoint's URL often holds its key
        fresh.write_text(
            "# Written by `poolproof init`; `poolproof config` explains every setting.\n" + "".join(lines),
            encoding="utf-8",
        )
        fresh.replace(self.config)

    # -- the backup of the key-encryption key --------------------------------------------------------------

    @property
    def backup_note(self) -> Path:
        """The note that a backup of the key-encryption key was read back."""
        return self.path / "kek-backup.json"

    def confirm_backup(self, copy: Path) -> str:
        """Read the copy of the key-encryption key, made first where there is none; returns the fingerprint.

        Raises :class:`ConfigurationError` if the copy lies in the keys' own directory or is another key.
        """
        from ledger.vault import Vault, write_private

        if copy.resolve().parent == self.keys.resolve():
            raise ConfigurationError(
                f"{copy}: a backup in the directory of the key itself would be lost with it"
            )
        if not copy.exists():
            write_private(copy, self.kek.read_text(encoding="ascii"))
        fingerprint = Vault.load(self.kek).fingerprint
        if Vault.load(copy).fingerprint != fingerprint:
            raise ConfigurationError(f"{copy}: not a copy of {self.kek} (fingerprint {fingerprint})")
        note = {"fingerprint": fingerprint, "confirmed": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.backup_note.write_text(json.dumps(note) + "\n")
        return fingerprint

    def confirmed_backup(self) -> dict[str, str] | None:
        """Fingerprint and time of the backup that was confirmed last; None if never."""
        try:
            note = json.loads(self.backup_note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.backup_note}: {error}") from error
        return {"fingerprint": str(note["fingerprint"]), "confirmed": str(note["confirmed"])}
