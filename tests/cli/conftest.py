"""The command line in this process, on a home of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.running import ORIGIN, Run, run_command, use_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; no other setting, and no file of the checkout in the way."""
    use_home(monkeypatch, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command in the home."""
    return run_command


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a log on no chain, with a servicer and a fund; made once, to be copied."""
    home = tmp_path_factory.mktemp("template") / "home"
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, home)
        parties = ("--party", "lender:originator,servicer", "--party", "fund:funding_partner")
        run_command("init", "--origin", ORIGIN, "--zone", "UTC", *parties)
    return home


@pytest.fixture
def log(run: Run, home: Path, template: Path) -> Run:
    """Run a command in a home of its own that has that log."""
    shutil.copytree(template, home)
    return run
