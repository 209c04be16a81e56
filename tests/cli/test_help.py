from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.cli.reference import as_markdown, helps
from tests.cli.running import Run

ROOT = Path(__file__).parents[2]
HELPS = dict(helps())
#: Commands, without the groups that hold them.
COMMANDS = [name for name in HELPS if not any(other.startswith(name + " ") for other in HELPS)]


def test_the_documentation_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run: python -m ledger.cli.reference > docs/cli.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    shown = re.findall(r"^ +(?:\S+=\S+ |cat \S+ \| )*(poolproof .*)$", HELPS[name], re.MULTILINE)
    assert any(line.startswith(name) for line in shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json(name: str) -> None:
    assert re.search(r"^ +--json +\S", HELPS[name], re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_an_example_exists(name: str) -> None:
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", HELPS[name].partition("Example:")[0]))
    for line in HELPS[name].partition("Example:")[2].splitlines():
        used = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", line))
        assert used <= options, line


def test_no_line_of_a_help_is_cut() -> None:
    assert "..." not in "".join(
        text.replace("[ARGS]...", "").replace("{FILE}...", "").replace("[LOAN]...", "")
        for text in HELPS.values()
    )


def test_help_and_version_need_no_home(run: Run) -> None:
    assert "Usage: poolproof" in run("--help").stdout
    assert re.fullmatch(r"poolproof \d+\.\d+\.\d+\n", run("--version").stdout)
