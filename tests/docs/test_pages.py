"""All pages, checked: links lead somewhere, names exist, examples are what the golden vectors have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.cli.reference import helps
from ledger.proofs import canonical
from ledger.settings import OTHER_VARIABLES, Settings, variable
from tests.docs.pages import ROOT, all_pages, fences

PAGES = all_pages()
COMMANDS = dict(helps())
VARIABLES = {variable(name) for name in Settings.model_fields} | OTHER_VARIABLES.keys()
#: Read by Brownie's deployment script alone.
VARIABLES.add("POOLPROOF_DEPLOY_ACCOUNT")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_FOLDERS = "api|contracts|docs|ledger|scripts|tests"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without its fenced blocks and indented lines."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have in links: lower case, spaces to hyphens, other signs left out."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def spans(page: Path) -> Iterator[str]:
    """What stands between backticks, and the lines of indented and shell blocks."""
    yield from re.findall(r"`([^`\n]+)`", prose(page))
    yield from (line.strip() for line in re.findall(r"^ {4}.*$", page.read_text(), re.MULTILINE))
    for fence in fences(page):
        if fence.language in {"", "sh", "text"}:
            yield from fence.text.splitlines()


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not heading or heading in anchors(there), target


@each_page
def test_what_it_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\bPOOLPROOF_[A-Z_]*[A-Z]\b", text)) <= VARIABLES
    for span in spans(page):
        if found := re.match(r"make ([a-z]+)\b", span):
            assert found[1] in TARGETS, span
        if found := re.match(r"poolproof ([a-z]+)( [a-z0-9]+)?", span):
            name = f"poolproof {found[1]}"
            assert name in COMMANDS, span
            group = f"\n  {(found[2] or '').strip()} " in COMMANDS[name].partition("Commands:")[2]
            assert group or not found[2] or "COMMAND [ARGS]" not in COMMANDS[name], span
        if re.fullmatch(rf"(?:{_FOLDERS})/[\w./-]+", span) and not span.startswith("contracts/**"):
            assert any(ROOT.glob(f"{span}*")), span  # decisions are often named by their number


def strings(value: Any) -> Iterator[str]:
    """Every string and number in a JSON value, as text."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif value is not None:
        yield str(value)
        if isinstance(value, str) and value.startswith("{"):
            with suppress(ValueError):  # a vector of what is refused
                yield from strings(json.loads(value))


VECTORS = [
    (fence, found[1])
    for fence in fences(ROOT / "docs" / "formats.md")
    if (found := re.fullmatch(r"<!-- vector (\S+) -->", fence.above))
]


@pytest.mark.parametrize(("fence", "name"), VECTORS)
def test_the_examples_are_those_of_the_vectors(fence: Any, name: str) -> None:
    """JSON as a whole file, text as a whole or the last word of each line."""
    known = list(strings(json.loads((ROOT / "tests" / "vectors" / name).read_text())))
    if fence.language == "json":
        assert (canonical.encode(json.loads(fence.text)) + b"\n").decode() in known
        return
    lines = fence.text.splitlines()
    if not any(fence.text in one for one in known) and not all(line in known for line in lines):
        missing = [line for line in lines if line.split()[-1] not in known]
        assert not missing


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name for name in decisions if f"(decisions/{name})" not in index] == []
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))
