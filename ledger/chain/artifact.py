"""The committed contract: what the compiler made of ``contracts/AnchorRegistry.sol``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.chain.rpc import from_hex


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract: its ABI, and the code that deploys it."""

    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    deployed: bytes


@cache
def anchor_registry() -> Artifact:
    """The committed artifact of ``contracts/AnchorRegistry.sol``."""
    return read_artifact(
        json.loads((files("ledger.chain") / "contracts" / "AnchorRegistry.json").read_bytes())
    )


def read_artifact(document: Mapping[str, Any]) -> Artifact:
    """From the JSON that ``make contracts`` writes."""
    return Artifact(document["abi"], from_hex(document["bytecode"]), from_hex(document["deployed_bytecode"]))
