"""README.md, checked: the demo prints what it quotes, and what it types works as typed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, fences, no_devnet_left, run, unprinted
from tests.docs.warm import commands

README = ROOT / "README.md"
pytestmark = pytest.mark.devnet


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The demo's folder and what it printed."""
    folder = tmp_path_factory.mktemp("readme") / "demo"
    with no_devnet_left(folder.parent):
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "scripts" / "demo.py",
                *("--folder", folder),
                *("--book", "0"),
                *("--poolproof", commands() / "poolproof"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        yield folder, done.stdout


def test_the_demo_prints_what_the_page_quotes(demo: tuple[Path, str]) -> None:
    [quoted] = [fence.text for fence in fences(README) if fence.above == "<!-- demo -->"]
    missing = unprinted(quoted.splitlines(), demo[1])
    assert missing is None, f"not printed: {missing}\n{demo[1]}"


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "guides" / "verify.md"], ids=lambda page: page.name)
def test_the_demos_files_verify_as_the_page_says(demo: tuple[Path, str], page: Path) -> None:
    assert run(page, demo[0], where="demo")


def test_the_first_log_comes_about_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    assert run(README, folder)
