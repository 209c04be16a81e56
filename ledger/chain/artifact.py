"""The committed contracts: what the compiler made of ``contracts/AnchorRegistry.sol`` and its neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.chain.rpc import from_hex

_WORD = 32


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract: its ABI, and the code that deploys it.

    ``immutables`` are the offsets in ``deployed`` at which the value given at deployment stands, as one word.
    """

    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    deployed: bytes
    immutables: tuple[int, ...] = ()

    def deployed_with(self, immutable: bytes) -> bytes:
        """The code as it stands on chain where the contract's one immutable is this address or word."""
        code, word = bytearray(self.deployed), immutable.rjust(_WORD, b"\0")
        for start in self.immutables:
            code[start : start + _WORD] = word
        return bytes(code)


@cache
def anchor_registry() -> Artifact:
    """The committed artifact of ``contracts/AnchorRegistry.sol``."""
    return _committed("AnchorRegistry")


@cache
def attestation_registry() -> Artifact:
    """The committed artifact of ``contracts/AttestationRegistry.sol``; its immutable is the AnchorRegistry."""
    return _committed("AttestationRegistry")


def read_artifact(document: Mapping[str, Any]) -> Artifact:
    """From the JSON that ``make contracts`` writes."""
    return Artifact(
        document["abi"],
        from_hex(document["bytecode"]),
        from_hex(document["deployed_bytecode"]),
        tuple(document.get("immutables", ())),
    )


def _committed(name: str) -> Artifact:
    return read_artifact(json.loads((files("ledger.chain") / "contracts" / f"{name}.json").read_bytes()))
