"""A registry as the deployment script makes it, an open log, and trees by the RFC's own definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from brownie import accounts
from brownie.exceptions import VirtualMachineError

from scripts import deploy
from tests.oracles import rfc9162

ORIGIN = "fenqile.example/consumer-2026"
TRUST = "0x" + hashlib.sha256(b"trust root").hexdigest()
ZERO = "0x" + "00" * 32
LEAVES = [rfc9162.leaf(b"record %d" % i) for i in range(600)]


def hex0x(data: bytes) -> str:
    return "0x" + data.hex()


def root(size: int) -> str:
    return hex0x(rfc9162.mth(LEAVES[:size]))


def consistency(size1: int, size2: int) -> list[str]:
    return [hex0x(item) for item in rfc9162.proof(size1, LEAVES[:size2])] if size1 else []


@contextmanager
def refused(name: str, *arguments: object) -> Iterator[None]:
    """The block's transaction is refused with the custom error ``name`` and these arguments."""
    with pytest.raises(VirtualMachineError) as caught:
        yield
    shown, _, values = caught.value.revert_msg.partition(":")
    assert (shown, values.strip().lower()) == (name, ", ".join(map(_as_shown, arguments)).lower())


def _as_shown(item: object) -> str:
    """Brownie shows words of 32 bytes as Python does, and addresses in hexadecimal."""
    text = str(item)
    return str(bytes.fromhex(text[2:])) if len(text) == len(ZERO) else text


@pytest.fixture(scope="module")
def registry(module_isolation):
    return deploy.anchor_registry()[0]


@pytest.fixture(scope="module")
def attestations(registry):
    return deploy.attestation_registry(registry.address)[0]


@pytest.fixture(scope="module")
def owner():
    return accounts[0]


@pytest.fixture(scope="module")
def anchorer():
    return accounts[1]


@pytest.fixture(scope="module")
def log(registry, owner, anchorer):
    receipt = registry.open(ORIGIN, anchorer, 500, TRUST, ZERO, {"from": owner})
    return receipt.events["LogOpened"]["log"]


@pytest.fixture(autouse=True)
def _isolated(fn_isolation):
    """Each test begins where the module's fixtures ended."""
