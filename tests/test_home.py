from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ledger import setup
from ledger.audit.fsck import fsck
from ledger.errors import ConfigurationError, UnavailableError
from ledger.home import Home
from ledger.settings import Settings
from tests.cli.running import opened

ORIGIN = "bank.example/pool-2026"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a home in which a log was made."""
    first = Settings.of({"home": tmp_path / "home"})
    home, made = setup.make_log(Home(first), origin=ORIGIN, zone="UTC", day_cut=None)
    with home:
        home.ledger.add_party("lender", ["originator"])
        assert "log" in made
    return Settings.load({"POOLPROOF_HOME": str(tmp_path / "home")})


def lines(start: int, count: int) -> list[bytes]:
    return [json.dumps(opened(f"L{n}")).encode() for n in range(start, start + count)]


def test_parts_are_opened_when_they_are_asked_for(settings: Settings) -> None:
    with Home(settings) as home:
        assert home.origin == ORIGIN
        assert "store" not in vars(home)
        assert home.ledger is home.ledger
        assert "store" in vars(home)


def test_a_process_without_the_checkpoint_key_appends(settings: Settings, tmp_path: Path) -> None:
    """How API processes run: with a directory of keys of their own."""
    keys = tmp_path / "api-keys"
    keys.mkdir()
    for name in ("kek", "service.key"):
        (keys / name).write_bytes((settings.home / "keys" / name).read_bytes())
    with Home(settings.model_copy(update={"keys_dir": keys})) as home:
        assert home.signer is None
        assert home.ledger.append(lines(0, 1)).accepted
        with pytest.raises(ConfigurationError, match="checkpoint key"):
            home.ledger.publish()
    with Home(settings) as home:
        assert home.ledger.publish() is not None


def test_a_keystore_that_was_moved_away_is_named(settings: Settings) -> None:
    with Home(settings) as home:
        assert home.owner(31337).address != home.anchorer_account(31337).address  # the devnet's own
        with pytest.raises(ConfigurationError, match=r"owner\.json: bring it back"):
            home.owner(1)


def test_an_unfinished_configuration_is_not_seen(settings: Settings) -> None:
    with Home(settings) as home:
        home.files.write_config(rpc_url="http://127.0.0.1:1", finality='quoted "text" \\ and 中文 😀')
    text = settings.config_file.read_text()
    assert 'origin = "bank.example/pool-2026"' in text
    assert not list(settings.home.glob("*.new"))
    with pytest.raises(ConfigurationError, match="finality"):  # no such setting: said, not passed over
        Settings.load({"POOLPROOF_HOME": str(settings.home)})


def test_a_full_disk_loses_nothing_that_was_accepted(settings: Settings) -> None:
    """SQLite with a limit on its pages stops as it does on a full disk."""
    with Home(settings) as home:
        home.ledger.append(lines(0, 50))

        @event.listens_for(home.store.engine, "connect")
        def limit(connection: Any, _record: Any) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages + 20}")

        home.store.engine.dispose()
        accepted = 50
        with pytest.raises(UnavailableError, match="full"):
            for start in range(50, 20_000, 50):
                accepted += len(home.ledger.append(lines(start, 50)).accepted)
        assert accepted < 20_000
        assert home.ledger.status().size == accepted
        event.remove(home.store.engine, "connect", limit)
        home.store.engine.dispose()
        # Room again: the same events go in, once.
        again = home.ledger.append(lines(0, accepted + 50)).accepted
        assert sum(not one.repeated for one in again) == 50
        home.ledger.publish()
        assert fsck(home.ledger).problems == []


def test_the_backup_note_must_be_readable(settings: Settings, tmp_path: Path) -> None:
    with Home(settings) as home:
        assert home.files.confirmed_backup() is None
        home.files.confirm_backup(tmp_path / "safe" / "kek")
        assert home.files.confirmed_backup() is not None
        home.files.backup_note.write_text("{")
        with pytest.raises(ConfigurationError, match="kek-backup"):
            home.files.confirmed_backup()


def test_on_no_chain_there_is_no_client(settings: Settings) -> None:
    with Home(settings) as home:
        with pytest.raises(ConfigurationError, match="not on a chain"):
            home.client()
        with pytest.raises(ConfigurationError, match="POOLPROOF_RPC_URL"):
            home.node()
        home.files.devnet.mkdir()
        with pytest.raises(UnavailableError, match="devnet start"):
            home.node()
