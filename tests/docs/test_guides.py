"""Guides that need no chain, typed from their first line to their last."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import ROOT, run


def test_the_guide_of_pools_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "pools"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "pools.md", folder) == 6


def test_the_guide_of_exchange_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "exchange"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "exchange.md", folder) == 7


def test_the_guide_of_reconciliation_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "reconcile"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "reconcile.md", folder) == 8
