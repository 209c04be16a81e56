"""The lock of the node tools: complete for the four platforms, and silent about where packages come from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contracts.conftest import ROOT

PLATFORMS = {
    f"{system}-{name}": (system, cpu)
    for system in ("linux", "darwin")
    for name, cpu in (("amd64", "x64"), ("arm64", "arm64"))
}


@pytest.fixture(scope="module")
def lock() -> Any:
    return json.loads((ROOT / "package-lock.json").read_bytes())["packages"]


def test_the_lock_is_of_this_package(lock: Any) -> None:
    package = json.loads((ROOT / "package.json").read_bytes())
    for group in ("devDependencies", "optionalDependencies"):
        assert lock[""][group] == package[group]
    for name, version in {**package["devDependencies"], **package["optionalDependencies"]}.items():
        assert lock[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("tool", ["anvil", "forge"])
def test_each_platform_has_its_tools(lock: Any, tool: str, platform: str) -> None:
    """npm leaves the packages of other platforms out of a lock that it rewrites; then `npm ci` fails there."""
    entry = lock[f"node_modules/@foundry-rs/{tool}-{platform}"]
    assert (entry["os"], entry["cpu"]) == ([PLATFORMS[platform][0]], [PLATFORMS[platform][1]])
    assert entry["optional"] is True
    assert entry["bin"] == {tool: f"bin/{tool}"}


def test_no_registry_is_named(lock: Any) -> None:
    assert not [name for name, entry in lock.items() if "resolved" in entry]
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()


def test_what_is_fetched_is_checked(lock: Any) -> None:
    assert not [name for name, entry in lock.items() if name and "integrity" not in entry]
