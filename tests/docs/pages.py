"""The pages of the project as data: their commands, run as typed, and what they say is printed.

A block of commands that is run stands under a comment, and what it prints under the block::

    <!-- run -->            <!-- run exit 2 -->  must fail so      <!-- run in demo -->  in what the demo leaves
    ```sh
    poolproof status
    ```

    ```text
    …
    ```

The printed lines must appear in the output in this order; others may stand between them, and ``…`` is any text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.chain import devnet
from tests.docs.warm import commands

ROOT = Path(__file__).parents[2]
_FOLDERS = ("api", "contracts", "docs", "ledger", "scripts", "tests")
_RUN = re.compile(r"<!-- run(?: in (?P<where>[a-z]+))?(?: exit (?P<code>[0-4]))? -->")
#: What a block starts from: where the one before it ended, and what that one exported.
_SHELL = """\
state=$1
if [ -f "$state/exports" ]; then . "$state/exports"; cd "$(cat "$state/folder")"; fi
trap 'export -p > "$state/exports"; pwd > "$state/folder"' EXIT
set -e
"""


def all_pages() -> list[Path]:
    """Every Markdown file of the project."""
    return sorted([*ROOT.glob("*.md"), *(page for name in _FOLDERS for page in (ROOT / name).rglob("*.md"))])


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page: its language, its text, and the last line before it that is not empty."""

    language: str
    text: str
    above: str


@dataclass(frozen=True)
class Block:
    """Commands to run, where, the exit code of the last one, and lines that they print."""

    commands: str
    where: str | None
    code: int
    printed: list[str]


def fences(page: Path) -> list[Fence]:
    """The fenced blocks of a page, in their order."""
    found: list[Fence] = []
    above, language, inside = "", "", None
    for line in page.read_text(encoding="utf-8").splitlines():
        if inside is None and line.startswith("```"):
            language, inside = line.removeprefix("```").strip(), []
        elif inside is not None and line == "```":
            found.append(Fence(language, "".join(f"{one}\n" for one in inside), above))
            inside, above = None, "```"
        elif inside is not None:
            inside.append(line)
        elif line.strip():
            above = line.strip()
    assert inside is None, f"{page}: a block does not end"
    return found


def blocks(page: Path) -> list[Block]:
    """What a page says is to be run."""
    found: list[Block] = []
    last = False
    for fence in fences(page):
        mark = _RUN.fullmatch(fence.above)
        if mark:
            assert fence.language == "sh", f"{page}: what is run is sh"
            found.append(Block(fence.text, mark["where"], int(mark["code"] or 0), []))
        elif last and fence.language == "text" and fence.above == "```":
            found[-1].printed.extend(fence.text.splitlines())
        last = mark is not None
    return found


def run(page: Path, folder: Path, *, where: str | None = None) -> int:
    """Run a page's blocks, each where the one before it ended, and compare what they print; how many there were.

    ``where`` picks the blocks that say so, None those that say nothing.
    """
    state = folder.with_name(f"{folder.name}.{page.stem}.state")
    state.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POOLPROOF_")}
    folders = (str(commands()), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    chosen = [block for block in blocks(page) if block.where == where]
    for block in chosen:
        done = subprocess.run(
            ["bash", "-c", _SHELL + block.commands, "bash", str(state)],
            cwd=folder,
            env=clean | {"PATH": os.pathsep.join(folders), "NO_COLOR": "1", "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        said = f"{page.name}:\n{block.commands}\n→ exit code {done.returncode}\n{done.stdout}"
        assert done.returncode == block.code, said
        missing = unprinted(block.printed, done.stdout)
        assert missing is None, f"not printed: {missing}\n{said}"
    return len(chosen)


def unprinted(lines: list[str], output: str) -> str | None:
    """The first of ``lines`` that ``output`` does not have in its place; None when all are there."""
    printed = (one.strip() for one in output.splitlines())
    for line in lines:
        form = ".*".join(re.escape(part) for part in line.strip().split("…"))
        if not any(re.fullmatch(form, one) for one in printed):
            return line
    return None


@contextmanager
def no_devnet_left(folder: Path) -> Iterator[None]:
    """Stop the devnets of homes below ``folder``, whatever happened."""
    try:
        yield
    finally:
        for home in folder.rglob("devnet"):
            devnet.stop(home)
