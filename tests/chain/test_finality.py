"""The finality policy's one spelling."""

from __future__ import annotations

import pytest

from ledger.chain.finality import Finality
from ledger.errors import ConfigurationError


@pytest.mark.parametrize("text", ["tag:finalized", "tag:safe", "depth:1", "depth:64", "instant"])
def test_a_policy_prints_as_it_was_read(text: str) -> None:
    assert str(Finality.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tag:latest",
        "tag:pending",
        "depth:0",
        "depth:-1",
        "depth:01",
        "depth:",
        "depth:1000000",
        "Instant",
        "instant ",
    ],
)
def test_any_other_policy_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="finality policy"):
        Finality.parse(text)
