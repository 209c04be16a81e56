"""Guides, typed from their first line to their last."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.docs.pages import ROOT, no_devnet_left, run


def test_the_guide_of_pools_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "pools"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "pools.md", folder) == 6


def test_the_guide_of_exchange_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "exchange"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "exchange.md", folder) == 8


def test_the_guide_of_reconciliation_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "reconcile"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "reconcile.md", folder) == 8


def test_the_partners_own_check_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    folder.mkdir()
    with no_devnet_left(folder):
        try:
            assert run(ROOT / "docs" / "guides" / "partner.md", folder) == 5
        finally:
            for file in folder.rglob("serve.pid"):
                with suppress(ProcessLookupError):
                    os.kill(int(file.read_text()), signal.SIGTERM)
