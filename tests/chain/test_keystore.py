"""Keystore files: written once, opened with the passphrase only; and the devnet's keys, on the devnet only."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ledger.chain import keystore
from ledger.errors import ConfigurationError

#: Of the Web3 Secret Storage Definition: a file by other software, its passphrase and its key.
FOREIGN = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
FOREIGN_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")

#: The least work factor that scrypt allows here; the default takes a second.
FAST = 2


def test_a_new_key_comes_back_with_its_passphrase_and_only_with_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "anchorer.json"
    made = keystore.create(path, "correct horse", iterations=FAST)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keystore.load(path, "correct horse").address == made.address
    with pytest.raises(ConfigurationError, match="wrong passphrase"):
        keystore.load(path, "correct house")


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "anchorer.json"
    keystore.create(path, "one", iterations=FAST)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="never overwritten"):
        keystore.create(path, "two", iterations=FAST)
    assert path.read_bytes() == before


def test_the_file_holds_neither_key_nor_passphrase(tmp_path: Path) -> None:
    key = bytes(range(1, 33))
    keystore.create(tmp_path / "k.json", "correct horse", key=key, iterations=FAST)
    text = (tmp_path / "k.json").read_text()
    assert key.hex() not in text
    assert "correct" not in text
    assert json.loads(text)["version"] == 3


def test_a_file_by_other_software_is_read(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(FOREIGN))
    account = keystore.load(path, "testpassword")
    assert (
        account.address
        == keystore.create(tmp_path / "same.json", "x", key=FOREIGN_KEY, iterations=FAST).address
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a JSON file"),
        (b"[]", "not a keystore file"),
        (b'{"version": 1}', "not a keystore file"),
        (b'{"version": 3}', "damaged"),
        (b'{"version": 3, "crypto": {"kdf": "md5"}}', "damaged"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=says):
        keystore.load(path, "x")


def test_a_missing_file_and_an_empty_passphrase_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        keystore.load(tmp_path / "none.json", "x")
    with pytest.raises(ConfigurationError, match="empty passphrase"):
        keystore.create(tmp_path / "k.json", "")


def test_the_devnets_keys_work_on_the_devnet_only_and_warn() -> None:
    with capture_logs() as logs:
        account = keystore.devnet_account(31337)
    assert account.address.hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert [entry["log_level"] for entry in logs] == ["warning"]
    for chain_id in (1, 1337, 11155111):
        with pytest.raises(ConfigurationError, match="work on chain 31337 only"):
            keystore.devnet_account(chain_id)


def test_an_account_shows_its_address_and_not_its_key() -> None:
    account = keystore.devnet_account(31337)
    assert repr(account) == "ChainAccount(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266)"
