"""The examples of docs/deploy: every command, option and setting in them is one that there is."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ledger.cli import app
from ledger.cli.services import GRACE_SECONDS
from ledger.settings import Settings, variable
from tests.docs.pages import ROOT

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
SETTINGS = {variable(name) for name in Settings.model_fields}


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


def filled(value: str) -> str:
    """A value with the defaults of its variables, or with an address where they have none."""
    return re.sub(r"\$\{\w+(?::-|:\?)?([^}]*)\}", lambda match: match[1] or "http://x", value)


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read(path)
    return parser["Service"]


def parse(arguments: list[str]) -> str:
    """The name of the command that these arguments call; click refuses what there is not."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("poolproof", list(arguments))
    command = root.get_command(context, arguments[0])
    command.make_context(arguments[0], arguments[1:], parent=context)
    return arguments[0]


def test_there_is_no_other_setting() -> None:
    for path in DEPLOY.iterdir():
        assert set(re.findall(r"POOLPROOF_[A-Z_]+", path.read_text())) <= SETTINGS, path.name


def test_compose_runs_two_apis_and_a_worker_behind_a_proxy() -> None:
    services = compose()["services"]
    commands = {name: parse(one["command"]) for name, one in services.items() if "command" in one}
    assert commands == {"api": "api", "worker": "worker"}
    assert services["api"]["deploy"]["replicas"] == 2
    for name in commands:
        settings = {
            key.removeprefix("POOLPROOF_").lower(): filled(value)
            for key, value in services[name]["environment"].items()
        }
        assert Settings.of(settings).database_url is not None
        assert services[name]["stop_grace_period"] == "60s"
    assert services["proxy"]["ports"] == ["80:80", "443:443"]
    assert not any("ports" in one for name, one in services.items() if name != "proxy")


def test_compose_names_nothing_that_it_does_not_declare() -> None:
    document = compose()
    for service in document["services"].values():
        assert set(service["networks"]) <= set(document["networks"])
        assert set(service.get("secrets", ())) <= set(document["secrets"])
        assert set(service.get("depends_on", ())) <= set(document["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in document["volumes"]
    build = document["services"]["api"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_only_the_worker_gets_the_checkpoint_key() -> None:
    services = compose()["services"]
    assert services["api"]["environment"]["POOLPROOF_KEYS_DIR"] in str(services["api"]["volumes"])
    assert "POOLPROOF_PASSPHRASE_FILE" not in services["api"]["environment"]
    assert services["database"]["networks"] == ["data"]
    assert compose()["networks"]["data"]["internal"] is True


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_there_is(path: Path) -> None:
    service = unit(path)
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == "/opt/poolproof/bin/poolproof"
    assert f"poolproof-{parse(arguments)}" == path.stem
    assert int(service["TimeoutStopSec"]) > GRACE_SECONDS
    assert service["NoNewPrivileges"] == "yes"


def test_the_dockerfile_copies_what_there_is() -> None:
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((ROOT / one).exists() for one in sources), line
