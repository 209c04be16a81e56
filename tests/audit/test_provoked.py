"""Every finding of the catalogue is raised by the audit, and a test provokes it.

A test says so in one of two ways: by the mark ``@provokes("code")``, or by comparing what was found with the code in an
``assert``. Both are looked up in the sources, so a finding that is added without a test fails here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ledger.audit.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]


def sources(*folders: str) -> Iterator[ast.Module]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            # To read a source as Python takes much longer than to see that it names no code.
            if path != Path(__file__) and any(code in source for code in CATALOGUE):
                yield ast.parse(source)


def strings(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "provokes"


def asserts_something_found(node: ast.AST) -> bool:
    """An ``assert`` without a ``not`` in it: that a code is absent provokes nothing."""
    return isinstance(node, ast.Assert) and not any(
        type(one).__name__.startswith("Not") for one in ast.walk(node)
    )


@cache  # asked for by tests, not while they are collected: all sources are read
def provoked() -> frozenset[str]:
    return frozenset(
        text
        for tree in sources("tests")
        for node in ast.walk(tree)
        if is_mark(node) or asserts_something_found(node)
        for text in strings(node)
        if text in CATALOGUE
    )


@cache
def raised() -> frozenset[str]:
    return frozenset(
        text
        for tree in sources("ledger/audit", "ledger/mirror")
        for text in strings(tree)
        if text in CATALOGUE
    )


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_audit_raises_it(code: str) -> None:
    assert code in raised(), "no module of ledger/audit or ledger/mirror names this code"


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_test_provokes_it(code: str) -> None:
    assert code in provoked(), 'no test is marked provokes("…") or asserts that this code was found'
