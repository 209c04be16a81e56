"""The guides that one follows from the first line to the last, typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, no_devnet_left, run


@pytest.mark.devnet
def test_the_quickstart_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    folder.mkdir()
    with no_devnet_left(folder):
        assert run(ROOT / "docs" / "guides" / "quickstart.md", folder)


@pytest.mark.devnet
def test_the_guide_to_the_audit_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    with no_devnet_left(folder):
        assert run(ROOT / "docs" / "guides" / "audit.md", folder) == 5


def test_the_guide_to_the_simulator_works_as_typed(tmp_path: Path) -> None:
    folder = tmp_path / "simulate"
    folder.mkdir()
    assert run(ROOT / "docs" / "guides" / "simulate.md", folder) == 3
