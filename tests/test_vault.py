"""Secrets at rest: they open under their own key and place, and under nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import vault
from ledger.errors import ConfigurationError, IntegrityError
from ledger.vault import Vault


@pytest.fixture
def kek(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "kek"
    Vault.create(path)
    return path


def test_a_secret_opens_again_under_its_subject(kek: Path) -> None:
    secret, wrapped = Vault.load(kek).new_secret("loan:1")
    assert Vault.load(kek).unwrap(wrapped, "loan:1") == secret
    assert secret not in wrapped


@pytest.mark.parametrize("spoil", ["subject", "byte", "key"])
def test_a_secret_opens_under_nothing_else(kek: Path, tmp_path: Path, spoil: str) -> None:
    own = Vault.load(kek)
    _, wrapped = own.new_secret("loan:1")
    other = Vault.create(tmp_path / "other") if spoil == "key" else own
    if spoil == "byte":
        wrapped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    with pytest.raises(IntegrityError, match="does not open"):
        other.unwrap(wrapped, "loan:2" if spoil == "subject" else "loan:1")


def test_disclosures_are_tied_to_their_place() -> None:
    secret = bytes(range(32))
    disclosures = [("00" * 16, "name", "王小明"), ("11" * 16, "score", 700)]
    sealed = vault.seal(secret, "log\nparty\n1", disclosures)
    assert vault.unseal(secret, "log\nparty\n1", sealed) == disclosures
    assert "王小明".encode() not in sealed
    with pytest.raises(IntegrityError, match="does not open"):
        vault.unseal(secret, "log\nparty\n2", sealed)


def test_key_files_are_private_and_never_replaced(kek: Path) -> None:
    assert kek.stat().st_mode & 0o777 == 0o600
    before = kek.read_bytes()
    with pytest.raises(ConfigurationError, match="never overwritten"):
        Vault.create(kek)
    assert kek.read_bytes() == before


def test_a_signing_key_survives_its_file(tmp_path: Path) -> None:
    made = vault.create_signer(tmp_path / "log.key", "bank.example/pool")
    assert vault.load_signer(tmp_path / "log.key").verifier == made.verifier


@pytest.mark.parametrize(
    ("name", "content"),
    [("missing", None), ("empty", ""), ("other", "PRIVATE+KEY+a+00000000+AAAA"), ("binary", "\udcff")],
)
def test_a_damaged_key_file_is_named(tmp_path: Path, name: str, content: str | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    for load in (vault.load_signer, Vault.load):
        with pytest.raises(ConfigurationError, match=name):
            load(path)
