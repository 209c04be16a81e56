"""Every `poolproof …` line of README and docs names a command and options that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.cli.reference import helps

ROOT = Path(__file__).parents[2]
HELPS = dict(helps())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: In a code block, at the start of a line or after a prompt, a variable, a pipe or `&&`.
_LINE = re.compile(r"^(?:\$ )?(?:.*(?:&&|\||=\S+) )?(poolproof (?!\|).*)$")


def commands(page: Path) -> Iterator[str]:
    inside = False
    for line in page.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif inside and (found := _LINE.match(line.strip())):
            yield found[1].partition(" # ")[0].strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_page_types_exists(page: Path) -> None:
    for line in commands(page):
        words = line.split()
        name = max((known for known in HELPS if f"{line} ".startswith(f"{known} ")), key=len, default="")
        if name == "poolproof":
            assert len(words) == 1 or words[1].startswith(("-", "[")), f"{line}: no such command"
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", HELPS[name].partition("Example:")[0]))
        used = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
        assert used <= options, f"{line}: {sorted(used - options)} unknown"
