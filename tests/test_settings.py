from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import ConfigurationError
from ledger.settings import Settings, as_markdown, explain, facts, variable

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


def test_defaults_lie_in_the_home() -> None:
    settings = Settings.load({"POOLPROOF_HOME": "/somewhere"})
    assert settings.database == "sqlite:////somewhere/ledger.db"
    assert settings.keys == Path("/somewhere/keys")
    assert settings.origin is None


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'origin = "bank.example/a"\nrpc_url = "http://127.0.0.1:1"\nport = 9000\n'
    )
    environ = {"POOLPROOF_HOME": str(tmp_path), "POOLPROOF_ORIGIN": "bank.example/b"}
    settings = Settings.load(environ)
    assert (settings.origin, settings.rpc_url, settings.port) == (
        "bank.example/b",
        "http://127.0.0.1:1",
        9000,
    )
    sources = {row["name"]: row["source"] for row in explain(settings, environ)}
    assert (sources["origin"], sources["port"], sources["host"]) == ("environment", "config.toml", "default")


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert Settings.load({"POOLPROOF_HOME": str(tmp_path), "POOLPROOF_RPC_URL": ""}).rpc_url is None


@pytest.mark.parametrize("name", ["POOLPROOF_DATABSE_URL", "POOLPROOF_database_url"])
def test_a_misspelt_variable_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings.load({name: "postgresql://x"})


def test_the_variable_of_verify_is_not_a_setting() -> None:
    assert Settings.load({"POOLPROOF_TRUST": "trust.json"}) == Settings()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"POOLPROOF_PORT": "65536"}, ["POOLPROOF_PORT"]),
        (
            {"POOLPROOF_RPC_URL": "ws://x", "POOLPROOF_LOG_LEVEL": "loud"},
            ["POOLPROOF_RPC_URL", "POOLPROOF_LOG_LEVEL"],
        ),
        ({"POOLPROOF_PUBLISH_SECONDS": "0"}, ["POOLPROOF_PUBLISH_SECONDS"]),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, str], names: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load(values)
    assert all(name in str(refused.value) for name in names)


@pytest.mark.parametrize("text", ["origin = ", 'origins = "x"\n', 'home = "elsewhere"\n'])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        Settings.load({"POOLPROOF_HOME": str(tmp_path)})


def test_the_passphrase_comes_from_the_file_first(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from the file\nsecond line\n")
    settings = Settings.of({"passphrase": "from the environment", "passphrase_file": str(file)})
    assert settings.read_passphrase() == "from the file"
    assert Settings.of({"passphrase": "from the environment"}).read_passphrase() == "from the environment"
    assert Settings().read_passphrase() is None


@pytest.mark.parametrize("text", [None, "", "\nsecond\n"])
def test_an_unusable_passphrase_file_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "passphrase"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match="PASSPHRASE_FILE"):
        Settings.of({"passphrase_file": str(file)}).read_passphrase()


def test_secrets_are_not_shown() -> None:
    environ = {
        "POOLPROOF_PASSPHRASE": "hunter2",
        "POOLPROOF_DATABASE_URL": "postgresql://user:hunter2@db/ledger",
        "POOLPROOF_RPC_URL": "https://me:hunter2@node.example/v3/hunter2?key=hunter2",
    }
    settings = Settings.load(environ)
    shown = {row["name"]: row["value"] for row in explain(settings, environ)}
    assert "hunter2" not in repr(shown)
    assert "hunter2" not in repr(settings.passphrase)
    assert shown["database_url"] == "postgresql://user@db/ledger"
    assert shown["rpc_url"] == "https://node.example"


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_says_what_it_is(name: str) -> None:
    fact = facts(Settings.model_fields[name])
    assert all(fact[part] for part in ("meaning", "unit", "reason")), fact
    assert variable(name) in as_markdown()


def test_the_documentation_has_the_same_table() -> None:
    assert as_markdown() in DOCS.read_text(encoding="utf-8"), (
        "docs/settings.md: paste what ledger.settings.as_markdown() returns"
    )
