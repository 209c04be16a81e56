from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from typer.main import get_command, get_group

import ledger.cli
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


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_has_one_default(name: str) -> None:
    options = re.split(r"^ +(?=-)", HELPS[name].partition("Options:")[2], flags=re.MULTILINE)
    assert [one for one in options if one.count("[default:") > 1] == []


def test_no_line_of_a_help_is_cut() -> None:
    assert "..." not in "".join(
        text.replace("[ARGS]...", "").replace("{FILE}...", "").replace("[LOAN]...", "")
        for text in HELPS.values()
    )


def callbacks(command: Any) -> Iterator[str]:
    """The functions behind a command and all below it."""
    if command.callback is not None:
        yield f"{command.callback.__module__}.{command.callback.__name__}"
    for child in getattr(command, "commands", {}).values():
        yield from callbacks(child)


def test_no_command_of_any_module_is_left_out() -> None:
    modules = [import_module(f"ledger.cli.{one.name}") for one in iter_modules(ledger.cli.__path__)]
    groups = [get_group(module.commands) for module in modules if hasattr(module, "commands")]
    assert len(groups) > 30
    tree = set(callbacks(get_command(ledger.cli.app)))
    assert {name for group in groups for name in callbacks(group)} <= tree


def test_no_other_command_is_made() -> None:
    script = (
        "import sys; sys.argv = ['poolproof', 'config', '--help']\n"
        "from ledger.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(*(name for name in sys.modules if name.startswith('ledger.cli.')), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage: poolproof config" in done.stdout
    assert set(done.stderr.split()) == {f"ledger.cli.{name}" for name in ("app", "config", "frame")}


def test_help_and_version_need_no_home(run: Run) -> None:
    assert "Usage: poolproof" in run("--help").stdout
    assert re.fullmatch(r"poolproof \d+\.\d+\.\d+\n", run("--version").stdout)
